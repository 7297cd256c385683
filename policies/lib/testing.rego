# METADATA
# title: Inputs for unit tests
# description: Builds the input that the engine would give a rule, from as little as a test needs to say.
package gatehouse.lib.testing

# METADATA
# description: A planned resource that is new, all of it known.
terraform(address, after) := terraform_change(address, null, after, {})

# METADATA
# description: A planned resource before and after the change (null when absent), and what is unknown until apply.
terraform_change(address, before, after, unknown) := {
	"kind": "terraform",
	"type": type,
	"name": name,
	"address": address,
	"resource": after,
	"before": before,
	"change": {
		"actions": _actions(before, after),
		"unknown": unknown,
		"sensitive": {},
		"mode": _mode(own),
		"module": trim_suffix(trim_suffix(address, own), "."),
		"config_address": regex.replace(address, `\[("[^"]*"|[0-9]+)\]`, ""),
		"references": {},
		"configured": [],
		"provisioners": [],
		"replace_paths": [],
	},
	"plan": {type: {address: {
		"name": name,
		"address": address,
		"resource": after,
		"before": before,
		"change": {"unknown": unknown, "mode": _mode(own)},
	}}},
	"environment": "",
	"file": "plan.json",
	"pull_request": null,
} if {
	own := regex.replace(address, `^(module\.[^.\[]+(\[("[^"]*"|[0-9]+)\])?\.)+`, "")
	plain := regex.replace(trim_prefix(own, "data."), `\[.*\]$`, "")
	[type, name] := split(plain, ".")
}

_mode(own) := "data" if {
	startswith(own, "data.")
} else := "managed"

_actions(null, _) := ["create"]

_actions(before, null) := ["delete"] if before != null

_actions(before, after) := ["no-op"] if {
	before != null
	before == after
}

_actions(before, after) := ["update"] if {
	before != null
	after != null
	before != after
}

# METADATA
# description: The document with other references, by attribute, than none.
with_references(document, references) := object.union(document, {"change": {"references": references}})

# METADATA
# description: The document with other actions than those that its values suggest.
with_actions(document, actions) := json.patch(document, [{"op": "replace", "path": "/change/actions", "value": actions}])

# METADATA
# description: The document in a plan together with others.
with_plan(document, others) := object.union(document, {"plan": {type: entries |
	some type in {other.type | some other in array.concat([document], others)}
	entries := {other.address: _entry(other) |
		some other in array.concat([document], others)
		other.type == type
	}
}})

_entry(document) := object.filter(document, ["name", "address", "resource", "before", "change"])

# METADATA
# description: A Kubernetes object that is new.
kubernetes(object_) := kubernetes_change(null, object_)

# METADATA
# description: A Kubernetes object at the merge base and at the head (null when absent).
kubernetes_change(before, after) := object.union_n([
	{
		"kind": "kubernetes",
		"type": any_.kind,
		"group": group,
		"name": name,
		"namespace": namespace,
		"address": concat("/", [any_.apiVersion, any_.kind, namespace, name]),
		"resource": after,
		"before": before,
		"change": {"actions": _actions(before, after), "unknown": {}, "sensitive": {}},
		"objects": {any_.kind: {sprintf("%s/%s", [namespace, name]): after}},
		"environment": "",
		"file": "manifest.yaml",
		"pull_request": null,
	},
	_pod(after),
]) if {
	any_ := _first(after, before)
	[group, _] := _group(any_.apiVersion)
	name := object.get(any_, ["metadata", "name"], "")
	namespace := object.get(any_, ["metadata", "namespace"], "")
}

# METADATA
# description: A new Pod named shop/web with this spec.
pod(spec) := kubernetes({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})

_first(after, _) := after if after != null

_first(null, before) := before

_group(version) := split(version, "/") if {
	contains(version, "/")
} else := ["", version]

_pod_paths := {
	"Pod": [],
	"PodTemplate": ["template"],
	"CronJob": ["spec", "jobTemplate", "spec", "template"],
	"Deployment": ["spec", "template"],
	"ReplicaSet": ["spec", "template"],
	"StatefulSet": ["spec", "template"],
	"DaemonSet": ["spec", "template"],
	"Job": ["spec", "template"],
	"ReplicationController": ["spec", "template"],
}

_pod(object_) := {"pod": template, "pod_path": concat(".", path)} if {
	path := _pod_paths[object_.kind]
	template := _at(object_, path)
} else := {}

_at(object_, []) := object.filter(object_, ["metadata", "spec"])

_at(object_, path) := object.get(object_, path, {}) if count(path) > 0

# METADATA
# description: The Kubernetes document in a manifest set together with other objects.
with_objects(document, objects) := object.union(document, {"objects": {kind: named |
	some kind in {object_.kind | some object_ in array.concat([document.resource], objects)}
	named := {key: object_ |
		some object_ in array.concat([document.resource], objects)
		object_.kind == kind
		key := sprintf("%s/%s", [object.get(object_, ["metadata", "namespace"], ""), object_.metadata.name])
	}
}})

# METADATA
# description: The messages of a set of findings, in order.
messages(findings) := sort([message | some finding in findings; message := _message(finding)])

_message(finding) := finding if {
	is_string(finding)
} else := finding.message
