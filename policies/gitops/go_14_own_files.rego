# METADATA
# title: The gate's own files change only with the agreement of their owners
# description: >-
#   Whoever can change the gate's configuration, its waivers, the list of code owners or the workflow that deploys can change
#   what the gate will let through next time. The gate reads all of them from the base branch, so the pull request that changes
#   them is the last moment to look.
# related_resources:
#   - ref: https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
#     description: About code owners
# custom:
#   id: GO-14
#   severity: critical
#   remedy: Have the people named here approve the pull request, or move the change of these files into one of its own.
#   inspects:
#     gate: [config, waivers, policy]
#     codeowners: [codeowners]
#     github_actions: [workflow, action]
#     gitlab_ci: [pipeline]
#     jenkinsfile: [pipeline]
#   parameters:
#     count: {default: 1, description: How many approvals.}
#     teams: {default: [], description: "Teams that own these files, as org/team; none: everybody who may write."}
#     users: {default: [], description: Users who own these files.}
#     paths: {default: [".github/workflows/*deploy*", ".github/workflows/*apply*", ".github/workflows/*release*"], description: "Paths of pipelines that count as deploying whatever they run, as globs."}
package gatehouse.gitops.own_files

import data.gatehouse.lib.pipelines

require_approval contains demand if {
	what := _what
	_content(input.resource) != _content(input.before)
	demand := {
		"count": data.parameters.count,
		"teams": data.parameters.teams,
		"users": data.parameters.users,
		"reason": sprintf("%s %s", [what, _happens]),
	}
}

_happens := "is new" if {
	input.before == null
} else := "is deleted" if {
	input.resource == null
} else := "changes"

_what := "the gate's configuration" if {
	input.kind == "gate"
	input.type == "config"
} else := "the list of waivers" if {
	input.kind == "gate"
	input.type == "waivers"
} else := "a policy of the repository" if {
	input.kind == "gate"
} else := "the list of code owners" if {
	input.kind == "codeowners"
} else := "a pipeline that deploys" if {
	input.kind in {"github_actions", "gitlab_ci", "jenkinsfile"}
	_deploys
}

_deploys if {
	some pattern in data.parameters.paths
	glob.match(pattern, ["/"], input.address)
}

_deploys if {
	some side in [input.resource, input.before]
	walk(side, [_, text])
	count(pipelines.deployments(text)) > 0
}

# Where something stands in its file is no change of it.
_content(value) := {entry |
	walk(value, [path, leaf])
	not is_object(leaf)
	not is_array(leaf)
	not _place(path)
	entry := [path, leaf]
}

_place(path) if path[count(path) - 1] == "line"
