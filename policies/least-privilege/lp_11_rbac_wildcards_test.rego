package gatehouse.least_privilege.rbac_wildcards_test

import data.gatehouse.least_privilege.rbac_wildcards as rule
import data.gatehouse.lib.fixture

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(docs) := {entry |
	some doc in docs
	sets := {"deny": rule.deny, "warn": rule.warn} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

terraform(items) := fixture.terraform(["kubernetes_role", "kubernetes_role_v1", "kubernetes_cluster_role", "kubernetes_cluster_role_v1"], items)

kubernetes(head, base) := fixture.kubernetes(["rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/ClusterRole"], head, base)

message(finding) := object.get(finding, "message", "")

test_good_a_role_that_reads_deployments if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "Role",
			"metadata": {"name": "reader", "namespace": "shop"},
			"rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]}],
		},
	],
	[],
)) == set()

test_good_an_aggregated_role_has_no_rules_of_its_own if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "monitoring"},
			"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"monitoring": "true"}}]},
			"rules": null,
		},
	],
	[],
)) == set()

test_bad_everything_on_everything if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "operator"},
			"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
		},
	],
	[],
)) == {
	["rbac.authorization.k8s.io/v1/ClusterRole//operator", "deny", "verbs is [*] on [*]; wanted: the verbs that are used"],
}

test_bad_reading_every_resource_reads_every_secret if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "viewer"},
			"rules": [{"apiGroups": [""], "resources": ["*"], "verbs": ["get", "list"]}],
		},
	],
	[],
)) == {
	["rbac.authorization.k8s.io/v1/ClusterRole//viewer", "deny", "resources is [*] for [get, list]; wanted: the resources that are used"],
}

test_bad_a_role_written_in_terraform if verdict(terraform([
	{
		"address": "module.rbac.kubernetes_cluster_role_v1.operator[\"a\"]",
		"after": {
			"rule": [
				{
					"api_groups": ["apps"],
					"resources": ["deployments"],
					"verbs": ["*"],
					"resource_names": null,
					"non_resource_urls": null,
				},
			],
		},
	},
])) == {
	["module.rbac.kubernetes_cluster_role_v1.operator[\"a\"]", "deny", "verbs is [*] on [deployments]; wanted: the verbs that are used"],
}

test_bad_every_path_of_the_api_server if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "probe"},
			"rules": [{"nonResourceURLs": ["*"], "verbs": ["get"]}],
		},
	],
	[],
)) == {
	["rbac.authorization.k8s.io/v1/ClusterRole//probe", "deny", "nonResourceURLs is [*] for [get]; wanted: the paths that are used"],
}

test_edge_only_the_api_groups_are_wild if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "scaler"},
			"rules": [{"apiGroups": ["*"], "resources": ["deployments/scale"], "verbs": ["update"]}],
		},
	],
	[],
)) == {
	["rbac.authorization.k8s.io/v1/ClusterRole//scaler", "warn", "apiGroups is [*] for [deployments/scale]; wanted: the API groups that are used"],
}

test_edge_a_deleted_role if verdict(kubernetes([], [
	{
		"apiVersion": "rbac.authorization.k8s.io/v1",
		"kind": "ClusterRole",
		"metadata": {"name": "operator"},
		"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
	},
])) == set()
