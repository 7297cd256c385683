package gatehouse.kubernetes_workloads.production_availability_test

import data.gatehouse.kubernetes_workloads.production_availability as rule
import data.gatehouse.lib.fixture

defaults := {"labels": ["env", "environment", "app.kubernetes.io/environment", "tier"], "values": ["production", "prod"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base, parameters) := {entry |
	some doc in fixture.kubernetes(["apps/Deployment"], head, base)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_two_replicas_and_a_budget if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "shop", "labels": {"env": "production"}},
			"spec": {
				"replicas": 2,
				"template": {
					"metadata": {"labels": {"app": "web"}},
					"spec": {"containers": [{"name": "web", "image": "web"}]},
				},
			},
		},
		{
			"apiVersion": "policy/v1",
			"kind": "PodDisruptionBudget",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
		},
	],
	[], defaults,
) == set()

test_good_not_production if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "dev"},
			"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web"}]}}},
		},
	],
	[], defaults,
) == set()

test_bad_one_replica_and_no_budget if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "prod"},
			"spec": {
				"template": {
					"metadata": {"labels": {"app": "web"}},
					"spec": {"containers": [{"name": "web", "image": "web"}]},
				},
			},
		},
	],
	[], defaults,
) == {
	["apps/v1/Deployment/prod/web", "deny", "no PodDisruptionBudget selects its Pods; wanted: one in the same namespace"],
	["apps/v1/Deployment/prod/web", "deny", "replicas is 1; wanted: 2 or more"],
}

test_bad_a_budget_for_other_pods if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"replicas": 3,
				"template": {
					"metadata": {"labels": {"app": "web", "environment": "prod"}},
					"spec": {"containers": [{"name": "web", "image": "web"}]},
				},
			},
		},
		{
			"apiVersion": "policy/v1",
			"kind": "PodDisruptionBudget",
			"metadata": {"name": "api", "namespace": "shop"},
			"spec": {
				"maxUnavailable": 1,
				"selector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
			},
		},
	],
	[], defaults,
) == {
	["apps/v1/Deployment/shop/web", "deny", "no PodDisruptionBudget selects its Pods; wanted: one in the same namespace"],
}

test_edge_an_autoscaler_s_minimum_counts_and_a_budget_that_is_none if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "production"},
			"spec": {
				"replicas": 5,
				"template": {
					"metadata": {"labels": {"app": "web"}},
					"spec": {"containers": [{"name": "web", "image": "web"}]},
				},
			},
		},
		{
			"apiVersion": "autoscaling/v2",
			"kind": "HorizontalPodAutoscaler",
			"metadata": {"name": "web", "namespace": "production"},
			"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 9},
		},
		{
			"apiVersion": "policy/v1",
			"kind": "PodDisruptionBudget",
			"metadata": {"name": "web", "namespace": "production"},
			"spec": {
				"minAvailable": 0,
				"selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]},
			},
		},
	],
	[], defaults,
) == {
	["apps/v1/Deployment/production/web", "deny", "PodDisruptionBudget production/web allows all of its Pods to be taken; wanted: maxUnavailable: 1"],
	["apps/v1/Deployment/production/web", "deny", "minReplicas of its HorizontalPodAutoscaler is 1; wanted: 2 or more"],
}

test_edge_a_budget_that_selects_every_pod if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "prod"},
			"spec": {"replicas": 2, "template": {"metadata": {"labels": null}, "spec": {"containers": []}}},
		},
		{
			"apiVersion": "policy/v1",
			"kind": "PodDisruptionBudget",
			"metadata": {"name": "all", "namespace": "prod"},
			"spec": {"maxUnavailable": 1, "selector": {}},
		},
	],
	[], defaults,
) == set()

test_edge_a_budget_of_another_namespace if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "prod"},
			"spec": {"replicas": 2, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}},
		},
		{
			"apiVersion": "policy/v1",
			"kind": "PodDisruptionBudget",
			"metadata": {"name": "all", "namespace": "other"},
			"spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
		},
	],
	[], defaults,
) == {
	["apps/v1/Deployment/prod/web", "deny", "no PodDisruptionBudget selects its Pods; wanted: one in the same namespace"],
}

test_edge_a_deleted_deployment if verdict(
	[], [
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "prod"},
			"spec": {"replicas": 1, "template": {"spec": {"containers": []}}},
		},
	],
	defaults,
) == set()
