package gatehouse.immutable.image_registry_test

import data.gatehouse.immutable.image_registry
import data.gatehouse.lib.testing

_count(image, registries) := count(found) if {
	document := testing.pod({"containers": [{"name": "a", "image": image}]})
	found := image_registry.deny with input as document with data.parameters as {"registries": registries}
}

_own := ["registry.example.com:5000", "ghcr.io/acme", "*.dkr.ecr.eu-west-1.amazonaws.com", "docker.io/library/*"]

test_allowed if {
	every image in [
		"registry.example.com:5000/a", "registry.example.com:5000/a/b:1@sha256:ab", "ghcr.io/acme/web", "GHCR.io/acme/web:2",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web:1", "nginx", "library/nginx", "index.docker.io/library/nginx:1",
	] {
		_count(image, _own) == 0
	}
}

test_not_allowed if {
	every image in [
		"registry.example.com/a", "registry.example.com:5000.evil.org/a", "ghcr.io/acme-evil/web", "ghcr.io/other/web", "acme/web",
		"x.y.dkr.ecr.us-east-1.amazonaws.com/web", "evil.org/ghcr.io/acme/web",
	] {
		_count(image, _own) == 1
	}
}

test_whole_docker_hub if {
	_count("nginx", ["docker.io"]) == 0
	_count("acme/web", ["docker.io"]) == 0
	_count("quay.io/acme/web", ["docker.io"]) == 1
}

test_one_image if {
	_count("nginx:1", ["docker.io/library/nginx"]) == 0
	_count("nginx-evil:1", ["docker.io/library/nginx"]) == 1
}

test_message_and_path if {
	document := testing.pod({"initContainers": [{"name": "i", "image": "busybox"}], "volumes": [{"name": "v", "image": {"reference": "quay.io/a/b"}}]})
	found := image_registry.deny with input as document with data.parameters as {"registries": ["ghcr.io/acme"]}
	found == {
		{"message": "init container \"i\" has image \"busybox\", which is docker.io/library/busybox; wanted: one of ghcr.io/acme", "path": "spec.initContainers[0].image", "key": "init container \"i\" from docker.io/library/busybox"},
		{"message": "volume \"v\" has image \"quay.io/a/b\", which is quay.io/a/b; wanted: one of ghcr.io/acme", "path": "spec.volumes[0].image.reference", "key": "volume \"v\" from quay.io/a/b"},
	}
}

test_deleted if {
	found := image_registry.deny with input as testing.kubernetes_change(testing.pod({"containers": [{"name": "a", "image": "x"}]}).resource, null)
	count(found) == 0
}
