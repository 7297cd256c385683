# METADATA
# title: Probes and lifecycle hooks name no host
# description: >-
#   The kubelet itself makes these requests, from the node and with the node's place in the network. A host field
#   turns it into a tool that reaches what the Pod may not: cloud metadata, control planes, neighbours.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#     description: Pod Security Standards, Baseline
# custom:
#   id: PSS-B-HostProbesAndHostLifecycle
#   severity: high
#   remedy: >-
#     Delete the host field of the probe or hook: without it, the kubelet asks the Pod itself.
#   inspects: {kubernetes: [Pod]}
#   references: []
package gatehouse.pod_security_baseline.host_probes_and_host_lifecycle

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some item in kubernetes.containers
	some [field, handler] in _handlers(item.container)
	some how in ["httpGet", "tcpSocket"]
	host := handler[how].host
	not host in {"", null}
	path := sprintf("%s.%s.host", [field, how])
	finding := {
		"message": sprintf("%s has %s %q; wanted: no host", [kubernetes.container_name(item), path, host]),
		"path": kubernetes.container_path(item, path),
	}
}

_handlers(container) := array.concat(
	[[field, container[field]] | some field in ["livenessProbe", "readinessProbe", "startupProbe"]],
	[[sprintf("lifecycle.%s", [field]), container.lifecycle[field]] | some field in ["postStart", "preStop"]],
)
