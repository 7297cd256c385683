package documents

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
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

// TestProposedRulesAreTriedInTheirOwnPullRequest: a rule that does not load, or that its own tests contradict, is red before it can
// judge anybody.
func TestProposedRulesAreTriedInTheirOwnPullRequest(t *testing.T) {
	s := newPlace(t, site.Setup{Files: map[string]string{
		".github/gatehouse.yml":           site.GateFile("  paths: [.gatehouse/policies]\n"),
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
			map[string]string{".github/gatehouse.yml": site.GateFile("  paths: [.gatehouse/policies]\n  rules: {ACME-02: {enforcement: warn}}\n"), ".gatehouse/policies/team.rego": teamRule + "\n"},
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
		pr := s.Open("ann", name, c.files)
		s.Until("the check that says so", func() bool {
			return strings.HasPrefix(s.State(pr.HeadSHA()), site.CouldNot) && s.Comment(pr) != ""
		})
		s.Says(pr, c.says)
	}
	pr := s.Open("ann", "good", map[string]string{".gatehouse/policies/team.rego": teamRule + "\n# better\n", ".gatehouse/policies/team.examples.yaml": teamExamples})
	pr.Approve("mei")
	s.Merges(pr, "completed/success: All clear: N documents, N rules, 1 approval")
}

// TestProposedRulesAreHeldAgainstThePast: who proposes rules, or other settings for them, sees which recent pull requests would have
// come out differently; the rules in force decide all the same, and what is shown is on record.
func TestProposedRulesAreHeldAgainstThePast(t *testing.T) {
	pod := func(name, labels string) map[string]string {
		return map[string]string{"k8s/" + name + ".yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", labels: {" + labels + "}}\nspec: {hostNetwork: " + map[bool]string{true: "true", false: "false"}[name == "host"] + ", containers: []}\n"}
	}
	s := newPlace(t, site.Setup{Files: map[string]string{".github/gatehouse.yml": site.GateFile("  paths: [.gatehouse/policies]\n"), ".gatehouse/policies/team.rego": teamRule}})
	good := s.Open("ann", "good", pod("good", "team: x"))
	good.Approve("mei")
	s.Open("ann", "bad", pod("bad", ""))
	s.Open("ann", "host", pod("host", "team: x"))
	s.Open("ann", "docs", map[string]string{"README.md": "hello\n"})
	s.Settle()

	stricter := strings.ReplaceAll(teamRule, "if not input.resource.metadata.labels.team", "if not input.resource.metadata.labels.owner")
	pr := s.Open("ann", "owners", map[string]string{".gatehouse/policies/team.rego": strings.ReplaceAll(stricter, "no label team", "no label owner")})
	pr.Approve("mei")
	s.Shows(pr, "completed/success: All clear: N documents, N rules, 1 approval")
	s.Says(pr,
		"The proposed rules on 4 pull requests of the last 90 days: 1 with another verdict, 2 with the same verdict for other reasons, 1 the same",
		"- pull request 1, Change good: **pass** → **fail**\n  - blocks ACME-01 on v1/Pod//good: has no label owner; wanted: one\n",
		"- pull request 2, Change bad: **fail**\n  - blocks ACME-01 on v1/Pod//bad: has no label owner; wanted: one\n  - no longer blocks ACME-01 on v1/Pod//bad: has no label team; wanted: one\n",
	)
	d, facts := s.lastFacts(pr)
	if b := facts.Backtest; b == nil || b.Verdicts != 1 || b.Reasons != 2 || b.Same != 1 {
		t.Errorf("the facts say %+v", b)
	}
	if status, _, errs := s.Run("replay", d.ID); status != site.Pass {
		t.Errorf("replay: status %d, %s", status, errs)
	}

	settings := s.Open("ann", "settings", map[string]string{".github/gatehouse.yml": site.GateFile("  paths: [.gatehouse/policies]\n  rules: {PSS-B-HostNamespaces: {enforcement: warn}}\n")})
	s.Settle()
	s.Says(settings, "- pull request 3, Change host: **fail** → **wait**\n  - warns PSS-B-HostNamespaces on v1/Pod//host: ")
}

// TestProposedRulesThatDoNotEnd take no other pull request with them, and the reader is told.
func TestProposedRulesThatDoNotEnd(t *testing.T) {
	pod := map[string]string{"k8s/a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {team: x}}\nspec: {containers: []}\n"}
	s := newPlace(t, site.Setup{Files: map[string]string{".github/gatehouse.yml": site.GateFile("  paths: [.gatehouse/policies]\n"), ".gatehouse/policies/team.rego": teamRule, "k8s/web.yaml": ""}})
	first := s.Open("ann", "first", pod)
	s.Settle()
	endless := s.Open("ann", "endless", map[string]string{".gatehouse/policies/team.rego": teamRule +
		"\ndeny contains \"never\" if count([1 | some a in numbers.range(1, 1000000); some b in numbers.range(1, 1000000); a == b]) == 3\n"})
	first.Approve("mei")
	s.Merges(first, "completed/success: Passed with 1 warning: N documents, N rules, 1 approval")
	s.Says(endless, "The proposed rules on 1 pull request of the last 90 days: 1 with another verdict", "- pull request 1, Change first: **", "cannot be judged: .gatehouse/policies/team.rego:")
}
