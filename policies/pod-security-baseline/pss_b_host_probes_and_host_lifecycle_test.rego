package gatehouse.pod_security_baseline.host_probes_and_host_lifecycle_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_baseline.host_probes_and_host_lifecycle

_denied(spec) := testing.messages(found) if {
	found := host_probes_and_host_lifecycle.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := host_probes_and_host_lifecycle.deny with input as document
}

_one(container) := _denied({"containers": [object.union({"name": "a"}, container)]})

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_every_sort(container) := _cron({"initContainers": [container], "containers": [container], "ephemeralContainers": [container]})

test_every_probe_and_hook if {
	every how in ["httpGet", "tcpSocket"] {
		every probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
			_one({probe: {how: {"host": "10.0.0.1", "port": 80}}}) == [sprintf("container \"a\" has %s.%s.host \"10.0.0.1\"; wanted: no host", [probe, how])]
		}
		every hook in ["postStart", "preStop"] {
			_one({"lifecycle": {hook: {how: {"host": "10.0.0.1", "port": 80}}}}) == [sprintf("container \"a\" has lifecycle.%s.%s.host \"10.0.0.1\"; wanted: no host", [hook, how])]
		}
	}
}

test_no_host if {
	_one({"livenessProbe": {"httpGet": {"host": "", "port": 80}}}) == []
	_one({"livenessProbe": {"httpGet": {"host": null, "port": 80}}}) == []
	_one({"livenessProbe": {"httpGet": null, "exec": {"command": ["true"]}}}) == []
	_one({"livenessProbe": null, "lifecycle": null}) == []
	_one({"lifecycle": {"preStop": null}}) == []
	_one({}) == []
}

test_even_the_own_address if {
	count(_one({"livenessProbe": {"tcpSocket": {"host": "127.0.0.1", "port": 80}}})) == 1
}

test_every_sort_of_container if {
	_paths(_every_sort({"name": "a", "startupProbe": {"tcpSocket": {"host": "x"}}})) == {
		"spec.jobTemplate.spec.template.spec.initContainers[0].startupProbe.tcpSocket.host",
		"spec.jobTemplate.spec.template.spec.containers[0].startupProbe.tcpSocket.host",
		"spec.jobTemplate.spec.template.spec.ephemeralContainers[0].startupProbe.tcpSocket.host",
	}
}
