package gatehouse.pod_security_restricted.capabilities_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_restricted.capabilities

_denied(spec) := testing.messages(found) if {
	found := capabilities.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := capabilities.deny with input as document
}

_one(container) := _denied({"containers": [object.union({"name": "a"}, container)]})

_security(context) := _one({"securityContext": context})

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_every_sort(container) := _cron({"initContainers": [container], "containers": [container], "ephemeralContainers": [container]})

_undropped := "container \"a\" does not drop ALL capabilities; wanted: drop: [ALL]"

test_drop if {
	_security({"capabilities": {"drop": ["ALL"]}}) == []
	_security({"capabilities": {"drop": ["NET_RAW", "ALL"]}}) == []
	every context in [{"capabilities": {"drop": ["all"]}}, {"capabilities": {"drop": ["NET_RAW"]}}, {"capabilities": {"drop": null}}, {"capabilities": {}}, {"capabilities": null}, {}, null] {
		_security(context) == [_undropped]
	}
	_one({}) == [_undropped]
}

test_add if {
	_security({"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}) == []
	_security({"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE", "KILL", "CHOWN"]}}) == ["container \"a\" adds capability CHOWN, KILL; wanted: NET_BIND_SERVICE at most"]
	_security({"capabilities": {"add": ["KILL"]}}) == ["container \"a\" adds capability KILL; wanted: NET_BIND_SERVICE at most", _undropped]
}

test_windows if {
	_denied({"os": {"name": "windows"}, "containers": [{"name": "a", "securityContext": {"capabilities": {"add": ["KILL"]}}}]}) == []
}

test_every_sort_of_container if {
	count(_paths(_every_sort({"name": "a"}))) == 3
	count(_paths(_every_sort({"name": "a", "securityContext": {"capabilities": {"add": ["KILL"]}}}))) == 6
}
