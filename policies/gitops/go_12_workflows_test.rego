package gatehouse.gitops.workflows_test

import data.gatehouse.gitops.workflows as rule
import data.gatehouse.lib.fixture

_parameters := {
	"trusted_owners": ["actions", "github"],
	"deploy_workflows": [".github/workflows/*deploy*"],
	"write_permissions": ["contents", "packages"],
}

_workflow(path, content) := {finding.message |
	some finding in rule.deny with input as fixture.file("github_actions", "workflow", path, content, null) with data.parameters as _parameters
}

_steps(on, steps) := _workflow(".github/workflows/x.yml", {"on": on, "jobs": {"j": {"steps": steps}}})

test_pins if {
	every reference in ["actions/checkout@v4", "./.github/actions/x", "$/.github/actions/x", "acme/x@0123456789abcdef0123456789abcdef01234567", "docker://a@sha256:1"] {
		_steps({"push": null}, [{"uses": reference}]) == set()
	}
	every reference in ["acme/x@v1", "acme/x", "acme/x@0123456", "docker://alpine", "acme/x/.github/workflows/y.yml@main"] {
		count(_steps({"push": null}, [{"uses": reference}])) == 1
	}
	count(_workflow("x.yml", {"on": {"push": null}, "jobs": {"j": {"uses": "acme/x/.github/workflows/y.yml@main"}}})) == 1
}

test_head_of_strangers if {
	take := {"uses": "actions/checkout@v4", "with": {"ref": "${{ github.event.pull_request.head.sha }}"}}
	count(_steps({"pull_request_target": null}, [take])) == 1
	count(_steps({"workflow_run": null}, [{"uses": "actions/checkout@v4", "with": {"ref": "${{ github.event.workflow_run.head_sha }}"}}])) == 1
	count(_steps({"issue_comment": null}, [{"run": "gh pr checkout ${{ github.event.issue.number }}"}])) == 1
	_steps({"pull_request": null}, [take]) == set()
	_steps({"pull_request_target": null}, [{"uses": "actions/checkout@v4"}]) == set()
}

test_text_of_strangers if {
	count(_steps({"pull_request": null}, [{"run": "echo '${{ github.event.pull_request.title }}'"}])) == 1
	count(_steps({"issues": null}, [{"uses": "actions/github-script@v7", "with": {"script": "x('${{ github.event.issue.body }}')"}}])) == 1
	_steps({"pull_request": null}, [{"run": "echo $TITLE", "env": {"TITLE": "${{ github.event.pull_request.title }}"}}]) == set()
	_steps({"pull_request": null}, [{"run": "echo ${{ github.sha }}"}]) == set()
}

_job(job) := _workflow(".github/workflows/x.yml", {"on": {"pull_request": null}, "jobs": {"j": job}})

_code := [{"uses": "actions/checkout@v4"}, {"run": "make"}]

test_secrets if {
	secret := {"KEY": "${{ secrets.KEY }}"}
	count(_job({"steps": _code, "env": secret})) == 1
	count(_job({"steps": array.concat(_code, [{"run": "x", "env": secret}])})) == 1
	_job({"steps": array.concat(_code, [{"run": "x", "env": secret, "if": "github.event_name == 'push'"}])}) == set()
	_job({"steps": _code, "env": {"T": "${{ secrets.GITHUB_TOKEN }}"}}) == set()
	_job({"steps": [{"run": "x", "env": secret}]}) == set()
	_job({"if": "github.ref == 'refs/heads/main'", "steps": _code, "env": secret}) == set()
	count(_job({"if": "github.ref == 'refs/heads/main' || true", "steps": _code, "env": secret})) == 1
	count(_job({"uses": "./.github/workflows/y.yml", "secrets": "inherit"})) == 1
	count(_job({"uses": "$/.github/workflows/y.yml", "secrets": "inherit"})) == 1
	count(_job({"steps": [{"uses": "$/.github/actions/x", "with": {"key": "${{ secrets.KEY }}"}}]})) == 1
}

test_tokens if {
	count(_job({"steps": _code, "permissions": "write-all"})) == 1
	count(_job({"steps": _code, "permissions": {"contents": "write", "packages": "write"}})) == 2
	_job({"steps": _code, "permissions": {"id-token": "write", "contents": "read"}}) == set()
	_job({"steps": _code}) == set()
}

test_deployments if {
	_workflow(".github/workflows/deploy.yml", _content({"push": null}, {})) == set()
	count(_workflow(".github/workflows/test.yml", _content({"push": null}, {}))) == 1
	_workflow(".github/workflows/deploy.yml", _content({"push": null, "pull_request": null}, {})) == {"terraform apply runs for pull requests; wanted: on push to the protected branch"}
	_workflow(".github/workflows/deploy.yml", _content({"push": null, "pull_request": null}, {"if": "github.event_name == 'push'"})) == set()
	count(_workflow(".github/workflows/test.yml", {"on": {"push": null}, "jobs": {"j": {"steps": [{"uses": "azure/k8s-deploy@0123456789abcdef0123456789abcdef01234567"}]}}})) == 1
}

test_deleted if {
	found := rule.deny with input as fixture.file("github_actions", "workflow", "x.yml", null, {"on": {"push": null}, "jobs": {}}) with data.parameters as _parameters
	found == set()
}

_content(on, extra) := {"on": on, "jobs": {"j": object.union({"steps": [{"run": "terraform apply"}]}, extra)}}
