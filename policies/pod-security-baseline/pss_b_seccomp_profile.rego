# METADATA
# title: Seccomp is not turned off
# description: >-
#   Seccomp keeps a container from the system calls that it never needs and that kernel exploits begin with.
#   Unconfined gives them all back.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#     description: Pod Security Standards, Baseline
# custom:
#   id: PSS-B-SeccompProfile
#   severity: high
#   remedy: >-
#     Set securityContext.seccompProfile: {type: RuntimeDefault}, or delete it.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0104, CKV_K8S_31, restrict-seccomp]
package gatehouse.pod_security_baseline.seccomp_profile

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some setting in kubernetes.security_settings("seccompProfile")
	type := kubernetes.get(setting.value, "type", "")
	not type in {"RuntimeDefault", "Localhost"}
	finding := {
		"message": sprintf("%s has seccompProfile.type %q; wanted: RuntimeDefault, Localhost or unset", [setting.name, type]),
		"path": concat(".", [setting.path, "type"]),
	}
}
