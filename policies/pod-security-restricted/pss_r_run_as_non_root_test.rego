package gatehouse.pod_security_restricted.run_as_non_root_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_restricted.run_as_non_root

_denied(spec) := testing.messages(found) if {
	found := run_as_non_root.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := run_as_non_root.deny with input as document
}

_one(container) := _denied({"containers": [object.union({"name": "a"}, container)]})

_security(context) := _one({"securityContext": context})

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_every_sort(container) := _cron({"initContainers": [container], "containers": [container], "ephemeralContainers": [container]})

_silent := "neither container \"a\" nor the Pod has runAsNonRoot; wanted: true"

test_container if {
	_security({"runAsNonRoot": true}) == []
	_security({"runAsNonRoot": false}) == ["container \"a\" has runAsNonRoot false; wanted: true"]
	_security({"runAsNonRoot": null}) == [_silent]
	_security(null) == [_silent]
	_one({}) == [_silent]
}

test_pod if {
	containers := [{"name": "a"}, {"name": "b", "securityContext": {"runAsNonRoot": true}}]
	_denied({"securityContext": {"runAsNonRoot": true}, "containers": containers}) == []
	_denied({"securityContext": {"runAsNonRoot": false}, "containers": containers}) == [_silent, "the Pod has runAsNonRoot false; wanted: true"]
	_denied({"securityContext": {"runAsNonRoot": false}, "containers": [containers[1]]}) == ["the Pod has runAsNonRoot false; wanted: true"]
	_denied({"securityContext": {"runAsNonRoot": true}, "containers": [{"name": "a", "securityContext": {"runAsNonRoot": false}}]}) == ["container \"a\" has runAsNonRoot false; wanted: true"]
	_denied({"securityContext": null, "containers": [containers[0]]}) == [_silent]
	_denied({}) == []
}

test_user_namespace if {
	_denied({"hostUsers": false, "securityContext": {"runAsNonRoot": false}, "containers": [{"name": "a"}]}) == []
	_denied({"hostUsers": true, "containers": [{"name": "a"}]}) == [_silent]
}

test_windows_does_not_excuse if {
	_denied({"os": {"name": "windows"}, "containers": [{"name": "a"}]}) == [_silent]
}

test_null_container_is_a_silent_one if {
	_denied({"containers": [null]}) == ["neither container \"\" nor the Pod has runAsNonRoot; wanted: true"]
}

test_every_sort_of_container if {
	count(_paths(_every_sort({"name": "a"}))) == 3
	count(_paths(_every_sort({"name": "a", "securityContext": {"runAsNonRoot": false}}))) == 3
}
