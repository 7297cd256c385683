package people

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// asks counts what is asked about people while something happens: permissions, memberships, and members of teams.
func (s *place) asks(do func()) string {
	s.T.Helper()
	s.Settle()
	s.GitHub.ForgetRequests()
	do()
	s.Settle()
	return fmt.Sprintf("%d permissions, %d memberships, %d lists", s.GitHub.Count("GET", "/repos/*/*/collaborators/*/permission"),
		s.GitHub.Count("GET", "/orgs/*/teams/*/memberships/*"), s.GitHub.Count("GET", "/orgs/*/teams/*/members"))
}

// What people may do is asked once and remembered while a change waits; a pass is never given from memory; what an event says has changed
// is forgotten; and where the event is lost, somebody who has left counts for no pass all the same.
func TestMembershipsAreRemembered(t *testing.T) {
	s := watching(t, "approvals: {required: 2, from: {teams: [acme/dba]}}\n", nil)
	waits, passes := "in_progress: Waiting for 1 more approval from acme/dba", "completed/success: All clear: N documents, N rules, 2 approvals"
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	label := func(n string) func() { return func() { pr.Label("ann", n) } }
	var got []string
	note := func(what string, do func()) {
		got = append(got, what+": "+s.asks(do)+": "+s.State(pr.HeadSHA()))
	}
	note("mei approves", func() { pr.Approve("mei") })
	note("a label", label("one"))
	other := s.Open("ann", "other", map[string]string{"more.md": "one\n"})
	note("another pull request", func() { other.Approve("mei") })
	other.Close("ann")
	note("a recheck", func() { pr.Comment("ann", "/gatehouse recheck") })
	note("sam approves", func() { pr.Approve("sam") })
	note("another label", label("two"))
	s.GitHub.Hooks().SetFilter(func(d githubsim.Delivery) githubsim.Fate {
		return map[bool]githubsim.Fate{true: githubsim.Drop, false: githubsim.Send}[d.Event == "membership"]
	})
	note("sam leaves, and the event is lost", func() { s.DBA.Remove("sam") })
	note("the next label", label("three"))
	s.GitHub.Hooks().SetFilter(nil)
	s.DBA.Add("sam")
	s.Settle()
	note("sam leaves again", func() { s.DBA.Remove("sam") })
	want := []string{
		"mei approves: 1 permissions, 1 memberships, 0 lists: " + waits, // the list was asked for when it was opened
		"a label: 0 permissions, 0 memberships, 0 lists: " + waits,
		"another pull request: 0 permissions, 0 memberships, 0 lists: " + waits,
		"a recheck: 1 permissions, 1 memberships, 0 lists: " + waits,
		"sam approves: 3 permissions, 3 memberships, 0 lists: " + passes, // sam, and then both again before the pass
		"another label: 2 permissions, 2 memberships, 0 lists: " + passes,
		"sam leaves, and the event is lost: 0 permissions, 0 memberships, 0 lists: " + passes,
		"the next label: 2 permissions, 2 memberships, 0 lists: " + waits,
		"sam leaves again: 2 permissions, 2 memberships, 1 lists: " + waits,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A team of another organisation that has the App can be asked; its people leave it there, and here their approval ends.
func TestTeamsOfAnotherOrganisation(t *testing.T) {
	s := watching(t, "approvals: {from: {teams: [other/sec]}}\n", nil)
	sec := s.GitHub.AddOrg("other", "vic").AddTeam(githubsim.TeamSpec{Name: "sec", Secret: true})
	sec.Add("mei")
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Blocked(pr, "completed/failure: Gatehouse could not evaluate: the App may not read the teams of mei: it lacks the permission members=read of other, where it is not installed")
	s.App.Install("other")
	pr.Comment("ann", "/gatehouse recheck")
	s.Shows(pr, site.Clear1)
	sec.Remove("mei")
	s.Blocked(pr, "in_progress: Waiting for 1 approval from other/sec; other/sec has no members")
	sec.Add("mei")
	s.Merges(pr, site.Clear1)
}
