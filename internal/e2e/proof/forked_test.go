package proof

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// Two servers run on copies of one database, and both write: each log is sound in itself, and they are two. Whichever comes first upon a
// check run of the other one's, at its start or at an event, appends nothing any more, and says why; nothing merges by way of it. The
// other one goes on, or stops when it comes upon what the first has posted. Then a person decides which copy is the log.
func TestTwoServersOnCopiesOfOneDatabase(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)
	s.Settle()
	s.Stop()
	content, err := os.ReadFile(filepath.Join(s.Dir, "gatehouse.db"))
	if err != nil {
		t.Fatal(err)
	}
	copied := s.File("copy.db", string(content))

	s.Start()
	first, stopFirst, more := s.URL, s.Stop, s.More
	s.Addr = ""
	s.More = append(slices.Clone(more), "GATEHOUSE_DATABASE_URL=sqlite:"+copied)
	s.Start()
	second, stopSecond := s.URL, s.Stop
	if first == second {
		t.Fatal("there is one server")
	}
	s.ListenAt(first)
	ones := s.Open("sam", "ones", map[string]string{"a.txt": "one\n"})
	s.Until("a check of it", func() bool { return s.State(ones.HeadSHA()) != "" })
	s.ListenAt(second)
	twos := s.Open("sam", "twos", map[string]string{"b.txt": "one\n"})
	s.Until("a check of it", func() bool { return s.State(twos.HeadSHA()) != "" })

	// Each is told of the other one's pull request; one of them comes upon it first.
	others := map[string]*githubsim.PR{first: twos, second: ones}
	for url, pr := range others {
		s.ListenAt(url)
		pr.Comment("ann", "/gatehouse recheck")
		if err := s.GitHub.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var stopped string
	s.Until("one of them to stop", func() bool {
		for url := range others {
			s.ListenAt(url)
			if s.Metric("gatehouse_audit_log_sound 0") {
				stopped = url
				return true
			}
		}
		return false
	})
	late := s.Open("sam", "late", map[string]string{"c.txt": "one\n"})
	late.Approve("mei")
	s.stuck(late, "was posted from another log")

	// The one that stopped is taken away, with its copy; what the other lacks is lost, and a person says so.
	stopFirst()
	stopSecond()
	if s.More = more; stopped == first {
		s.More = append(slices.Clone(more), "GATEHOUSE_DATABASE_URL=sqlite:"+copied)
	}
	if status, out, log := s.Run("audit", "continue", "--reason", "two servers ran on copies of one database"); status != site.Pass {
		t.Fatalf("status %d: %s%s", status, out, log)
	}
	s.Start()
	s.unstuck(late)
}
