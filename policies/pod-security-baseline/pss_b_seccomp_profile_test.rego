package gatehouse.pod_security_baseline.seccomp_profile_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_baseline.seccomp_profile

_denied(spec) := testing.messages(found) if {
	found := seccomp_profile.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := seccomp_profile.deny with input as document
}

_one(container) := _denied({"containers": [object.union({"name": "a"}, container)]})

_security(context) := _one({"securityContext": context})

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_every_sort(container) := _cron({"initContainers": [container], "containers": [container], "ephemeralContainers": [container]})

test_types if {
	_security({"seccompProfile": {"type": "Unconfined"}}) == ["container \"a\" has seccompProfile.type \"Unconfined\"; wanted: RuntimeDefault, Localhost or unset"]
	_security({"seccompProfile": {"type": null}}) == ["container \"a\" has seccompProfile.type \"\"; wanted: RuntimeDefault, Localhost or unset"]
	every type in ["RuntimeDefault", "Localhost"] {
		_security({"seccompProfile": {"type": type}}) == []
	}
	_security({"seccompProfile": null}) == []
	_one({}) == []
}

test_pod_level if {
	_denied({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}) == ["the Pod has seccompProfile.type \"Unconfined\"; wanted: RuntimeDefault, Localhost or unset"]
	_denied({"securityContext": {"seccompProfile": {"type": "Localhost"}}}) == []
	_denied({}) == []
}

test_every_sort_of_container if {
	count(_paths(_every_sort({"name": "a", "securityContext": {"seccompProfile": {"type": "x"}}}))) == 3
}
