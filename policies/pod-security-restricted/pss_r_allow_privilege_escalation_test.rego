package gatehouse.pod_security_restricted.allow_privilege_escalation_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_restricted.allow_privilege_escalation

_denied(spec) := testing.messages(found) if {
	found := allow_privilege_escalation.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := allow_privilege_escalation.deny with input as document
}

_one(container) := _denied({"containers": [object.union({"name": "a"}, container)]})

_security(context) := _one({"securityContext": context})

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_every_sort(container) := _cron({"initContainers": [container], "containers": [container], "ephemeralContainers": [container]})

test_allowed if {
	every context in [{"allowPrivilegeEscalation": true}, {"allowPrivilegeEscalation": null}, {}, null] {
		_security(context) == ["container \"a\" does not have allowPrivilegeEscalation false; wanted: false"]
	}
	count(_one({})) == 1
}

test_forbidden if {
	_security({"allowPrivilegeEscalation": false}) == []
	_denied({}) == []
}

test_windows if {
	_denied({"os": {"name": "windows"}, "containers": [{"name": "a"}]}) == []
	count(_denied({"os": {"name": "linux"}, "containers": [{"name": "a"}]})) == 1
}

test_user_namespace_does_not_excuse if {
	count(_denied({"hostUsers": false, "containers": [{"name": "a"}]})) == 1
}

test_every_sort_of_container if {
	_paths(_every_sort({"name": "a"})) == {
		"spec.jobTemplate.spec.template.spec.initContainers[0].securityContext.allowPrivilegeEscalation",
		"spec.jobTemplate.spec.template.spec.containers[0].securityContext.allowPrivilegeEscalation",
		"spec.jobTemplate.spec.template.spec.ephemeralContainers[0].securityContext.allowPrivilegeEscalation",
	}
}
