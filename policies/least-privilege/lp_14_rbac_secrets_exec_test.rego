package gatehouse.least_privilege.rbac_secrets_exec_test

import data.gatehouse.least_privilege.rbac_secrets_exec as rule
import data.gatehouse.lib.fixture

defaults := {"enter": ["pods/exec", "pods/attach", "pods/ephemeralcontainers", "nodes/proxy"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(docs, parameters) := {entry |
	some doc in docs
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

terraform(items) := fixture.terraform(["kubernetes_role", "kubernetes_role_v1", "kubernetes_cluster_role", "kubernetes_cluster_role_v1"], items)

kubernetes(head, base) := fixture.kubernetes(["rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/ClusterRole"], head, base)

message(finding) := object.get(finding, "message", "")

test_good_one_secret_by_name if verdict(
	kubernetes(
		[
			{
				"apiVersion": "rbac.authorization.k8s.io/v1",
				"kind": "Role",
				"metadata": {"name": "app", "namespace": "shop"},
				"rules": [
					{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["db"], "verbs": ["get", "watch"]},
					{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]},
				],
			},
		],
		[],
	),
	defaults,
) == set()

test_good_creating_secrets_does_not_read_them if verdict(
	kubernetes(
		[
			{
				"apiVersion": "rbac.authorization.k8s.io/v1",
				"kind": "Role",
				"metadata": {"name": "issuer", "namespace": "shop"},
				"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}],
			},
		],
		[],
	),
	defaults,
) == set()

test_bad_every_secret_of_the_cluster if verdict(
	kubernetes(
		[
			{
				"apiVersion": "rbac.authorization.k8s.io/v1",
				"kind": "ClusterRole",
				"metadata": {"name": "dashboard"},
				"rules": [{"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get", "list"]}],
			},
		],
		[],
	),
	defaults,
) == {
	["rbac.authorization.k8s.io/v1/ClusterRole//dashboard", "deny", "verbs [get, list] on every Secret; wanted: resourceNames that pin the Secrets"],
}

test_bad_a_shell_in_every_pod if verdict(
	kubernetes(
		[
			{
				"apiVersion": "rbac.authorization.k8s.io/v1",
				"kind": "Role",
				"metadata": {"name": "debug", "namespace": "shop"},
				"rules": [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}],
			},
		],
		[],
	),
	defaults,
) == {
	["rbac.authorization.k8s.io/v1/Role/shop/debug", "deny", "verbs [create] on pods/exec; wanted: not granted"],
}

test_bad_secrets_from_terraform if verdict(
	terraform([
		{
			"address": "module.app[\"eu\"].kubernetes_cluster_role.reader",
			"after": {
				"rule": [
					{
						"api_groups": [""],
						"resources": ["secrets"],
						"verbs": ["watch"],
						"resource_names": null,
						"non_resource_urls": null,
					},
				],
			},
		},
	]),
	defaults,
) == {
	["module.app[\"eu\"].kubernetes_cluster_role.reader", "deny", "verbs [watch] on every Secret; wanted: resourceNames that pin the Secrets"],
}

test_edge_exec_by_a_wildcard_subresource_and_a_wildcard_verb if verdict(
	kubernetes(
		[
			{
				"apiVersion": "rbac.authorization.k8s.io/v1",
				"kind": "Role",
				"metadata": {"name": "debug", "namespace": "shop"},
				"rules": [{"apiGroups": ["*"], "resources": ["*/exec"], "verbs": ["*"]}],
			},
		],
		[],
	),
	defaults,
) == {
	["rbac.authorization.k8s.io/v1/Role/shop/debug", "deny", "verbs [*] on pods/exec; wanted: not granted"],
}

test_edge_secrets_of_another_api_group if verdict(
	kubernetes(
		[
			{
				"apiVersion": "rbac.authorization.k8s.io/v1",
				"kind": "Role",
				"metadata": {"name": "vault", "namespace": "shop"},
				"rules": [{"apiGroups": ["vault.example.com"], "resources": ["secrets"], "verbs": ["get"]}],
			},
		],
		[],
	),
	defaults,
) == set()

test_edge_port_forwarding_when_asked_for if verdict(
	kubernetes(
		[
			{
				"apiVersion": "rbac.authorization.k8s.io/v1",
				"kind": "Role",
				"metadata": {"name": "debug", "namespace": "shop"},
				"rules": [{"apiGroups": [""], "resources": ["pods/exec", "pods/portforward"], "verbs": ["create"]}],
			},
		],
		[],
	),
	object.union(defaults, {"enter": ["pods/portforward"]}),
) == {
	["rbac.authorization.k8s.io/v1/Role/shop/debug", "deny", "verbs [create] on pods/portforward; wanted: not granted"],
}
