package gatehouse.immutable.image_digest_test

import data.gatehouse.immutable.image_digest
import data.gatehouse.lib.testing

_digest := "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

_denied(spec) := testing.messages(found) if {
	document := testing.kubernetes({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": {"spec": spec}}})
	found := image_digest.deny with input as document with data.parameters as {"exempt": ["auto", "registry.local/*"]}
}

_one(image) := _denied({"containers": [{"name": "web", "image": image}]})

test_tag_alone if {
	every image in ["nginx", "nginx:1.27", "registry.example.com:5000/a/nginx:1.27", "registry.example.com:5000/nginx"] {
		_one(image) == [sprintf("container \"web\" has image %q, without a digest; wanted: NAME@sha256:DIGEST", [image])]
	}
}

test_digest if {
	every name in ["nginx", "nginx:1.27", "registry.example.com:5000/a/nginx:1.27"] {
		_one(sprintf("%s@%s", [name, _digest])) == []
	}
}

test_malformed_digest if {
	every image in ["nginx@sha256:abc", "nginx@", sprintf("nginx@%s0", [_digest]), sprintf("nginx@%s", [upper(_digest)])] {
		_one(image) == [sprintf("container \"web\" has image %q, whose digest is malformed; wanted: NAME@sha256:DIGEST", [image])]
	}
}

test_every_sort_of_container if {
	spec := {
		"initContainers": [{"name": "i", "image": "a"}],
		"containers": [{"name": "c", "image": "b"}],
		"ephemeralContainers": [{"name": "e", "image": "c"}],
		"volumes": [{"name": "v", "image": {"reference": "d"}}],
	}
	document := testing.kubernetes({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"}, "spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}})
	found := image_digest.deny with input as document with data.parameters as {"exempt": []}
	{finding.path | some finding in found} == {
		"spec.jobTemplate.spec.template.spec.initContainers[0].image",
		"spec.jobTemplate.spec.template.spec.containers[0].image",
		"spec.jobTemplate.spec.template.spec.ephemeralContainers[0].image",
		"spec.jobTemplate.spec.template.spec.volumes[0].image.reference",
	}
}

test_exempt_and_absent if {
	_one("auto") == []
	_one("registry.local/a/b:1") == []
	_denied({"containers": [{"name": "web"}, {"name": "b", "image": null}]}) == []
	_denied({}) == []
}

test_deleted if {
	document := testing.kubernetes_change({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "n"}}, null)
	found := image_digest.deny with input as document with data.parameters as {"exempt": []}
	count(found) == 0
}
