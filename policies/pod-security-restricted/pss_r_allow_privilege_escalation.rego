# METADATA
# title: Containers cannot gain privileges
# description: >-
#   With privilege escalation allowed, which is the default, a setuid program in the image makes root of the user
#   that the container was told to run as.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#     description: Pod Security Standards, Restricted
# custom:
#   id: PSS-R-AllowPrivilegeEscalation
#   severity: medium
#   remedy: >-
#     Set securityContext: {allowPrivilegeEscalation: false} on every container, init and ephemeral ones too.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0001, CKV_K8S_20, disallow-privilege-escalation]
package gatehouse.pod_security_restricted.allow_privilege_escalation

import data.gatehouse.lib.kubernetes

deny contains finding if {
	not kubernetes.windows
	some item in kubernetes.containers
	object.get(item.container, ["securityContext", "allowPrivilegeEscalation"], null) != false
	finding := {
		"message": sprintf("%s does not have allowPrivilegeEscalation false; wanted: false", [kubernetes.container_name(item)]),
		"path": kubernetes.container_path(item, "securityContext.allowPrivilegeEscalation"),
	}
}
