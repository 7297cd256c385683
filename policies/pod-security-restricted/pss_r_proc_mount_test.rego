package gatehouse.pod_security_restricted.proc_mount_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_restricted.proc_mount

_denied(spec) := testing.messages(found) if {
	found := proc_mount.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := proc_mount.deny with input as document
}

_one(container) := _denied({"containers": [object.union({"name": "a"}, container)]})

_security(context) := _one({"securityContext": context})

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_every_sort(container) := _cron({"initContainers": [container], "containers": [container], "ephemeralContainers": [container]})

test_unmasked if {
	_security({"procMount": "Unmasked"}) == ["container \"a\" has procMount \"Unmasked\"; wanted: Default or unset"]
	_denied({"hostUsers": false, "containers": [{"name": "a", "securityContext": {"procMount": "Unmasked"}}]}) == ["container \"a\" has procMount \"Unmasked\"; wanted: Default or unset"]
}

test_masked if {
	_security({"procMount": "Default"}) == []
	_security({"procMount": null}) == []
	_one({}) == []
}

test_every_sort_of_container if {
	count(_paths(_every_sort({"name": "a", "securityContext": {"procMount": "Unmasked"}}))) == 3
}
