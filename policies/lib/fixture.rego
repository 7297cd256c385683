# METADATA
# title: Documents for tests in the words of the examples
# description: >-
#   Turns the short form of the examples (address, after, before...) into the documents that a rule
#   sees. Only tests import it.
package gatehouse.lib.fixture

# terraform gives the documents of the listed types in one plan, in the order of its items.
terraform(types, items) := [doc |
	every_item := [whole(item) | some item in items]
	plan := {type: {each.address: each | some each in every_item; each.type == type} |
		some type in {each.type | some each in every_item}
	}
	some item in every_item
	inspected(types, item.type)
	doc := {
		"kind": "terraform",
		"type": item.type,
		"name": item.name,
		"address": item.address,
		"resource": item.resource,
		"before": item.before,
		"change": item.change,
		"plan": plan,
		"environment": object.get(item, "environment", ""),
		"file": "tfplan.json",
		"pull_request": null,
	}
]

whole(item) := {
	"type": parts[count(parts) - 2],
	"name": parts[count(parts) - 1],
	"address": item.address,
	"resource": after,
	"before": before,
	"change": {
		"actions": object.get(item, "actions", actions(before, after)),
		"unknown": object.get(item, "unknown", {}),
		"sensitive": object.get(item, "sensitive", {}),
		"mode": mode(parts),
		"module": module(item.address),
		"config_address": config_address,
		"references": object.get(item, "references", {}),
		"configured": object.get(item, "configured", []),
		"provisioners": object.get(item, "provisioners", []),
		"replace_paths": [],
		"reason": "",
	},
} if {
	config_address := regex.replace(item.address, `\[[^\]]*\]`, "")
	parts := split(config_address, ".")
	after := object.get(item, "after", null)
	before := object.get(item, "before", null)
}

mode(parts) := "data" if {
	count(parts) > 2
	not parts[count(parts) - 4] == "module"
	parts[count(parts) - 3] == "data"
} else := "managed"

module(address) := trim_suffix(found[0], ".") if {
	found := regex.find_n(`^(module\.[^.\[]+(\[[^\]]*\])?\.)+`, address, 1)
	count(found) == 1
} else := ""

actions(null, after) := ["create"] if not is_null(after)

actions(before, null) := ["delete"] if not is_null(before)

actions(before, after) := ["no-op"] if {
	not is_null(before)
	before == after
}

actions(before, after) := ["update"] if {
	not is_null(before)
	not is_null(after)
	before != after
}

actions(null, null) := ["no-op"]

# kubernetes gives the documents of the listed types: every object at the head, then those that only the merge base has.
kubernetes(types, head, base) := array.concat(
	[document(object_before(base, object), object, objects) |
		some object in head
		inspected_object(types, object)
	],
	[document(object, null, objects) |
		some object in base
		not has(head, object)
		inspected_object(types, object)
	],
) if {
	objects := {kind: {key(each): each | some each in head; each.kind == kind} | some kind in {each.kind | some each in head}}
}

document(before, after, objects) := object.union(pod_part(shown), {
	"kind": "kubernetes",
	"type": shown.kind,
	"group": group(shown),
	"name": object.get(shown, ["metadata", "name"], ""),
	"namespace": object.get(shown, ["metadata", "namespace"], ""),
	"address": address(shown),
	"resource": after,
	"before": before,
	"change": {"actions": actions(before, after), "unknown": {}, "sensitive": {}, "mode": "managed"},
	"objects": objects,
	"environment": "",
	"file": "manifest.yaml",
	"pull_request": null,
}) if {
	shown := [each | some each in [after, before]; not is_null(each)][0]
}

pod_paths := {
	"Pod": [],
	"Deployment": ["spec", "template"],
	"ReplicaSet": ["spec", "template"],
	"StatefulSet": ["spec", "template"],
	"DaemonSet": ["spec", "template"],
	"Job": ["spec", "template"],
	"ReplicationController": ["spec", "template"],
	"CronJob": ["spec", "jobTemplate", "spec", "template"],
	"PodTemplate": ["template"],
}

pod_part(object_) := {"pod": object_, "pod_path": ""} if {
	object_.kind == "Pod"
} else := {"pod": object.get(object_, path, {}), "pod_path": concat(".", path)} if {
	path := pod_paths[object_.kind]
} else := {}

inspected(types, type) if type in types

inspected(types, _) if "*" in types

inspected_object(types, object) if inspected(types, object.kind)

inspected_object(types, object) if {
	"Pod" in types
	pod_paths[object.kind]
}

inspected_object(types, object) if concat("/", [group(object), object.kind]) in types

group(object) := parts[0] if {
	parts := split(object.apiVersion, "/")
	count(parts) == 2
} else := ""

key(object_) := sprintf("%s/%s", [
	object.get(object_, ["metadata", "namespace"], ""),
	object.get(object_, ["metadata", "name"], ""),
])

address(object) := sprintf("%s/%s/%s", [object.apiVersion, object.kind, key(object)])

has(list, object) if {
	some each in list
	address(each) == address(object)
}

object_before(base, object) := [each | some each in base; address(each) == address(object)][0] if {
	has(base, object)
} else := null

# file gives the document of a file: its kind and type, its path, and what it holds after and before (null when it is not there).
file(kind, type, path, after, before) := {
	"kind": kind,
	"type": type,
	"name": regex.replace(path, `^.*/`, ""),
	"address": path,
	"resource": after,
	"before": before,
	"change": {"actions": actions(before, after), "unknown": {}, "sensitive": {}},
	"objects": {type: {path: after}},
	"environment": "",
	"file": path,
	"pull_request": null,
}

# cloud_init gives the document of a start-up script in one piece, in an attribute of the machine.
cloud_init(address, attribute, text) := {
	"kind": "cloud_init",
	"type": parts[count(parts) - 2],
	"name": parts[count(parts) - 1],
	"address": address,
	"resource": {"scripts": [{"path": attribute, "parts": [{"type": "text/plain", "name": "", "text": text}], "unread": []}]},
	"before": null,
	"change": {"actions": ["create"], "unknown": {}, "sensitive": {}},
	"environment": "",
	"file": "tfplan.json",
	"pull_request": null,
} if {
	parts := split(regex.replace(address, `\[[^\]]*\]`, ""), ".")
}
