package gatehouse.pod_security_baseline.privileged_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_baseline.privileged

_denied(spec) := testing.messages(found) if {
	found := privileged.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := privileged.deny with input as document
}

_one(container) := _denied({"containers": [object.union({"name": "a"}, container)]})

_security(context) := _one({"securityContext": context})

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_every_sort(container) := _cron({"initContainers": [container], "containers": [container], "ephemeralContainers": [container]})

test_privileged if {
	_security({"privileged": true}) == ["container \"a\" has privileged true; wanted: false or unset"]
}

test_not_privileged if {
	_security({"privileged": false}) == []
	_security({"privileged": null}) == []
	_security(null) == []
	_one({}) == []
	_denied({}) == []
}

test_every_sort_of_container if {
	_paths(_every_sort({"name": "a", "securityContext": {"privileged": true}})) == {
		"spec.jobTemplate.spec.template.spec.initContainers[0].securityContext.privileged",
		"spec.jobTemplate.spec.template.spec.containers[0].securityContext.privileged",
		"spec.jobTemplate.spec.template.spec.ephemeralContainers[0].securityContext.privileged",
	}
}
