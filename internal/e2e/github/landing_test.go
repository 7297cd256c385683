package github

import (
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

func TestOrdinaryMergesAreNoBypass(t *testing.T) {
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.Run(method, func(t *testing.T) {
			s := newPlace(t, site.Setup{})
			pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
			pr.Push(githubsim.CommitSpec{Files: map[string]string{"a.md": "two\n"}})
			other := s.Open("sam", "other", map[string]string{"b.md": "one\n"})
			for _, p := range []*githubsim.PR{pr, other} { // the second lands on a base that has moved
				p.Approve("mei")
				s.Shows(p, site.Clear1)
				if _, err := p.Merge("ann", githubsim.MergeOptions{Method: method}); err != nil {
					t.Fatal(err)
				}
				s.Unbypassed()
			}
		})
	}
}

// Events come late and in any order; a merge that was in order stays so.
func TestEventsOfAMergeInAnyOrder(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	s.GitHub.Hooks().Hold()
	if _, err := pr.Merge("ann", githubsim.MergeOptions{Method: "squash"}); err != nil {
		t.Fatal(err)
	}
	var order []int64
	for _, d := range s.GitHub.Hooks().Held() {
		order = append([]int64{d.ID}, order...)
	}
	s.GitHub.Hooks().Release(order...)
	s.Unbypassed()
}

func TestAdministratorMergesAroundTheGate(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	s.Blocked(pr, site.SSHBlocked)
	sha, err := pr.Merge("vic", githubsim.MergeOptions{Method: "squash"})
	if err != nil {
		t.Fatal(err)
	}
	s.Settle()
	s.Bypassed("vic", sha, "the decision was fail")
	if !s.Metric("gatehouse_bypasses_total 1") {
		t.Error("the metric does not count it once")
	}
}

func TestAdministratorMergesUnseen(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.GitHub.Hooks().Hold()
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	sha, err := pr.Merge("vic", githubsim.MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.GitHub.Hooks().Release()
	s.Settle()
	s.Bypassed("vic", sha, "never judged it")
}

func TestAdministratorPushesToTheProtectedBranch(t *testing.T) {
	s := newPlace(t, site.Setup{})
	sha := s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"README.md": "in a hurry\n"}})
	s.Settle()
	s.Bypassed("vic", sha, "pushed without a pull request")
	// The same event again adds nothing.
	for _, d := range s.GitHub.Hooks().Deliveries() {
		if d.Event == "push" {
			s.GitHub.Hooks().Redeliver(d.ID)
		}
	}
	s.Settle()
	s.Bypassed("vic", sha, "pushed without a pull request")
}

func TestAdministratorRewritesTheProtectedBranch(t *testing.T) {
	s := newPlace(t, site.Setup{Protection: githubsim.Protection{AllowForcePush: true}})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	before := s.Repo.Head("main")
	s.Merges(pr, site.Clear1)
	s.Unbypassed()
	if err := s.Repo.Push("vic", "main", before, true); err != nil {
		t.Fatal(err)
	}
	s.Settle()
	s.Bypassed("vic", before, "force push")
}

// A release branch cut from what has passed brings nothing that was not judged.
func TestACutReleaseBranchIsNoBypass(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.Repo.Protect("release/*", githubsim.Protection{RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.App.ID()}}})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Merges(pr, site.Clear1)
	s.Settle()
	s.Repo.CreateBranch("vic", "release/1.0", "main")
	s.Unbypassed()
	// One cut from something else does.
	s.Repo.Commit("wild", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"README.md": "wild\n"}})
	s.Unbypassed()
	s.Repo.CreateBranch("vic", "release/2.0", "wild")
	s.Settle()
	s.Bypassed("vic", s.Repo.Head("wild"), "release/2.0")
}

func TestUnprotectedBranchesAreFree(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.Repo.Commit("feature", githubsim.CommitSpec{Author: "ann", Files: map[string]string{"README.md": "one\n"}})
	s.Repo.Commit("feature", githubsim.CommitSpec{Author: "ann", Files: map[string]string{"README.md": "two\n"}})
	if err := s.Repo.DeleteBranch("ann", "feature"); err != nil {
		t.Fatal(err)
	}
	s.Unbypassed()
}
