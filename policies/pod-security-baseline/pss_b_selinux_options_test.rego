package gatehouse.pod_security_baseline.selinux_options_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_baseline.selinux_options

_denied(spec) := testing.messages(found) if {
	found := selinux_options.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := selinux_options.deny with input as document
}

_one(container) := _denied({"containers": [object.union({"name": "a"}, container)]})

_security(context) := _one({"securityContext": context})

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_every_sort(container) := _cron({"initContainers": [container], "containers": [container], "ephemeralContainers": [container]})

test_types if {
	every type in ["", null, "container_t", "container_init_t", "container_kvm_t", "container_engine_t"] {
		_security({"seLinuxOptions": {"type": type}}) == []
	}
	_security({"seLinuxOptions": {"type": "spc_t"}}) == ["container \"a\" has seLinuxOptions.type \"spc_t\"; wanted: container_t or unset"]
}

test_user_and_role if {
	_security({"seLinuxOptions": {"user": "u", "role": "r", "level": "s0:c1"}}) == [
		"container \"a\" has seLinuxOptions.role \"r\"; wanted: unset",
		"container \"a\" has seLinuxOptions.user \"u\"; wanted: unset",
	]
	_security({"seLinuxOptions": {"user": "", "role": null, "level": "s0:c1"}}) == []
}

test_pod_level if {
	_denied({"securityContext": {"seLinuxOptions": {"type": "spc_t"}}}) == ["the Pod has seLinuxOptions.type \"spc_t\"; wanted: container_t or unset"]
	_denied({"securityContext": {"seLinuxOptions": {}}}) == []
	_denied({"securityContext": null}) == []
	_denied({}) == []
}

test_every_sort_of_container if {
	count(_paths(_every_sort({"name": "a", "securityContext": {"seLinuxOptions": {"role": "r"}}}))) == 3
}
