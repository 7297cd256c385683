# METADATA
# title: AppArmor keeps its default profile, or a local one
# description: >-
#   AppArmor confines a container by default. Unconfined takes that away, by the field or by the older annotation.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#     description: Pod Security Standards, Baseline
# custom:
#   id: PSS-B-AppArmorProfile
#   severity: high
#   remedy: >-
#     Set securityContext.appArmorProfile.type to RuntimeDefault, or delete it; delete
#     container.apparmor.security.beta.kubernetes.io annotations that say unconfined.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0002, restrict-apparmor-profiles]
package gatehouse.pod_security_baseline.app_armor_profile

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some setting in kubernetes.security_settings("appArmorProfile")
	type := kubernetes.get(setting.value, "type", "")
	not type in {"RuntimeDefault", "Localhost"}
	finding := {
		"message": sprintf("%s has appArmorProfile.type %q; wanted: RuntimeDefault, Localhost or unset", [setting.name, type]),
		"path": concat(".", [setting.path, "type"]),
	}
}

deny contains finding if {
	some key, profile in input.pod.metadata.annotations
	startswith(key, "container.apparmor.security.beta.kubernetes.io/")
	not _allowed(profile)
	finding := {
		"message": sprintf("annotation %q is %q; wanted: runtime/default or localhost/PROFILE", [key, profile]),
		"path": kubernetes.path(sprintf("metadata.annotations[%q]", [key])),
	}
}

_allowed(profile) if profile in {"", null, "runtime/default"}

_allowed(profile) if startswith(profile, "localhost/")
