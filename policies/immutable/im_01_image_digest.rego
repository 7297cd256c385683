# METADATA
# title: Container images are named by digest
# description: >-
#   A tag is a name that anyone who can push to the registry may point at another image, after the review. A digest
#   is the image: what was reviewed is what runs, on every node and after every restart.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/containers/images/#image-names
#     description: Images by digest in Kubernetes
# custom:
#   id: IM-01
#   severity: high
#   remedy: >-
#     Write image: NAME:TAG@sha256:DIGEST; "crane digest NAME:TAG" or "docker buildx imagetools inspect NAME:TAG"
#     prints the digest, and Renovate keeps it current (pinDigests).
#   inspects: {kubernetes: [Pod]}
#   references: [CKV_K8S_43]
#   parameters:
#     exempt: {default: [], description: "Images that need no digest, as globs over the whole reference, for example \"auto\" or \"registry.local/*\"."}
package gatehouse.immutable.image_digest

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some image in kubernetes.images
	not regex.match(`@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$`, image.reference)
	not _exempt(image.reference)
	finding := {
		"message": sprintf("%s has image %q, %s; wanted: NAME@sha256:DIGEST", [image.name, image.reference, _lack(image.reference)]),
		"path": image.path,
		"key": image.name,
	}
}

_lack(reference) := "whose digest is malformed" if {
	contains(reference, "@")
} else := "without a digest"

_exempt(reference) if {
	some pattern in data.parameters.exempt
	glob.match(pattern, null, reference)
}
