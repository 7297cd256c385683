package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// watching is a site whose App is told of workflows, properties, people and branches, too.
func watching(t *testing.T, yaml string, files map[string]string) *site {
	t.Helper()
	in := setup{
		files: map[string]string{".github/gatehouse.yml": gateFile(yaml)}, permissions: map[string]string{"organization_custom_properties": "read"},
		events: []string{"custom_property_values", "member", "membership", "organization", "team", "team_add"},
	}
	for path, content := range files {
		in.files[path] = content
	}
	return newSite(t, in)
}

func TestE2ERulesOnWorkflows(t *testing.T) {
	s := watching(t, `
approvals:
  required: 0
  rules:
    - {name: red, when: {workflows: {.github/workflows/ci.yml: [failure, cancelled]}}, required: 1, from: {teams: [acme/dba]}}
    - {name: unproved, when: {paths: ["docs/**"]}, unless: {workflows: {.github/workflows/ci.yml: [success]}}, required: 1}
`, nil)
	clear, red := "completed/success: All clear: N documents, N rules", "in_progress: Waiting for 1 approval from acme/dba"
	pr := s.open("ann", "fix", map[string]string{"docs/a.md": "one\n"})
	s.blocked(pr, waitsFor1)
	run := func(file string) *githubsim.WorkflowRun {
		return s.repo.AddRun(githubsim.RunSpec{Workflow: file, HeadSHA: pr.HeadSHA(), HeadBranch: "fix", By: "ann", Running: true})
	}
	run(".github/workflows/other.yml").End("success") // is another one
	s.blocked(pr, waitsFor1)
	first := run(".github/workflows/ci.yml")
	first.End("failure")
	s.blocked(pr, red)
	s.says(pr, ".github/workflows/ci.yml ended as failure")
	again := run(".github/workflows/ci.yml") // the latest run counts, and it has not ended
	pr.Label("ann", "seen")
	s.blocked(pr, waitsFor1)
	again.End("success")
	s.merges(pr, clear)
}

func TestE2ERulesOnSignatures(t *testing.T) {
	s := watching(t, `
approvals:
  required: 0
  rules:
    - {name: unsigned, when: {signed: false}, required: 1, from: {teams: [acme/dba]}}
`, nil)
	s.repo.Commit("fix", githubsim.CommitSpec{Author: "ann", Signed: true, Files: map[string]string{"a.md": "one\n"}})
	pr := s.repo.OpenPR(githubsim.PRSpec{By: "ann", Title: "Signed", Head: "fix"})
	s.shows(pr, "completed/success: All clear: N documents, N rules")
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"a.md": "two\n"}})
	s.blocked(pr, "in_progress: Waiting for 1 approval from acme/dba")
	s.says(pr, "nobody has signed commit "+pr.HeadSHA()[:7])
	pr.ForcePush(githubsim.CommitSpec{Signed: true, Files: map[string]string{"a.md": "two\n"}})
	s.merges(pr, "completed/success: All clear: N documents, N rules")
}

func TestE2ERulesOnProperties(t *testing.T) {
	s := watching(t, `
approvals:
  required: 0
  rules:
    - {name: tier, when: {properties: {tier: ["crit*"]}}, required: 1, from: {teams: [acme/dba]}}
    - {name: shared, when: {properties: {languages: [hcl]}}, required: 1, from: {users: [vic]}}
`, nil)
	clear := "completed/success: All clear: N documents, N rules"
	pr := s.open("ann", "fix", map[string]string{"docs/a.md": "one\n"})
	s.shows(pr, clear)
	s.repo.SetProperty("tier", "critical") // GitHub tells, and open pull requests are looked at again
	s.blocked(pr, "in_progress: Waiting for 1 approval from acme/dba")
	s.says(pr, "the repository's tier is critical")
	s.repo.SetProperty("languages", "go", "hcl")
	s.blocked(pr, "in_progress: Waiting for 1 approval from acme/dba and 1 approval from vic")
	s.repo.SetProperty("languages", "go", "python")
	s.repo.SetProperty("tier")
	s.merges(pr, clear)
}

func TestE2ECodeOwnersOfTheBaseBranchCount(t *testing.T) {
	s := watching(t, "approvals: {from: {codeowners: true}}\n", map[string]string{"CODEOWNERS": "*.md @mei someone@example.com\n"})
	pr := s.open("ann", "fix", map[string]string{"a.md": "one\n"})
	pr.Approve("sam")
	s.blocked(pr, "in_progress: Waiting for 1 approval from the code owners")
	s.says(pr, "sam** owns none of the changed files")
	s.repo.Protect("main", githubsim.Protection{})
	s.repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"CODEOWNERS": "*.md @mei\n*.md @acme/dba\n"}})
	s.shows(pr, clear1) // the last line that matches counts, and sam is of the team
	s.dba.Remove("sam")
	s.shows(pr, "in_progress: Waiting for 1 approval from the code owners")
}

// Every event that changes who may speak for a change makes Gatehouse look again at the open pull requests, with nobody asking.
func TestE2EPeopleChange(t *testing.T) {
	s := watching(t, "approvals: {from: {teams: [acme/dba, acme/dba-night]}}\n", nil)
	night := s.org.AddTeam(githubsim.TeamSpec{Name: "dba night", Parent: s.dba})
	secret := s.org.AddTeam(githubsim.TeamSpec{Name: "dba-night-2", Secret: true})
	waits := "in_progress: Waiting for 1 approval from acme/dba or acme/dba-night"
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	s.shows(pr, clear1)
	for _, change := range []struct {
		what string
		do   func()
		want string
	}{
		{"out of the team", func() { s.dba.Remove("mei") }, waits},
		{"into a team below it", func() { night.Add("mei") }, clear1},
		{"no write access any more", func() { s.repo.AddCollaborator("mei", "read") }, waits},
		{"write access again", func() { s.repo.AddCollaborator("mei", "write") }, clear1},
		{"out of the organisation", func() { s.org.RemoveMember("mei") }, waits},
		{"back, in a team that nobody asked", func() { secret.Add("mei") }, waits},
		{"back in the team", func() { s.dba.Add("mei") }, clear1},
	} {
		change.do()
		s.settle()
		if diff := cmp.Diff(change.want, s.state(pr.HeadSHA())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", change.what, diff)
		}
	}
	s.merges(pr, clear1)
}
