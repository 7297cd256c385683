package repoconfig_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

// Every key of approvals reaches the core.
func TestApprovalsReachTheCore(t *testing.T) {
	t.Parallel()
	config, problems := repoconfig.Parse("gate.yml", []byte(`
version: 1
approvals:
  required: 2
  count: [bots]
  comments: [LGTM]
  request: {teams: true, people: 2}
  rules:
    - name: everything
      when:
        paths: ["infra/**", '/\.tf$/']
        kinds: [added]
        findings: {rules: [IM-*], severities: [high]}
        labels: [risk]
        title: ['/^fix/']
        base_branch: [main]
        head_branch: [dev]
        fork: true
        draft: false
        author: {teams: [acme/new]}
        contributor: {users: [eve]}
        contributors_only: {permission: read}
        size: {lines_over: 0}
        signed: false
        checks: {scan: [failure]}
        workflows: {.github/workflows/ci.yml: [success]}
        properties: {tier: [one]}
      unless: {only_paths: ["**.md"]}
      required: 1
      count: []
      from: {or: [{users: [mei]}, {and: [{teams: [acme/dba], required: 2}, {codeowners: true}]}]}
required_checks: [lint, {name: scan, app: scanner}]
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	yes, no, zero := true, false, 0
	want := gate.Approvals{
		Required: 2, From: gate.Who{Permission: "write"}, Count: []string{"bots"}, Comments: []string{"LGTM"},
		Request: &gate.Request{Teams: true, People: 2},
		Checks:  []gate.RequiredCheck{{Name: "lint"}, {Name: "scan", App: "scanner"}},
		Rules: []gate.ApprovalRule{{
			Name: "everything", Required: 1, Count: &[]string{}, Unless: &gate.When{OnlyPaths: []string{"**.md"}},
			When: gate.When{
				Paths: []string{"infra/**", `/\.tf$/`}, Kinds: []string{"added"},
				Findings: &gate.FindingCondition{Rules: []string{"IM-*"}, Severities: []string{"high"}},
				Labels:   []string{"risk"}, Title: []string{"/^fix/"}, Base: []string{"main"}, Head: []string{"dev"}, Fork: &yes, Draft: &no,
				Author: &gate.Who{Teams: []string{"acme/new"}}, AnyOf: &gate.Who{Users: []string{"eve"}}, AllOf: &gate.Who{Permission: "read"},
				Size: &gate.Size{Lines: &zero}, Signed: &no, Checks: map[string][]string{"scan": {"failure"}},
				Workflows: map[string][]string{".github/workflows/ci.yml": {"success"}}, Properties: map[string][]string{"tier": {"one"}},
			},
			From: gate.Who{Or: []gate.Who{{Users: []string{"mei"}}, {And: []gate.Who{{Teams: []string{"acme/dba"}, Required: 2}, {Codeowners: true}}}}},
		}},
	}
	if diff := cmp.Diff(want, config.Gate()); diff != "" {
		t.Errorf("the approvals (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(repoconfig.Needs{Checks: true, Workflows: true, Properties: true, People: true}, config.Needs()); diff != "" {
		t.Errorf("what must be gathered (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"acme/dba", "acme/new"}, config.Teams()); diff != "" {
		t.Errorf("the teams (-want +got):\n%s", diff)
	}
}

func TestApprovalsThatAreRefused(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]string{
		"approvals: {count: [friends]}":                                                `gate.yml:2 approvals.count: "friends" is not known here; wanted: author, contributors, last_pusher, bots or readers`,
		"approvals: {comments: ['/gatehouse ok']}":                                     `gate.yml:2 approvals.comments.0: "/gatehouse ok" cannot be the first line of a comment that approves`,
		"approvals: {request: {}}":                                                     `gate.yml:2 approvals.request: wants teams: true, or people: 1 to 15`,
		"approvals: {from: {required: 2, users: [mei]}}":                               `gate.yml:2 approvals.from.required: belongs beside from; within from it is for the groups of and, or`,
		"approvals: {from: {users: [mei], or: [{users: [sam]}]}}":                      `gate.yml:2 approvals.from: has and or or beside something else; put the other into a group of its own`,
		"approvals: {from: {or: [{}]}}":                                                `gate.yml:2 approvals.from.or.0: names nobody`,
		"approvals: {rules: [{name: a, required: 1, when: {kinds: [moved]}}]}":         `gate.yml:2 approvals.rules.0.when.kinds: "moved" is not known here; wanted: added, modified, removed, renamed or changed`,
		"approvals: {rules: [{name: a, required: 1, when: {title: ['/(/']}}]}":         "gate.yml:2 approvals.rules.0.when.title.0: \"(\" is no regular expression: error parsing regexp: missing closing ): `(`",
		"approvals: {rules: [{name: a, required: 1, unless: {}}]}":                     `gate.yml:2 approvals.rules.0.unless: has no condition, so that the rule would never apply`,
		"approvals: {rules: [{name: a, required: 1, when: {author: {}}}]}":             `gate.yml:2 approvals.rules.0.when.author: names nobody; give users, teams or a permission`,
		"approvals: {rules: [{name: a, required: 1, when: {checks: {lint: [good]}}}]}": `gate.yml:2 approvals.rules.0.when.checks.lint: "good" is not known here; wanted: success, failure, neutral, cancelled, skipped, timed_out, action_required, stale, startup_failure or error`,
		"required_checks: [gatehouse]":                                                 `gate.yml:2 required_checks.0: is Gatehouse's own check, which would wait for itself`,
		"required_checks: [{names: a}]":                                                `gate.yml:2 a check's name is wanted, or {name: NAME, app: SLUG}`,
	} {
		_, problems := repoconfig.Parse("gate.yml", []byte("version: 1\n"+yaml+"\n"))
		if len(problems) != 1 || problems[0].String() != want {
			t.Errorf("%s\ngot:    %v\nwanted: %s", yaml, problems, want)
		}
	}
}
