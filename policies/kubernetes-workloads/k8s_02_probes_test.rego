package gatehouse.kubernetes_workloads.probes_test

import data.gatehouse.kubernetes_workloads.probes as rule
import data.gatehouse.lib.fixture

defaults := {"probes": ["livenessProbe", "readinessProbe"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base, parameters) := {entry |
	some doc in fixture.kubernetes(["Pod"], head, base)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_both_probes if verdict(
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
								"livenessProbe": {"tcpSocket": {"port": 80}},
								"readinessProbe": {"httpGet": {"path": "/", "port": 80}},
							},
						],
					},
				},
			},
		},
	],
	[], defaults,
) == set()

test_good_a_job_ends if verdict(
	[
		{
			"apiVersion": "batch/v1",
			"kind": "Job",
			"metadata": {"name": "migrate", "namespace": "shop"},
			"spec": {
				"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "migrate", "image": "migrate"}]}},
			},
		},
	],
	[], defaults,
) == set()

test_bad_no_probes if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "StatefulSet",
			"metadata": {"name": "db", "namespace": "shop"},
			"spec": {"template": {"spec": {"containers": [{"name": "db", "image": "db"}]}}},
		},
	],
	[], defaults,
) == {
	["apps/v1/StatefulSet/shop/db", "deny", "container \"db\" has no livenessProbe and no readinessProbe; wanted: livenessProbe and readinessProbe"],
}

test_bad_a_readiness_probe_only if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"containers": [{"name": "web", "image": "web", "readinessProbe": {"grpc": {"port": 80}}}]},
		},
	],
	[], defaults,
) == {
	["v1/Pod/shop/web", "deny", "container \"web\" has no livenessProbe; wanted: livenessProbe and readinessProbe"],
}

test_edge_an_empty_probe if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web"},
			"spec": {
				"containers": [
					{
						"name": "web",
						"image": "web",
						"readinessProbe": {"exec": {"command": ["x"]}},
						"livenessProbe": {"periodSeconds": 1},
					},
				],
			},
		},
	],
	[], defaults,
) == {
	["v1/Pod//web", "deny", "container \"web\" has no livenessProbe; wanted: livenessProbe and readinessProbe"],
}

test_edge_only_readiness_is_asked_here if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web"},
			"spec": {"containers": [{"name": "web", "image": "web", "readinessProbe": {"exec": {"command": ["x"]}}}]},
		},
	],
	[], object.union(defaults, {"probes": ["readinessProbe"]}),
) == set()

test_edge_init_containers_pods_that_end_and_deleted_ones if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "once"},
			"spec": {
				"restartPolicy": "OnFailure",
				"initContainers": [{"name": "init", "image": "x"}],
				"containers": [{"name": "web", "image": "web"}],
			},
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
