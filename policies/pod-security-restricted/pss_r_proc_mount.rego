# METADATA
# title: Containers see a masked /proc, in a user namespace too
# description: >-
#   Container runtimes hide the parts of /proc that let a process look into the kernel or change it. The
#   restricted level keeps them hidden, whatever namespace the Pod runs in.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#     description: Pod Security Standards, Restricted
# custom:
#   id: PSS-R-ProcMount
#   severity: medium
#   remedy: >-
#     Delete securityContext.procMount.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0027, disallow-proc-mount]
package gatehouse.pod_security_restricted.proc_mount

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some setting in kubernetes.container_settings("procMount")
	setting.value != "Default"
	finding := {
		"message": sprintf("%s has procMount %q; wanted: Default or unset", [setting.name, setting.value]),
		"path": setting.path,
	}
}
