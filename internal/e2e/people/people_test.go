package people

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

func TestABotsApprovalDoesNotCount(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.GitHub.AddBot("helper[bot]")
	s.Repo.AddCollaborator("helper[bot]", "write")
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("helper[bot]")
	s.Blocked(pr, site.WaitsFor1)
	s.Says(pr, "is a bot; only people approve")
}

func TestAnUnknownAuthorAsksForOneMore(t *testing.T) {
	s := newPlace(t, site.Setup{})
	s.Repo.Commit("fix", githubsim.CommitSpec{Author: "Some Body <some@where.example>", Pusher: "ann", Files: map[string]string{"README.md": "one\n"}})
	pr := s.Repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "By somebody", Head: "fix"})
	pr.Approve("mei")
	s.Blocked(pr, "in_progress: Waiting for 1 more approval")
	pr.Approve("sam")
	s.Merges(pr, "completed/success: All clear: N documents, N rules, 2 approvals")
}

func TestCoAuthorsDoNotApprove(t *testing.T) {
	s := newPlace(t, site.Setup{})
	mei := s.GitHub.User("mei")
	s.Repo.Commit("mine", githubsim.CommitSpec{Author: "mei", Files: map[string]string{"a.md": "one\n"}})
	s.Repo.Commit("mine", githubsim.CommitSpec{
		Author: "ann", Message: "Together\n\nCo-authored-by: Mei <" + mei.Email() + ">", Files: map[string]string{"README.md": "one\n"},
	})
	pr := s.Repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "Together", Head: "mine"})
	pr.Approve("mei")
	s.Blocked(pr, site.WaitsFor1)
	s.Says(pr, "mei", "of this pull request")
	pr.Approve("sam")
	s.Merges(pr, site.Clear1)
}

// A co-author's address alone: GitHub's own form names the account, any other names nobody, and asks for one more.
func TestCoAuthorsByAddress(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "one", nil)
	pr.Push(githubsim.CommitSpec{Message: "x\n\nCo-authored-by: Mei <77+mei@users.noreply.github.com>", Files: map[string]string{"README.md": "1\n"}})
	pr.Approve("mei")
	s.Blocked(pr, site.WaitsFor1)
	s.Says(pr, "mei", "is a co-author of commit")
	pr.Push(githubsim.CommitSpec{Message: "x\n\nCo-authored-by: Who <who@where.example>", Files: map[string]string{"README.md": "2\n"}})
	pr.Approve("sam")
	s.Blocked(pr, "in_progress: Waiting for 1 more approval")
}

func TestTheLastPusherDoesNotApprove(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Push(githubsim.CommitSpec{Author: "ann", Pusher: "mei", Files: map[string]string{"README.md": "two\n"}})
	pr.Approve("mei")
	s.Blocked(pr, site.WaitsFor1)
	s.Says(pr, "mei", "pushed "+pr.HeadSHA()[:7])
	pr.Approve("sam")
	s.Merges(pr, site.Clear1)
}

func TestWhoLosesAccessLosesTheirVote(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{".github/gatehouse.yml": site.GateFile("approvals: {required: 1, from: {teams: [acme/dba]}}\n")}})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("vic")
	s.Blocked(pr, "in_progress: Waiting for 1 approval from acme/dba")
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	s.DBA.Remove("mei")
	comment := pr.Comment("sam", "/gatehouse recheck")
	s.Blocked(pr, "in_progress: Waiting for 1 approval from acme/dba")
	s.reacted(pr, comment.ID(), "+1")
	s.DBA.Add("mei")
	pr.Comment("sam", "/gatehouse recheck")
	s.Merges(pr, site.Clear1)
}

// reacted compares the reactions to a comment.
func (s *place) reacted(pr *githubsim.PR, comment int64, want string) {
	s.T.Helper()
	for _, c := range pr.View().Comments {
		if c.ID == comment {
			if got := strings.Join(c.Reactions, " "); got != want {
				s.T.Errorf("reactions to %q are %q; wanted %q", c.Body, got, want)
			}
			return
		}
	}
	s.T.Errorf("comment %d is gone", comment)
}

func TestCommands(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)

	before := len(s.Entries("decision"))
	idle := pr.Comment("ann", "I like it\n/gatehouse recheck")
	edited := pr.Comment("ann", "hello")
	edited.Edit("vic", "/gatehouse recheck")
	s.Settle()
	if n := len(s.Entries("decision")); n != before {
		t.Errorf("what is no command led to %d decisions", n-before)
	}
	recheck := pr.Comment("ann", "/gatehouse recheck")
	s.Settle()
	if n := len(s.Entries("decision")); n != before+1 {
		t.Errorf("a recheck led to %d decisions", n-before)
	}
	// An answer that GitHub has, although it said 502, is not given again.
	s.GitHub.Fail(githubsim.FaultSpec{Method: "POST", PathPattern: "/repos/*/*/issues/*/comments", Status: 502, AfterStore: true})
	nonsense := pr.Comment("ann", "/gatehouse open-sesame")
	explain := pr.Comment("ann", "/gatehouse explain im-06")
	s.Settle()
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
			replies = append(replies, strings.SplitN(c.Body, "\n", 3)[1]) // the first line is its marker
		}
	}
	if len(replies) != 2 || !strings.Contains(replies[0]+replies[1], "IM-06") || !strings.Contains(replies[0]+replies[1], "no command") {
		t.Errorf("replies: %q", replies)
	}
	if sticky != 1 {
		t.Errorf("%d sticky comments", sticky)
	}
}

func TestTheButtonsOnTheCheck(t *testing.T) {
	s := newPlace(t, site.Setup{})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Shows(pr, site.WaitsFor1)
	for i, press := range []func(){
		func() { s.Repo.CheckRun(pr.HeadSHA(), "gatehouse").RequestAction("ann", "recheck") },
		func() { s.Repo.CheckRun(pr.HeadSHA(), "gatehouse").Rerequest("ann") },
		func() { s.App.RerequestSuite(s.Repo, "ann", pr.HeadSHA()) },
	} {
		before := len(s.Entries("decision"))
		press()
		s.Shows(pr, site.WaitsFor1)
		if n := len(s.Entries("decision")); n != before+1 {
			t.Errorf("button %d led to %d decisions", i, n-before)
		}
	}
}
