package explain

import (
	"encoding/json"

	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

type story struct {
	d gate.Decision
	c Context
}

const head = "8c0ffee4f2d1a90b5c6d7e8f9a0b1c2d3e4f5a6b"

func catalogue() []Rule {
	return []Rule{{
		ID: "IM-06", Title: "SSH is not open to the world", Severity: gate.SeverityCritical, Tags: []string{"immutable"},
		Description: "An open port is found within minutes.", Remedy: "Delete the rule.", Docs: "https://gatehouse.example/rules/im-06",
	}}
}

func context() Context {
	return Context{
		DecisionID: "d-7f31", DecisionURL: "https://gate.acme.example/decisions/d-7f31", HelpURL: "https://gate.acme.example/help",
		RepoURL: "https://github.com/acme/shop", LogIndex: 1042, TreeSize: 1043, Root: "nV3kQ0sPzq3rJ1mB5t0J9l0V6lqk2c2mY1b5m0w3o8E=",
		Author: "octo", Files: []gate.FileChange{{Status: "modified", Path: "infra/prod/main.tf"}, {Status: "added", Path: "k8s/shop/service.yaml"}},
		Plans: []gate.Plan{{Dir: "infra/prod", Workspace: "default", Environment: "production", Source: "committed", File: "infra/prod/prod.tfplan.json"}},
		Changes: []gate.Change{
			{Kind: "terraform", Type: "aws_security_group", Resource: "aws_security_group.web", File: "infra/prod/prod.tfplan.json", Environment: "production", Actions: []string{"update"}},
			{Kind: "terraform", Type: "aws_instance", Resource: "aws_instance.a", File: "infra/prod/prod.tfplan.json", Environment: "production", Actions: []string{"create"}},
			{Kind: "terraform", Type: "aws_instance", Resource: "aws_instance.b", File: "infra/prod/prod.tfplan.json", Environment: "production", Actions: []string{"create"}},
			{Kind: "terraform", Type: "aws_db_instance", Resource: "aws_db_instance.main", File: "infra/prod/prod.tfplan.json", Environment: "production", Actions: []string{"delete", "create"}},
			{Kind: "kubernetes", Type: "Service", Resource: "v1/Service/shop/legacy", File: "k8s/shop/service.yaml", Actions: []string{"create"}},
		},
		Diff: values(),
	}
}

// values are what the changes of context do.
func values() *diff.Changes {
	const plan = "infra/prod/prod.tfplan.json"
	value := func(s string) json.RawMessage { return json.RawMessage(s) }
	return &diff.Changes{Version: diff.Version, Changes: []diff.Change{
		{Kind: "terraform", Resource: "aws_security_group.web", File: plan, Environment: "production", Actions: []string{"update"}, Attributes: []diff.Attribute{
			{Attribute: "ingress[0].cidr_blocks", Before: value(`["10.0.0.0/8"]`), After: value(`["0.0.0.0/0"]`)},
			{Attribute: "user_data", Before: value(`"set -e\n"`), After: value(`"set -ex\n` + "```" + `\n"`), Line: 3, Cut: true},
		}},
		{Kind: "terraform", Resource: "aws_db_instance.main", File: plan, Environment: "production", Actions: []string{"delete", "create"}, More: 3, Attributes: []diff.Attribute{
			{Attribute: "engine_version", Before: value(`"13"`), After: value(`"14"`), Forces: true},
			{Attribute: "password", Before: value(`"(sensitive)"`), After: value(`"(sensitive)"`), Sensitive: true},
			{Attribute: "arn", Before: value(`"arn:aws:rds:eu-central-1:1:db:main"`), After: value(`"(known after apply)"`), Unknown: true},
		}},
	}}
}

func decision(v gate.Verdict, title string) gate.Decision {
	return gate.Decision{
		Verdict: v, Title: title, Repository: "acme/shop", PullRequest: 12, Base: "b" + head[1:], Head: head,
		Summary:  gate.Summary{Documents: 17, Rules: 103},
		Findings: []gate.Finding{}, Requirements: []gate.RequirementResult{}, Discounted: []gate.Discounted{}, ChangesAsked: []string{},
		Missing: []gate.Missing{}, Unjudged: []gate.Problem{}, Errors: []gate.Problem{},
		Policy: gate.Policy{Digest: "sha256:4be1f0c2a7d35e8890b1c6d4f3a29e57810bd6c4a3f2e1908d7c6b5a49382716"},
	}
}

func ssh() gate.Finding {
	return gate.Finding{
		Rule: "IM-06", Title: "SSH is not open to the world", Severity: "critical", Enforcement: "deny", Status: "new",
		Resource: "aws_security_group.web", Kind: "terraform", File: "infra/prod/main.tf", Line: 41, Path: "ingress[0].cidr_blocks",
		Message: "port 22 is open to 0.0.0.0/0; wanted: no world-open range",
		Remedy:  "Reach instances through a session manager; delete the rule.", Docs: "https://gatehouse.example/rules/im-06",
	}
}

func nodePort() gate.Finding {
	return gate.Finding{
		Rule: "ZT-07", Title: "Services do not open ports on every node", Severity: "medium", Enforcement: "warn", Status: "new",
		Resource: "v1/Service/shop/legacy", Kind: "kubernetes", File: "k8s/shop/service.yaml", Line: 8,
		Message: "NodePort 30080 is reachable from every node address", Remedy: "Use a ClusterIP behind the gateway.",
	}
}

func stories() map[string]story {
	dba := gate.RequirementResult{
		Name: "IM-11", Rule: "IM-11", Reason: "aws_db_instance.main: the plan replaces a database", Count: 2,
		From: gate.Who{Teams: []string{"acme/dba"}}, ApprovedBy: []string{},
	}
	floor := gate.RequirementResult{
		Name: "every change", Reason: everyChange, Count: 1, From: gate.Who{Permission: "write"}, ApprovedBy: []string{"mei"}, Met: true,
	}
	out := map[string]story{}

	blocked := decision(gate.Fail, "Blocked: IM-06 on aws_security_group.web (+1)")
	rdp := ssh()
	rdp.Line, rdp.Path, rdp.Message, rdp.Status = 47, "ingress[1].cidr_blocks", "port 3389 is open to ::/0; wanted: no world-open range", "worse"
	rdp.Waiver = &gate.WaiverUse{Owner: "sam", Reason: "migration", Expires: "2026-10-31", Expired: true}
	unknown := nodePort()
	unknown.Rule, unknown.Resource, unknown.Kind, unknown.File, unknown.Unknown = "TF-04", "aws_instance.a", "terraform", "infra/prod/main.tf", true
	unknown.Message = "storage_encrypted depends on var.encrypt"
	waived := nodePort()
	waived.Status, waived.Waiver = "waived", &gate.WaiverUse{Owner: "acme/platform", Reason: "until the gateway is there", Expires: "2027-01-31"}
	existing := ssh()
	existing.Status, existing.Resource = "existing", "aws_security_group.old"
	blocked.Findings = []gate.Finding{ssh(), rdp, nodePort(), unknown, waived, existing}
	blocked.Summary = gate.Summary{Documents: 10214, Rules: 103, Deny: 2, Warn: 1, Waived: 1, Existing: 1, Unknown: 1}
	blocked.Requirements = []gate.RequirementResult{floor, dba}
	blocked.Discounted = []gate.Discounted{
		{Login: "kim", Reason: "approved 3f2c1aa, but the head is now 8c0ffee"}, {Login: "sam", Reason: "wrote commit 9b1d0e2 of this pull request"},
	}
	blocked.Unjudged = []gate.Problem{{Code: "kubernetes", File: "charts/web/templates/deploy.yaml", Message: "is a Helm template; name its chart in kubernetes.helm"}}
	out["blocked"] = story{blocked, context()}

	waiting := decision(gate.Wait, "Waiting for a plan of infra/prod at 8c0ffee, mei, who asked for changes and 2 approvals from acme/dba")
	waiting.Missing = []gate.Missing{{What: "plan", For: "infra/prod", Remedy: "run terraform show -json and commit it as infra/prod/prod.tfplan.json"}}
	waiting.ChangesAsked = []string{"mei"}
	waiting.Requirements = []gate.RequirementResult{dba}
	c := context()
	c.Plans, c.Changes = nil, c.Changes[4:]
	out["waiting"] = story{waiting, c}

	waitingOne := decision(gate.Wait, "Waiting for 1 approval")
	floor1 := floor
	floor1.ApprovedBy, floor1.Met = []string{}, false
	waitingOne.Requirements = []gate.RequirementResult{floor1}
	out["waiting for anybody"] = story{waitingOne, context()}

	failed := decision(gate.Error, "Gatehouse could not evaluate: k8s/web.yaml:12 is not valid YAML (+1)")
	failed.Errors = []gate.Problem{
		{Code: "kubernetes", File: "k8s/web.yaml", Line: 12, Message: "is not valid YAML: found a tab where spaces are wanted", Remedy: "Indent with spaces."},
		{Code: "config", File: ".github/gatehouse.yml", Line: 3, Message: `has the key "polices", which is not known; did you mean "policies"?`},
	}
	failed.Findings = []gate.Finding{ssh()}
	failed.Summary.Deny = 1
	out["could not evaluate"] = story{failed, context()}

	outside := decision(gate.Error, "Gatehouse could not evaluate: GitHub answered 502")
	outside.Errors = []gate.Problem{{Code: "github", Message: "GitHub answered 502 when asked for the reviews"}}
	out["could not ask GitHub"] = story{outside, Context{Superseded: true}}

	clear := decision(gate.Pass, "All clear: 17 documents, 103 rules, 2 approvals")
	met := dba
	met.ApprovedBy, met.Met = []string{"mei", "sam"}, true
	clear.Requirements = []gate.RequirementResult{floor, met}
	out["all clear"] = story{clear, context()}

	proposing := decision(gate.Pass, "All clear: 0 documents, 103 rules, 1 approval")
	c = Context{RepoURL: "https://github.com/acme/shop", Backtest: &gate.Backtest{Days: 90, PullRequests: 50, Same: 46, Verdicts: 1, Reasons: 1, NotJudged: 2, Limit: "only the last 50 are tried", Different: []gate.Backtested{
		{PullRequest: 12, Title: "Open SSH to the office", Before: gate.Pass, After: gate.Fail, Reasons: []string{"blocks ACME-01 on v1/Pod/shop/web: has no label team"}, More: 2},
		{PullRequest: 9, Title: "A [second](one) @octocat", Before: gate.Wait, After: gate.Wait, Reasons: []string{"no longer warns ZT-07 on v1/Service/shop/web: NodePort 30080 is reachable"}},
	}}}
	out["proposes rules"] = story{proposing, c}

	warned := decision(gate.Pass, "Passed with 1 warning: 17 documents, 103 rules, 1 approval")
	warned.Findings, warned.Summary.Warn = []gate.Finding{nodePort()}, 1
	warned.Requirements = []gate.RequirementResult{floor}
	out["passed with a warning"] = story{warned, context()}
	return out
}
