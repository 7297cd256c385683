# METADATA
# title: Windows Pods are no processes of their host
# description: >-
#   A HostProcess container of Windows is a process of the node with its rights, as a privileged container is on
#   Linux.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#     description: Pod Security Standards, Baseline
# custom:
#   id: PSS-B-WindowsHostProcess
#   severity: high
#   remedy: >-
#     Delete securityContext.windowsOptions.hostProcess.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0103, disallow-host-process]
package gatehouse.pod_security_baseline.windows_host_process

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some setting in kubernetes.security_settings("windowsOptions")
	setting.value.hostProcess == true
	finding := {
		"message": sprintf("%s has windowsOptions.hostProcess true; wanted: false or unset", [setting.name]),
		"path": concat(".", [setting.path, "hostProcess"]),
	}
}
