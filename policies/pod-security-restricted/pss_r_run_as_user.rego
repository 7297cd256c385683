# METADATA
# title: Nobody sets the user 0
# description: >-
#   runAsUser: 0 makes root of whatever user the image was built to run as.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#     description: Pod Security Standards, Restricted
# custom:
#   id: PSS-R-RunAsUser
#   severity: medium
#   remedy: >-
#     Delete runAsUser, or set it to a user above 0; or set hostUsers: false where root is needed.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0105, CKV_K8S_40, require-run-as-non-root-user]
package gatehouse.pod_security_restricted.run_as_user

import data.gatehouse.lib.kubernetes

deny contains finding if {
	not kubernetes.user_namespace
	some setting in kubernetes.security_settings("runAsUser")
	setting.value == 0
	finding := {
		"message": sprintf("%s has runAsUser 0; wanted: another user or unset", [setting.name]),
		"path": setting.path,
	}
}
