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

# Those that GitLab calls default and protected.
_allowed("(default)")

_allowed("(protected)")

# Jenkins.

_shell := {"sh", "bat", "powershell", "pwsh"}

_commands(step) := pipelines.deployments(step.text) if step.name in _shell

_commands(step) := {"ansible-playbook"} if step.name == "ansiblePlaybook"

_commands(step) := {"kubectl apply"} if step.name == "kubernetesDeploy"

deny contains finding if {
	some entry in _steps
	_where(entry.step.branches) == "everywhere"
	some command in _commands(entry.step)
	finding := {
		"message": sprintf("%s runs %s on every branch; wanted: %s", [entry.place, command, entry.wanted]),
		"line": entry.step.line,
	}
}

unknown contains finding if {
	some entry in _steps
	_where(entry.step.branches) == "unclear"
	_may_deploy(entry.step)
	finding := {
		"message": sprintf("on which branches %s applies cannot be told; wanted: %s", [entry.place, entry.wanted]),
		"line": entry.step.line,
	}
}

unknown contains finding if {
	some entry in _steps
	_where(entry.step.branches) == "elsewhere"
	_may_deploy(entry.step)
	finding := {
		"message": sprintf("%s applies on %s, and not all of these may deploy; wanted: %s", [entry.place, concat(", ", entry.step.branches.only), entry.wanted]),
		"line": entry.step.line,
	}
}

# Nobody can tell what it runs, and nothing keeps it to branches that may deploy.
unknown contains finding if {
	some entry in _steps
	_where(entry.step.branches) != "guarded"
	not _may_deploy(entry.step)
	finding := {
		"message": sprintf("what %s runs cannot be told: %s; wanted: %s", [entry.place, entry.step.unread, entry.wanted]),
		"line": entry.step.line,
	}
}

unknown contains finding if {
	some entry in _steps
	_where(entry.step.branches) == "everywhere"
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

# On which branches something runs, as the conditions around it tell.
_where(branches) := "guarded" if {
	is_array(branches.only)
	every branch in branches.only {
		_allowed(branch)
	}
} else := "elsewhere" if {
	is_array(branches.only)
} else := "unclear" if {
	branches.unsure == true
} else := "everywhere"

# GitLab.

_jobs[name] := job if {
	input.kind == "gitlab_ci"
	some name, job in input.resource.jobs
	not startswith(name, ".")
}

_job_commands(job) := {command |
	some text in _job_texts(job)
	some command in pipelines.deployments(text)
}

_job_texts(job) := {text |
	some field in ["before_script", "script", "after_script"]
	some text in _lines(object.get(job, field, []))
} | {text |
	some step in object.get(job, "run", [])
	text := step.script
}

_lines(script) := [script] if is_string(script)

_lines(script) := [line | some line in script; is_string(line)] if is_array(script)

_wanted_rules := "rules with $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"

deny contains finding if {
	some name, job in _jobs
	_where(job.branches) == "everywhere"
	some command in _job_commands(job)
	finding := {
		"message": sprintf("the job %q runs %s on every branch; wanted: %s", [name, command, _wanted_rules]),
		"path": sprintf("[%s]", [json.marshal(name)]),
	}
}

unknown contains finding if {
	some name, job in _jobs
	_where(job.branches) == "unclear"
	_job_may_deploy(job)
	finding := {
		"message": sprintf("on which branches the job %q applies cannot be told%s; wanted: %s", [name, _gaps(job), _wanted_rules]),
		"path": sprintf("[%s]", [json.marshal(name)]),
	}
}

unknown contains finding if {
	some name, job in _jobs
	_where(job.branches) == "elsewhere"
	_job_may_deploy(job)
	finding := {
		"message": sprintf("the job %q applies on %s, and not all of these may deploy; wanted: %s", [name, concat(", ", job.branches.only), _wanted_rules]),
		"path": sprintf("[%s]", [json.marshal(name)]),
	}
}

# Jobs of other projects run with this one's variables. GitLab's own templates deploy only where their names say so.
unknown contains finding if {
	input.kind == "gitlab_ci"
	some name in input.resource.elsewhere
	not _harmless_template(name)
	finding := {
		"message": sprintf("the jobs of %s are not in this repository, so whether they apply on every branch cannot be told", [name]),
		"path": "include",
	}
}

_harmless_template(name) if {
	startswith(name, "the template ")
	not regex.match(`(?i)deploy|auto-devops|terraform|opentofu|cloudformation|provision|helm`, name)
}

_gaps(job) := sprintf(": %s is not here", [concat(", ", job.unread)]) if {
	count(job.unread) > 0
} else := ""

_job_may_deploy(job) if count(_job_commands(job)) > 0

_job_may_deploy(job) if {
	some text in _job_texts(job)
	pipelines.obscured(text)
}
