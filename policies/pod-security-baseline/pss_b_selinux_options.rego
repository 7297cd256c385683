# METADATA
# title: SELinux keeps its user and role, and a type of containers
# description: >-
#   The SELinux type is what separates a container from its node and from other containers; with spc_t, or a user
#   or role of its own, nothing does.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#     description: Pod Security Standards, Baseline
# custom:
#   id: PSS-B-SeLinuxOptions
#   severity: high
#   remedy: >-
#     Delete seLinuxOptions.user and .role; set .type to container_t or delete it. level may be set.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0025, disallow-selinux]
package gatehouse.pod_security_baseline.selinux_options

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some setting in kubernetes.security_settings("seLinuxOptions")
	type := kubernetes.get(setting.value, "type", "")
	not type in {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
	finding := {
		"message": sprintf("%s has seLinuxOptions.type %q; wanted: container_t or unset", [setting.name, type]),
		"path": concat(".", [setting.path, "type"]),
	}
}

deny contains finding if {
	some setting in kubernetes.security_settings("seLinuxOptions")
	some field in ["user", "role"]
	value := kubernetes.get(setting.value, field, "")
	value != ""
	finding := {
		"message": sprintf("%s has seLinuxOptions.%s %q; wanted: unset", [setting.name, field, value]),
		"path": concat(".", [setting.path, field]),
	}
}
