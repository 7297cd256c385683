# METADATA
# title: Pods mount volumes of the safe types only
# description: >-
#   Volume types that name a disk or a server directly let the author of a Pod reach storage that nobody gave to
#   the namespace. A claim goes through what the cluster offers.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#     description: Pod Security Standards, Restricted
# custom:
#   id: PSS-R-RestrictedVolumes
#   severity: medium
#   remedy: >-
#     Use configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim, projected or secret;
#     bring other storage in as a PersistentVolume.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0028, restrict-volume-types]
package gatehouse.pod_security_restricted.restricted_volumes

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some i, volume in input.pod.spec.volumes
	not _safe(volume)
	finding := {
		"message": sprintf("volume %q is of type %s; wanted: a claim, or one of the types that belong to the Pod", [
			kubernetes.get(volume, "name", ""),
			_type(volume),
		]),
		"path": kubernetes.path(sprintf("spec.volumes[%d]", [i])),
	}
}

_safe(volume) if {
	some type in [
		"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected",
		"secret",
	]
	volume[type] != null
}

_type(volume) := concat(", ", sort(types)) if {
	types := {type | some type, source in volume; type != "name"; source != null}
	count(types) > 0
} else := "unknown"
