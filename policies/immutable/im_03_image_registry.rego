# METADATA
# title: Container images come from the allowed registries
# description: >-
#   An image from anywhere is a program from anywhere, with the rights of the workload. Registries of one's own scan
#   what they hold, keep it, and know who pushed it.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/containers/images/#image-names
#     description: How Kubernetes reads an image name
# custom:
#   id: IM-03
#   severity: high
#   remedy: >-
#     Mirror the image (crane copy SOURCE REGISTRY/NAME:TAG, or a pull-through cache) and name the copy; or add the
#     registry to the rule's parameter registries.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0125, restrict-image-registries]
#   parameters:
#     registries:
#       required: true
#       description: >-
#         Registries, with or without the path under which images may stand, for example "registry.example.com",
#         "ghcr.io/acme", "docker.io/library/nginx" or "*.dkr.ecr.eu-west-1.amazonaws.com"; "*" stands for anything between two slashes.
package gatehouse.immutable.image_registry

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some image in kubernetes.images
	where := _place(image.reference)
	not _allowed(where)
	finding := {
		"message": sprintf("%s has image %q, which is %s; wanted: one of %s", [
			image.name,
			image.reference,
			where,
			concat(", ", sort(data.parameters.registries)),
		]),
		"path": image.path,
		"key": sprintf("%s from %s", [image.name, where]),
	}
}

# Runtimes read a name without a registry as Docker Hub's, and one without a user there as the library's.
_place(reference) := concat("/", [_registry(image.registry), _repository(image)]) if image := kubernetes.image(reference)

_registry(name) := "docker.io" if {
	lower(name) in {"index.docker.io", "registry-1.docker.io"}
} else := lower(name)

_repository(image) := concat("/", ["library", image.repository]) if {
	_registry(image.registry) == "docker.io"
	not contains(image.repository, "/")
} else := image.repository

# Only whole path segments count: "ghcr.io/acme" is not "ghcr.io/acme-evil", nor is "a.com" "a.com.evil.org".
_allowed(where) if where in data.parameters.registries

_allowed(where) if {
	some registry in data.parameters.registries
	pattern := trim_suffix(trim_suffix(registry, "*"), "/")
	startswith(where, concat("", [pattern, "/"]))
}

_allowed(where) if {
	some registry in data.parameters.registries
	contains(registry, "*")
	glob.match(concat("", [trim_suffix(trim_suffix(registry, "/*"), "/"), "/**"]), ["/"], where)
}
