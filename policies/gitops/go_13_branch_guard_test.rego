package gatehouse.gitops.branch_guard_test

import data.gatehouse.gitops.branch_guard as rule
import data.gatehouse.lib.fixture

_parameters := {"branches": ["main", "release/*"]}

_verdict(document) := {"deny": count(denied), "unknown": count(unsure)} if {
	denied := rule.deny with input as document with data.parameters as _parameters
	unsure := rule.unknown with input as document with data.parameters as _parameters
}

_step(text, conditional) := {"name": "sh", "text": text, "words": [], "dynamic": contains(text, "$"), "conditional": conditional, "line": 3}

_stage(guards, step) := _verdict(fixture.file(
	"jenkinsfile", "pipeline", "Jenkinsfile", {
		"declarative": true,
		"stages": [{"name": "s", "line": 2, "guards": guards, "steps": [step]}],
		"steps": [], "unread": [],
	},
	null,
))

_guard(kind, texts, words) := {"kind": kind, "texts": texts, "words": words, "dynamic": false}

_apply := _step("terraform apply", false)

test_guards if {
	every guards in [
		[_guard("branch", ["main"], [])],
		[_guard("branch", ["release/1"], [])],
		[_guard("buildingTag", [], [])],
		[_guard("environment", ["BRANCH_NAME", "main"], [])],
		[_guard("expression", ["main"], ["env.BRANCH_NAME", "=", "=", "main"])],
		[object.union(_guard("anyOf", [], []), {"inside": [_guard("branch", ["main"], []), _guard("buildingTag", [], [])]})],
		[_guard("changeset", ["x"], []), _guard("branch", ["main"], [])],
	] {
		_stage(guards, _apply) == {"deny": 0, "unknown": 0}
	}
	every guards in [
		[],
		[_guard("changeset", ["x"], [])],
		[object.union(_guard("not", [], []), {"inside": [_guard("branch", ["main"], [])]})],
	] {
		_stage(guards, _apply) == {"deny": 1, "unknown": 0}
	}
	every guards in [
		[_guard("branch", ["feature/*"], [])],
		[_guard("expression", [], ["isProduction", "(", ")"])],
		[object.union(_guard("anyOf", [], []), {"inside": [_guard("branch", ["main"], []), _guard("changeRequest", [], [])]})],
	] {
		_stage(guards, _apply) == {"deny": 0, "unknown": 1}
	}
}

test_steps if {
	_stage([], _step("terraform plan", false)) == {"deny": 0, "unknown": 0}
	_stage([], _step("terraform apply", true)) == {"deny": 0, "unknown": 1}
	_stage([], _step("terraform ${params.ACTION}", false)) == {"deny": 0, "unknown": 1}
	_stage([_guard("branch", ["main"], [])], _step("terraform apply", true)) == {"deny": 0, "unknown": 0}
}

test_outside_stages if {
	_verdict(fixture.file(
		"jenkinsfile", "pipeline", "Jenkinsfile", {
			"declarative": false, "stages": [], "steps": [_apply, _step("terraform apply", true)],
			"unread": [{"line": 1, "reason": "it is no declarative pipeline"}],
		},
		null,
	)) == {"deny": 1, "unknown": 2}
}

_job(job) := _pipeline({"deploy": object.union({"script": ["kubectl apply -f x"], "unread": []}, job)}, {})

_pipeline(jobs, global) := _verdict(fixture.file("gitlab_ci", "pipeline", ".gitlab-ci.yml", {"jobs": jobs, "global": global}, null))

test_gitlab if {
	every job in [
		{"rules": [{"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"}]},
		{"rules": [{"if": "$CI_PIPELINE_SOURCE == 'merge_request_event'", "when": "never"}, {"if": "$CI_COMMIT_BRANCH == 'main' && $X"}]},
		{"rules": [{"if": "$CI_COMMIT_TAG || $CI_COMMIT_REF_PROTECTED == \"true\""}]},
		{"only": ["main", "tags"]}, {"only": {"refs": ["main"]}}, {"only": "main"},
		{"script": ["kubectl get pods"]}, {"script": "make"}, {"script": []},
	] {
		_job(job) == {"deny": 0, "unknown": 0}
	}
	every job in [
		{}, {"when": "manual"}, {"rules": [{"when": "manual"}]}, {"only": ["branches"]}, {"only": []},
		{"rules": [{"if": "$CI_COMMIT_BRANCH == 'main' || $FORCE"}]}, {"rules": [{"if": "$CI_COMMIT_BRANCH == 'main'"}, {"when": "always"}]},
		{"rules": [{"if": "$CI_COMMIT_BRANCH != $CI_DEFAULT_BRANCH"}]}, {"except": ["main"]}, {"before_script": "terraform apply", "script": "x"},
	] {
		_job(job) == {"deny": 1, "unknown": 0}
	}
	_job({"unread": ["extends .x"]}) == {"deny": 0, "unknown": 1}
	_job({"unread": ["extends .x"], "rules": [{"if": "$CI_COMMIT_TAG"}]}) == {"deny": 0, "unknown": 0}
	_pipeline({".hidden": {"script": ["terraform apply"], "unread": []}}, {}) == {"deny": 0, "unknown": 0}
	_pipeline(
		{"d": {"script": ["terraform apply"], "unread": []}},
		{"workflow": {"rules": [{"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"}]}},
	) == {"deny": 0, "unknown": 0}
}
