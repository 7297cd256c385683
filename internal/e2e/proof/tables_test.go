package proof

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// uncovered are columns that people are not shown, or that can make no difference to what they are told.
var uncovered = []string{
	"log_entries.key", // keeps a repeated append from being a second entry
	"merges.time",     // when the row was written
}

// An administrator edits any column of what people are shown, of any row, one at a time: `audit verify` finds each, and says what it is.
func TestEveryColumnIsCoveredByTheLog(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{
		".github/gatehouse-waivers.yml": "- {rule: IM-06, resource: aws_security_group.web, reason: until it is gone, owner: vic, expires: " + time.Now().AddDate(0, 1, 0).Format(time.DateOnly) + "}\n",
	}})
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	pr.Approve("mei")
	s.Settle()
	fix := s.Open("sam", "fix", map[string]string{"README.md": "one\n"})
	fix.Approve("mei")
	s.Merges(fix, site.Clear1)
	s.Repo.CreateBranch("vic", "side", "main")
	s.Repo.Commit("side", githubsim.CommitSpec{Author: "vic", Message: "One", Files: map[string]string{"a.txt": "1\n"}})
	second := s.Repo.Commit("side", githubsim.CommitSpec{Author: "vic", Message: "Two", Files: map[string]string{"a.txt": "2\n"}})
	if err := s.Repo.Push("vic", "main", second, false); err != nil {
		t.Fatal(err)
	}
	s.Settle()
	s.Stop()
	file := filepath.Join(s.Dir, "gatehouse.db")
	sound, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if status, out, errs := s.Run("audit", "verify"); status != site.Pass {
		t.Fatalf("status %d\n%s%s", status, out, errs)
	}
	names, empty := storetest.Columns(t, s.database()), []string{}
	if len(names) < 50 {
		t.Errorf("only %d columns", len(names))
	}
	for _, name := range names {
		if slices.Contains(uncovered, name) {
			continue
		}
		table, column, _ := strings.Cut(name, ".")
		other := fmt.Sprintf("CASE typeof(%[1]s) WHEN 'integer' THEN %[1]s + 1 WHEN 'blob' THEN X'00' ELSE %[1]s || 'x' END", column)
		if column == "approvers" || column == "actions" {
			other = `'["vic"]'`
		}
		copied := s.File("edited-"+name, string(sound))
		if storetest.Exec(t, "sqlite:"+copied, fmt.Sprintf("UPDATE %s SET %s = %s WHERE %[2]s = (SELECT max(%[2]s) FROM %[1]s)", table, column, other)) == 0 {
			empty = append(empty, table)
			continue
		}
		status, out, errs := s.Run("audit", "verify", "--gatehouse-database-url", "sqlite:"+copied)
		if status != site.Fail {
			t.Errorf("%s was edited: status %d\n%s%s", name, status, out, errs)
		}
	}
	if len(empty) > 0 {
		t.Errorf("nothing is in %v", slices.Compact(empty))
	}
}
