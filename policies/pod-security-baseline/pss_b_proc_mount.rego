# METADATA
# title: Containers see a masked /proc
# description: >-
#   Container runtimes hide the parts of /proc that let a process look into the kernel or change it. Unmasked
#   shows them; that is harmless only in a user namespace.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#     description: Pod Security Standards, Baseline
# custom:
#   id: PSS-B-ProcMount
#   severity: high
#   remedy: >-
#     Delete securityContext.procMount, or set hostUsers: false on the Pod.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0027, disallow-proc-mount]
package gatehouse.pod_security_baseline.proc_mount

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some setting in kubernetes.container_settings("procMount")
	setting.value != "Default"
	not kubernetes.user_namespace
	finding := {
		"message": sprintf("%s has procMount %q; wanted: Default or unset, or hostUsers false", [setting.name, setting.value]),
		"path": setting.path,
	}
}
