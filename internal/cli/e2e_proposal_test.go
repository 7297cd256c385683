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

// TestE2EProposedRulesAreHeldAgainstThePast: who proposes rules, or other settings for them, sees which recent pull requests would have
// come out differently; the rules in force decide all the same, and what is shown is on record.
func TestE2EProposedRulesAreHeldAgainstThePast(t *testing.T) {
	pod := func(name, labels string) map[string]string {
		return map[string]string{"k8s/" + name + ".yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", labels: {" + labels + "}}\nspec: {hostNetwork: " + map[bool]string{true: "true", false: "false"}[name == "host"] + ", containers: []}\n"}
	}
	s := newSite(t, setup{files: map[string]string{".github/gatehouse.yml": gateFile("  paths: [.gatehouse/policies]\n"), ".gatehouse/policies/team.rego": teamRule}})
	good := s.open("ann", "good", pod("good", "team: x"))
	good.Approve("mei")
	s.open("ann", "bad", pod("bad", ""))
	s.open("ann", "host", pod("host", "team: x"))
	s.open("ann", "docs", map[string]string{"README.md": "hello\n"})
	s.settle()

	stricter := strings.ReplaceAll(teamRule, "if not input.resource.metadata.labels.team", "if not input.resource.metadata.labels.owner")
	pr := s.open("ann", "owners", map[string]string{".gatehouse/policies/team.rego": strings.ReplaceAll(stricter, "no label team", "no label owner")})
	pr.Approve("mei")
	s.shows(pr, "completed/success: All clear: N documents, N rules, 1 approval")
	s.says(pr,
		"The proposed rules on 4 pull requests of the last 90 days: 1 with another verdict, 2 with the same verdict for other reasons, 1 the same",
		"- pull request 1, Change good: **pass** → **fail**\n  - blocks ACME-01 on v1/Pod//good: has no label owner; wanted: one\n",
		"- pull request 2, Change bad: **fail**\n  - blocks ACME-01 on v1/Pod//bad: has no label owner; wanted: one\n  - no longer blocks ACME-01 on v1/Pod//bad: has no label team; wanted: one\n",
	)
	d, facts := s.lastFacts(pr)
	if b := facts.Backtest; b == nil || b.Verdicts != 1 || b.Reasons != 2 || b.Same != 1 {
		t.Errorf("the facts say %+v", b)
	}
	if status, _, errs := s.gatehouse("replay", d.ID); status != exitPass {
		t.Errorf("replay: status %d, %s", status, errs)
	}

	settings := s.open("ann", "settings", map[string]string{".github/gatehouse.yml": gateFile("  paths: [.gatehouse/policies]\n  rules: {PSS-B-HostNamespaces: {enforcement: warn}}\n")})
	s.settle()
	s.says(settings, "- pull request 3, Change host: **fail** → **wait**\n  - warns PSS-B-HostNamespaces on v1/Pod//host: ")
}

// TestE2EProposedRulesThatDoNotEnd take no other pull request with them, and the reader is told.
func TestE2EProposedRulesThatDoNotEnd(t *testing.T) {
	pod := map[string]string{"k8s/a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {team: x}}\nspec: {containers: []}\n"}
	s := newSite(t, setup{files: map[string]string{".github/gatehouse.yml": gateFile("  paths: [.gatehouse/policies]\n"), ".gatehouse/policies/team.rego": teamRule, "k8s/web.yaml": ""}})
	first := s.open("ann", "first", pod)
	s.settle()
	endless := s.open("ann", "endless", map[string]string{".gatehouse/policies/team.rego": teamRule +
		"\ndeny contains \"never\" if count([1 | some a in numbers.range(1, 1000000); some b in numbers.range(1, 1000000); a == b]) == 3\n"})
	first.Approve("mei")
	s.merges(first, "completed/success: Passed with 1 warning: N documents, N rules, 1 approval")
	s.says(endless, "The proposed rules on 1 pull request of the last 90 days: 1 with another verdict", "- pull request 1, Change first: **", "cannot be judged: .gatehouse/policies/team.rego:")
}
