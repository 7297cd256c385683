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

# The branch that Jenkins calls primary, whatever its name is.
_allowed("(primary)")

# Jenkins.

_shell := {"sh", "bat", "powershell", "pwsh"}

_commands(step) := pipelines.deployments(step.text) if step.name in _shell

_commands(step) := {"ansible-playbook"} if step.name == "ansiblePlaybook"

_commands(step) := {"kubectl apply"} if step.name == "kubernetesDeploy"

deny contains finding if {
	some entry in _steps
	_where(entry.step) == "everywhere"
	some command in _commands(entry.step)
	finding := {
		"message": sprintf("%s runs %s on every branch; wanted: %s", [entry.place, command, entry.wanted]),
		"line": entry.step.line,
	}
}

unknown contains finding if {
	some entry in _steps
	_where(entry.step) == "unclear"
	_may_deploy(entry.step)
	finding := {
		"message": sprintf("on which branches %s applies cannot be told; wanted: %s", [entry.place, entry.wanted]),
		"line": entry.step.line,
	}
}

unknown contains finding if {
	some entry in _steps
	_where(entry.step) == "elsewhere"
	_may_deploy(entry.step)
	finding := {
		"message": sprintf("%s applies on %s, and not all of these may deploy; wanted: %s", [entry.place, concat(", ", entry.step.branches.only), entry.wanted]),
		"line": entry.step.line,
	}
}

# Nobody can tell what it runs, and nothing keeps it to branches that may deploy.
unknown contains finding if {
	some entry in _steps
	_where(entry.step) != "guarded"
	not _may_deploy(entry.step)
	finding := {
		"message": sprintf("what %s runs cannot be told: %s; wanted: %s", [entry.place, entry.step.unread, entry.wanted]),
		"line": entry.step.line,
	}
}

unknown contains finding if {
	some entry in _steps
	_where(entry.step) == "everywhere"
	not entry.step.unread
	count(_commands(entry.step)) == 0
	_may_deploy(entry.step)
	finding := {
		"message": sprintf("%s runs a command that only a run can tell, on every branch; wanted: %s", [entry.place, entry.wanted]),
		"line": entry.step.line,
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

_steps contains entry if {
	input.kind == "jenkinsfile"
	some stage in input.resource.stages
	some step in stage.steps
	entry := {"step": step, "place": sprintf("the stage %q", [stage.name]), "wanted": _wanted}
}

_steps contains entry if {
	input.kind == "jenkinsfile"
	some step in input.resource.steps
	entry := {"step": step, "place": "code outside the stages", "wanted": _wanted_outside}
}

_wanted := "when { branch 'main' }" if {
	input.resource.declarative
} else := "if (env.BRANCH_NAME == 'main') around it"

_wanted_outside := "a stage with when { branch 'main' }" if {
	input.resource.declarative
} else := "if (env.BRANCH_NAME == 'main') around it"

_may_deploy(step) if count(_commands(step)) > 0

_may_deploy(step) if {
	step.name in _shell
	step.dynamic == true
	pipelines.obscured(step.text)
}

# On which branches a step runs, as the conditions around it tell.
_where(step) := "guarded" if {
	_bounded(step.branches)
	every branch in step.branches.only {
		_allowed(branch)
	}
} else := "elsewhere" if {
	_bounded(step.branches)
} else := "unclear" if {
	step.branches.unsure == true
} else := "everywhere"

_bounded(branches) if is_array(branches.only)

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
