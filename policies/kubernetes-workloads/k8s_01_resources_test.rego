package gatehouse.kubernetes_workloads.resources_test

import data.gatehouse.kubernetes_workloads.resources as rule
import data.gatehouse.lib.fixture

defaults := {"init_containers": true}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base, parameters) := {entry |
	some doc in fixture.kubernetes(["Pod"], head, base)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_requests_and_a_memory_limit if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"template": {
					"spec": {
						"containers": [
							{
								"name": "web",
								"image": "web",
								"resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}},
							},
						],
					},
				},
			},
		},
	],
	[], defaults,
) == set()

test_good_a_limitrange_fills_in if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "LimitRange",
			"metadata": {"name": "defaults", "namespace": "shop"},
			"spec": {
				"limits": [
					{
						"type": "Container",
						"default": {"memory": "128Mi"},
						"defaultRequest": {"cpu": "100m", "memory": "64Mi"},
					},
				],
			},
		},
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"containers": [{"name": "web", "image": "web"}]},
		},
	],
	[], defaults,
) == set()

test_bad_nothing_set if verdict(
	[
		{
			"apiVersion": "batch/v1",
			"kind": "CronJob",
			"metadata": {"name": "report", "namespace": "shop"},
			"spec": {
				"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "report", "image": "report"}]}}}},
			},
		},
	],
	[], defaults,
) == {
	["batch/v1/CronJob/shop/report", "deny", "container \"report\" does not set requests.cpu, requests.memory, limits.memory; wanted: CPU and memory requests and a memory limit"],
}

test_bad_no_memory_limit_and_an_init_container_with_nothing if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"initContainers": [{"name": "init", "image": "init"}],
				"containers": [{"name": "web", "image": "web", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}],
			},
		},
	],
	[], defaults,
) == {
	["v1/Pod/shop/web", "deny", "container \"web\" does not set limits.memory; wanted: CPU and memory requests and a memory limit"],
	["v1/Pod/shop/web", "deny", "init container \"init\" does not set requests.cpu, requests.memory, limits.memory; wanted: CPU and memory requests and a memory limit"],
}

test_edge_limits_alone_are_requests_too if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web"},
			"spec": {
				"containers": [{"name": "web", "image": "web", "resources": {"limits": {"cpu": 1, "memory": "64Mi"}}}],
			},
		},
	],
	[], defaults,
) == set()

test_edge_resources_of_the_whole_pod if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web"},
			"spec": {
				"resources": {"requests": {"cpu": 1, "memory": "64Mi"}, "limits": {"memory": "64Mi"}},
				"containers": [{"name": "web", "image": "web"}],
			},
		},
	],
	[], defaults,
) == set()

test_edge_a_limitrange_of_another_namespace_init_containers_not_asked if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "LimitRange",
			"metadata": {"name": "defaults", "namespace": "other"},
			"spec": {"limits": [{"type": "Container", "default": {"memory": "128Mi", "cpu": 1}}]},
		},
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"initContainers": [{"name": "init", "image": "init"}],
				"containers": [{"name": "web", "image": "web", "resources": null}],
			},
		},
	],
	[], object.union(defaults, {"init_containers": false}),
) == {
	["v1/Pod/shop/web", "deny", "container \"web\" does not set requests.cpu, requests.memory, limits.memory; wanted: CPU and memory requests and a memory limit"],
}

test_edge_debugging_containers_cannot_have_any_and_a_deleted_pod if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web"},
			"spec": {"containers": [], "ephemeralContainers": [{"name": "debug", "image": "debug"}]},
		},
	],
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "old"},
			"spec": {"containers": [{"name": "web", "image": "web"}]},
		},
	],
	defaults,
) == set()
