# METADATA
# title: Containers cannot write to their root filesystem
# description: >-
#   An intruder's first step is to bring a tool along. On a read-only root there is nowhere to put it, and a program
#   that changes itself at run time is no longer the image that was reviewed.
# related_resources:
#   - ref: https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
#     description: Security context of a container
# custom:
#   id: IM-09
#   severity: medium
#   remedy: >-
#     Set securityContext: {readOnlyRootFilesystem: true} and mount an emptyDir where the program writes, for example
#     on /tmp.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0014, CKV_K8S_22, require-ro-rootfs]
package gatehouse.immutable.read_only_root

import data.gatehouse.lib.kubernetes

# Windows does not know the setting.
deny contains finding if {
	not kubernetes.windows
	some item in kubernetes.containers
	object.get(item.container, ["securityContext", "readOnlyRootFilesystem"], null) != true
	finding := {
		"message": sprintf("%s does not have readOnlyRootFilesystem true; wanted: true", [kubernetes.container_name(item)]),
		"path": kubernetes.container_path(item, "securityContext.readOnlyRootFilesystem"),
	}
}
