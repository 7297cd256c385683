package cli

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/pipeline"
)

// What the gate shows in the ordinary stories below.
const (
	sshBlocked = "completed/failure: Blocked: IM-06 on aws_security_group.web"
	waitsFor1  = "in_progress: Waiting for 1 approval"
	waitsFor2  = "in_progress: Waiting for 2 approvals"
	clear1     = "completed/success: All clear: N documents, N rules, 1 approval"
)

func TestE2EBlockedFixedApprovedMerged(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "vendor", story(t, "ssh-open"))
	s.blocked(pr, sshBlocked)
	s.says(pr, "IM-06", "aws_security_group.web", "infra/prod")
	old := pr.HeadSHA()

	pr.Push(githubsim.CommitSpec{Files: story(t, "ssh-vpn")})
	s.blocked(pr, waitsFor1)
	pr.Approve("mei")
	s.merges(pr, clear1)
	s.settle()
	if got := s.state(old); got != sshBlocked {
		t.Errorf("the old head's check says %q now", got)
	}
	if issues := s.repo.Issues(); len(issues) != 0 {
		t.Errorf("an ordinary merge opened issues: %+v", issues)
	}
}

func TestE2EAnAnnotationPointsAtTheLine(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("sam", "debug", story(t, "privileged"))
	s.settle()
	checks := s.checks(pr.HeadSHA())
	if len(checks) != 1 {
		t.Fatalf("%d checks", len(checks))
	}
	lines := strings.Split(story(t, "privileged")["k8s/shop/deployment.yaml"], "\n")
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

func TestE2EReplacingTheDatabaseNeedsTwo(t *testing.T) {
	s := newSite(t, setup{files: map[string]string{".github/gatehouse.yml": gateFile(`
approvals:
  required: 1
  rules:
    - name: production data
      when: {resources: ["aws_db_instance.*"], actions: [delete, replace], environments: [production]}
      required: 2
      from: {teams: [acme/dba]}
`)}})
	pr := s.open("ann", "zone-b", story(t, "database"))
	s.blocked(pr, "in_progress: Waiting for 2 approvals from acme/dba")
	pr.Approve("vic")
	s.blocked(pr, "in_progress: Waiting for 2 approvals from acme/dba")
	s.says(pr, "**0 of 2** from **@acme/dba**", "approved by **vic**")
	pr.Approve("mei")
	s.blocked(pr, "in_progress: Waiting for 1 more approval from acme/dba")
	pr.Approve("sam")
	s.merges(pr, "completed/success: All clear: N documents, N rules, 3 approvals")
}

func TestE2ESelfApprovalDoesNotCount(t *testing.T) {
	s := newSite(t, setup{})
	// GitHub refuses an author's own approval, but not that of somebody whose commit another one proposes.
	s.repo.Commit("fix", githubsim.CommitSpec{Author: "mei", Files: map[string]string{"README.md": "by mei\n"}})
	pr := s.repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "Mei's fix", Head: "fix"})
	pr.Approve("mei")
	s.blocked(pr, waitsFor1)
	s.says(pr, "mei", "wrote commit")
	pr.Approve("sam")
	s.merges(pr, clear1)
}

func TestE2EApprovedThenPushedDoesNotCount(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.shows(pr, clear1)
	before := pr.HeadSHA()
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "two\n"}})
	s.blocked(pr, waitsFor1)
	s.says(pr, "approved "+before[:7]+", but since then README.md changed")
	pr.Approve("mei")
	s.merges(pr, clear1)
}

func TestE2EApprovalOfAnOlderCommitDoesNotCount(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	old := pr.HeadSHA()
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "two\n"}})
	if _, err := pr.TryReview(githubsim.ReviewSpec{By: "mei", State: githubsim.Approved, Commit: old}); err != nil {
		t.Fatal(err)
	}
	s.blocked(pr, waitsFor1)
}

func TestE2EChangesRequestedAndDismissed(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	approval := pr.Approve("mei")
	s.shows(pr, clear1)
	asked := pr.RequestChanges("sam", "not yet")
	s.blocked(pr, "in_progress: Waiting for sam, who asked for changes")
	asked.Dismiss("vic", "sam is away")
	s.shows(pr, clear1)
	approval.Dismiss("vic", "given in error")
	s.blocked(pr, waitsFor1)
	pr.Approve("mei")
	pr.RequestChanges("mei", "on second thoughts")
	s.blocked(pr, "in_progress: Waiting for mei, who asked for changes and 1 approval")
}

func TestE2EAStrangersWordCountsForNothing(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("eve")
	s.blocked(pr, waitsFor1)
	s.says(pr, "eve", "access to the repository")
	pr.RequestChanges("eve", "no")
	pr.Approve("mei")
	s.merges(pr, clear1)
}

func TestE2ERetargetedBaseIsJudgedAnew(t *testing.T) {
	s := newSite(t, setup{})
	s.repo.CreateBranch("vic", "release", "main")
	s.repo.Commit("release", githubsim.CommitSpec{Author: "vic", Files: map[string]string{
		".github/gatehouse.yml": gateFile("approvals: {required: 2}\n"),
	}})
	s.repo.Protect("release", githubsim.Protection{RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.app.ID()}}})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.shows(pr, clear1)
	pr.Retarget("ann", "release")
	s.blocked(pr, "in_progress: Waiting for 2 approvals")
	s.says(pr, "mei** approved a merge into main; it is now to be merged into release")
	pr.Retarget("ann", "main")
	s.merges(pr, clear1)
}

// The head, and with it the check, stays the same when the base changes: somebody fast enough merges into the new base what
// passed for the old one. The record must not call that a passing decision.
func TestE2EMergedIntoABaseThatItDidNotPassFor(t *testing.T) {
	s := newSite(t, setup{})
	s.repo.CreateBranch("vic", "release", "main")
	s.settle() // a branch that is not protected yet may be pushed to
	s.repo.Protect("release", githubsim.Protection{RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.app.ID()}}})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.shows(pr, clear1)
	s.gh.Hooks().Hold()
	pr.Retarget("ann", "release")
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err != nil {
		t.Fatal(err)
	}
	s.gh.Hooks().Release()
	s.settle()
	s.bypassed("ann", pr.View().MergeSHA, "main")
}

// bypassed looks for exactly one bypass: its issue and its audit entry.
func (s *site) bypassed(actor, commit, why string) {
	s.t.Helper()
	issues := s.repo.Issues()
	entries := s.entries("bypass")
	if len(issues) != 1 || len(entries) != 1 {
		s.t.Fatalf("%d issues, %d entries; wanted one of each: %+v %+v", len(issues), len(entries), issues, entries)
	}
	if issues[0].Title != pipeline.BypassTitle || !strings.Contains(issues[0].Body, actor) || !strings.Contains(issues[0].Body, why) {
		s.t.Errorf("the issue does not say %q: %s\n%s", why, issues[0].Title, issues[0].Body)
	}
	if e := entries[0]; e.Actor != actor || e.Commit != commit {
		s.t.Errorf("the entry is about %s by %s; wanted %s by %s", e.Commit, e.Actor, commit, actor)
	}
}

func TestE2EClosedAndReopened(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "vendor", story(t, "ssh-open"))
	s.shows(pr, sshBlocked)
	pr.Close("ann")
	s.settle()
	pr.Push(githubsim.CommitSpec{Files: story(t, "ssh-vpn")})
	s.settle()
	pr.Reopen("ann")
	s.blocked(pr, waitsFor1)
	pr.Close("ann")
	s.settle()
	pr.Reopen("ann")
	pr.Approve("mei")
	s.merges(pr, clear1)
}

func TestE2ETwoPullRequestsWithOneHead(t *testing.T) {
	s := newSite(t, setup{})
	s.repo.CreateBranch("vic", "release", "main")
	s.repo.Commit("release", githubsim.CommitSpec{Author: "vic", Files: map[string]string{
		".github/gatehouse.yml": gateFile("approvals: {required: 2}\n"),
	}})
	one := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	one.Approve("mei")
	s.shows(one, clear1)
	two := s.repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "To release, too", Head: "fix", Base: "release"})
	s.blocked(one, waitsFor2)
	if summary := s.checks(one.HeadSHA())[0].Summary; !strings.Contains(summary, "#2") {
		t.Errorf("the check does not name the other pull request: %s", summary)
	}
	two.Close("ann")
	s.shows(one, clear1)
	two.Reopen("ann")
	s.blocked(one, waitsFor2)
	two.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "two\n"}}) // of the branch, so of both
	s.blocked(one, waitsFor1)                                                      // both wait, and one check cannot show both
	one.Approve("mei")
	s.blocked(one, waitsFor2)
	two.Close("ann")
	s.merges(one, clear1)
}

func TestE2EOneOfTwoPullRequestsLeavesTheSharedHead(t *testing.T) {
	s := newSite(t, setup{})
	s.repo.CreateBranch("vic", "release", "main")
	s.repo.Commit("release", githubsim.CommitSpec{Author: "vic", Files: map[string]string{
		".github/gatehouse.yml": gateFile("approvals: {required: 2}\n"),
	}})
	one := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	one.Approve("mei")
	s.repo.CreateBranch("ann", "same", "fix")
	two := s.repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "To release, too", Head: "same", Base: "release"})
	s.blocked(one, waitsFor2)
	two.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "two\n"}})
	s.shows(two, waitsFor2)
	s.merges(one, clear1)
}

func TestE2EForcePushedWhileEvaluating(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "vendor", story(t, "ssh-vpn"))
	s.shows(pr, waitsFor1)
	old := pr.HeadSHA()
	// The approval starts an evaluation of the harmless head. While it asks for the reviews, the head becomes another.
	s.gh.Fail(githubsim.FaultSpec{Method: "GET", PathPattern: "/repos/acme/infra/pulls/1/reviews", Before: func() {
		pr.ForcePush(githubsim.CommitSpec{Author: "ann", Files: story(t, "ssh-open")})
	}})
	pr.Approve("mei")
	s.blocked(pr, sshBlocked)
	if got := s.state(old); strings.HasPrefix(got, "completed/success") {
		t.Errorf("the head that was replaced passes: %s", got)
	}
	superseded := 0
	for _, e := range s.entries("publication") {
		if e.Commit == old && e.Detail["outcome"] == "superseded" {
			superseded++
		}
	}
	if superseded == 0 {
		t.Error("the record does not say that the old head's decision is superseded")
	}
}
