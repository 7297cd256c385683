package gatehouse.pod_security_baseline.windows_host_process_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_baseline.windows_host_process

_denied(spec) := testing.messages(found) if {
	found := windows_host_process.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := windows_host_process.deny with input as document
}

_one(container) := _denied({"containers": [object.union({"name": "a"}, container)]})

_security(context) := _one({"securityContext": context})

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_every_sort(container) := _cron({"initContainers": [container], "containers": [container], "ephemeralContainers": [container]})

test_host_process if {
	_security({"windowsOptions": {"hostProcess": true}}) == ["container \"a\" has windowsOptions.hostProcess true; wanted: false or unset"]
	_denied({"securityContext": {"windowsOptions": {"hostProcess": true}}}) == ["the Pod has windowsOptions.hostProcess true; wanted: false or unset"]
}

test_no_host_process if {
	every options in [{"hostProcess": false}, {"hostProcess": null}, {}, null] {
		_security({"windowsOptions": options}) == []
		_denied({"securityContext": {"windowsOptions": options}}) == []
	}
	_denied({}) == []
}

test_every_sort_of_container if {
	count(_paths(_every_sort({"name": "a", "securityContext": {"windowsOptions": {"hostProcess": true}}}))) == 3
}
