package people

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

func TestBlockedFixedApprovedMerged(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	s.Blocked(pr, site.SSHBlocked)
	s.Says(pr, "IM-06", "aws_security_group.web", "infra/prod")
	old := pr.HeadSHA()

	pr.Push(githubsim.CommitSpec{Files: site.Story(t, "ssh-vpn")})
	s.Blocked(pr, site.WaitsFor1)
	pr.Approve("mei")
	s.Merges(pr, site.Clear1)
	s.Settle()
	if got := s.State(old); got != site.SSHBlocked {
		t.Errorf("the old head's check says %q now", got)
	}
	if issues := s.Repo.Issues(); len(issues) != 0 {
		t.Errorf("an ordinary merge opened issues: %+v", issues)
	}
}

func TestAnAnnotationPointsAtTheLine(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("sam", "debug", site.Story(t, "privileged"))
	s.Settle()
	checks := s.Checks(pr.HeadSHA())
	if len(checks) != 1 {
		t.Fatalf("%d checks", len(checks))
	}
	lines := strings.Split(site.Story(t, "privileged")["k8s/shop/deployment.yaml"], "\n")
	found := false
	for _, a := range checks[0].Annotations {
		if !strings.Contains(a.Title, "PSS-B-Privileged") {
			continue
		}
		found = true
		if a.Path != "k8s/shop/deployment.yaml" || a.Level != "failure" || !strings.Contains(lines[a.StartLine-1], "privileged: true") {
			t.Errorf("the annotation is at %s:%d (%s), %q", a.Path, a.StartLine, a.Level, lines[a.StartLine-1])
		}
	}
	if !found {
		t.Errorf("no annotation about the privileged container: %+v", checks[0].Annotations)
	}
}

func TestReplacingTheDatabaseNeedsTwo(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{".github/gatehouse.yml": site.GateFile(`
approvals:
  required: 1
  rules:
    - name: production data
      when: {resources: ["aws_db_instance.*"], actions: [delete, replace], environments: [production]}
      required: 2
      from: {teams: [acme/dba]}
`)}})
	pr := s.Open("ann", "zone-b", site.Story(t, "database"))
	s.Blocked(pr, "in_progress: Waiting for 2 approvals from acme/dba")
	pr.Approve("vic")
	s.Blocked(pr, "in_progress: Waiting for 2 approvals from acme/dba")
	s.Says(pr, "**0 of 2** from **@acme/dba**", "approved by **vic**")
	pr.Approve("mei")
	s.Blocked(pr, "in_progress: Waiting for 1 more approval from acme/dba")
	pr.Approve("sam")
	s.Merges(pr, "completed/success: All clear: N documents, N rules, 3 approvals")
}

func TestSelfApprovalDoesNotCount(t *testing.T) {
	s := newPlace(t, site.Setup{})
	// GitHub refuses an author's own approval, but not that of somebody whose commit another one proposes.
	s.Repo.Commit("fix", githubsim.CommitSpec{Author: "mei", Files: map[string]string{"README.md": "by mei\n"}})
	pr := s.Repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "Mei's fix", Head: "fix"})
	pr.Approve("mei")
	s.Blocked(pr, site.WaitsFor1)
	s.Says(pr, "mei", "wrote commit")
	pr.Approve("sam")
	s.Merges(pr, site.Clear1)
}

func TestApprovedThenPushedDoesNotCount(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	before := pr.HeadSHA()
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "two\n"}})
	s.Blocked(pr, site.WaitsFor1)
	s.Says(pr, "approved "+before[:7]+", but since then README.md changed")
	pr.Approve("mei")
	s.Merges(pr, site.Clear1)
}

func TestApprovalOfAnOlderCommitDoesNotCount(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	old := pr.HeadSHA()
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "two\n"}})
	if _, err := pr.TryReview(githubsim.ReviewSpec{By: "mei", State: githubsim.Approved, Commit: old}); err != nil {
		t.Fatal(err)
	}
	s.Blocked(pr, site.WaitsFor1)
}

func TestChangesRequestedAndDismissed(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	approval := pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	asked := pr.RequestChanges("sam", "not yet")
	s.Blocked(pr, "in_progress: Waiting for sam, who asked for changes")
	asked.Dismiss("vic", "sam is away")
	s.Shows(pr, site.Clear1)
	approval.Dismiss("vic", "given in error")
	s.Blocked(pr, site.WaitsFor1)
	pr.Approve("mei")
	pr.RequestChanges("mei", "on second thoughts")
	s.Blocked(pr, "in_progress: Waiting for mei, who asked for changes and 1 approval")
}

func TestAStrangersWordCountsForNothing(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("eve")
	s.Blocked(pr, site.WaitsFor1)
	s.Says(pr, "eve", "access to the repository")
	pr.RequestChanges("eve", "no")
	pr.Approve("mei")
	s.Merges(pr, site.Clear1)
}

func TestRetargetedBaseIsJudgedAnew(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.Repo.CreateBranch("vic", "release", "main")
	s.Repo.Commit("release", githubsim.CommitSpec{Author: "vic", Files: map[string]string{
		".github/gatehouse.yml": site.GateFile("approvals: {required: 2}\n"),
	}})
	s.Repo.Protect("release", githubsim.Protection{RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.App.ID()}}})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	pr.Retarget("ann", "release")
	s.Blocked(pr, "in_progress: Waiting for 2 approvals")
	s.Says(pr, "mei** approved a merge into main; it is now to be merged into release")
	pr.Retarget("ann", "main")
	s.Merges(pr, site.Clear1)
}

// The head, and with it the check, stays the same when the base changes: somebody fast enough merges into the new base what
// passed for the old one. The record must not call that a passing decision.
func TestMergedIntoABaseThatItDidNotPassFor(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.Repo.CreateBranch("vic", "release", "main")
	s.Settle() // a branch that is not protected yet may be pushed to
	s.Repo.Protect("release", githubsim.Protection{RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.App.ID()}}})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	s.GitHub.Hooks().Hold()
	pr.Retarget("ann", "release")
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err != nil {
		t.Fatal(err)
	}
	s.GitHub.Hooks().Release()
	s.Settle()
	s.Bypassed("ann", pr.View().MergeSHA, "main")
}

func TestClosedAndReopened(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	s.Shows(pr, site.SSHBlocked)
	pr.Close("ann")
	s.Settle()
	pr.Push(githubsim.CommitSpec{Files: site.Story(t, "ssh-vpn")})
	s.Settle()
	pr.Reopen("ann")
	s.Blocked(pr, site.WaitsFor1)
	pr.Close("ann")
	s.Settle()
	pr.Reopen("ann")
	pr.Approve("mei")
	s.Merges(pr, site.Clear1)
}

func TestTwoPullRequestsWithOneHead(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.Repo.CreateBranch("vic", "release", "main")
	s.Repo.Commit("release", githubsim.CommitSpec{Author: "vic", Files: map[string]string{
		".github/gatehouse.yml": site.GateFile("approvals: {required: 2}\n"),
	}})
	one := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	one.Approve("mei")
	s.Shows(one, site.Clear1)
	two := s.Repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "To release, too", Head: "fix", Base: "release"})
	s.Blocked(one, site.WaitsFor2)
	if summary := s.Checks(one.HeadSHA())[0].Summary; !strings.Contains(summary, "#2") {
		t.Errorf("the check does not name the other pull request: %s", summary)
	}
	two.Close("ann")
	s.Shows(one, site.Clear1)
	two.Reopen("ann")
	s.Blocked(one, site.WaitsFor2)
	two.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "two\n"}}) // of the branch, so of both
	s.Blocked(one, site.WaitsFor1)                                                 // both wait, and one check cannot show both
	one.Approve("mei")
	s.Blocked(one, site.WaitsFor2)
	two.Close("ann")
	s.Merges(one, site.Clear1)
}

func TestOneOfTwoPullRequestsLeavesTheSharedHead(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.Repo.CreateBranch("vic", "release", "main")
	s.Repo.Commit("release", githubsim.CommitSpec{Author: "vic", Files: map[string]string{
		".github/gatehouse.yml": site.GateFile("approvals: {required: 2}\n"),
	}})
	one := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	one.Approve("mei")
	s.Repo.CreateBranch("ann", "same", "fix")
	two := s.Repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "To release, too", Head: "same", Base: "release"})
	s.Blocked(one, site.WaitsFor2)
	two.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "two\n"}})
	s.Shows(two, site.WaitsFor2)
	s.Merges(one, site.Clear1)
}

func TestForcePushedWhileEvaluating(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-vpn"))
	s.Shows(pr, site.WaitsFor1)
	old := pr.HeadSHA()
	// The approval starts an evaluation of the harmless head. While it asks for the reviews, the head becomes another.
	s.GitHub.Fail(githubsim.FaultSpec{Method: "GET", PathPattern: "/repos/acme/infra/pulls/1/reviews", Before: func() {
		pr.ForcePush(githubsim.CommitSpec{Author: "ann", Files: site.Story(t, "ssh-open")})
	}})
	pr.Approve("mei")
	s.Blocked(pr, site.SSHBlocked)
	if got := s.State(old); strings.HasPrefix(got, "completed/success") {
		t.Errorf("the head that was replaced passes: %s", got)
	}
	superseded := 0
	for _, e := range s.Entries("publication") {
		if e.Commit == old && e.Detail["outcome"] == "superseded" {
			superseded++
		}
	}
	if superseded == 0 {
		t.Error("the record does not say that the old head's decision is superseded")
	}
}
