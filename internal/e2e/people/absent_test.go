package people

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// Who is asked for an approval and cannot give one is named, with what to do about it: else a pull request would wait without an end. A team
// that is made later is found without anybody asking again.
func TestWhoIsAskedInVain(t *testing.T) {
	s := watching(t, `
approvals:
  required: 0
  rules:
    - {name: teams, when: {paths: ["**"]}, required: 1, from: {teams: [acme/dbas, acme/empty]}}
    - {name: people, when: {paths: ["**"]}, required: 1, from: {users: [mei, mai]}}
`, nil)
	s.Org.AddTeam(githubsim.TeamSpec{Name: "empty"})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Blocked(pr, "in_progress: Waiting for 1 approval from acme/dbas or acme/empty and 1 approval from mei or mai; "+
		"acme/dbas does not exist in acme, or the App may not see it (+1)")
	s.Says(pr, "`acme/dbas` does not exist in acme, or the App may not see it: Name a team", "`acme/empty` has no members: Add somebody",
		"`mai` is nobody that GitHub knows: Correct the login", "can approve: **mei**")
	if check := s.Checks(pr.HeadSHA())[0]; !strings.Contains(check.Text, "`acme/dbas` does not exist in acme") {
		t.Errorf("the check does not say it:\n%s", check.Text)
	}
	s.Org.AddTeam(githubsim.TeamSpec{Name: "dbas"}).Add("sam")
	s.Blocked(pr, "in_progress: Waiting for 1 approval from acme/dbas or acme/empty and 1 approval from mei or mai")
	pr.Approve("sam")
	pr.Approve("mei")
	s.Merges(pr, "completed/success: All clear: N documents, N rules, 2 approvals")
}

// A code owner's team that nobody knows is named, too.
func TestOwnersWhoAreUnknown(t *testing.T) {
	s := watching(t, "approvals: {required: 1, from: {codeowners: true}}\n", map[string]string{".github/CODEOWNERS": "*.md @acme/writers\n"})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	s.Blocked(pr, "in_progress: Waiting for 1 approval from the code owners; acme/writers does not exist in acme, or the App may not see it")
}
