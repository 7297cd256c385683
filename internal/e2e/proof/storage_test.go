package proof

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// redeliverFailed asks for what the server has not taken, as it does itself every few minutes, and says how much that was.
func (s *place) redeliverFailed() int {
	s.T.Helper()
	taken, failed := map[string]bool{}, map[string]int64{}
	for _, d := range s.GitHub.Hooks().Deliveries() {
		if d.StatusCode == http.StatusAccepted {
			taken[d.GUID] = true
		} else {
			failed[d.GUID] = d.ID
		}
	}
	n := 0
	for guid, id := range failed {
		if !taken[guid] && s.GitHub.Hooks().Redeliver(id) {
			n++
		}
	}
	if err := s.GitHub.WaitIdle(s.T.Context()); err != nil {
		s.T.Fatal(err)
	}
	return n
}

// recovered waits until two pull requests are judged, one of which nobody could record anything about for a while, and merges it.
func (s *place) recovered(pr *githubsim.PR) {
	s.T.Helper()
	s.Until("everything to be taken", func() bool { return s.redeliverFailed() == 0 })
	pr.Approve("mei")
	s.Until("everything to be taken", func() bool { return s.redeliverFailed() == 0 })
	s.Until("the check to pass", func() bool { return s.State(pr.HeadSHA()) == site.Clear1 })
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err != nil {
		s.T.Errorf("it does not merge: %v", err)
	}
}

func (s *place) verifies() {
	s.T.Helper()
	if status, out, log := s.Run("audit", "verify"); status != site.Pass {
		s.T.Errorf("status %d: %s%s", status, out, log)
	}
}

// The disk fills up while the server runs: what it has answered is done, what it cannot store is refused and asked for again, and who
// waits for the check reads why there is none. When there is room again, it goes on without a restart.
func TestFullDisk(t *testing.T) {
	s := newPlace(t, site.Setup{NoServer: true})
	disk := filepath.Join(s.Dir, "disk")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	s.More = append(s.More, "GATEHOUSE_DATABASE_URL=sqlite:"+filepath.Join(disk, "gatehouse.db"), site.TestDisk+"="+disk)
	pid := s.SpawnAlone(t)
	seen := filepath.Join("/proc", fmt.Sprint(pid), "root", disk) // the server's file system of its own
	before := s.Open("ann", "before", map[string]string{"README.md": "one\n"})
	before.Approve("mei")
	s.Until("the check to pass", func() bool { return s.State(before.HeadSHA()) == site.Clear1 })

	fill, err := os.Create(filepath.Join(seen, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1 << 16, 1 << 10, 1} {
		for err = nil; err == nil; {
			_, err = fill.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	// There is room in the write-ahead log that the database has already; events use it up.
	s.Until("the database to be full", func() bool {
		before.Comment("ann", "/gatehouse recheck")
		if err := s.GitHub.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s.Metric("gatehouse_audit_log_sound 0")
	})
	pr := s.Open("ann", "fix", map[string]string{"b.md": "one\n"})
	s.stuck(pr, "make room on its disk")

	if err := errors.Join(fill.Close(), os.Remove(fill.Name())); err != nil {
		t.Fatal(err)
	}
	s.Until("the server to see that there is room", func() bool { return s.Metric("gatehouse_audit_log_sound 1") })
	s.recovered(pr)
	for _, end := range []string{"", "-wal"} { // SQLite itself does not look into another process's file system
		s.File("copy.db"+end, readFile(t, filepath.Join(seen, "gatehouse.db"+end)))
	}
	s.More = append(s.More, "GATEHOUSE_DATABASE_URL=sqlite:"+filepath.Join(s.Dir, "copy.db"))
	s.verifies()
}

// What happens to a PostgreSQL server happens under a running Gatehouse: everything is refused or repeated meanwhile, nothing that was
// answered is lost, and it goes on by itself.
func TestPostgresIsDisturbed(t *testing.T) {
	fresh := storetest.Postgres(t)
	for name, c := range map[string]struct {
		disturb, mend string // %s: the database
		says          string // on the check meanwhile; "": there is none
	}{
		"it is gone for a while": {"ALTER DATABASE %s ALLOW_CONNECTIONS false", "ALTER DATABASE %s ALLOW_CONNECTIONS true", ""},
		"it is a standby for a while": {"ALTER DATABASE %s SET default_transaction_read_only = on", "ALTER DATABASE %s RESET default_transaction_read_only",
			"the database takes no writes"},
		"statements take too long for a while": {"ALTER DATABASE %s SET statement_timeout = '1ms'", "ALTER DATABASE %s RESET statement_timeout", ""},
	} {
		t.Run(name, func(t *testing.T) {
			database := fresh(t)
			at, err := url.Parse(database)
			if err != nil {
				t.Fatal(err)
			}
			which := strings.TrimPrefix(at.Path, "/")
			at.Path = "/postgres"
			admin := func(statement string) {
				storetest.Exec(t, at.String(), fmt.Sprintf(statement, which))
				storetest.Exec(t, at.String(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+which+"'")
			}
			s := newPlace(t, site.Setup{NoServer: true})
			s.More = append(s.More, "GATEHOUSE_DATABASE_URL="+database)
			s.Start()
			before := s.Open("ann", "before", map[string]string{"README.md": "one\n"})
			s.Shows(before, site.WaitsFor1)

			admin(c.disturb)
			pr := s.Open("ann", "fix", map[string]string{"b.md": "one\n"})
			if err := s.GitHub.WaitIdle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if c.says != "" { // the first events may only find out that their connection is gone
				s.Until("somebody to be told", func() bool { s.redeliverFailed(); return s.State(pr.HeadSHA()) != "" })
				s.stuck(pr, c.says)
			} else if got := s.State(pr.HeadSHA()); got != "" {
				t.Errorf("the check says %s", got)
			}
			admin(c.mend)
			s.recovered(pr)
			s.verifies()
		})
	}
}
