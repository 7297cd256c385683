# METADATA
# title: Pods mount no path of their node
# description: >-
#   A hostPath volume reads, and often writes, the node's own files: the kubelet's credentials, the container
#   runtime's socket, the logs and secrets of every other Pod on it.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#     description: Pod Security Standards, Baseline
# custom:
#   id: PSS-B-HostPathVolumes
#   severity: high
#   remedy: >-
#     Use emptyDir for scratch space, a PersistentVolumeClaim for data, configMap, secret or projected for
#     configuration.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0023, CKV_K8S_27, disallow-host-path]
package gatehouse.pod_security_baseline.host_path_volumes

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some i, volume in input.pod.spec.volumes
	host_path := volume.hostPath
	host_path != null
	finding := {
		"message": sprintf("volume %q is hostPath %q; wanted: no hostPath volume", [
			kubernetes.get(volume, "name", ""),
			kubernetes.get(host_path, "path", ""),
		]),
		"path": kubernetes.path(sprintf("spec.volumes[%d].hostPath", [i])),
	}
}
