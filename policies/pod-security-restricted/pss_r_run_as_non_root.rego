# METADATA
# title: Containers run as somebody other than root
# description: >-
#   Root in a container is root on the node as soon as one wall falls. With runAsNonRoot the kubelet refuses to
#   start an image that would run as root, whatever the image says.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#     description: Pod Security Standards, Restricted
# custom:
#   id: PSS-R-RunAsNonRoot
#   severity: medium
#   remedy: >-
#     Set securityContext: {runAsNonRoot: true} on the Pod, and a USER in the image; or hostUsers: false where
#     root is needed.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0012, CKV_K8S_23, CKV_K8S_40, require-run-as-nonroot]
package gatehouse.pod_security_restricted.run_as_non_root

import data.gatehouse.lib.kubernetes

deny contains finding if {
	not kubernetes.user_namespace
	some setting in kubernetes.security_settings("runAsNonRoot")
	setting.value == false
	finding := {
		"message": sprintf("%s has runAsNonRoot false; wanted: true", [setting.name]),
		"path": setting.path,
	}
}

deny contains finding if {
	not kubernetes.user_namespace
	kubernetes.inherited("runAsNonRoot") != true
	some item in kubernetes.silent_containers("runAsNonRoot")
	finding := {
		"message": sprintf("neither %s nor the Pod has runAsNonRoot; wanted: true", [kubernetes.container_name(item)]),
		"path": kubernetes.container_path(item, "securityContext.runAsNonRoot"),
	}
}
