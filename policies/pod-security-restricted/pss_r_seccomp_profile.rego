# METADATA
# title: Every container has a seccomp profile
# description: >-
#   Seccomp keeps a container from the system calls that it never needs and that kernel exploits begin with.
#   Unless the Pod asks for a profile, many clusters run it without one.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#     description: Pod Security Standards, Restricted
# custom:
#   id: PSS-R-SeccompProfile
#   severity: medium
#   remedy: >-
#     Set securityContext: {seccompProfile: {type: RuntimeDefault}} on the Pod.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0030, CKV_K8S_31, restrict-seccomp-strict]
package gatehouse.pod_security_restricted.seccomp_profile

import data.gatehouse.lib.kubernetes

deny contains finding if {
	not kubernetes.windows
	some setting in kubernetes.security_settings("seccompProfile")
	type := kubernetes.get(setting.value, "type", "")
	not type in _profiles
	finding := {
		"message": sprintf("%s has seccompProfile.type %q; wanted: RuntimeDefault or Localhost", [setting.name, type]),
		"path": concat(".", [setting.path, "type"]),
	}
}

deny contains finding if {
	not kubernetes.windows
	not _pod_sets_profile
	some item in kubernetes.silent_containers("seccompProfile")
	finding := {
		"message": sprintf("neither %s nor the Pod has a seccompProfile; wanted: RuntimeDefault or Localhost", [kubernetes.container_name(item)]),
		"path": kubernetes.container_path(item, "securityContext.seccompProfile.type"),
	}
}

_pod_sets_profile if kubernetes.inherited("seccompProfile").type in _profiles

_profiles := {"RuntimeDefault", "Localhost"}
