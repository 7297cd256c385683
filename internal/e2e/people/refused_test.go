package people

import (
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// GitHub refuses the credentials of an installation that is gone as it refuses good ones on a bad day. What an event asks to look at is
// not forgotten for it: an approval ends as soon as GitHub takes them again.
func TestAMemberLeavesWhileGitHubRefusesTheApp(t *testing.T) {
	s := watching(t, "approvals: {from: {teams: [acme/dba]}}\n", nil)
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	const list = "/installation/repositories"
	before := s.GitHub.Count("GET", list)
	s.GitHub.Fail(githubsim.FaultSpec{Method: "GET", PathPattern: list, Status: 401, Times: 2}) // also with a new token
	s.DBA.Remove("mei")
	s.Blocked(pr, "in_progress: Waiting for 1 approval from acme/dba")
	if asked := s.GitHub.Count("GET", list) - before; asked < 3 {
		t.Errorf("the repositories were asked for %d times; GitHub refused nothing", asked)
	}
}
