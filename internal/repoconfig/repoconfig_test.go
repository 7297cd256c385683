package repoconfig_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

// full is the example of the public contract.
const full = `version: 1
terraform:
  projects:
    - {dir: infra/prod, workspace: default, environment: production}
  plans:
    oidc: {workflow: acme/ci/.github/workflows/plan.yml@refs/heads/main}
    artifact: {name: "gatehouse-plan-*", workflow: .github/workflows/plan.yml}
    committed: {path: "**/*.tfplan.json"}
kubernetes:
  paths: ["k8s/**"]
  kustomize: ["k8s/overlays/*"]
  helm: [{chart: charts/web, values: [charts/web/values-prod.yaml], release: web, namespace: web}]
files: {ansible: ["ops/**"], jenkinsfile: ["ci/*.groovy"]}
policies:
  packs: [audit, least-privilege, gitops, immutable, zero-trust, pod-security-baseline, terraform-cloud, kubernetes-workloads]
  paths: [".gatehouse/policies"]
  scope: changed
  rules: {IM-01: {enforcement: warn}, IM-04: {parameters: {owners: ["123456789012"]}}}
approvals:
  required: 1
  from: {permission: write}
  count_author: false
  rules:
    - name: production data
      when: {paths: ["infra/prod/**"], resources: ["aws_db_instance.*"], actions: [delete, replace], environments: [production]}
      required: 2
      from: {teams: [acme/dba]}
break_glass: {teams: [acme/oncall], approvals: 1, expires: 1h}
`

func TestParseContractExample(t *testing.T) {
	t.Parallel()
	got, problems := repoconfig.Parse(repoconfig.Path, []byte(full))
	if problems != nil {
		t.Fatalf("problems: %v", problems)
	}
	one := 1
	want := repoconfig.Config{
		Version: 1,
		Terraform: repoconfig.Terraform{
			Projects: []repoconfig.Project{{Dir: "infra/prod", Workspace: "default", Environment: "production"}},
			Plans: repoconfig.Plans{
				OIDC:      &repoconfig.OIDC{Workflow: "acme/ci/.github/workflows/plan.yml@refs/heads/main"},
				Artifact:  &repoconfig.Artifact{Name: "gatehouse-plan-*", Workflow: ".github/workflows/plan.yml"},
				Committed: &repoconfig.Committed{Path: "**/*.tfplan.json"},
			},
		},
		Kubernetes: repoconfig.Kubernetes{
			Paths: []string{"k8s/**"}, Kustomize: []string{"k8s/overlays/*"},
			Helm: []repoconfig.Helm{{Chart: "charts/web", Values: []string{"charts/web/values-prod.yaml"}, Release: "web", Namespace: "web"}},
		},
		Files: repoconfig.Files{Ansible: []string{"ops/**"}, Jenkinsfile: []string{"ci/*.groovy"}},
		Policies: repoconfig.Policies{
			Packs: []string{"audit", "least-privilege", "gitops", "immutable", "zero-trust", "pod-security-baseline", "terraform-cloud", "kubernetes-workloads"},
			Paths: []string{".gatehouse/policies"},
			Scope: "changed",
			Rules: map[string]repoconfig.RuleSetting{
				"IM-01": {Enforcement: "warn"},
				"IM-04": {Parameters: map[string]any{"owners": []any{"123456789012"}}},
			},
		},
		Approvals: repoconfig.Approvals{
			Required: &one,
			From:     repoconfig.From{Permission: "write"},
			Rules: []repoconfig.ApprovalRule{{
				Name: "production data", Required: 2, From: repoconfig.From{Teams: []string{"acme/dba"}},
				When: repoconfig.When{
					Paths: []string{"infra/prod/**"}, Resources: []string{"aws_db_instance.*"},
					Actions: []string{"delete", "replace"}, Environments: []string{"production"},
				},
			}},
		},
		BreakGlass: &repoconfig.BreakGlass{Teams: []string{"acme/oncall"}, Approvals: 1, Expires: repoconfig.Duration(time.Hour)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config differs (-want +got):\n%s", diff)
	}
}

func TestParseMinimalIsTheDefault(t *testing.T) {
	t.Parallel()
	got, problems := repoconfig.Parse("f", []byte("version: 1\n"))
	if problems != nil {
		t.Fatalf("problems: %v", problems)
	}
	if diff := cmp.Diff(repoconfig.Default(), got); diff != "" {
		t.Errorf("config differs (-default +got):\n%s", diff)
	}
	none, _ := repoconfig.Parse("f", []byte("version: 1\npolicies: {packs: []}\n"))
	if none.Policies.Packs == nil || len(none.Policies.Packs) != 0 {
		t.Errorf("packs: [] must mean none, got %#v", none.Policies.Packs)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	type problems = []gate.Problem
	p := func(line int, message, remedy string) problems {
		return problems{{Code: "config", File: "g.yml", Line: line, Message: message, Remedy: remedy}}
	}
	for name, c := range map[string]struct {
		yaml string
		want problems
	}{
		"unknown key": {"version: 1\napproval: {}\n", p(2, `has the unknown key "approval"`,
			`Did you mean "approvals"? Known here: version, terraform, kubernetes, files, policies, approvals, break_glass, required_checks.`)},
		"unknown nested key": {"version: 1\napprovals:\n  rules:\n    - {nam: x}\n", p(4, `has the unknown key "nam"`,
			`Did you mean "name"? Known here: name, when, unless, required, from, count.`)},
		"repeated key": {"version: 1\nversion: 1\n", p(2, `is not valid YAML: mapping key "version" already defined at line 1`, "")},
		"wrong type":   {"version: 1\napprovals: {required: two}\n", p(2, `has "two" where a whole number is wanted`, "")},
		"list wanted":  {"version: 1\npolicies: {packs: audit}\n", p(2, `has "audit" where a list is wanted`, "")},
		"tab":          {"version: 1\napprovals:\n\trequired: 1\n", p(3, "is not valid YAML: found character that cannot start any token", "")},
		"empty":        {"", p(0, "is empty; delete it to use the defaults, or begin with `version: 1`", "")},
		"two documents": {"version: 1\n---\nversion: 1\n",
			p(0, "holds more than one YAML document; only one is allowed", "")},
		"alias": {"version: 1\npolicies: &p {packs: []}\n",
			p(2, "uses a YAML anchor or alias; write the value out, so that a reviewer sees what is in force", "")},
		"version":     {"version: 2\n", p(1, "version: must say `version: 1`, the only version there is", "")},
		"no version":  {"approvals: {required: 1}\n", p(1, "version: must say `version: 1`, the only version there is", "")},
		"scope":       {"version: 1\npolicies: {scope: some}\n", p(2, `policies.scope: is "some"; wanted: changed or all`, "")},
		"enforcement": {"version: 1\npolicies:\n  rules:\n    IM-01: {enforcement: no}\n", p(4, `policies.rules.IM-01.enforcement: is "no"; wanted: deny, warn or off`, "")},
		"team":        {"version: 1\napprovals: {from: {teams: [dba]}}\n", p(2, `approvals.from.teams: "dba" is not a team; write ORGANISATION/TEAM`, "")},
		"user":        {"version: 1\napprovals: {from: {users: ['@mei']}}\n", p(2, `approvals.from.users: "@mei" is not a login; write it without @`, "")},
		"permission":  {"version: 1\napprovals: {from: {permission: push}}\n", p(2, `approvals.from.permission: is "push"; wanted: read, triage, write, maintain or admin`, "")},
		"too many":    {"version: 1\napprovals: {required: 7}\n", p(2, "approvals.required: is 7; wanted: 0 to 6", "")},
		"escape":      {"version: 1\nterraform: {projects: [{dir: ../other}]}\n", p(2, `terraform.projects.0.dir: "../other" is not a path inside the repository`, "")},
		"path twice":  {"version: 1\npolicies:\n  paths: [rules, other, ./rules]\n", p(3, `policies.paths.2: "./rules" is there twice`, "")},
		"action":      {"version: 1\napprovals: {rules: [{name: x, required: 1, when: {actions: [destroy]}}]}\n", p(2, `approvals.rules.0.when.actions: "destroy" is no action; wanted: create, update, delete, replace, read or forget`, "")},
		"duration":    {"version: 1\nbreak_glass: {teams: [a/b], approvals: 1, expires: soon}\n", p(2, `a duration is wanted, such as 1h or 30m; found "soon"`, "")},
		"long glass":  {"version: 1\nbreak_glass: {teams: [a/b], approvals: 1, expires: 48h}\n", p(2, "break_glass.expires: is 48h0m0s; wanted: more than nothing and at most 24h", "")},
		"not a map":   {"- a\n", p(1, "has a list where a mapping is wanted", "")},
		"long":        {"version: 1 #" + strings.Repeat("x", repoconfig.MaxBytes) + "\n", p(0, "is 1048589 bytes long; the limit is 1048576", "")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got := repoconfig.Parse("g.yml", []byte(c.yaml))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("problems differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseWaivers(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	const good = `# reviewed like code
- rule: IM-06
  resource: aws_security_group.*
  reason: the bastion moves next week
  owner: mei
  expires: 2026-12-01
- {rule: IM-01, resource: "**", reason: old, owner: sam, expires: "2020-01-01"}
`
	got, problems := repoconfig.ParseWaivers("w.yml", []byte(good), now)
	want := []gate.Waiver{
		{Rule: "IM-06", Resource: "aws_security_group.*", Reason: "the bastion moves next week", Owner: "mei", Expires: "2026-12-01", Line: 2},
		{Rule: "IM-01", Resource: "**", Reason: "old", Owner: "sam", Expires: "2020-01-01", Line: 7},
	}
	if diff := cmp.Diff(want, got); diff != "" || problems != nil {
		t.Errorf("waivers differ (-want +got):\n%s\nproblems: %v", diff, problems)
	}
	for name, c := range map[string]struct {
		yaml string
		want []gate.Problem
	}{
		"nothing":       {"", nil},
		"comments only": {"# none\n", nil},
		"an empty list": {"[]\n", nil},
		"too far": {"- {rule: A, resource: b, reason: c, owner: d, expires: 2027-12-01}\n",
			[]gate.Problem{{Code: "config", File: "w.yml", Line: 1, Message: "has a waiver until 2027-12-01; at most a year off is allowed"}}},
		"no owner": {"- {rule: A, resource: b, reason: c, expires: 2026-12-01}\n",
			[]gate.Problem{{Code: "config", File: "w.yml", Line: 1, Message: "has a waiver without owner; a waiver needs rule, resource, reason, owner and expires"}}},
		"no date": {"- {rule: A, resource: b, reason: c, owner: d, expires: tomorrow}\n",
			[]gate.Problem{{Code: "config", File: "w.yml", Line: 1, Message: `a day is wanted, such as 2027-01-31; found "tomorrow"`}}},
		"unknown key": {"- {rules: A}\n",
			[]gate.Problem{{Code: "config", File: "w.yml", Line: 1, Message: `has the unknown key "rules"`,
				Remedy: `Did you mean "rule"? Known here: rule, resource, reason, owner, expires.`}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got := repoconfig.ParseWaivers("w.yml", []byte(c.yaml), now)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("problems differ (-want +got):\n%s", diff)
			}
		})
	}
}

// The patterns and comments are those of GitHub's own documentation of CODEOWNERS.
func TestCodeowners(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/CODEOWNERS")
	if err != nil {
		t.Fatal(err)
	}
	owners, problems := repoconfig.ParseCodeowners("CODEOWNERS", data)
	wantProblems := []gate.Problem{
		{Code: "config", File: "CODEOWNERS", Line: 7, Message: `names the owner "docs@example.com"; only @user and @organisation/team can be asked, e-mail owners are not supported`},
		{Code: "config", File: "CODEOWNERS", Line: 15, Message: `has the pattern "[ab].txt", which CODEOWNERS does not support`},
	}
	if diff := cmp.Diff(wantProblems, problems); diff != "" {
		t.Errorf("problems differ (-want +got):\n%s", diff)
	}
	for path, want := range map[string][]string{
		"README.md":               {"global-owner1", "acme/global"},
		"a/b/main.js":             {"js-owner"},
		"main.go":                 nil,
		"build/logs/x/y.txt":      {"doctocat"},
		"lib/build/logs/x.txt":    {"global-owner1", "acme/global"},
		"docs/getting-started.md": {"octocat"},
		"docs/a/deep.md":          {"global-owner1", "acme/global"},
		"x/apps/y/z":              {"octocat"},
		"apps/github/readme":      nil,
		"deep/logs/a.log":         {"acme/logs"},
		"with space/file":         {"spacer"},
	} {
		if diff := cmp.Diff(want, owners.Owners(path)); diff != "" {
			t.Errorf("owners of %s differ (-want +got):\n%s", path, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("version: 1\n? {a: b}\n: c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, problems := repoconfig.Parse("g.yml", data)
		if len(problems) == 0 && c.Version != 1 {
			t.Errorf("accepted a configuration of version %d", c.Version)
		}
	})
}

// FuzzWaivers also holds owners' files to saying what is wrong with them.
func FuzzWaivers(f *testing.F) {
	f.Add([]byte("- {rule: IM-01, resource: \"*\", reason: x, owner: a, expires: 2026-12-01}\n"))
	f.Add([]byte("- &a [*a]"))
	f.Add([]byte("* @a @b/c\n/x/ d@e.f # g\n\\#h\n"))
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		waivers, problems := repoconfig.ParseWaivers("w.yml", data, now)
		for _, w := range waivers {
			if len(problems) == 0 && (w.Rule == "" || w.Owner == "" || w.Reason == "") {
				t.Errorf("accepted %+v", w)
			}
		}
		for _, p := range problems {
			if p.Message == "" || p.File != "w.yml" {
				t.Errorf("nobody can act on %+v", p)
			}
		}
	})
}
