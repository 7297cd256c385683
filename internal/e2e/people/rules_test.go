package people

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// governed is a site with a configuration's approvals.
func governed(t *testing.T, yaml string) *place {
	return newPlace(t, site.Setup{Files: map[string]string{".github/gatehouse.yml": site.GateFile(yaml)}})
}

func TestGroupsOfApprovers(t *testing.T) {
	s := governed(t, `
approvals:
  from:
    or:
      - {users: [vic]}
      - and:
          - {teams: [acme/dba], required: 1}
          - {users: [sam]}
`)
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Blocked(pr, "in_progress: Waiting for 1 approval from vic or (1 of acme/dba and sam)")
	s.Says(pr, "can approve: ")
	pr.Approve("mei")
	s.Blocked(pr, "in_progress: Waiting for 1 more approval from vic or (1 of acme/dba and sam)")
	pr.Approve("sam")
	s.Merges(pr, "completed/success: All clear: N documents, N rules, 2 approvals")
}

func TestCommentsApproveWhereConfigured(t *testing.T) {
	var ahead atomic.Int64 // seconds: GitHub's times have no finer ones, and an edit shows by its time
	s := newPlace(t, site.Setup{
		Files:  map[string]string{".github/gatehouse.yml": site.GateFile("approvals: {comments: [LGTM]}\n")},
		GitHub: githubsim.Options{Clock: func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Second) }},
	})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)
	pr.Comment("mei", "LGTM, I think")
	s.Shows(pr, site.WaitsFor1)
	comment := pr.Comment("mei", "LGTM\nand thanks")
	s.Shows(pr, site.Clear1)
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "two\n"}})
	s.Blocked(pr, site.WaitsFor1)
	s.Says(pr, "mei** approved ", "README.md changed")
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "one\n"}})
	s.Shows(pr, site.Clear1)
	ahead.Store(2)
	comment.Edit("vic", "LGTM")
	s.Blocked(pr, site.WaitsFor1)
	pr.Comment("ann", "LGTM")
	s.Blocked(pr, site.WaitsFor1)
	s.Says(pr, "ann** opened this pull request")
}

func TestARuleOnLabelsFollowsThem(t *testing.T) {
	s := governed(t, `
approvals:
  required: 0
  rules:
    - {name: risky, when: {labels: [risk]}, required: 1, from: {teams: [acme/dba]}}
`)
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, "completed/success: All clear: N documents, N rules")
	pr.Label("sam", "risk")
	s.Blocked(pr, "in_progress: Waiting for 1 approval from acme/dba")
	s.Says(pr, "it has the label risk")
	pr.Unlabel("sam", "risk")
	s.Shows(pr, "completed/success: All clear: N documents, N rules")
}

func TestMissingReviewersAreAsked(t *testing.T) {
	s := governed(t, `
approvals:
  request: {teams: true, people: 1}
  from: {teams: [acme/dba]}
`)
	busy := s.Open("sam", "busy", map[string]string{"more.md": "one\n"}) // mei is the only one who can
	s.Shows(busy, "in_progress: Waiting for 1 approval from acme/dba")
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, "in_progress: Waiting for 1 approval from acme/dba")
	if got := strings.Join(pr.View().Reviewers, " "); got != "sam acme/dba" {
		t.Errorf("asked for a review: %s; wanted sam, whom fewer wait for, and the team", got)
	}
	pr.Approve("sam")
	s.Merges(pr, site.Clear1)
}

func TestRequiredChecksOfOthers(t *testing.T) {
	s := newPlace(t, site.Setup{
		Files:       map[string]string{".github/gatehouse.yml": site.GateFile("required_checks: [ci/lint]\n")},
		Permissions: map[string]string{"statuses": "read"},
	})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	waits := "in_progress: Waiting for a successful check of ci/lint at " + pr.HeadSHA()[:7]
	s.Blocked(pr, waits)
	for _, state := range []string{"failure", "success"} {
		if err := s.Repo.SetStatus("ann", pr.HeadSHA(), "ci/lint", state); err != nil {
			t.Fatal(err)
		}
		s.Settle()
	}
	s.Merges(pr, site.Clear1)
}
