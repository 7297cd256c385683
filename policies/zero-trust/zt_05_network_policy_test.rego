package gatehouse.zero_trust.network_policy_test

import data.gatehouse.lib.fixture
import data.gatehouse.zero_trust.network_policy as rule

defaults := {"exempt": ["kube-*"], "egress": false}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base, parameters) := {entry |
	some doc in fixture.kubernetes(["Pod", "Namespace"], head, base)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_workload_with_its_policy if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"template": {
					"metadata": {"labels": {"app": "web"}},
					"spec": {"containers": [{"name": "web", "image": "web"}]},
				},
			},
		},
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "NetworkPolicy",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"podSelector": {"matchLabels": {"app": "web"}},
				"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "front"}}}]}],
			},
		},
	],
	[], defaults,
) == set()

test_good_a_namespace_that_denies_by_default if verdict(
	[
		{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "NetworkPolicy",
			"metadata": {"name": "default-deny", "namespace": "shop"},
			"spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
		},
	],
	[], defaults,
) == set()

test_bad_a_policy_for_other_pods if verdict(
	[
		{
			"apiVersion": "batch/v1",
			"kind": "CronJob",
			"metadata": {"name": "report", "namespace": "shop"},
			"spec": {
				"jobTemplate": {
					"spec": {
						"template": {
							"metadata": {"labels": {"app": "report"}},
							"spec": {"containers": [{"name": "report", "image": "report"}]},
						},
					},
				},
			},
		},
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "NetworkPolicy",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"podSelector": {"matchLabels": {"app": "web"}}},
		},
	],
	[], defaults,
) == {
	["batch/v1/CronJob/shop/report", "deny", "no NetworkPolicy of its namespace selects its Pods; wanted: one that says who may reach them"],
}

test_bad_a_namespace_whose_only_policy_allows if verdict(
	[
		{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "NetworkPolicy",
			"metadata": {"name": "allow", "namespace": "shop"},
			"spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]},
		},
	],
	[], defaults,
) == {
	["v1/Namespace//shop", "deny", "no NetworkPolicy denies ingress by default; wanted: podSelector: {} with policyTypes: [Ingress]"],
}

test_edge_a_policy_for_outbound_traffic_only_and_one_of_another_namespace if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
			"spec": {"containers": [{"name": "web", "image": "web"}]},
		},
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "NetworkPolicy",
			"metadata": {"name": "a", "namespace": "shop"},
			"spec": {"podSelector": {}, "policyTypes": ["Egress"]},
		},
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "NetworkPolicy",
			"metadata": {"name": "b", "namespace": "other"},
			"spec": {"podSelector": {}},
		},
	],
	[], defaults,
) == {
	["v1/Pod/shop/web", "deny", "no NetworkPolicy of its namespace selects its Pods; wanted: one that says who may reach them"],
}

test_edge_cilium if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
			"spec": {"containers": [{"name": "web", "image": "web"}]},
		},
		{
			"apiVersion": "cilium.io/v2",
			"kind": "CiliumNetworkPolicy",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"endpointSelector": {"matchLabels": {"k8s:app": "web"}}, "ingress": [{}]},
		},
		{
			"apiVersion": "cilium.io/v2",
			"kind": "CiliumClusterwideNetworkPolicy",
			"metadata": {"name": "default"},
			"spec": {"endpointSelector": {}, "ingress": [{}]},
		},
		{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
	],
	[], defaults,
) == set()

test_edge_outbound_traffic_when_asked_for if verdict(
	[
		{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "NetworkPolicy",
			"metadata": {"name": "default-deny", "namespace": "shop"},
			"spec": {"podSelector": {}},
		},
	],
	[], object.union(defaults, {"egress": true}),
) == {
	["v1/Namespace//shop", "deny", "no NetworkPolicy denies egress by default; wanted: podSelector: {} with policyTypes: [Ingress, Egress]"],
}

test_edge_the_host_s_network_system_namespaces_and_deleted_workloads if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "DaemonSet",
			"metadata": {"name": "agent", "namespace": "shop"},
			"spec": {"template": {"spec": {"hostNetwork": true, "containers": []}}},
		},
		{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}},
	],
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"containers": []},
		},
	],
	defaults,
) == set()
