package plans

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

func TestMergeQueue(t *testing.T) {
	for name, squash := range map[string]bool{"merge commits": false, "squashed": true} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{Files: map[string]string{"notes.md": site.LongFile}})
			one := s.Ready("one", map[string]string{"notes.md": strings.Replace(site.LongFile, "two", "TWO", 1)})
			two := s.Ready("two", map[string]string{"notes.md": strings.Replace(site.LongFile, "eight", "EIGHT", 1)})
			s.Lands(s.Enqueue(squash, one, two), "completed/success: All clear: #1 and #2", true)
		})
	}
}

func TestMergeQueueOfOne(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.Lands(s.Enqueue(true, s.Ready("one", map[string]string{"README.md": "one\n"})), "completed/success: All clear: #1", true)
}

func TestMergeQueueNamesThePullRequestAtFault(t *testing.T) {
	s := newPlace(t, site.Setup{})
	one := s.Ready("one", map[string]string{"README.md": "one\n"})
	two := s.Ready("two", map[string]string{"more.md": "two\n"})
	two.RequestChanges("sam", "wait")
	s.Settle()
	g := s.regroup(one, two)
	s.Lands(g, "completed/failure: Blocked by #2: Waiting for sam, who asked for changes", false)
}

// regroup queues what GitHub itself would let through although the gate has changed its mind since.
func (s *place) regroup(prs ...*githubsim.PR) *githubsim.MergeGroup {
	s.T.Helper()
	s.Repo.Protect("main", githubsim.Protection{})
	g := s.Enqueue(false, prs...)
	s.Repo.Protect("main", githubsim.Protection{RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.App.ID()}}})
	s.Settle()
	return g
}

func TestMergeQueueThatHidesAChange(t *testing.T) {
	s := newPlace(t, site.Setup{})
	one := s.Ready("one", map[string]string{"README.md": "one\n"})
	g := s.Enqueue(false, one)
	g.Tamper(githubsim.CommitSpec{Author: "ann", Message: "Harmless (#1)", Files: map[string]string{"k8s/evil.yaml": "kind: Secret\n"}})
	s.Settle()
	s.Lands(g, "completed/failure: Gatehouse could not evaluate: commit "+g.HeadSHA()[:7]+" of the merge group is not what an open pull request makes of the commit before it", false)
}
