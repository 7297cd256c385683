package proof

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

const cannotContinue = "completed/failure: Gatehouse could not evaluate: the audit log cannot be continued"

// stuck waits until the check says that nothing can be recorded, and why.
func (s *place) stuck(pr *githubsim.PR, why string) {
	s.T.Helper()
	s.Until("the check to say that nothing can be recorded", func() bool { return s.State(pr.HeadSHA()) == cannotContinue })
	if summary := s.Checks(pr.HeadSHA())[0].Summary; !strings.Contains(summary, why) {
		s.T.Errorf("the check does not say %q:\n%s", why, summary)
	}
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err == nil {
		s.T.Error("it merged")
	}
	if !s.Metric("gatehouse_audit_log_sound 0") {
		s.T.Error("the metrics call the log sound")
	}
}

// unstuck waits until the pull request is judged again, and merges it.
func (s *place) unstuck(pr *githubsim.PR) {
	s.T.Helper()
	pr.Comment("ann", "/gatehouse recheck")
	s.Until("the check to pass", func() bool { return s.State(pr.HeadSHA()) == site.Clear1 })
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err != nil {
		s.T.Errorf("it does not merge: %v", err)
	}
	s.Settle()
	if status, out, log := s.Run("audit", "verify"); status != site.Pass {
		s.T.Errorf("status %d: %s%s", status, out, log)
	}
}

// The database is changed while the server runs, or while it does not: what passed before does not pass any more once it is looked at
// again, and a person reads why. When the row is as it was, everything goes on.
func TestLogIsTamperedWith(t *testing.T) {
	const lastEntry = "WHERE idx = (SELECT max(idx) FROM log_entries)"
	for name, c := range map[string]struct {
		attack, repair, why string
		restart             bool
	}{
		"the last entry, while it runs": {
			"UPDATE log_entries SET leaf = replace(leaf, 'gatehouse', 'gateheuse') " + lastEntry, "UPDATE log_entries SET leaf = replace(leaf, 'gateheuse', 'gatehouse') " + lastEntry,
			"was changed", false,
		},
		"an entry of the middle, before it starts": {
			"UPDATE log_entries SET leaf = replace(leaf, 'wait', 'pass') WHERE idx = 2", "UPDATE log_entries SET leaf = replace(leaf, 'pass', 'wait') WHERE idx = 2",
			"the log does not verify at entry 2", true,
		},
		"an entry is missing": {
			"UPDATE log_entries SET idx = -1 WHERE idx = 1", "UPDATE log_entries SET idx = 1 WHERE idx = -1", "the log does not verify at entry 1: entry 1 is missing", true,
		},
		"a checkpoint of the future": {
			"INSERT INTO log_checkpoints (size, checkpoint, time) VALUES (1000, 'x', 0)", "DELETE FROM log_checkpoints WHERE size = 1000",
			"a checkpoint of 1000 entries was signed", false,
		},
		"a clock that was wrong": {
			"UPDATE log_head SET updated = updated + 864000000000", "UPDATE log_head SET updated = updated - 864000000000", "set the clock right", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{})
			pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
			s.Shows(pr, site.WaitsFor1)
			if c.restart {
				s.Stop()
			}
			storetest.Exec(t, s.database(), c.attack)
			if c.restart {
				s.Start()
				s.Until("the log to be verified", func() bool { return s.Metric("gatehouse_audit_log_sound 0") })
			}
			pr.Approve("mei")
			s.stuck(pr, c.why)
			if c.restart {
				s.Stop()
			}
			storetest.Exec(t, s.database(), c.repair)
			if c.restart {
				s.Start()
			}
			s.unstuck(pr)
		})
	}
}

// A server that is given another key than the log's neither signs with it nor goes on.
func TestAnotherKey(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)
	s.Stop()
	right, wrong := s.More, append(s.More, "GATEHOUSE_SIGNING_KEY_FILE="+filepath.Join(s.Dir, "other.key"))
	s.More = wrong
	s.Start()
	pr.Approve("mei")
	s.stuck(pr, "the checkpoint carries no signature of a known key")
	s.Stop()
	s.More = right
	s.Start()
	s.unstuck(pr)
}

// A rotated key goes on with the log: what the old one signed is verified with its public half.
func TestRotatedKey(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)
	s.Stop()
	file := filepath.Join(s.Dir, "signing.key")
	_, old, _ := s.Run("audit", "key")
	if err := os.Rename(file, file+".old"); err != nil {
		t.Fatal(err)
	}
	signer, err := ledger.GenerateSigner(rand.Reader, "gatehouse/gatehouse.example")
	if err != nil {
		t.Fatal(err)
	}
	content := []byte(signer.Text() + "\n")
	if err := os.WriteFile(file, append(content, old...), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Start()
	pr.Approve("mei")
	s.Merges(pr, site.Clear1)
	s.Settle()
	if status, out, log := s.Run("audit", "verify", "--github"); status != site.Pass || !strings.Contains(out, "GitHub agrees: 1 check runs") {
		t.Errorf("status %d: %s%s", status, out, log)
	}
	status, export, log := s.Run("audit", "export")
	if status != site.Pass {
		t.Fatalf("status %d: %s", status, log)
	}
	exported, public := filepath.Join(s.Dir, "audit.jsonl"), filepath.Join(s.Dir, "new.pub")
	_, now, _ := s.Run("audit", "key")
	if now == old {
		t.Error("the key is the old one")
	}
	for name, text := range map[string]string{exported: export, public: now} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if status, out, log := s.Run("audit", "verify", "--export", exported, "--key", public); status != site.Pass {
		t.Errorf("status %d: %s%s", status, out, log)
	}
	// Without the old one's public half, what it signed is nobody's.
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, _ := s.Run("audit", "verify"); status != site.Fail || !strings.Contains(out, "a stored checkpoint: opening a checkpoint: the checkpoint carries no signature of a known key") {
		t.Errorf("status %d: %s", status, out)
	}
}

// The database is restored from a backup: it is sound in itself, and GitHub knows more. Nothing is appended, from the start on, until a
// person says so, and that is on record.
func TestRestoredFromABackup(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)
	s.Stop()
	file := filepath.Join(s.Dir, "gatehouse.db")
	backup, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	lost := s.Open("sam", "lost", map[string]string{"a.txt": "one\n"})
	s.Shows(lost, site.WaitsFor1)
	s.Stop()
	for _, f := range []string{file, file + "-wal", file + "-shm"} {
		if err := os.Remove(f); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, log := s.Run("audit", "verify"); status != site.Pass {
		t.Fatalf("status %d: %s%s", status, out, log)
	}
	if status, out, _ := s.Run("audit", "verify", "--github"); status != site.Fail || !strings.Contains(out, "entries were removed, or this is another log") {
		t.Errorf("status %d: %s", status, out)
	}
	size := func() int64 {
		head, err := s.DB.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return head.Size
	}
	s.Start()
	before := size()
	pr.Approve("mei")
	s.stuck(pr, "GitHub knows of another audit log than the one in the database, which may be an old copy")
	if got := size(); got != before {
		t.Errorf("%d entries were appended", got-before)
	}
	if status, out, log := s.Run("audit", "continue", "--reason", "the disk died"); status != site.Pass {
		t.Fatalf("status %d: %s%s", status, out, log)
	}
	told := func(e store.Entry) bool {
		return e.Detail["what"] == "continued" && e.Detail["reason"] == "the disk died"
	}
	if got := s.Entries(store.EntryConfiguration); !slices.ContainsFunc(got, told) {
		t.Errorf("the log says %v", got)
	}
	s.unstuck(pr)
	lost.Approve("mei")
	lost.Comment("sam", "/gatehouse recheck")
	s.Until("the check to pass", func() bool { return s.State(lost.HeadSHA()) == site.Clear1 })
	for _, args := range [][]string{{"--reason", " "}, {}} {
		if status, _, _ := s.Run(append([]string{"audit", "continue"}, args...)...); status != site.Usage {
			t.Errorf("%v: status %d", args, status)
		}
	}
}

// Two servers write to two copies of one database: whichever comes second to a check run finds the other's tree there.
func TestTwoCopiesOfOneDatabase(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)
	s.Stop()
	file := filepath.Join(s.Dir, "gatehouse.db")
	original, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(s.Dir, "copy.db")
	if err := os.WriteFile(copied, original, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Start() // the first one
	first, stopFirst := s.DB, s.Stop
	more, addr := s.More, s.Addr
	s.More, s.Addr = append(s.More, "GATEHOUSE_DATABASE_URL=sqlite:"+copied), ""
	s.Start() // the second one, to which GitHub's events go now
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	s.Stop()
	s.DB, s.Stop, s.More, s.Addr = first, stopFirst, more, addr
	s.ListenAt("http://" + addr)
	pr.Comment("ann", "/gatehouse recheck")
	s.stuck(pr, "was posted from another log")
}
