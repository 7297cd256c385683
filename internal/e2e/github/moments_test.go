package github

import (
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// What a webhook tells of, GitHub's own copies may not know yet.
func TestAPullRequestThatGitHubDoesNotShowAtOnce(t *testing.T) {
	s := newPlace(t, site.Setup{})
	const read = "/repos/acme/infra/pulls/1"
	s.GitHub.Fail(githubsim.FaultSpec{Method: "GET", PathPattern: read, Status: 404})
	s.GitHub.Hooks().SetFilter(func(d githubsim.Delivery) githubsim.Fate {
		return map[bool]githubsim.Fate{true: githubsim.Send, false: githubsim.Drop}[d.Event == "pull_request"] // one event, and no other
	})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Blocked(pr, site.WaitsFor1)
}

// Between a decision and its check the pull request is given another base branch, which asks for more, and no event tells of it: what
// passed for the old one is not posted.
func TestRetargetedBeforeTheCheckIsPosted(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.Repo.CreateBranch("vic", "release", "main")
	s.Repo.Commit("release", githubsim.CommitSpec{Author: "vic", Files: map[string]string{
		".github/gatehouse.yml": site.GateFile("approvals: {required: 2}\n"),
	}})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)
	s.GitHub.Fail(githubsim.FaultSpec{Method: "PATCH", PathPattern: postCheck + "/*", Status: 502, Before: func() {
		s.GitHub.Hooks().SetFilter(func(githubsim.Delivery) githubsim.Fate { return githubsim.Drop })
		pr.Retarget("ann", "release")
	}})
	pr.Approve("mei")
	s.Shows(pr, site.WaitsFor2)
	superseded := false
	for _, e := range s.Entries("publication") {
		superseded = superseded || e.Detail["reason"] == "it goes into release now"
	}
	if !superseded {
		t.Error("the record does not say why the decision was not posted")
	}
}

// A success that needs a waiver is looked at again when the waiver's last day is over, without an event; one that needs none is not.
func TestASuccessEndsWithItsWaiver(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{
		".github/gatehouse-waivers.yml": "- {rule: IM-06, resource: \"*\", reason: moving, owner: mei, expires: " + time.Now().UTC().AddDate(0, 0, 3).Format(time.DateOnly) + "}\n",
	}})
	waiting := func() (n int64) {
		s.Settle()
		stats, err := s.DB.Queue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range stats {
			if kind.Kind == work.KindExpire {
				n = kind.Waiting
			}
		}
		return n
	}
	s.Open("ann", "plain", map[string]string{"README.md": "one\n"}).Approve("mei")
	if n := waiting(); n != 0 {
		t.Errorf("%d looks are planned although no waiver was used", n)
	}
	pr := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	pr.Approve("mei")
	if n := waiting(); n != 1 {
		t.Errorf("%d looks are planned for when the waiver ends; wanted 1", n)
	}
	if !s.Metric("gatehouse_queue_waiting 0") {
		t.Error("what waits for its day counts as work that waits")
	}
	s.Merges(pr, "completed/success: All clear: N documents, N rules, 1 approval")
}
