package gatehouse.pod_security_baseline.host_ports_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_baseline.host_ports

_denied(spec) := testing.messages(found) if {
	found := host_ports.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := host_ports.deny with input as document
}

_one(container) := _denied({"containers": [object.union({"name": "a"}, container)]})

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_every_sort(container) := _cron({"initContainers": [container], "containers": [container], "ephemeralContainers": [container]})

test_host_port if {
	_one({"ports": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 8081}]}) == ["container \"a\" has hostPort 8081; wanted: none"]
}

test_no_host_port if {
	_one({"ports": [{"containerPort": 80, "hostPort": 0}, {"containerPort": 81, "hostPort": null}]}) == []
	_one({"ports": null}) == []
	_one({}) == []
}

test_every_sort_of_container if {
	_paths(_every_sort({"name": "a", "ports": [{"hostPort": 1}]})) == {
		"spec.jobTemplate.spec.template.spec.initContainers[0].ports[0].hostPort",
		"spec.jobTemplate.spec.template.spec.containers[0].ports[0].hostPort",
		"spec.jobTemplate.spec.template.spec.ephemeralContainers[0].ports[0].hostPort",
	}
}
