package cli

import (
	"bytes"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// What GitHub sent while the server was down comes back: deliveries that failed are asked for again, and pull requests whose
// delivery nobody even tried are found by looking.
func TestEventsLostWhileTheServerWasDown(t *testing.T) {
	s := newSite(t, setup{files: map[string]string{".github/gatehouse.yml": gateFile("approvals: {required: 0}\n")}})
	judged := s.open("ann", "before", map[string]string{"k8s/shop/deployment.yaml": "# nothing\n"})
	s.settle()
	s.stop()

	// The first is sent to a server that is not there, the second is lost on the way, and somebody approves the third meanwhile.
	failed := s.open("ann", "failed", map[string]string{"a.txt": "a"})
	s.gh.Hooks().SetFilter(func(githubsim.Delivery) githubsim.Fate { return githubsim.Drop })
	dropped := s.open("ann", "dropped", map[string]string{"b.txt": "b"})
	if err := s.gh.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.gh.Hooks().SetFilter(nil)
	s.repo.CreateBranch("vic", "release", "main")
	judged.Retarget("ann", "release") // the same head: only the event tells
	if err := s.gh.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.state(failed.HeadSHA()) + s.state(dropped.HeadSHA()); got != "" {
		t.Fatalf("checks were posted by a server that is down: %s", got)
	}
	before := s.gh.Count("POST", "/app/hook/deliveries/*/attempts")

	s.start()
	s.until("the lost events to be asked for again", func() bool { return s.gh.Count("POST", "/app/hook/deliveries/*/attempts") > before })
	s.until("a check on the pull requests that nobody told of", func() bool {
		return s.state(failed.HeadSHA()) != "" && s.state(dropped.HeadSHA()) != ""
	})
	s.shows(failed, "completed/success: All clear: N documents, N rules")
	s.shows(dropped, "completed/success: All clear: N documents, N rules")
	s.until("the retargeted pull request to be judged again", func() bool {
		last, err := s.db.Latest(t.Context(), s.repo.ID(), judged.Number())
		if err != nil {
			t.Fatal(err)
		}
		facts, err := s.db.Facts(t.Context(), last.FactsDigest)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(facts, []byte(`"base":{"branch":"release"`))
	})
}
