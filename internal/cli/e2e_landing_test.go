package cli

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// unbypassed makes sure that nothing was taken for a way around.
func (s *site) unbypassed() {
	s.t.Helper()
	s.settle()
	if issues, entries := s.repo.Issues(), s.entries("bypass"); len(issues)+len(entries) != 0 {
		s.t.Errorf("a bypass where there was none: %+v %+v", issues, entries)
	}
}

func (s *site) metric(line string) bool {
	s.t.Helper()
	resp, err := http.Get(s.url + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Contains(string(text), line+"\n")
}

func TestE2EOrdinaryMergesAreNoBypass(t *testing.T) {
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.Run(method, func(t *testing.T) {
			s := newSite(t, setup{})
			pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
			pr.Push(githubsim.CommitSpec{Files: map[string]string{"a.md": "two\n"}})
			other := s.open("sam", "other", map[string]string{"b.md": "one\n"})
			for _, p := range []*githubsim.PR{pr, other} { // the second lands on a base that has moved
				p.Approve("mei")
				s.shows(p, clear1)
				if _, err := p.Merge("ann", githubsim.MergeOptions{Method: method}); err != nil {
					t.Fatal(err)
				}
				s.unbypassed()
			}
		})
	}
}

// Events come late and in any order; a merge that was in order stays so.
func TestE2EEventsOfAMergeInAnyOrder(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.shows(pr, clear1)
	s.gh.Hooks().Hold()
	if _, err := pr.Merge("ann", githubsim.MergeOptions{Method: "squash"}); err != nil {
		t.Fatal(err)
	}
	var order []int64
	for _, d := range s.gh.Hooks().Held() {
		order = append([]int64{d.ID}, order...)
	}
	s.gh.Hooks().Release(order...)
	s.unbypassed()
}

func TestE2EAdministratorMergesAroundTheGate(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "vendor", story(t, "ssh-open"))
	s.blocked(pr, sshBlocked)
	sha, err := pr.Merge("vic", githubsim.MergeOptions{Method: "squash"})
	if err != nil {
		t.Fatal(err)
	}
	s.settle()
	s.bypassed("vic", sha, "the decision was fail")
	if !s.metric("gatehouse_bypasses_total 1") {
		t.Error("the metric does not count it once")
	}
}

func TestE2EAdministratorMergesUnseen(t *testing.T) {
	s := newSite(t, setup{})
	s.gh.Hooks().Hold()
	pr := s.open("ann", "vendor", story(t, "ssh-open"))
	sha, err := pr.Merge("vic", githubsim.MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.gh.Hooks().Release()
	s.settle()
	s.bypassed("vic", sha, "never judged it")
}

func TestE2EAdministratorPushesToTheProtectedBranch(t *testing.T) {
	s := newSite(t, setup{})
	sha := s.repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"README.md": "in a hurry\n"}})
	s.settle()
	s.bypassed("vic", sha, "pushed without a pull request")
	// The same event again adds nothing.
	for _, d := range s.gh.Hooks().Deliveries() {
		if d.Event == "push" {
			s.gh.Hooks().Redeliver(d.ID)
		}
	}
	s.settle()
	s.bypassed("vic", sha, "pushed without a pull request")
}

func TestE2EAdministratorRewritesTheProtectedBranch(t *testing.T) {
	s := newSite(t, setup{protection: githubsim.Protection{AllowForcePush: true}})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	before := s.repo.Head("main")
	s.merges(pr, clear1)
	s.unbypassed()
	if err := s.repo.Push("vic", "main", before, true); err != nil {
		t.Fatal(err)
	}
	s.settle()
	s.bypassed("vic", before, "force push")
}

// A release branch cut from what has passed brings nothing that was not judged.
func TestE2EACutReleaseBranchIsNoBypass(t *testing.T) {
	s := newSite(t, setup{})
	s.repo.Protect("release/*", githubsim.Protection{RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.app.ID()}}})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.merges(pr, clear1)
	s.settle()
	s.repo.CreateBranch("vic", "release/1.0", "main")
	s.unbypassed()
	// One cut from something else does.
	s.repo.Commit("wild", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"README.md": "wild\n"}})
	s.unbypassed()
	s.repo.CreateBranch("vic", "release/2.0", "wild")
	s.settle()
	s.bypassed("vic", s.repo.Head("wild"), "release/2.0")
}

func TestE2EUnprotectedBranchesAreFree(t *testing.T) {
	s := newSite(t, setup{})
	s.repo.Commit("feature", githubsim.CommitSpec{Author: "ann", Files: map[string]string{"README.md": "one\n"}})
	s.repo.Commit("feature", githubsim.CommitSpec{Author: "ann", Files: map[string]string{"README.md": "two\n"}})
	if err := s.repo.DeleteBranch("ann", "feature"); err != nil {
		t.Fatal(err)
	}
	s.unbypassed()
}
