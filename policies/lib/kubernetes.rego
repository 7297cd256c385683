# METADATA
# title: Reading Kubernetes objects
# description: Containers of every sort, wherever the Pod template nests, and paths that name them.
package gatehouse.lib.kubernetes

# METADATA
# description: >-
#   Every container of the Pod template of the inspected object: {container, name, field, index}. field is
#   "initContainers", "containers" or "ephemeralContainers". A null in the list is a container with nothing set, as
#   the API server reads it.
containers := [item |
	some field in ["initContainers", "containers", "ephemeralContainers"]
	some index, raw in input.pod.spec[field]
	container := _object(raw)
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

_object(raw) := raw if is_object(raw)

_object(null) := {}

# METADATA
# description: >-
#   What the containers of the Pod template set in one field of their securityContext: {value, name, path}, without
#   those that leave it out or null. name is how a message names the container.
container_settings(field) := [setting |
	some item in containers
	value := object.get(item.container, ["securityContext", field], null)
	value != null
	setting := {
		"value": value,
		"name": container_name(item),
		"path": container_path(item, concat(".", ["securityContext", field])),
	}
]

# METADATA
# description: As container_settings, and first what the Pod's own securityContext sets there.
security_settings(field) := array.concat(
	[{"value": value, "name": "the Pod", "path": path(concat(".", ["spec.securityContext", field]))} |
		value := object.get(input.pod.spec, ["securityContext", field], null)
		value != null
	],
	container_settings(field),
)

# METADATA
# description: >-
#   What a container that leaves the field of its securityContext out gets from the Pod's, or null.
inherited(field) := object.get(input.pod, ["spec", "securityContext", field], null)

# METADATA
# description: The containers, as containers has them, that leave the field of their securityContext out or null.
silent_containers(field) := [item |
	some item in containers
	object.get(item.container, ["securityContext", field], null) == null
]

# METADATA
# description: True when the Pod runs in a user namespace of its own, where root is nobody on the node.
user_namespace if input.pod.spec.hostUsers == false

# METADATA
# description: True when the Pod says that it runs on Windows nodes, where fields of Linux mean nothing.
windows if input.pod.spec.os.name == "windows"

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
