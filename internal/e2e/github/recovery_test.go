package github

import (
	"bytes"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// What GitHub sent while the server was down comes back: deliveries that failed are asked for again, and pull requests whose
// delivery nobody even tried are found by looking.
func TestEventsLostWhileTheServerWasDown(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{".github/gatehouse.yml": site.GateFile("approvals: {required: 0}\n")}})
	judged := s.Open("ann", "before", map[string]string{"k8s/shop/deployment.yaml": "# nothing\n"})
	s.Settle()
	s.Stop()

	// The first is sent to a server that is not there, the second is lost on the way, and somebody approves the third meanwhile.
	failed := s.Open("ann", "failed", map[string]string{"a.txt": "a"})
	s.GitHub.Hooks().SetFilter(func(githubsim.Delivery) githubsim.Fate { return githubsim.Drop })
	dropped := s.Open("ann", "dropped", map[string]string{"b.txt": "b"})
	if err := s.GitHub.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.GitHub.Hooks().SetFilter(nil)
	s.Repo.CreateBranch("vic", "release", "main")
	judged.Retarget("ann", "release") // the same head: only the event tells
	if err := s.GitHub.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.State(failed.HeadSHA()) + s.State(dropped.HeadSHA()); got != "" {
		t.Fatalf("checks were posted by a server that is down: %s", got)
	}
	before := s.GitHub.Count("POST", "/app/hook/deliveries/*/attempts")

	s.Start()
	s.Until("the lost events to be asked for again", func() bool { return s.GitHub.Count("POST", "/app/hook/deliveries/*/attempts") > before })
	s.Until("a check on the pull requests that nobody told of", func() bool {
		return s.State(failed.HeadSHA()) != "" && s.State(dropped.HeadSHA()) != ""
	})
	s.Shows(failed, "completed/success: All clear: N documents, N rules")
	s.Shows(dropped, "completed/success: All clear: N documents, N rules")
	s.Until("the retargeted pull request to be judged again", func() bool {
		last, err := s.DB.Latest(t.Context(), s.Repo.ID(), judged.Number())
		if err != nil {
			t.Fatal(err)
		}
		facts, err := s.DB.Facts(t.Context(), last.FactsDigest)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(facts, []byte(`"base":{"branch":"release"`))
	})
}
