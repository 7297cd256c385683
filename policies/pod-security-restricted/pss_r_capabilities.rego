# METADATA
# title: Containers drop every capability and add NET_BIND_SERVICE at most
# description: >-
#   Hardly a program needs any of the capabilities that containers get by default; those that stay are a gift to
#   whoever breaks in.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#     description: Pod Security Standards, Restricted
# custom:
#   id: PSS-R-Capabilities
#   severity: medium
#   remedy: >-
#     Set securityContext: {capabilities: {drop: [ALL]}} on every container; add: [NET_BIND_SERVICE] for ports
#     below 1024.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0106, KSV-0003, CKV_K8S_37, disallow-capabilities-strict]
package gatehouse.pod_security_restricted.capabilities

import data.gatehouse.lib.kubernetes

deny contains finding if {
	not kubernetes.windows
	some item in kubernetes.containers
	not _drops_all(item.container)
	finding := {
		"message": sprintf("%s does not drop ALL capabilities; wanted: drop: [ALL]", [kubernetes.container_name(item)]),
		"path": kubernetes.container_path(item, "securityContext.capabilities.drop"),
	}
}

deny contains finding if {
	not kubernetes.windows
	some setting in kubernetes.container_settings("capabilities")
	beyond := {sprintf("%v", [capability]) | some capability in setting.value.add; capability != "NET_BIND_SERVICE"}
	count(beyond) > 0
	finding := {
		"message": sprintf("%s adds capability %s; wanted: NET_BIND_SERVICE at most", [setting.name, concat(", ", sort(beyond))]),
		"path": concat(".", [setting.path, "add"]),
	}
}

_drops_all(container) if "ALL" in container.securityContext.capabilities.drop
