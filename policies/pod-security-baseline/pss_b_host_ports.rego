# METADATA
# title: Containers take no port of their node
# description: >-
#   A hostPort opens the Pod on the node's own address, past Services and, with many network plugins, past
#   NetworkPolicies.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#     description: Pod Security Standards, Baseline
# custom:
#   id: PSS-B-HostPorts
#   severity: high
#   remedy: >-
#     Delete hostPort (keep containerPort) and publish the port with a Service.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0024, CKV_K8S_26, disallow-host-ports]
package gatehouse.pod_security_baseline.host_ports

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some item in kubernetes.containers
	some i, port in item.container.ports
	host_port := kubernetes.get(port, "hostPort", 0)
	host_port != 0
	finding := {
		"message": sprintf("%s has hostPort %v; wanted: none", [kubernetes.container_name(item), host_port]),
		"path": kubernetes.container_path(item, sprintf("ports[%d].hostPort", [i])),
	}
}
