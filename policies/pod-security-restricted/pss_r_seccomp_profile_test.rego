package gatehouse.pod_security_restricted.seccomp_profile_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_restricted.seccomp_profile

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

_silent := "neither container \"a\" nor the Pod has a seccompProfile; wanted: RuntimeDefault or Localhost"

test_container if {
	_security({"seccompProfile": {"type": "RuntimeDefault"}}) == []
	_security({"seccompProfile": {"type": "Unconfined"}}) == ["container \"a\" has seccompProfile.type \"Unconfined\"; wanted: RuntimeDefault or Localhost"]
	_security({"seccompProfile": {}}) == ["container \"a\" has seccompProfile.type \"\"; wanted: RuntimeDefault or Localhost"]
	_security({"seccompProfile": null}) == [_silent]
	_one({}) == [_silent]
}

test_pod if {
	silent := {"name": "a"}
	_denied({"securityContext": {"seccompProfile": {"type": "Localhost"}}, "containers": [silent]}) == []
	_denied({"securityContext": {"seccompProfile": {"type": "Unconfined"}}, "containers": [silent]}) == [_silent, "the Pod has seccompProfile.type \"Unconfined\"; wanted: RuntimeDefault or Localhost"]
	_denied({"securityContext": {"seccompProfile": {"type": "Unconfined"}}, "containers": [{"name": "a", "securityContext": {"seccompProfile": {"type": "Localhost"}}}]}) == ["the Pod has seccompProfile.type \"Unconfined\"; wanted: RuntimeDefault or Localhost"]
	_denied({"securityContext": {"seccompProfile": {"type": "Localhost"}}, "containers": [{"name": "a", "securityContext": {"seccompProfile": {"type": "Unconfined"}}}]}) == ["container \"a\" has seccompProfile.type \"Unconfined\"; wanted: RuntimeDefault or Localhost"]
	_denied({}) == []
}

test_windows if {
	_denied({"os": {"name": "windows"}, "containers": [{"name": "a"}]}) == []
	_denied({"os": null, "containers": [{"name": "a"}]}) == [_silent]
}

test_every_sort_of_container if {
	count(_paths(_every_sort({"name": "a"}))) == 3
}
