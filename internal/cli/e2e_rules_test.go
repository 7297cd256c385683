package cli

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// governed is a site with a configuration's approvals.
func governed(t *testing.T, yaml string) *site {
	return newSite(t, setup{files: map[string]string{".github/gatehouse.yml": gateFile(yaml)}})
}

func TestE2EGroupsOfApprovers(t *testing.T) {
	s := governed(t, `
approvals:
  from:
    or:
      - {users: [vic]}
      - and:
          - {teams: [acme/dba], required: 1}
          - {users: [sam]}
`)
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.blocked(pr, "in_progress: Waiting for 1 approval from vic or (1 of acme/dba and sam)")
	s.says(pr, "can approve: ")
	pr.Approve("mei")
	s.blocked(pr, "in_progress: Waiting for 1 more approval from vic or (1 of acme/dba and sam)")
	pr.Approve("sam")
	s.merges(pr, "completed/success: All clear: N documents, N rules, 2 approvals")
}

func TestE2ECommentsApproveWhereConfigured(t *testing.T) {
	var ahead atomic.Int64 // seconds: GitHub's times have no finer ones, and an edit shows by its time
	s := newSite(t, setup{
		files:  map[string]string{".github/gatehouse.yml": gateFile("approvals: {comments: [LGTM]}\n")},
		github: githubsim.Options{Clock: func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Second) }},
	})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, waitsFor1)
	pr.Comment("mei", "LGTM, I think")
	s.shows(pr, waitsFor1)
	comment := pr.Comment("mei", "LGTM\nand thanks")
	s.shows(pr, clear1)
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "two\n"}})
	s.blocked(pr, waitsFor1)
	s.says(pr, "mei** approved ", "README.md changed")
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"README.md": "one\n"}})
	s.shows(pr, clear1)
	ahead.Store(2)
	comment.Edit("vic", "LGTM")
	s.blocked(pr, waitsFor1)
	pr.Comment("ann", "LGTM")
	s.blocked(pr, waitsFor1)
	s.says(pr, "ann** opened this pull request")
}

func TestE2EARuleOnLabelsFollowsThem(t *testing.T) {
	s := governed(t, `
approvals:
  required: 0
  rules:
    - {name: risky, when: {labels: [risk]}, required: 1, from: {teams: [acme/dba]}}
`)
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, "completed/success: All clear: N documents, N rules")
	pr.Label("sam", "risk")
	s.blocked(pr, "in_progress: Waiting for 1 approval from acme/dba")
	s.says(pr, "it has the label risk")
	pr.Unlabel("sam", "risk")
	s.shows(pr, "completed/success: All clear: N documents, N rules")
}

func TestE2EMissingReviewersAreAsked(t *testing.T) {
	s := governed(t, `
approvals:
  request: {teams: true, people: 1}
  from: {teams: [acme/dba]}
`)
	busy := s.open("sam", "busy", map[string]string{"more.md": "one\n"}) // mei is the only one who can
	s.shows(busy, "in_progress: Waiting for 1 approval from acme/dba")
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, "in_progress: Waiting for 1 approval from acme/dba")
	if got := strings.Join(pr.View().Reviewers, " "); got != "sam acme/dba" {
		t.Errorf("asked for a review: %s; wanted sam, whom fewer wait for, and the team", got)
	}
	pr.Approve("sam")
	s.merges(pr, clear1)
}

func TestE2ERequiredChecksOfOthers(t *testing.T) {
	s := newSite(t, setup{
		files:       map[string]string{".github/gatehouse.yml": gateFile("required_checks: [ci/lint]\n")},
		permissions: map[string]string{"statuses": "read"},
	})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	waits := "in_progress: Waiting for a successful check of ci/lint at " + pr.HeadSHA()[:7]
	s.blocked(pr, waits)
	for _, state := range []string{"failure", "success"} {
		if err := s.repo.SetStatus("ann", pr.HeadSHA(), "ci/lint", state); err != nil {
			t.Fatal(err)
		}
		s.settle()
	}
	s.merges(pr, clear1)
}
