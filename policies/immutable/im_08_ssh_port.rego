# METADATA
# title: No workload and no Service offers SSH
# description: >-
#   An SSH server in a container is a way around everything that records and limits access to it: the API server's
#   audit log, RBAC, admission. Whoever may look inside uses kubectl exec or an ephemeral container.
# related_resources:
#   - ref: https://kubernetes.io/docs/tasks/debug/debug-application/debug-running-pod/
#     description: Looking into a running Pod without SSH
# custom:
#   id: IM-08
#   severity: medium
#   remedy: "Delete the port and the SSH server from the image; to look inside: kubectl debug -it POD --image=busybox."
#   inspects: {kubernetes: [Pod, Service]}
#   parameters:
#     ports: {default: [22], description: Ports that mean SSH.}
package gatehouse.immutable.ssh_port

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some item in kubernetes.containers
	some i, port in item.container.ports
	some field in ["containerPort", "hostPort"]
	_ssh(port, field)
	finding := {
		"message": sprintf("%s has %s %v; wanted: no SSH", [kubernetes.container_name(item), field, port[field]]),
		"path": kubernetes.container_path(item, sprintf("ports[%d].%s", [i, field])),
	}
}

deny contains finding if {
	input.type == "Service"
	input.group == ""
	some i, port in input.resource.spec.ports
	some field in ["port", "targetPort"]
	_ssh(port, field)
	finding := {
		"message": sprintf("%s of port %s is %v; wanted: no SSH", [field, _name(port, i), port[field]]),
		"path": sprintf("spec.ports[%d].%s", [i, field]),
	}
}

_ssh(port, field) if {
	kubernetes.get(port, "protocol", "TCP") == "TCP"
	some number in data.parameters.ports
	sprintf("%v", [port[field]]) == sprintf("%v", [number])
}

_name(port, i) := sprintf("%q", [port.name]) if {
	is_string(port.name)
} else := sprintf("%d", [i])
