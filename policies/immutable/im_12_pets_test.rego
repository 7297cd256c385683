package gatehouse.immutable.pets_test

import data.gatehouse.immutable.pets
import data.gatehouse.lib.testing

_denied(document) := testing.messages(found) if {
	found := pets.deny with input as document
}

_object(version, kind, metadata) := testing.kubernetes({"apiVersion": version, "kind": kind, "metadata": object.union({"name": "n"}, metadata), "spec": {"containers": []}})

test_bare if {
	_denied(_object("v1", "Pod", {})) == ["a Pod with no controller; wanted: a Deployment, StatefulSet, DaemonSet or Job"]
	_denied(_object("apps/v1", "ReplicaSet", {})) == ["a ReplicaSet with no controller; wanted: a Deployment"]
	_denied(_object("v1", "ReplicationController", {})) == ["a ReplicationController with no controller; wanted: a Deployment"]
}

test_controlled if {
	_denied(_object("apps/v1", "ReplicaSet", {"ownerReferences": [{"kind": "Deployment", "name": "d", "controller": true}]})) == []
	count(_denied(_object("v1", "Pod", {"ownerReferences": [{"kind": "ConfigMap", "name": "d"}]}))) == 1
	every kind in ["Deployment", "StatefulSet", "DaemonSet"] {
		_denied(_object("apps/v1", kind, {})) == []
	}
	_denied(_object("batch/v1", "Job", {})) == []
	_denied(_object("v1", "PodTemplate", {})) == []
}

test_helm_hook if {
	_denied(_object("v1", "Pod", {"annotations": {"helm.sh/hook": "test"}})) == []
}

test_deleted if {
	_denied(testing.kubernetes_change(_object("v1", "Pod", {}).resource, null)) == []
	_denied(testing.terraform_change("aws_instance.i", {"id": "i"}, null, {})) == []
}

test_instance if {
	_denied(testing.terraform("module.a.aws_instance.i[0]", {})) == ["an instance outside an Auto Scaling group; wanted: a launch template and a group, of one if need be"]
	_denied(testing.terraform("data.aws_instance.i", {})) == []
}

test_group if {
	missing := ["the group has no instance_refresh; wanted: one, so that a new template reaches every instance"]
	_denied(testing.terraform("aws_autoscaling_group.g", {"instance_refresh": []})) == missing
	_denied(testing.terraform("aws_autoscaling_group.g", {})) == missing
	_denied(testing.terraform("aws_autoscaling_group.g", {"instance_refresh": [{"strategy": "Rolling"}]})) == []
}

test_group_unknown if {
	late := testing.with_references(testing.terraform_change("aws_autoscaling_group.g", null, {}, {"instance_refresh": true}), {"instance_refresh": ["var.refresh"]})
	_denied(late) == []
	found := pets.unknown with input as late
	testing.messages(found) == ["instance_refresh is known only after apply; wanted: one"]
}
