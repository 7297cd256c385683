package site

import (
	"errors"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// Ready is a pull request that passes for itself.
func (s *Site) Ready(branch string, files map[string]string) *githubsim.PR {
	s.T.Helper()
	pr := s.Open("ann", branch, files)
	pr.Approve("mei")
	s.Settle()
	if got := s.State(pr.HeadSHA()); !strings.HasPrefix(got, "completed/success") {
		s.T.Fatalf("#%d: %s", pr.Number(), got)
	}
	return pr
}

// Enqueue has GitHub make a merge group, and settles.
func (s *Site) Enqueue(squash bool, prs ...*githubsim.PR) *githubsim.MergeGroup {
	s.T.Helper()
	g, err := s.Repo.Queue("ann", squash, prs...)
	if err != nil {
		s.T.Fatal(err)
	}
	s.Settle()
	return g
}

// Lands compares what the check on the group says, and whether GitHub lands it.
func (s *Site) Lands(g *githubsim.MergeGroup, want string, lands bool) {
	s.T.Helper()
	if got := s.State(g.HeadSHA()); got != want {
		s.T.Errorf("the check on the group: %s\nwanted: %s", got, want)
	}
	err := g.Land()
	var refusal *githubsim.Refusal
	if lands && err != nil || !lands && !errors.As(err, &refusal) {
		s.T.Errorf("landing the group: %v", err)
	}
	s.Settle()
	if n := len(s.Entries("bypass")); n != 0 {
		s.T.Errorf("%d bypasses are recorded", n)
	}
}
