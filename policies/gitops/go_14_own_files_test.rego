package gatehouse.gitops.own_files_test

import data.gatehouse.gitops.own_files as rule
import data.gatehouse.lib.fixture

_parameters := {"count": 2, "teams": ["acme/security"], "users": ["alice"], "paths": [".github/workflows/*deploy*"]}

_demands(kind, type, path, after, before) := {demand.reason |
	some demand in rule.require_approval with input as fixture.file(kind, type, path, after, before) with data.parameters as _parameters
	demand.count == 2
	demand.teams == ["acme/security"]
	demand.users == ["alice"]
}

test_gate if {
	_demands("gate", "config", ".github/gatehouse.yml", {"content": 1}, {"content": 2}) == {"the gate's configuration changes"}
	_demands("gate", "config", ".github/gatehouse.yml", null, {"content": 2}) == {"the gate's configuration is deleted"}
	_demands("gate", "waivers", "w", {"content": []}, null) == {"the list of waivers is new"}
	_demands("gate", "policy", ".gatehouse/a.rego", {"text": "x"}, {"text": "y"}) == {"a policy of the repository changes"}
	_demands("gate", "config", ".github/gatehouse.yml", {"content": 1}, {"content": 1}) == set()
}

test_owners if {
	before := {"entries": [{"pattern": "*", "owners": ["@a"], "line": 1}]}
	_demands("codeowners", "codeowners", "CODEOWNERS", {"entries": [{"pattern": "*", "owners": ["@a"], "line": 9}]}, before) == set()
	_demands("codeowners", "codeowners", "CODEOWNERS", {"entries": [{"pattern": "*", "owners": ["@b"], "line": 1}]}, before) == {"the list of code owners changes"}
	_demands("codeowners", "codeowners", "CODEOWNERS", {"entries": []}, before) == {"the list of code owners changes"}
}

test_pipelines if {
	applies := {"jobs": {"j": {"steps": [{"run": "terraform apply"}]}}}
	_demands("github_actions", "workflow", "x.yml", {"jobs": {}}, applies) == {"a pipeline that deploys changes"}
	_demands("github_actions", "workflow", "x.yml", applies, null) == {"a pipeline that deploys is new"}
	_demands("github_actions", "workflow", "x.yml", {"jobs": {}}, null) == set()
	_demands("github_actions", "workflow", ".github/workflows/deploy-web.yml", {"jobs": {}}, null) == {"a pipeline that deploys is new"}
	_demands("jenkinsfile", "pipeline", "Jenkinsfile", {"stages": [{"steps": [{"text": "helm upgrade x"}]}]}, null) == {"a pipeline that deploys is new"}
}
