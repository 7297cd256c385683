# METADATA
# title: Containers are not privileged
# description: >-
#   A privileged container is root on the node: every device, every capability, no filter. Whoever breaks into it
#   has the node, and with it the credentials of every Pod there.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#     description: Pod Security Standards, Baseline
# custom:
#   id: PSS-B-Privileged
#   severity: high
#   remedy: >-
#     Delete securityContext.privileged. If the program needs one privilege, add that capability alone.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0017, CKV_K8S_16, disallow-privileged-containers]
package gatehouse.pod_security_baseline.privileged

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some setting in kubernetes.container_settings("privileged")
	setting.value == true
	finding := {
		"message": sprintf("%s has privileged true; wanted: false or unset", [setting.name]),
		"path": setting.path,
	}
}
