package people

import (
	"fmt"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// Two hundred strangers approve and ask for changes: what GitHub is asked does not grow with them, those who count still do, and the strangers are told why they do not.
func TestACrowdOfStrangers(t *testing.T) {
	in := watchful("approvals: {required: 2, from: {permission: write, teams: [acme/dba, acme/dba-night]}}\n", nil)
	in.GitHub = githubsim.Options{Unlimited: true, WebhookWorkers: 8}
	s := newPlace(t, in)
	s.Org.AddTeam(githubsim.TeamSpec{Name: "dba-night"}).Add("sam")
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.GitHub.Hooks().Hold()
	for i := range 200 {
		login := fmt.Sprintf("stranger-%d", i)
		s.GitHub.AddUser(login)
		if i%2 == 0 {
			pr.Approve(login)
		} else {
			pr.RequestChanges(login, "no")
		}
	}
	pr.Approve("mei")
	s.GitHub.Hooks().Release()
	s.Settle()
	const waits = "in_progress: Waiting for 1 more approval from acme/dba, acme/dba-night or people with write access"
	if got := s.State(pr.HeadSHA()); got != waits {
		t.Fatalf("the check says %q", got)
	}
	s.Says(pr, "stranger-0** has read access to the repository; write is needed")
	recheck := s.asks(func() { pr.Comment("ann", "/gatehouse recheck") })
	lists := s.GitHub.Count("GET", "/repos/*/*/collaborators")
	if want := "1 permissions, 2 memberships, 0 lists"; recheck != want || lists != 1 {
		t.Errorf("a recheck asks for %s, and %d times for the collaborators; wanted %s, and once", recheck, lists, want)
	}
	// Somebody who may write here comes late, and counts.
	s.GitHub.AddUser("outsider")
	s.Repo.AddCollaborator("outsider", "write")
	pr.Approve("outsider")
	s.Merges(pr, "completed/success: All clear: N documents, N rules, 2 approvals")
}

// Where GitHub does not list who may write, people are asked for one by one, as many as there is time for; the others are told, and block
// with what they ask for.
func TestACrowdThatCannotBeToldApart(t *testing.T) {
	in := watchful("approvals: {required: 1}\n", nil)
	in.GitHub = githubsim.Options{Unlimited: true, WebhookWorkers: 8}
	s := newPlace(t, in)
	s.refuses("GET", "/repos/*/*/collaborators", 404)
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.GitHub.Hooks().Hold()
	for i := range 120 {
		login := fmt.Sprintf("stranger-%03d", i)
		s.GitHub.AddUser(login)
		pr.Approve(login)
	}
	pr.Approve("mei")
	s.GitHub.Hooks().Release()
	s.Shows(pr, site.Clear1)
	asked := s.asks(func() { pr.Comment("ann", "/gatehouse recheck") })
	if want := "100 permissions, 0 memberships, 0 lists"; asked != want {
		t.Errorf("a recheck asks for %s; wanted %s", asked, want)
	}
	s.Says(pr, "was not looked up, for too many others have reviewed this")
	s.GitHub.AddUser("zoe")
	pr.RequestChanges("zoe", "no")
	s.Blocked(pr, "in_progress: Waiting for zoe, who asked for changes")
}

func (s *place) refuses(method, path string, status int) {
	s.GitHub.Fail(githubsim.FaultSpec{Method: method, PathPattern: path, Status: status, Times: -1, Body: `{"message":"Not Found"}`})
}
