package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

const cannotContinue = "completed/failure: Gatehouse could not evaluate: the audit log cannot be continued"

// stuck waits until the check says that nothing can be recorded, and why.
func (s *site) stuck(pr *githubsim.PR, why string) {
	s.t.Helper()
	s.until("the check to say that nothing can be recorded", func() bool { return s.state(pr.HeadSHA()) == cannotContinue })
	if summary := s.checks(pr.HeadSHA())[0].Summary; !strings.Contains(summary, why) {
		s.t.Errorf("the check does not say %q:\n%s", why, summary)
	}
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err == nil {
		s.t.Error("it merged")
	}
	if !s.metric("gatehouse_audit_log_sound 0") {
		s.t.Error("the metrics call the log sound")
	}
}

// unstuck waits until the pull request is judged again, and merges it.
func (s *site) unstuck(pr *githubsim.PR) {
	s.t.Helper()
	pr.Comment("ann", "/gatehouse recheck")
	s.until("the check to pass", func() bool { return s.state(pr.HeadSHA()) == clear1 })
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err != nil {
		s.t.Errorf("it does not merge: %v", err)
	}
	s.settle()
	if status, out, log := s.gatehouse("audit", "verify"); status != exitPass {
		s.t.Errorf("status %d: %s%s", status, out, log)
	}
}

// The database is changed while the server runs, or while it does not: what passed before does not pass any more once it is looked at
// again, and a person reads why. When the row is as it was, everything goes on.
func TestE2ELogIsTamperedWith(t *testing.T) {
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
			s := newSite(t, setup{})
			pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
			s.shows(pr, waitsFor1)
			if c.restart {
				s.stop()
			}
			storetest.Exec(t, s.database(), c.attack)
			if c.restart {
				s.start()
				s.until("the log to be verified", func() bool { return s.metric("gatehouse_audit_log_sound 0") })
			}
			pr.Approve("mei")
			s.stuck(pr, c.why)
			if c.restart {
				s.stop()
			}
			storetest.Exec(t, s.database(), c.repair)
			if c.restart {
				s.start()
			}
			s.unstuck(pr)
		})
	}
}

// A server that is given another key than the log's neither signs with it nor goes on.
func TestE2EAnotherKey(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, waitsFor1)
	s.stop()
	right, wrong := s.more, append(s.more, "GATEHOUSE_SIGNING_KEY_FILE="+filepath.Join(s.dir, "other.key"))
	s.more = wrong
	s.start()
	pr.Approve("mei")
	s.stuck(pr, "the checkpoint carries no signature of a known key")
	s.stop()
	s.more = right
	s.start()
	s.unstuck(pr)
}

// A rotated key goes on with the log: what the old one signed is verified with its public half.
func TestE2ERotatedKey(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, waitsFor1)
	s.stop()
	file := filepath.Join(s.dir, "signing.key")
	_, old, _ := s.gatehouse("audit", "key")
	if err := os.Rename(file, file+".old"); err != nil {
		t.Fatal(err)
	}
	if err := makeKey(file, "https://gatehouse.example"); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(content, old...), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	pr.Approve("mei")
	s.merges(pr, clear1)
	s.settle()
	if status, out, log := s.gatehouse("audit", "verify", "--github"); status != exitPass || !strings.Contains(out, "GitHub agrees: 1 check runs") {
		t.Errorf("status %d: %s%s", status, out, log)
	}
	status, export, log := s.gatehouse("audit", "export")
	if status != exitPass {
		t.Fatalf("status %d: %s", status, log)
	}
	exported, public := filepath.Join(s.dir, "audit.jsonl"), filepath.Join(s.dir, "new.pub")
	_, now, _ := s.gatehouse("audit", "key")
	if now == old {
		t.Error("the key is the old one")
	}
	for name, text := range map[string]string{exported: export, public: now} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if status, out, log := s.gatehouse("audit", "verify", "--export", exported, "--key", public); status != exitPass {
		t.Errorf("status %d: %s%s", status, out, log)
	}
	// Without the old one's public half, what it signed is nobody's.
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, _ := s.gatehouse("audit", "verify"); status != exitFail || !strings.Contains(out, "a stored checkpoint: opening a checkpoint: the checkpoint carries no signature of a known key") {
		t.Errorf("status %d: %s", status, out)
	}
}

// The database is restored from a backup: it is sound in itself, and GitHub knows more. Nothing is appended, from the start on, until a
// person says so, and that is on record.
func TestE2ERestoredFromABackup(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, waitsFor1)
	s.stop()
	file := filepath.Join(s.dir, "gatehouse.db")
	backup, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s.start()
	lost := s.open("sam", "lost", map[string]string{"a.txt": "one\n"})
	s.shows(lost, waitsFor1)
	s.stop()
	for _, f := range []string{file, file + "-wal", file + "-shm"} {
		if err := os.Remove(f); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, log := s.gatehouse("audit", "verify"); status != exitPass {
		t.Fatalf("status %d: %s%s", status, out, log)
	}
	if status, out, _ := s.gatehouse("audit", "verify", "--github"); status != exitFail || !strings.Contains(out, "entries were removed, or this is another log") {
		t.Errorf("status %d: %s", status, out)
	}
	size := func() int64 {
		head, err := s.db.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return head.Size
	}
	s.start()
	before := size()
	pr.Approve("mei")
	s.stuck(pr, "GitHub knows of another audit log than the one in the database, which may be an old copy")
	if got := size(); got != before {
		t.Errorf("%d entries were appended", got-before)
	}
	if status, out, log := s.gatehouse("audit", "continue", "--reason", "the disk died"); status != exitPass {
		t.Fatalf("status %d: %s%s", status, out, log)
	}
	told := func(e store.Entry) bool {
		return e.Detail["what"] == "continued" && e.Detail["reason"] == "the disk died"
	}
	if got := s.entries(store.EntryConfiguration); !slices.ContainsFunc(got, told) {
		t.Errorf("the log says %v", got)
	}
	s.unstuck(pr)
	lost.Approve("mei")
	lost.Comment("sam", "/gatehouse recheck")
	s.until("the check to pass", func() bool { return s.state(lost.HeadSHA()) == clear1 })
	for _, args := range [][]string{{"--reason", " "}, {}} {
		if status, _, _ := s.gatehouse(append([]string{"audit", "continue"}, args...)...); status != exitUsage {
			t.Errorf("%v: status %d", args, status)
		}
	}
}

// Two servers write to two copies of one database: whichever comes second to a check run finds the other's tree there.
func TestE2ETwoCopiesOfOneDatabase(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, waitsFor1)
	s.stop()
	file := filepath.Join(s.dir, "gatehouse.db")
	original, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(s.dir, "copy.db")
	if err := os.WriteFile(copied, original, 0o600); err != nil {
		t.Fatal(err)
	}
	s.start() // the first one
	first, stopFirst := s.db, s.stop
	more, addr := s.more, s.addr
	s.more, s.addr = append(s.more, "GATEHOUSE_DATABASE_URL=sqlite:"+copied), ""
	s.start() // the second one, to which GitHub's events go now
	pr.Approve("mei")
	s.shows(pr, clear1)
	s.stop()
	s.db, s.stop, s.more, s.addr = first, stopFirst, more, addr
	s.listenAt("http://" + addr)
	pr.Comment("ann", "/gatehouse recheck")
	s.stuck(pr, "was posted from another log")
}
