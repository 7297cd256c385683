package gatehouse.pod_security_baseline.capabilities_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_baseline.capabilities

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

test_beyond if {
	_security({"capabilities": {"add": ["SYS_ADMIN", "CHOWN", "NET_RAW"]}}) == ["container \"a\" adds capability NET_RAW, SYS_ADMIN; wanted: none beyond the default ones"]
}

test_spellings_count if {
	every capability in ["ALL", "chown", "CAP_CHOWN", ""] {
		count(_security({"capabilities": {"add": [capability]}})) == 1
	}
}

test_default if {
	_security({"capabilities": {"add": ["CHOWN", "NET_BIND_SERVICE"]}}) == []
	_security({"capabilities": {"add": null, "drop": ["ALL"]}}) == []
	_security({"capabilities": {}}) == []
	_security({"capabilities": null}) == []
	_one({}) == []
}

test_every_sort_of_container if {
	count(_paths(_every_sort({"name": "a", "securityContext": {"capabilities": {"add": ["SYS_TIME"]}}}))) == 3
}
