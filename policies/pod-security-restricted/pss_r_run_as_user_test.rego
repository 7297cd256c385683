package gatehouse.pod_security_restricted.run_as_user_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_restricted.run_as_user

_denied(spec) := testing.messages(found) if {
	found := run_as_user.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := run_as_user.deny with input as document
}

_one(container) := _denied({"containers": [object.union({"name": "a"}, container)]})

_security(context) := _one({"securityContext": context})

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_every_sort(container) := _cron({"initContainers": [container], "containers": [container], "ephemeralContainers": [container]})

test_root if {
	_security({"runAsUser": 0}) == ["container \"a\" has runAsUser 0; wanted: another user or unset"]
	_denied({"securityContext": {"runAsUser": 0}}) == ["the Pod has runAsUser 0; wanted: another user or unset"]
}

test_others if {
	_security({"runAsUser": 1000}) == []
	_security({"runAsUser": null}) == []
	_denied({"securityContext": {"runAsUser": 1}, "containers": [{"name": "a"}]}) == []
	_denied({}) == []
}

test_user_namespace if {
	_denied({"hostUsers": false, "securityContext": {"runAsUser": 0}}) == []
	count(_denied({"hostUsers": null, "securityContext": {"runAsUser": 0}})) == 1
}

test_every_sort_of_container if {
	count(_paths(_every_sort({"name": "a", "securityContext": {"runAsUser": 0}}))) == 3
}
