# METADATA
# title: Reading Kubernetes objects
# description: Containers of every sort, wherever the Pod template nests, and paths that name them.
package gatehouse.lib.kubernetes

# METADATA
# description: >-
#   Every container of the Pod template of the inspected object: {container, name, field, index}. field is
#   "initContainers", "containers" or "ephemeralContainers".
containers := [item |
	some field in ["initContainers", "containers", "ephemeralContainers"]
	some index, container in input.pod.spec[field]
	is_object(container)
	item := {"container": container, "name": object.get(container, "name", ""), "field": field, "index": index}
]

# METADATA
# description: >-
#   Every image that the Pod template of the inspected object names, of containers and of image volumes:
#   {reference, name, path}; name is how a message names the user, path where the reference stands.
images := array.concat(
	[{"reference": item.container.image, "name": container_name(item), "path": container_path(item, "image")} |
		some item in containers
		_text(object.get(item.container, "image", null))
	],
	[{
		"reference": volume.image.reference,
		"name": sprintf("volume %q", [object.get(volume, "name", "")]),
		"path": path(sprintf("spec.volumes[%d].image.reference", [index])),
	} |
		some index, volume in input.pod.spec.volumes
		_text(volume.image.reference)
	],
)

_text(value) if {
	is_string(value)
	value != ""
}

# METADATA
# description: Where a field of the Pod template stands in the inspected object, from its path in the template.
path(relative) := relative if {
	object.get(input, "pod_path", "") == ""
} else := sprintf("%s.%s", [input.pod_path, relative])

# METADATA
# description: Where a field of one container (an item of containers) stands in the inspected object.
container_path(item, relative) := path(sprintf("spec.%s[%d].%s", [item.field, item.index, relative]))

# METADATA
# description: How a message names a container.
container_name(item) := sprintf("container %q", [item.name]) if {
	item.field == "containers"
} else := sprintf("init container %q", [item.name]) if {
	item.field == "initContainers"
} else := sprintf("ephemeral container %q", [item.name])

# METADATA
# description: >-
#   The value at path (a key or a list of keys) of object, or fallback when it is missing or null. The API server
#   reads an explicit null as "left out".
get(object_, path_, fallback) := value if {
	value := object.get(object_, path_, null)
	value != null
} else := fallback

# METADATA
# description: The namespace of the inspected object; "default" when it names none.
namespace := input.namespace if {
	object.get(input, "namespace", "") != ""
} else := "default"

# METADATA
# description: >-
#   The parts of an image reference: {registry, repository, tag, digest}. tag and digest are empty when left out;
#   registry is docker.io when the reference names none, as container runtimes read it.
image(reference) := {"registry": registry, "repository": repository, "tag": tag, "digest": digest} if {
	[named, digest] := _cut(reference, "@")
	last := _last_segment(named)
	[short, tag] := _cut(last, ":")
	path_ := concat("", [trim_suffix(named, last), short])
	registry := _registry(path_)
	repository := trim_prefix(path_, concat("", [registry, "/"]))
}

_cut(text, separator) := [substring(text, 0, at), substring(text, at + 1, -1)] if {
	at := indexof(text, separator)
	at >= 0
} else := [text, ""]

_last_segment(named) := segments[count(segments) - 1] if segments := split(named, "/")

# The first segment is a registry when it could be a host name; otherwise it is a user of docker.io.
_registry(path_) := first if {
	contains(path_, "/")
	first := split(path_, "/")[0]
	_host(first)
} else := "docker.io"

_host(segment) if segment == "localhost"

_host(segment) if contains(segment, ".")

_host(segment) if contains(segment, ":")

_host(segment) if segment != lower(segment)
