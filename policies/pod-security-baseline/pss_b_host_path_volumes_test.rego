package gatehouse.pod_security_baseline.host_path_volumes_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_baseline.host_path_volumes

_denied(spec) := testing.messages(found) if {
	found := host_path_volumes.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := host_path_volumes.deny with input as document
}

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

test_host_path if {
	_denied({"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/"}}]}) == ["volume \"b\" is hostPath \"/\"; wanted: no hostPath volume"]
	count(_denied({"volumes": [{"hostPath": {}}]})) == 1
}

test_other_volumes if {
	_denied({"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": null}]}) == []
	_denied({"volumes": null}) == []
	_denied({}) == []
}

test_path if {
	_paths(_cron({"volumes": [{"name": "a", "hostPath": {"path": "/"}}]})) == {"spec.jobTemplate.spec.template.spec.volumes[0].hostPath"}
}
