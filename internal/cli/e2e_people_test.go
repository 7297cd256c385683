package cli

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

func TestE2EABotsApprovalDoesNotCount(t *testing.T) {
	s := newSite(t, setup{})
	s.gh.AddBot("helper[bot]")
	s.repo.AddCollaborator("helper[bot]", "write")
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("helper[bot]")
	s.blocked(pr, waitsFor1)
	s.says(pr, "is a bot; only people approve")
}

func TestE2EAnUnknownAuthorAsksForOneMore(t *testing.T) {
	s := newSite(t, setup{})
	s.repo.Commit("fix", githubsim.CommitSpec{Author: "Some Body <some@where.example>", Pusher: "ann", Files: map[string]string{"README.md": "one\n"}})
	pr := s.repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "By somebody", Head: "fix"})
	pr.Approve("mei")
	s.blocked(pr, "in_progress: Waiting for 1 more approval")
	pr.Approve("sam")
	s.merges(pr, "completed/success: All clear: N documents, N rules, 2 approvals")
}

func TestE2ECoAuthorsDoNotApprove(t *testing.T) {
	s := newSite(t, setup{})
	mei := s.gh.User("mei")
	s.repo.Commit("mine", githubsim.CommitSpec{Author: "mei", Files: map[string]string{"a.md": "one\n"}})
	s.repo.Commit("mine", githubsim.CommitSpec{
		Author: "ann", Message: "Together\n\nCo-authored-by: Mei <" + mei.Email() + ">", Files: map[string]string{"README.md": "one\n"},
	})
	pr := s.repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "Together", Head: "mine"})
	pr.Approve("mei")
	s.blocked(pr, waitsFor1)
	s.says(pr, "mei", "of this pull request")
	pr.Approve("sam")
	s.merges(pr, clear1)
}

// A co-author's address alone: GitHub's own form names the account, any other names nobody, and asks for one more.
func TestE2ECoAuthorsByAddress(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "one", nil)
	pr.Push(githubsim.CommitSpec{Message: "x\n\nCo-authored-by: Mei <77+mei@users.noreply.github.com>", Files: map[string]string{"README.md": "1\n"}})
	pr.Approve("mei")
	s.blocked(pr, waitsFor1)
	s.says(pr, "mei", "is a co-author of commit")
	pr.Push(githubsim.CommitSpec{Message: "x\n\nCo-authored-by: Who <who@where.example>", Files: map[string]string{"README.md": "2\n"}})
	pr.Approve("sam")
	s.blocked(pr, "in_progress: Waiting for 1 more approval")
}

func TestE2ETheLastPusherDoesNotApprove(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Push(githubsim.CommitSpec{Author: "ann", Pusher: "mei", Files: map[string]string{"README.md": "two\n"}})
	pr.Approve("mei")
	s.blocked(pr, waitsFor1)
	s.says(pr, "mei", "pushed "+pr.HeadSHA()[:7])
	pr.Approve("sam")
	s.merges(pr, clear1)
}

func TestE2EWhoLosesAccessLosesTheirVote(t *testing.T) {
	s := newSite(t, setup{files: map[string]string{".github/gatehouse.yml": gateFile("approvals: {required: 1, from: {teams: [acme/dba]}}\n")}})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("vic")
	s.blocked(pr, "in_progress: Waiting for 1 approval from acme/dba")
	pr.Approve("mei")
	s.shows(pr, clear1)
	s.dba.Remove("mei")
	comment := pr.Comment("sam", "/gatehouse recheck")
	s.blocked(pr, "in_progress: Waiting for 1 approval from acme/dba")
	s.reacted(pr, comment.ID(), "+1")
	s.dba.Add("mei")
	pr.Comment("sam", "/gatehouse recheck")
	s.merges(pr, clear1)
}

// reacted compares the reactions to a comment.
func (s *site) reacted(pr *githubsim.PR, comment int64, want string) {
	s.t.Helper()
	for _, c := range pr.View().Comments {
		if c.ID == comment {
			if got := strings.Join(c.Reactions, " "); got != want {
				s.t.Errorf("reactions to %q are %q; wanted %q", c.Body, got, want)
			}
			return
		}
	}
	s.t.Errorf("comment %d is gone", comment)
}

func TestE2ECommands(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, waitsFor1)

	before := len(s.entries("decision"))
	idle := pr.Comment("ann", "I like it\n/gatehouse recheck")
	edited := pr.Comment("ann", "hello")
	edited.Edit("vic", "/gatehouse recheck")
	s.settle()
	if n := len(s.entries("decision")); n != before {
		t.Errorf("what is no command led to %d decisions", n-before)
	}
	recheck := pr.Comment("ann", "/gatehouse recheck")
	s.settle()
	if n := len(s.entries("decision")); n != before+1 {
		t.Errorf("a recheck led to %d decisions", n-before)
	}
	nonsense := pr.Comment("ann", "/gatehouse open-sesame")
	explain := pr.Comment("ann", "/gatehouse explain im-06")
	s.settle()
	for id, want := range map[int64]string{idle.ID(): "", edited.ID(): "", recheck.ID(): "+1", nonsense.ID(): "confused", explain.ID(): "+1"} {
		s.reacted(pr, id, want)
	}
	var replies []string
	sticky := 0
	for _, c := range pr.View().Comments {
		switch {
		case c.By == "gatehouse[bot]" && strings.Contains(c.Body, "<!-- gatehouse:sticky -->"):
			sticky++
		case c.By == "gatehouse[bot]":
			replies = append(replies, strings.SplitN(c.Body, "\n", 2)[0])
		}
	}
	if len(replies) != 2 || !strings.Contains(replies[0]+replies[1], "IM-06") || !strings.Contains(replies[0]+replies[1], "no command") {
		t.Errorf("replies: %q", replies)
	}
	if sticky != 1 {
		t.Errorf("%d sticky comments", sticky)
	}
}

func TestE2ETheButtonsOnTheCheck(t *testing.T) {
	s := newSite(t, setup{})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.shows(pr, waitsFor1)
	for i, press := range []func(){
		func() { s.repo.CheckRun(pr.HeadSHA(), "gatehouse").RequestAction("ann", "recheck") },
		func() { s.repo.CheckRun(pr.HeadSHA(), "gatehouse").Rerequest("ann") },
		func() { s.app.RerequestSuite(s.repo, "ann", pr.HeadSHA()) },
	} {
		before := len(s.entries("decision"))
		press()
		s.shows(pr, waitsFor1)
		if n := len(s.entries("decision")); n != before+1 {
			t.Errorf("button %d led to %d decisions", i, n-before)
		}
	}
}
