package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// ready is a pull request that passes for itself.
func (s *site) ready(branch string, files map[string]string) *githubsim.PR {
	s.t.Helper()
	pr := s.open("ann", branch, files)
	pr.Approve("mei")
	s.settle()
	if got := s.state(pr.HeadSHA()); !strings.HasPrefix(got, "completed/success") {
		s.t.Fatalf("#%d: %s", pr.Number(), got)
	}
	return pr
}

func (s *site) enqueue(squash bool, prs ...*githubsim.PR) *githubsim.MergeGroup {
	s.t.Helper()
	g, err := s.repo.Queue("ann", squash, prs...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.settle()
	return g
}

// lands compares what the check on the group says, and whether GitHub lands it.
func (s *site) lands(g *githubsim.MergeGroup, want string, lands bool) {
	s.t.Helper()
	if got := s.state(g.HeadSHA()); got != want {
		s.t.Errorf("the check on the group: %s\nwanted: %s", got, want)
	}
	err := g.Land()
	var refusal *githubsim.Refusal
	if lands && err != nil || !lands && !errors.As(err, &refusal) {
		s.t.Errorf("landing the group: %v", err)
	}
	s.settle()
	if n := len(s.entries("bypass")); n != 0 {
		s.t.Errorf("%d bypasses are recorded", n)
	}
}

func TestE2EMergeQueue(t *testing.T) {
	for name, squash := range map[string]bool{"merge commits": false, "squashed": true} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, setup{files: map[string]string{"notes.md": longFile}})
			one := s.ready("one", map[string]string{"notes.md": strings.Replace(longFile, "two", "TWO", 1)})
			two := s.ready("two", map[string]string{"notes.md": strings.Replace(longFile, "eight", "EIGHT", 1)})
			s.lands(s.enqueue(squash, one, two), "completed/success: All clear: #1 and #2", true)
		})
	}
}

func TestE2EMergeQueueOfOne(t *testing.T) {
	s := newSite(t, setup{})
	s.lands(s.enqueue(true, s.ready("one", map[string]string{"README.md": "one\n"})), "completed/success: All clear: #1", true)
}

func TestE2EMergeQueueNamesThePullRequestAtFault(t *testing.T) {
	s := newSite(t, setup{})
	one := s.ready("one", map[string]string{"README.md": "one\n"})
	two := s.ready("two", map[string]string{"more.md": "two\n"})
	two.RequestChanges("sam", "wait")
	s.settle()
	g := s.regroup(one, two)
	s.lands(g, "completed/failure: Blocked by #2: Waiting for sam, who asked for changes", false)
}

// regroup queues what GitHub itself would let through although the gate has changed its mind since.
func (s *site) regroup(prs ...*githubsim.PR) *githubsim.MergeGroup {
	s.t.Helper()
	s.repo.Protect("main", githubsim.Protection{})
	g := s.enqueue(false, prs...)
	s.repo.Protect("main", githubsim.Protection{RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.app.ID()}}})
	s.settle()
	return g
}

func TestE2EMergeQueueThatHidesAChange(t *testing.T) {
	s := newSite(t, setup{})
	one := s.ready("one", map[string]string{"README.md": "one\n"})
	g := s.enqueue(false, one)
	g.Tamper(githubsim.CommitSpec{Author: "ann", Message: "Harmless (#1)", Files: map[string]string{"k8s/evil.yaml": "kind: Secret\n"}})
	s.settle()
	s.lands(g, "completed/failure: Gatehouse could not evaluate: commit "+g.HeadSHA()[:7]+" of the merge group is not what an open pull request makes of the commit before it", false)
}
