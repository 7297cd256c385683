package cli

import (
	"strings"
	"testing"
)

const teamRule = `# METADATA
# title: Pods are named after their team
# custom:
#   id: ACME-01
#   severity: high
#   remedy: Add the label team.
#   inspects: {kubernetes: [Pod]}
package acme.team

deny contains "has no label team; wanted: one" if not input.resource.metadata.labels.team
`

const teamExamples = `good:
  - name: with a team
    kubernetes: |
      {apiVersion: v1, kind: Pod, metadata: {name: a, labels: {team: x}}, spec: {containers: []}}
bad:
  - name: without
    kubernetes: |
      {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: []}}
    findings:
      - {resource: v1/Pod//a, message: "has no label team; wanted: one"}
`

// TestE2EProposedRulesAreTriedInTheirOwnPullRequest: a rule that does not load, or that its own tests contradict, is red before it can
// judge anybody.
func TestE2EProposedRulesAreTriedInTheirOwnPullRequest(t *testing.T) {
	s := newSite(t, setup{files: map[string]string{
		".github/gatehouse.yml":           gateFile("  paths: [.gatehouse/policies]\n"),
		".gatehouse/policies/team.rego":   teamRule,
		".gatehouse/policies/readme.yaml": "a: 1\n",
	}})
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"syntax": {
			map[string]string{".gatehouse/policies/team.rego": teamRule + "deny contains {\n"},
			".gatehouse/policies/team.rego:",
		},
		"setting": {
			map[string]string{".github/gatehouse.yml": gateFile("  paths: [.gatehouse/policies]\n  rules: {ACME-02: {enforcement: warn}}\n"), ".gatehouse/policies/team.rego": teamRule + "\n"},
			"there is no rule ACME-02",
		},
		"example": {
			map[string]string{".gatehouse/policies/team.rego": teamRule + "\ndeny contains \"never\"\n", ".gatehouse/policies/team.examples.yaml": teamExamples},
			"the example",
		},
		"test": {
			map[string]string{".gatehouse/policies/team_test.rego": "package acme.team_test\n\nimport data.acme.team\n\ntest_it if count(team.deny) == 3 with input as {}\n"},
			".gatehouse/policies/team_test.rego:5",
		},
		"endless": {
			map[string]string{".gatehouse/policies/team_test.rego": "package acme.team_test\n\ntest_it if count([1 | some a in numbers.range(1, 1000000); some b in numbers.range(1, 1000000); a == b]) == 3\n"},
			".gatehouse/policies",
		},
	} {
		pr := s.open("ann", name, c.files)
		s.until("the check that says so", func() bool {
			return strings.HasPrefix(s.state(pr.HeadSHA()), couldNot) && s.comment(pr) != ""
		})
		s.says(pr, c.says)
	}
	pr := s.open("ann", "good", map[string]string{".gatehouse/policies/team.rego": teamRule + "\n# better\n", ".gatehouse/policies/team.examples.yaml": teamExamples})
	pr.Approve("mei")
	s.merges(pr, "completed/success: All clear: N documents, N rules, 1 approval")
}
