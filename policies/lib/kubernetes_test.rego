package gatehouse.lib.kubernetes_test

import data.gatehouse.lib.kubernetes
import data.gatehouse.lib.testing

test_images if {
	every pair in [
		["nginx", ["docker.io", "nginx", "", ""]],
		["nginx:1.2", ["docker.io", "nginx", "1.2", ""]],
		["acme/web@sha256:ab", ["docker.io", "acme/web", "", "sha256:ab"]],
		["localhost:5000/a/b", ["localhost:5000", "a/b", "", ""]],
		["registry.example.com:5000/a/b:v1@sha256:ab", ["registry.example.com:5000", "a/b", "v1", "sha256:ab"]],
	] {
		[reference, [registry, repository, tag, digest]] := pair
		kubernetes.image(reference) == {"registry": registry, "repository": repository, "tag": tag, "digest": digest}
	}
}

test_containers_of_every_sort if {
	template := {"spec": {"containers": [{"name": "a"}], "initContainers": [{"name": "b"}], "ephemeralContainers": [{"name": "c"}]}}
	cron := testing.kubernetes({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "n"}, "spec": {"jobTemplate": {"spec": {"template": template}}}})
	found := kubernetes.containers with input as cron
	[item.name | some item in found] == ["b", "a", "c"]
	path := kubernetes.container_path(found[0], "image") with input as cron
	path == "spec.jobTemplate.spec.template.spec.initContainers[0].image"
	[kubernetes.container_name(item) | some item in found] == [`init container "b"`, `container "a"`, `ephemeral container "c"`]
}

test_bare_pod_path if {
	pod := testing.kubernetes({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "n"}, "spec": {"containers": [{"name": "a"}]}})
	path := kubernetes.path("spec.hostNetwork") with input as pod
	path == "spec.hostNetwork"
}
