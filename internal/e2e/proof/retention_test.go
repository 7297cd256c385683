package proof

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// What old decisions were made from is dropped, and that is on record; the log verifies, a decision that was dropped says so, and a pull
// request that is still open is judged as before.
func TestRetention(t *testing.T) {
	s := newPlace(t, site.Setup{})
	merged := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	merged.Approve("mei")
	s.Merges(merged, site.Clear1)
	open := s.Open("sam", "open", map[string]string{"a.txt": "one\n"})
	open.Approve("mei")
	s.Shows(open, site.Clear1)
	s.Settle()
	ids := map[int]string{}
	for _, e := range slices.Backward(s.Entries(store.EntryDecision)) { // the newest one of each last
		ids[e.PullRequest], _ = e.Detail["decision"].(string)
	}
	s.Stop()
	// The clock cannot be moved, so the decisions are: the rows, the entries, and the whole tree above them.
	storetest.Exec(t, s.database(), "UPDATE decisions SET time = time - 500 * 86400000000")
	s.rewrite(func(_ int64, e map[string]any) []map[string]any {
		at, err := time.Parse(time.RFC3339Nano, e["time"].(string))
		if err != nil {
			t.Fatal(err)
		}
		e["time"] = at.Add(-500 * 24 * time.Hour).Format(time.RFC3339Nano)
		return []map[string]any{e}
	})
	if status, out, log := s.Run("audit", "continue", "--reason", "GitHub knows the log as it was"); status != site.Pass {
		t.Fatalf("status %d: %s%s", status, out, log)
	}
	s.More = append(s.More, "GATEHOUSE_RETENTION=400d")
	s.Start()
	s.Until("the drop to be on record", func() bool { return len(s.Entries(store.EntryRetention)) == 1 })
	s.Until("it to be gone", func() bool {
		status, _, log := s.Run("replay", ids[merged.Number()])
		return status == site.Usage && strings.Contains(log, "were dropped by age: entry ")
	})
	if status, _, log := s.Run("replay", ids[open.Number()]); status != site.Pass {
		t.Errorf("the open pull request: status %d: %s", status, log)
	}
	if status, out, log := s.Run("audit", "verify"); status != site.Pass {
		t.Errorf("status %d: %s%s", status, out, log)
	}
	s.Merges(open, site.Clear1)
	s.Settle()
	if issues := s.Repo.Issues(); len(issues) > 0 {
		t.Errorf("a bypass where there was none: %v", issues)
	}
}
