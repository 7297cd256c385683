package gatehouse.pod_security_restricted.restricted_volumes_test

import data.gatehouse.lib.testing
import data.gatehouse.pod_security_restricted.restricted_volumes

_denied(spec) := testing.messages(found) if {
	found := restricted_volumes.deny with input as testing.pod(spec)
}

_paths(document) := {finding.path | some finding in found} if {
	found := restricted_volumes.deny with input as document
}

_cron(spec) := testing.kubernetes({
	"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"},
	"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
})

_volume(volume) := _denied({"volumes": [object.union({"name": "v"}, volume)]})

test_safe if {
	every type in ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret"] {
		_volume({type: {}}) == []
	}
	_denied({"volumes": null}) == []
	_denied({}) == []
}

test_other if {
	every type in ["hostPath", "nfs", "gitRepo", "awsElasticBlockStore", "azureFile", "scaleIO", "somethingNew"] {
		_volume({type: {}}) == [sprintf("volume \"v\" is of type %s; wanted: a claim, or one of the types that belong to the Pod", [type])]
	}
}

test_nothing_named if {
	_volume({"emptyDir": null}) == ["volume \"v\" is of type unknown; wanted: a claim, or one of the types that belong to the Pod"]
	count(_denied({"volumes": [{}]})) == 1
}

test_path if {
	_paths(_cron({"volumes": [{"name": "a", "secret": {}}, {"name": "b", "nfs": {}}]})) == {"spec.jobTemplate.spec.template.spec.volumes[1]"}
}
