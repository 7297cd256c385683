package gatehouse.immutable.ssh_port_test

import data.gatehouse.immutable.ssh_port
import data.gatehouse.lib.testing

_denied(document) := testing.messages(found) if {
	found := ssh_port.deny with input as document with data.parameters as {"ports": [22]}
}

_pod(ports) := testing.pod({"containers": [{"name": "a", "ports": ports}]})

_service(ports) := testing.kubernetes({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": ports}})

test_containers if {
	_denied(_pod([{"containerPort": 80}, {"containerPort": 22}])) == ["container \"a\" has containerPort 22; wanted: no SSH"]
	_denied(_pod([{"containerPort": 2222, "hostPort": 22}])) == ["container \"a\" has hostPort 22; wanted: no SSH"]
	_denied(_pod([{"containerPort": 2222, "name": "ssh"}, {"containerPort": 22, "protocol": "UDP"}])) == []
	_denied(_pod(null)) == []
}

test_services if {
	_denied(_service([{"name": "git", "port": 22, "targetPort": 2222}])) == ["port of port \"git\" is 22; wanted: no SSH"]
	_denied(_service([{"port": 2222, "targetPort": 22}])) == ["targetPort of port 0 is 22; wanted: no SSH"]
	_denied(_service([{"port": 2222, "targetPort": "22"}])) == ["targetPort of port 0 is 22; wanted: no SSH"]
	_denied(_service([{"port": 443, "targetPort": "https"}])) == []
	_denied(_service([])) == []
}

test_other_groups_and_deletions if {
	knative := testing.kubernetes({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 22}]}})
	_denied(knative) == []
	_denied(testing.kubernetes_change(_service([{"port": 22}]).resource, null)) == []
}

test_nested if {
	document := testing.kubernetes({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "n"}, "spec": {"template": {"spec": {"ephemeralContainers": [{"name": "e", "ports": [{"containerPort": 22}]}]}}}})
	found := ssh_port.deny with input as document with data.parameters as {"ports": [22]}
	found == {{"message": "ephemeral container \"e\" has containerPort 22; wanted: no SSH", "path": "spec.template.spec.ephemeralContainers[0].ports[0].containerPort"}}
}
