# METADATA
# title: Pipelines apply and deploy from protected branches only
# description: >-
#   A Jenkins or GitLab pipeline runs for every branch that anybody pushes, with the credentials of the runner. A step that
#   applies or deploys and has no condition on the branch puts unreviewed code into production.
# related_resources:
#   - ref: https://www.jenkins.io/doc/book/pipeline/syntax/#when
#     description: The when directive of a Jenkinsfile
#   - ref: https://docs.gitlab.com/ci/yaml/#rules
#     description: rules of a GitLab job
# custom:
#   id: GO-13
#   severity: high
#   remedy: >-
#     Jenkins: when { branch 'main' } in the stage. GitLab: rules: [{if: '$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'}] in the job.
#   inspects: {jenkinsfile: [pipeline], gitlab_ci: [pipeline]}
#   parameters:
#     branches: {default: [main, master, production, prod, "release/*"], description: "Branches that may deploy, as globs."}
package gatehouse.gitops.branch_guard

import data.gatehouse.lib.pipelines

_allowed(branch) if {
	some pattern in data.parameters.branches
	glob.match(pattern, ["/"], branch)
}

# Jenkins.

_shell := {"sh", "bat", "powershell", "pwsh", "ansiblePlaybook", "kubernetesDeploy"}

_commands(step) := pipelines.deployments(step.text) if step.name in {"sh", "bat", "powershell", "pwsh"}

_commands(step) := {"ansible-playbook"} if step.name == "ansiblePlaybook"

_commands(step) := {"kubectl apply"} if step.name == "kubernetesDeploy"

deny contains finding if {
	input.type == "pipeline"
	some stage in input.resource.stages
	some step in stage.steps
	step.conditional == false
	some command in _commands(step)
	_stage_state(stage) == "open"
	finding := {
		"message": sprintf("the stage %q runs %s on every branch; wanted: when { branch 'main' }", [stage.name, command]),
		"line": step.line,
	}
}

deny contains finding if {
	some step in input.resource.steps
	step.conditional == false
	some command in _commands(step)
	finding := {
		"message": sprintf("%s runs outside a stage, on every branch; wanted: a stage with when { branch 'main' }", [command]),
		"line": step.line,
	}
}

unknown contains finding if {
	some stage in input.resource.stages
	some step in stage.steps
	_may_deploy(step)
	not _settled(stage, step)
	finding := {
		"message": sprintf("on which branches the stage %q applies cannot be told; wanted: when { branch 'main' }", [stage.name]),
		"line": step.line,
	}
}

unknown contains finding if {
	some step in input.resource.steps
	step.conditional == true
	_may_deploy(step)
	finding := {
		"message": "on which branches a step outside the stages applies cannot be told; wanted: a stage with when { branch 'main' }",
		"line": step.line,
	}
}

unknown contains finding if {
	input.kind == "jenkinsfile"
	some gap in input.resource.unread
	finding := {
		"message": sprintf("the pipeline cannot be read in full: %s; wanted: declarative stages with when { branch 'main' } where they deploy", [gap.reason]),
		"line": gap.line,
	}
}

_may_deploy(step) if count(_commands(step)) > 0

_may_deploy(step) if {
	step.name in _shell
	step.dynamic == true
	pipelines.obscured(step.text)
}

# Either the stage is guarded, or the other set has said that it is not.
_settled(stage, _) if _stage_state(stage) == "guarded"

_settled(stage, step) if {
	_stage_state(stage) == "open"
	step.conditional == false
	count(_commands(step)) > 0
}

_stage_state(stage) := "guarded" if {
	some guard in stage.guards
	_guard(guard) == "guarded"
} else := "unknown" if {
	some guard in stage.guards
	_guard(guard) == "unknown"
} else := "open"

_guard(guard) := "guarded" if {
	_branch_guard(guard)
} else := "guarded" if {
	guard.kind == "anyOf"
	count(guard.inside) > 0
	every one in guard.inside {
		_branch_guard(one)
	}
} else := "unknown" if {
	guard.kind in {"expression", "anyOf", "branch", "equals", "environment"}
	_speaks_of_branches(guard)
}

_branch_guard(guard) if {
	guard.kind == "branch"
	guard.dynamic == false
	count(guard.texts) > 0
	not "REGEXP" in guard.texts
	every text in guard.texts {
		_allowed_or_word(text)
	}
	some text in guard.texts
	_allowed(text)
}

_branch_guard(guard) if guard.kind in {"buildingTag", "tag"}

_branch_guard(guard) if {
	guard.kind in {"environment", "equals"}
	some text in guard.texts
	_allowed(text)
	regex.match(`BRANCH_NAME|GIT_BRANCH`, concat(" ", array.concat(guard.texts, guard.words)))
}

_branch_guard(guard) if {
	guard.kind == "expression"
	text := concat(" ", guard.words)
	regex.match(`\b(env\.)?(BRANCH_NAME|GIT_BRANCH)\s+=\s+=\s+\S+`, text)
	not regex.match(`\|\s+\||!`, text)
	some found in regex.find_all_string_submatch_n(`(?:BRANCH_NAME|GIT_BRANCH)\s+=\s+=\s+(?:origin/)?(\S+)`, text, 5)
	_allowed(found[1])
}

_allowed_or_word(text) if _allowed(text)

_allowed_or_word(text) if text in {"GLOB", "EQUALS"}

_speaks_of_branches(guard) if guard.kind in {"branch", "expression"}

_speaks_of_branches(guard) if {
	some one in object.get(guard, "inside", [])
	one.kind in {"branch", "expression", "environment", "equals"}
}

# GitLab.

_jobs[name] := job if {
	input.kind == "gitlab_ci"
	some name, job in input.resource.jobs
	not startswith(name, ".")
}

_job_commands(job) := {command |
	some field in ["before_script", "script", "after_script"]
	some text in _lines(object.get(job, field, []))
	some command in pipelines.deployments(text)
}

_lines(script) := [script] if is_string(script)

_lines(script) := [line | some line in script; is_string(line)] if is_array(script)

deny contains finding if {
	some name, job in _jobs
	some command in _job_commands(job)
	not _job_guarded(job)
	count(job.unread) == 0
	finding := {
		"message": sprintf("the job %q runs %s on every branch; wanted: rules with $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", [name, command]),
		"path": sprintf("[%s]", [json.marshal(name)]),
	}
}

unknown contains finding if {
	some name, job in _jobs
	not _job_guarded(job)
	count(job.unread) > 0
	_job_may_deploy(job)
	finding := {
		"message": sprintf("on which branches the job %q applies cannot be told: %s is in another file; wanted: rules with $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", [name, concat(", ", job.unread)]),
		"path": sprintf("[%s]", [json.marshal(name)]),
	}
}

_job_may_deploy(job) if count(_job_commands(job)) > 0

_job_may_deploy(job) if {
	some text in _lines(object.get(job, "script", []))
	pipelines.obscured(text)
}

# The pipeline's own workflow stands before every job.
_job_guarded(job) if _rules_guard(object.get(job, "rules", null))

_job_guarded(_) if _rules_guard(object.get(input.resource, ["global", "workflow", "rules"], null))

_job_guarded(job) if _only_guards(object.get(job, "only", null))

_rules_guard(rules) if {
	is_array(rules)
	admitting := [rule | some rule in rules; object.get(rule, "when", "") != "never"]
	every rule in admitting {
		_condition_guards(object.get(rule, "if", ""))
	}
}

# Of alternatives each must hold to a branch; of conditions that are joined, one.
_condition_guards(condition) if {
	is_string(condition)
	not contains(condition, "(")
	every alternative in split(condition, "||") {
		_one_guards(split(alternative, "&&"))
	}
}

_one_guards(parts) if {
	some part in parts
	regex.match(`^\s*\$CI_COMMIT_(BRANCH|REF_NAME)\s*==\s*\$CI_DEFAULT_BRANCH\s*$|^\s*\$CI_COMMIT_REF_PROTECTED\s*(==\s*["']true["']\s*)?$|^\s*\$CI_COMMIT_TAG\s*(=~.*)?$`, part)
}

_one_guards(parts) if {
	some part in parts
	some found in regex.find_all_string_submatch_n(`^\s*\$CI_COMMIT_(?:BRANCH|REF_NAME)\s*==\s*["']([^"']+)["']\s*$`, part, 1)
	_allowed(found[1])
}

_only_guards(only) if {
	refs := _refs(only)
	count(refs) > 0
	every ref in refs {
		_allowed_ref(ref)
	}
}

_refs(only) := only if is_array(only)

_refs(only) := [only] if is_string(only)

_refs(only) := object.get(only, "refs", []) if is_object(only)

_allowed_ref(ref) if _allowed(ref)

_allowed_ref("tags")
