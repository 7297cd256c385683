# METADATA
# title: Workflows give nothing away to the code of pull requests
# description: >-
#   A tag of somebody else's action can be moved to any code at any time, and that code then runs with the workflow's token
#   and secrets. A workflow that runs for pull requests with the rights of the repository, and checks out or runs what the
#   pull request brings, hands those rights to anyone who can open one. And a workflow beside the deploy workflow that applies
#   is a way to production around it.
# related_resources:
#   - ref: https://docs.github.com/en/actions/security-for-github-actions/security-guides/security-hardening-for-github-actions
#     description: Security hardening for GitHub Actions
#   - ref: https://securitylab.github.com/resources/github-actions-preventing-pwn-requests/
#     description: Preventing pwn requests
# custom:
#   id: GO-12
#   severity: high
#   remedy: >-
#     Pin actions of others to a full commit with the version as a comment (uses: owner/name@SHA # v1.2.3). Run the code of
#     pull requests on: pull_request only, with permissions: {contents: read} and without secrets. Apply and deploy from the
#     deploy workflow only, on push to the protected branch.
#   inspects: {github_actions: [workflow, action]}
#   references: [CKV_GHA_7, CKV2_GHA_1]
#   parameters:
#     trusted_owners: {default: [actions, github], description: Owners whose actions need no commit.}
#     deploy_workflows: {default: [".github/workflows/*deploy*", ".github/workflows/*apply*", ".github/workflows/*release*", ".github/workflows/cd.y*ml"], description: "Paths of the workflows that may apply and deploy, as globs."}
#     write_permissions: {default: [actions, contents, deployments, packages, pages, repository-projects], description: "Scopes of the token that code of a pull request must not be able to write with."}
package gatehouse.gitops.workflows

import data.gatehouse.lib.pipelines

# Actions that are not pinned.

deny contains finding if {
	some use in _uses
	reference := _unpinned(use.reference)
	finding := {
		"message": sprintf("%s is not pinned; wanted: %s", [use.reference, reference]),
		"path": use.path,
	}
}

_uses contains {"reference": step.uses, "path": sprintf("%s.uses", [entry.path])} if {
	some entry in _steps
	step := entry.step
	is_string(step.uses)
}

# A reusable workflow.
_uses contains {"reference": job.uses, "path": sprintf("jobs.%s.uses", [name])} if {
	some name, job in input.resource.jobs
	is_string(job.uses)
}

_unpinned(reference) := "a full commit" if {
	not _own(reference)
	not startswith(reference, "docker://")
	parts := split(reference, "@")
	not _trusted(parts[0])
	not regex.match(`^[^@]*@[0-9a-fA-F]{40}([0-9a-fA-F]{24})?$`, reference)
}

_unpinned(reference) := "an image digest" if {
	startswith(reference, "docker://")
	not contains(reference, "@sha256:")
}

# An action or a workflow of the same repository: as it is checked out, or, with $/, at the commit of the file that asks for it.
_own(reference) if strings.any_prefix_match(reference, ["./", "$/"])

_trusted(name) if lower(split(name, "/")[0]) in {lower(owner) | some owner in data.parameters.trusted_owners}

# {step, path, job, name}: every step of the workflow or of the composite action.
_steps contains {"step": step, "path": sprintf("jobs.%s.steps[%d]", [name, i]), "job": name} if {
	input.type == "workflow"
	some name, job in input.resource.jobs
	some i, step in job.steps
}

_steps contains {"step": step, "path": sprintf("runs.steps[%d]", [i]), "job": ""} if {
	input.type == "action"
	some i, step in input.resource.runs.steps
}

# Code of a pull request with the rights of the repository.

_privileged := {"pull_request_target", "workflow_run", "issue_comment", "pull_request_review", "pull_request_review_comment", "issues", "discussion_comment"}

_events := {event | some event, _ in input.resource.on} if input.type == "workflow"

default _events := set()

deny contains finding if {
	events := _events & {"pull_request_target", "workflow_run", "issue_comment"}
	count(events) > 0
	some entry in _steps
	_takes_head(entry.step)
	finding := {
		"message": sprintf("code of the pull request is checked out on %s, with the secrets and the token of the repository; wanted: on: pull_request", [concat(", ", sort(events))]),
		"path": entry.path,
	}
}

_takes_head(step) if {
	startswith(lower(object.get(step, "uses", "")), "actions/checkout@")
	some key in ["ref", "repository"]
	_of_the_head(step["with"][key])
}

_takes_head(step) if regex.match(`(?i)gh\s+pr\s+checkout|git\s+(fetch|pull|checkout|switch|clone)\b.*(refs/pull/|pull/|head[._](ref|sha)|HEAD_REF|HEAD_SHA)`, object.get(step, "run", ""))

_of_the_head(text) if regex.match(`(?i)github\.event\.pull_request\.(head|merge_commit_sha|number)|github\.head_ref|github\.event\.workflow_run\.(head_|pull_requests)|refs/pull/|github\.event\.issue\.number|github\.event\.number`, text)

# Text that a stranger writes, pasted into a script.
deny contains finding if {
	count(_events & (_privileged | {"pull_request"})) > 0
	some entry in _steps
	some text in [object.get(entry.step, "run", ""), object.get(entry.step, ["with", "script"], "")]
	is_string(text)
	some found in regex.find_n(`(?i)\$\{\{[^}]*\b(github\.event\.(pull_request\.(title|body|head\.(ref|label|repo\.default_branch))|issue\.(title|body)|comment\.body|review\.body|review_comment\.body|discussion\.(title|body)|pages\S*\.page_name|head_commit\.(message|author\.(email|name))|workflow_run\.head_(branch|commit\.message))|github\.head_ref)[^}]*\}\}`, text, 1)
	finding := {
		"message": sprintf("%s is pasted into a script; wanted: through env, for it is text of strangers", [found]),
		"path": entry.path,
	}
}

# Secrets and write tokens in jobs that run the code of pull requests.

_runs_code(job) if {
	some step in job.steps
	startswith(lower(object.get(step, "uses", "")), "actions/checkout@")
	some other in job.steps
	_executes(other)
}

# At the commit that is merged for the test, without a checkout.
_runs_code(job) if {
	some step in job.steps
	startswith(object.get(step, "uses", ""), "$/")
}

_executes(step) if is_string(step.run)

_executes(step) if _own(object.get(step, "uses", ""))

_for_pull_requests contains name if {
	"pull_request" in _events
	some name, job in input.resource.jobs
	not _never_for_pull_requests(job)
}

_never_for_pull_requests(job) if _guarded(object.get(job, "if", ""))

_guarded(condition) if {
	is_string(condition)
	every alternative in split(condition, "||") {
		regex.match(`github\.event_name\s*==\s*'(push|workflow_dispatch|schedule|release|merge_group|workflow_call)'|github\.event_name\s*!=\s*'pull_request'|github\.ref\s*==\s*'refs/(heads|tags)/|startsWith\(\s*github\.ref\s*,\s*'refs/(heads|tags)/|github\.ref_(name|protected)\s*==|github\.event\.pull_request\.merged\s*==\s*true`, alternative)
	}
}

deny contains finding if {
	some name in _for_pull_requests
	job := input.resource.jobs[name]
	_runs_code(job)
	some place in _secret_places(job)
	some secret in place.secrets
	finding := {
		"message": sprintf("the secret %s is given to code of the pull request; wanted: no secrets on pull_request", [secret]),
		"path": sprintf("jobs.%s%s", [name, place.path]),
	}
}

_secret_places(job) := array.concat(
	[{"path": ".env", "secrets": _secrets(job.env)} | job.env],
	[{"path": sprintf(".steps[%d]", [i]), "secrets": secrets} |
		some i, step in job.steps
		not _guarded(object.get(step, "if", ""))
		secrets := _secrets([object.get(step, "env", {}), object.get(step, "run", ""), _with_of_code(step)])
		count(secrets) > 0
	],
)

# What is handed to an action of somebody else is that action's; to one of the repository, the pull request's.
_with_of_code(step) := object.get(step, "with", {}) if {
	_own(object.get(step, "uses", ""))
} else := {}

_secrets(value) := {found[1] |
	walk(value, [_, text])
	is_string(text)
	some found in regex.find_all_string_submatch_n(`\$\{\{[^}]*\bsecrets\.([A-Za-z0-9_]+)`, text, 50)
	found[1] != "GITHUB_TOKEN"
}

deny contains finding if {
	some name in _for_pull_requests
	job := input.resource.jobs[name]
	job.secrets == "inherit"
	_own(object.get(job, "uses", ""))
	finding := {
		"message": "all secrets are given to a workflow of the pull request; wanted: no secrets on pull_request",
		"path": sprintf("jobs.%s.secrets", [name]),
	}
}

deny contains finding if {
	some name in _for_pull_requests
	job := input.resource.jobs[name]
	_runs_code(job)
	some scope in _writes(object.get(job, "permissions", object.get(input.resource, "permissions", null)))
	finding := {
		"message": sprintf("code of the pull request gets a token with %s: write; wanted: read", [scope]),
		"path": _permissions_path(name, job),
	}
}

_permissions_path(name, job) := sprintf("jobs.%s.permissions", [name]) if {
	object.get(job, "permissions", null) != null
} else := "permissions"

_writes("write-all") := {"every scope"}

_writes(permissions) := {scope |
	some scope, level in permissions
	level == "write"
	scope in data.parameters.write_permissions
} if {
	is_object(permissions)
}

# Deployments.

_deploys contains {"command": command, "path": entry.path, "job": entry.job, "step": entry.step} if {
	some entry in _steps
	some command in pipelines.deployments(object.get(entry.step, "run", ""))
}

_deploys contains {"command": name, "path": entry.path, "job": entry.job, "step": entry.step} if {
	some entry in _steps
	name := split(object.get(entry.step, "uses", ""), "@")[0]
	pipelines.action_deploys(name)
}

_deploy_workflow if {
	some pattern in data.parameters.deploy_workflows
	glob.match(pattern, ["/"], input.address)
}

deny contains finding if {
	input.type == "workflow"
	not _deploy_workflow
	some deploy in _deploys
	finding := {
		"message": sprintf("%s runs outside the deploy workflow; wanted: in %s", [deploy.command, concat(" or ", data.parameters.deploy_workflows)]),
		"path": deploy.path,
	}
}

deny contains finding if {
	_deploy_workflow
	some deploy in _deploys
	deploy.job in _for_pull_requests
	not _guarded(object.get(deploy.step, "if", ""))
	finding := {
		"message": sprintf("%s runs for pull requests; wanted: on push to the protected branch", [deploy.command]),
		"path": deploy.path,
	}
}
