package gatehouse.pod_security_baseline.host_namespaces_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_baseline.host_namespaces

_denied(spec) := testing.messages(found) if {
	found := host_namespaces.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := host_namespaces.deny with input as document
}

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

test_shared if {
	every field in ["hostNetwork", "hostPID", "hostIPC"] {
		_denied({field: true}) == [sprintf("%s is true; wanted: false or unset", [field])]
	}
	count(_denied({"hostNetwork": true, "hostPID": true, "hostIPC": true})) == 3
}

test_not_shared if {
	_denied({"hostNetwork": false, "hostPID": null}) == []
	_denied({}) == []
}

test_user_namespace_does_not_excuse if {
	count(_denied({"hostUsers": false, "hostPID": true})) == 1
}

test_path if {
	_paths(_cron({"hostIPC": true})) == {"spec.jobTemplate.spec.template.spec.hostIPC"}
}
