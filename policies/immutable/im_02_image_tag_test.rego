package gatehouse.immutable.image_tag_test

import data.gatehouse.immutable.image_tag
import data.gatehouse.lib.testing

_one(image) := testing.messages(found) if {
	document := testing.kubernetes({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"initContainers": [{"name": "web", "image": image}]}})
	found := image_tag.deny with input as document with data.parameters as {"moving_tags": ["latest", "main"], "exempt": ["auto"]}
}

test_missing_tag if {
	every image in ["nginx", "acme/nginx", "registry.example.com:5000/nginx", "localhost:5000/a/b", "nginx:"] {
		_one(image) == [sprintf("init container \"web\" has image %q, without a tag; wanted: a tag that is not moved, or a digest", [image])]
	}
}

test_moving_tag if {
	every tag in ["latest", "LATEST", "main"] {
		_one(sprintf("a:5000/b:%s", [tag])) == [sprintf("init container \"web\" has image \"a:5000/b:%s\", whose tag %q moves; wanted: a tag that is not moved, or a digest", [tag, tag])]
	}
}

test_good if {
	every image in ["nginx:1.27", "nginx:latest@sha256:ab", "nginx@sha256:ab", "a:5000/b:v1", "nginx:latest-1.27", "auto"] {
		_one(image) == []
	}
}

test_path if {
	document := testing.kubernetes({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {"template": {"spec": {"containers": [{"name": "db", "image": "pg:1"}, {"name": "x", "image": "x"}]}}}})
	found := image_tag.deny with input as document with data.parameters as {"moving_tags": [], "exempt": []}
	{finding.path | some finding in found} == {"spec.template.spec.containers[1].image"}
}

test_absent_and_deleted if {
	_one(null) == []
	found := image_tag.deny with input as testing.kubernetes_change({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "n"}}, null)
	count(found) == 0
}
