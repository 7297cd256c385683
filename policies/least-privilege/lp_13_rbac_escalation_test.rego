package gatehouse.least_privilege.rbac_escalation_test

import data.gatehouse.least_privilege.rbac_escalation as rule
import data.gatehouse.lib.fixture

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(docs) := {entry |
	some doc in docs
	some finding in rule.deny with input as doc
	entry := [doc.address, "deny", message(finding)]
}

terraform(items) := fixture.terraform(["kubernetes_role", "kubernetes_role_v1", "kubernetes_cluster_role", "kubernetes_cluster_role_v1"], items)

kubernetes(head, base) := fixture.kubernetes(["rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/ClusterRole"], head, base)

message(finding) := object.get(finding, "message", "")

test_good_bind_pinned_to_one_harmless_role if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "onboarding"},
			"rules": [
				{
					"apiGroups": ["rbac.authorization.k8s.io"],
					"resources": ["clusterroles"],
					"verbs": ["bind"],
					"resourceNames": ["app-reader"],
				},
				{
					"apiGroups": ["rbac.authorization.k8s.io"],
					"resources": ["rolebindings"],
					"verbs": ["create", "update"],
				},
			],
		},
	],
	[],
)) == set()

test_good_bind_is_a_word_of_another_api_group_too if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "Role",
			"metadata": {"name": "binder", "namespace": "shop"},
			"rules": [{"apiGroups": ["servicebinding.io"], "resources": ["roles"], "verbs": ["bind"]}],
		},
	],
	[],
)) == set()

test_bad_escalate_on_cluster_roles if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "rbac-manager"},
			"rules": [
				{
					"apiGroups": ["rbac.authorization.k8s.io"],
					"resources": ["clusterroles"],
					"verbs": ["get", "escalate"],
				},
			],
		},
	],
	[],
)) == {
	["rbac.authorization.k8s.io/v1/ClusterRole//rbac-manager", "deny", "verb escalate on clusterroles; wanted: not granted"],
}

test_bad_impersonating_any_user if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "helpdesk"},
			"rules": [{"apiGroups": [""], "resources": ["users", "groups"], "verbs": ["impersonate"]}],
		},
	],
	[],
)) == {
	["rbac.authorization.k8s.io/v1/ClusterRole//helpdesk", "deny", "verb impersonate on groups; wanted: not granted, or pinned by resourceNames"],
	["rbac.authorization.k8s.io/v1/ClusterRole//helpdesk", "deny", "verb impersonate on users; wanted: not granted, or pinned by resourceNames"],
}

test_bad_minting_tokens_of_any_account_from_terraform if verdict(terraform([
	{
		"address": "kubernetes_role_v1.minter[0]",
		"after": {
			"rule": [
				{
					"api_groups": [""],
					"resources": ["serviceaccounts/token"],
					"verbs": ["create"],
					"resource_names": [],
					"non_resource_urls": [],
				},
			],
		},
	},
])) == {
	["kubernetes_role_v1.minter[0]", "deny", "verb create on serviceaccounts/token; wanted: not granted, or pinned by resourceNames"],
}

test_edge_a_wildcard_verb_on_roles if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "Role",
			"metadata": {"name": "rbac-manager", "namespace": "shop"},
			"rules": [{"apiGroups": ["*"], "resources": ["roles"], "verbs": ["*"]}],
		},
	],
	[],
)) == {
	["rbac.authorization.k8s.io/v1/Role/shop/rbac-manager", "deny", "verb * on roles; wanted: not granted"],
	["rbac.authorization.k8s.io/v1/Role/shop/rbac-manager", "deny", "verb * on roles; wanted: not granted, or pinned by resourceNames"],
}

test_edge_bind_pinned_to_cluster_admin_is_not_tame if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "binder"},
			"rules": [
				{
					"apiGroups": ["rbac.authorization.k8s.io"],
					"resources": ["clusterroles"],
					"verbs": ["bind"],
					"resourceNames": ["cluster-admin"],
				},
			],
		},
	],
	[],
)) == {
	["rbac.authorization.k8s.io/v1/ClusterRole//binder", "deny", "verb bind on clusterroles; wanted: not granted, or pinned by resourceNames"],
}

test_edge_impersonating_the_group_of_masters if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "oncall"},
			"rules": [
				{
					"apiGroups": [""],
					"resources": ["groups"],
					"verbs": ["impersonate"],
					"resourceNames": ["system:masters"],
				},
			],
		},
	],
	[],
)) == {
	["rbac.authorization.k8s.io/v1/ClusterRole//oncall", "deny", "verb impersonate on groups; wanted: not granted, or pinned by resourceNames"],
}

test_edge_everything_on_everything_is_lp_11_s if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "operator"},
			"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
		},
	],
	[],
)) == set()

test_edge_any_proxy_subresource if verdict(kubernetes(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "proxy"},
			"rules": [{"apiGroups": [""], "resources": ["*/proxy"], "verbs": ["get"]}],
		},
	],
	[],
)) == {
	["rbac.authorization.k8s.io/v1/ClusterRole//proxy", "deny", "verb get on nodes/proxy; wanted: not granted"],
}
