# METADATA
# title: Container images carry a tag that stays
# description: >-
#   "latest", or no tag at all, is whatever was pushed last: two Pods of one Deployment run different programs, and
#   nobody can say afterwards which one it was, or go back to it.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/containers/images/#image-names
#     description: How Kubernetes reads an image name
# custom:
#   id: IM-02
#   severity: medium
#   remedy: "Name the version, for example image: nginx:1.27.3, or better the digest."
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0013, CKV_K8S_14]
#   parameters:
#     moving_tags: {default: [latest], description: Tags that are moved from image to image.}
#     exempt: {default: [], description: "Images that need no tag, as globs over the whole reference."}
package gatehouse.immutable.image_tag

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some image in kubernetes.images
	not contains(image.reference, "@")
	tag := kubernetes.image(image.reference).tag
	fault := _fault(tag)
	not _exempt(image.reference)
	finding := {
		"message": sprintf("%s has image %q, %s; wanted: a tag that is not moved, or a digest", [image.name, image.reference, fault]),
		"path": image.path,
		"key": image.name,
	}
}

_fault("") := "without a tag"

_fault(tag) := sprintf("whose tag %q moves", [tag]) if {
	some moving in data.parameters.moving_tags
	lower(tag) == lower(moving)
}

_exempt(reference) if {
	some pattern in data.parameters.exempt
	glob.match(pattern, null, reference)
}
