package gatehouse.gitops.branch_guard_test

import data.gatehouse.gitops.branch_guard as rule
import data.gatehouse.lib.fixture

_parameters := {"branches": ["main", "release/*"]}

_verdict(document) := {"deny": count(denied), "unknown": count(unsure)} if {
	denied := rule.deny with input as document with data.parameters as _parameters
	unsure := rule.unknown with input as document with data.parameters as _parameters
}

_everywhere := {"only": null, "tags": false, "unsure": false}

_step(text, branches) := {"name": "sh", "text": text, "words": [], "dynamic": contains(text, "$"), "conditional": false, "branches": branches, "post": "", "line": 3}

_stage(step) := _verdict(fixture.file(
	"jenkinsfile", "pipeline", "Jenkinsfile", {
		"declarative": true,
		"stages": [{"name": "s", "line": 2, "guards": [], "steps": [step]}],
		"steps": [], "unread": [],
	},
	null,
))

_on(branches) := {"only": branches, "tags": false, "unsure": false}

test_branches if {
	every branches in [["main"], ["release/1"], ["main", "release/*"], ["(primary)"], []] {
		_stage(_step("terraform apply", _on(branches))) == {"deny": 0, "unknown": 0}
	}
	every branches in [["feature/*"], ["main", "develop"]] {
		_stage(_step("terraform apply", _on(branches))) == {"deny": 0, "unknown": 1}
	}
	_stage(_step("terraform apply", _everywhere)) == {"deny": 1, "unknown": 0}
	_stage(_step("terraform apply", object.union(_everywhere, {"unsure": true}))) == {"deny": 0, "unknown": 1}
}

test_steps if {
	_stage(_step("terraform plan", _everywhere)) == {"deny": 0, "unknown": 0}
	_stage(_step("terraform ${params.ACTION}", _everywhere)) == {"deny": 0, "unknown": 1}
	_stage(_step("terraform ${params.ACTION}", _on(["main"]))) == {"deny": 0, "unknown": 0}
	_stage(object.union(_step("", _everywhere), {"name": "deployApp", "unread": "deployApp is defined elsewhere"})) == {"deny": 0, "unknown": 1}
	_stage(object.union(_step("", _on(["main"])), {"name": "deployApp", "unread": "deployApp is defined elsewhere"})) == {"deny": 0, "unknown": 0}
	_stage(object.union(_step("site.yml", _everywhere), {"name": "ansiblePlaybook"})) == {"deny": 1, "unknown": 0}
	_stage(object.union(_step("", _everywhere), {"name": "kubernetesDeploy"})) == {"deny": 1, "unknown": 0}
}

test_outside_stages if {
	_verdict(fixture.file(
		"jenkinsfile", "pipeline", "Jenkinsfile", {
			"declarative": false, "stages": [],
			"steps": [_step("terraform apply", _everywhere), _step("tofu apply", object.union(_everywhere, {"unsure": true}))],
			"unread": [{"line": 1, "reason": "a text is not closed"}],
		},
		null,
	)) == {"deny": 1, "unknown": 2}
}

_job(job) := _pipeline({"deploy": object.union({"script": ["kubectl apply -f x"], "unread": [], "branches": _everywhere}, job)}, [])

_pipeline(jobs, elsewhere) := _verdict(fixture.file(
	"gitlab_ci", "pipeline", ".gitlab-ci.yml",
	{"jobs": jobs, "global": {}, "elsewhere": elsewhere}, null,
))

test_gitlab if {
	every job in [
		{"branches": _on(["main"])}, {"branches": _on(["(default)", "(protected)"])}, {"branches": _on([])},
		{"script": ["kubectl get pods"]}, {"script": "make"}, {"script": []},
	] {
		_job(job) == {"deny": 0, "unknown": 0}
	}
	every job in [{}, {"before_script": "terraform apply", "script": "x"}, {"script": [], "run": [{"name": "a", "script": "tofu apply"}]}] {
		_job(job) == {"deny": 1, "unknown": 0}
	}
	every job in [
		{"branches": _on(["develop"])}, {"branches": object.union(_everywhere, {"unsure": true})},
		{"branches": object.union(_everywhere, {"unsure": true}), "script": ["terraform $ACTION"]},
	] {
		_job(job) == {"deny": 0, "unknown": 1}
	}
	_pipeline({".hidden": {"script": ["terraform apply"], "unread": [], "branches": _everywhere}}, []) == {"deny": 0, "unknown": 0}
	_pipeline({}, ["deploy.yml of the project acme/ci", "the template Jobs/SAST.gitlab-ci.yml", "the template Auto-DevOps.gitlab-ci.yml"]) == {"deny": 0, "unknown": 2}
}
