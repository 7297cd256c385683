# METADATA
# title: Containers add no capability beyond the default ones
# description: >-
#   Each capability is a piece of root. Those that container runtimes give by default are bad enough; NET_ADMIN,
#   SYS_ADMIN, SYS_PTRACE and the like lead out of the container, and NET_RAW lets it forge the traffic of its
#   neighbours.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#     description: Pod Security Standards, Baseline
# custom:
#   id: PSS-B-Capabilities
#   severity: high
#   remedy: >-
#     Delete the entry from securityContext.capabilities.add. To listen on a low port, NET_BIND_SERVICE is
#     enough.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0022, KSV-0119, CKV_K8S_25, CKV_K8S_39, disallow-capabilities]
package gatehouse.pod_security_baseline.capabilities

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some setting in kubernetes.container_settings("capabilities")
	beyond := {sprintf("%v", [capability]) | some capability in setting.value.add; not capability in _default}
	count(beyond) > 0
	finding := {
		"message": sprintf("%s adds capability %s; wanted: none beyond the default ones", [setting.name, concat(", ", sort(beyond))]),
		"path": concat(".", [setting.path, "add"]),
	}
}

# Letter case counts, and the prefix CAP_ does not belong: runtimes do not all agree on other spellings.
_default := {
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
	"SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}
