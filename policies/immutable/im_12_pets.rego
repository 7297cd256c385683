# METADATA
# title: Machines and Pods are replaced by a controller, not kept by hand
# description: >-
#   A bare Pod is gone with its node, and a single instance is repaired by hand because nothing else would bring it
#   back. Under a controller both are replaced instead, and a new version is rolled out rather than patched in.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/workloads/controllers/
#     description: Controllers of workloads
#   - ref: https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-instance-refresh.html
#     description: Instance refresh
# custom:
#   id: IM-12
#   severity: medium
#   remedy: >-
#     Kubernetes: make it a Deployment, StatefulSet, DaemonSet or Job. AWS: move the settings into an
#     aws_launch_template with an aws_autoscaling_group, and give that instance_refresh { strategy = "Rolling" }.
#   inspects:
#     kubernetes: [Pod]
#     terraform: [aws_instance, aws_autoscaling_group]
#   references: [CKV_K8S_34, require-pod-controller]
package gatehouse.immutable.pets

import data.gatehouse.lib.terraform

deny contains finding if {
	input.kind == "kubernetes"
	input.resource != null
	wanted := _wanted[input.type]
	not _controlled
	not _hook
	finding := {"message": sprintf("a %s with no controller; wanted: %s", [input.type, wanted])}
}

deny contains finding if {
	input.type == "aws_instance"
	terraform.present
	finding := {"message": "an instance outside an Auto Scaling group; wanted: a launch template and a group, of one if need be"}
}

deny contains finding if {
	input.type == "aws_autoscaling_group"
	terraform.present
	count(terraform.list(object.get(input.resource, "instance_refresh", null))) == 0
	not terraform.set_late("instance_refresh")
	finding := {"message": "the group has no instance_refresh; wanted: one, so that a new template reaches every instance", "path": "instance_refresh"}
}

unknown contains finding if {
	input.type == "aws_autoscaling_group"
	terraform.present
	terraform.unknown("instance_refresh")
	terraform.set_late("instance_refresh")
	finding := {"message": "instance_refresh is known only after apply; wanted: one", "path": "instance_refresh"}
}

_wanted := {
	"Pod": "a Deployment, StatefulSet, DaemonSet or Job",
	"ReplicaSet": "a Deployment",
	"ReplicationController": "a Deployment",
}

_controlled if {
	some owner in input.resource.metadata.ownerReferences
	owner.controller == true
}

# Helm runs hooks itself, once, and removes them.
_hook if input.resource.metadata.annotations["helm.sh/hook"]
