package people

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// watching is a site whose App is told of workflows, properties, people and branches, too.
func watching(t *testing.T, yaml string, files map[string]string) *place {
	t.Helper()
	return newPlace(t, watchful(yaml, files))
}

func watchful(yaml string, files map[string]string) site.Setup {
	in := site.Setup{
		Files: map[string]string{".github/gatehouse.yml": site.GateFile(yaml)}, Permissions: map[string]string{"organization_custom_properties": "read"},
		Events: []string{"custom_property_values", "member", "membership", "organization", "team", "team_add"},
	}
	for path, content := range files {
		in.Files[path] = content
	}
	return in
}

func TestRulesOnWorkflows(t *testing.T) {
	s := watching(t, `
approvals:
  required: 0
  rules:
    - {name: red, when: {workflows: {.github/workflows/ci.yml: [failure, cancelled]}}, required: 1, from: {teams: [acme/dba]}}
    - {name: unproved, when: {paths: ["docs/**"]}, unless: {workflows: {.github/workflows/ci.yml: [success]}}, required: 1}
`, nil)
	clear, red := "completed/success: All clear: N documents, N rules", "in_progress: Waiting for 1 approval from acme/dba"
	pr := s.Open("ann", "fix", map[string]string{"docs/a.md": "one\n"})
	s.Blocked(pr, site.WaitsFor1)
	run := func(file string) *githubsim.WorkflowRun {
		return s.Repo.AddRun(githubsim.RunSpec{Workflow: file, HeadSHA: pr.HeadSHA(), HeadBranch: "fix", By: "ann", Running: true})
	}
	run(".github/workflows/other.yml").End("success") // is another one
	s.Blocked(pr, site.WaitsFor1)
	first := run(".github/workflows/ci.yml")
	first.End("failure")
	s.Blocked(pr, red)
	s.Says(pr, ".github/workflows/ci.yml ended as failure")
	again := run(".github/workflows/ci.yml") // the latest run counts, and it has not ended
	pr.Label("ann", "seen")
	s.Blocked(pr, site.WaitsFor1)
	again.End("success")
	s.Merges(pr, clear)
}

func TestRulesOnSignatures(t *testing.T) {
	s := watching(t, `
approvals:
  required: 0
  rules:
    - {name: unsigned, when: {signed: false}, required: 1, from: {teams: [acme/dba]}}
`, nil)
	s.Repo.Commit("fix", githubsim.CommitSpec{Author: "ann", Signed: true, Files: map[string]string{"a.md": "one\n"}})
	pr := s.Repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "Signed", Head: "fix"})
	s.Shows(pr, "completed/success: All clear: N documents, N rules")
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"a.md": "two\n"}})
	s.Blocked(pr, "in_progress: Waiting for 1 approval from acme/dba")
	s.Says(pr, "nobody has signed commit "+pr.HeadSHA()[:7])
	pr.ForcePush(githubsim.CommitSpec{Signed: true, Files: map[string]string{"a.md": "two\n"}})
	s.Merges(pr, "completed/success: All clear: N documents, N rules")
}

func TestRulesOnProperties(t *testing.T) {
	s := watching(t, `
approvals:
  required: 0
  rules:
    - {name: tier, when: {properties: {tier: ["crit*"]}}, required: 1, from: {teams: [acme/dba]}}
    - {name: shared, when: {properties: {languages: [hcl]}}, required: 1, from: {users: [vic]}}
`, nil)
	clear := "completed/success: All clear: N documents, N rules"
	pr := s.Open("ann", "fix", map[string]string{"docs/a.md": "one\n"})
	s.Shows(pr, clear)
	s.Repo.SetProperty("tier", "critical") // GitHub tells, and open pull requests are looked at again
	s.Blocked(pr, "in_progress: Waiting for 1 approval from acme/dba")
	s.Says(pr, "the repository's tier is critical")
	s.Repo.SetProperty("languages", "go", "hcl")
	s.Blocked(pr, "in_progress: Waiting for 1 approval from acme/dba and 1 approval from vic")
	s.Repo.SetProperty("languages", "go", "python")
	s.Repo.SetProperty("tier")
	s.Merges(pr, clear)
}

func TestCodeOwnersOfTheBaseBranchCount(t *testing.T) {
	s := watching(t, "approvals: {from: {codeowners: true}}\n", map[string]string{"CODEOWNERS": "*.md @mei someone@example.com\n"})
	pr := s.Open("ann", "fix", map[string]string{"a.md": "one\n"})
	pr.Approve("sam")
	s.Blocked(pr, "in_progress: Waiting for 1 approval from the code owners")
	s.Says(pr, "sam** owns none of the changed files")
	s.Repo.Protect("main", githubsim.Protection{})
	s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"CODEOWNERS": "*.md @mei\n*.md @acme/dba\n"}})
	s.Shows(pr, site.Clear1) // the last line that matches counts, and sam is of the team
	s.DBA.Remove("sam")
	s.Shows(pr, "in_progress: Waiting for 1 approval from the code owners")
}

// Every event that changes who may speak for a change makes Gatehouse look again at the open pull requests, with nobody asking.
func TestPeopleChange(t *testing.T) {
	s := watching(t, "approvals: {from: {teams: [acme/dba, acme/dba-night]}}\n", nil)
	night := s.Org.AddTeam(githubsim.TeamSpec{Name: "dba night", Parent: s.DBA})
	secret := s.Org.AddTeam(githubsim.TeamSpec{Name: "dba-night-2", Secret: true})
	waits := "in_progress: Waiting for 1 approval from acme/dba or acme/dba-night"
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	for _, change := range []struct {
		what string
		do   func()
		want string
	}{
		{"out of the team", func() { s.DBA.Remove("mei") }, waits},
		{"into a team below it", func() { night.Add("mei") }, site.Clear1},
		{"no write access any more", func() { s.Repo.AddCollaborator("mei", "read") }, waits},
		{"write access again", func() { s.Repo.AddCollaborator("mei", "write") }, site.Clear1},
		{"out of the organisation", func() { s.Org.RemoveMember("mei") }, waits},
		{"back, in a team that nobody asked", func() { secret.Add("mei") }, waits},
		{"back in the team", func() { s.DBA.Add("mei") }, site.Clear1},
	} {
		change.do()
		s.Settle()
		if diff := cmp.Diff(change.want, s.State(pr.HeadSHA())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", change.what, diff)
		}
	}
	s.Merges(pr, site.Clear1)
}
