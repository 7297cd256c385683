package gatehouse.gitops.writers_test

import data.gatehouse.gitops.writers as rule
import data.gatehouse.lib.fixture

defaults := {
	"accounts": ["argocd/*", "argo-cd/*", "flux-system/*", "jenkins/*", "kube-system/*"],
	"subjects": ["system:kube-*", "system:node*", "system:masters"],
}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base, parameters) := {entry |
	some doc in fixture.kubernetes(["rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRoleBinding"], head, base)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_the_deployer if verdict(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRoleBinding",
			"metadata": {"name": "deployer"},
			"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
			"subjects": [{"kind": "ServiceAccount", "name": "argocd-application-controller", "namespace": "argocd"}],
		},
	],
	[], defaults,
) == set()

test_good_people_who_look if verdict(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "RoleBinding",
			"metadata": {"name": "devs", "namespace": "shop"},
			"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
			"subjects": [{"kind": "Group", "name": "devs"}],
		},
	],
	[], defaults,
) == set()

test_bad_developers_who_edit if verdict(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "RoleBinding",
			"metadata": {"name": "devs", "namespace": "shop"},
			"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
			"subjects": [{"kind": "Group", "name": "devs"}],
		},
	],
	[], defaults,
) == {
	["rbac.authorization.k8s.io/v1/RoleBinding/shop/devs", "deny", "Group devs may write all workloads through ClusterRole edit; wanted: only the deployer's accounts"],
}

test_bad_an_account_whose_role_writes_deployments if verdict(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "Role",
			"metadata": {"name": "scaler", "namespace": "shop"},
			"rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]}],
		},
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "RoleBinding",
			"metadata": {"name": "scaler", "namespace": "shop"},
			"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "scaler"},
			"subjects": [{"kind": "ServiceAccount", "name": "bot"}],
		},
	],
	[], defaults,
) == {
	["rbac.authorization.k8s.io/v1/RoleBinding/shop/scaler", "deny", "ServiceAccount shop/bot may write deployments through Role scaler; wanted: only the deployer's accounts"],
}

test_edge_a_wildcard_role_and_a_role_that_only_reads if verdict(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "all"},
			"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
		},
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRoleBinding",
			"metadata": {"name": "all"},
			"roleRef": {"kind": "ClusterRole", "name": "all"},
			"subjects": [{"kind": "User", "name": "alice"}],
		},
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "Role",
			"metadata": {"name": "reader", "namespace": "shop"},
			"rules": [
				{
					"apiGroups": ["apps", "custom.example.com"],
					"resources": ["deployments", "widgets"],
					"verbs": ["get", "list"],
				},
				{"apiGroups": ["custom.example.com"], "resources": ["widgets"], "verbs": ["*"]},
			],
		},
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "RoleBinding",
			"metadata": {"name": "reader", "namespace": "shop"},
			"roleRef": {"kind": "Role", "name": "reader"},
			"subjects": [{"kind": "User", "name": "alice"}],
		},
	],
	[], defaults,
) == {
	["rbac.authorization.k8s.io/v1/ClusterRoleBinding//all", "deny", "User alice may write cronjobs, daemonsets, deployments, jobs, pods, replicasets, replicationcontrollers, statefulsets through ClusterRole all; wanted: only the deployer's accounts"],
}

test_edge_a_role_that_is_not_in_the_manifests if verdict(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRoleBinding",
			"metadata": {"name": "x"},
			"roleRef": {"kind": "ClusterRole", "name": "prometheus-operator"},
			"subjects": [{"kind": "ServiceAccount", "name": "prom", "namespace": "monitoring"}],
		},
	],
	[], defaults,
) == {
	["rbac.authorization.k8s.io/v1/ClusterRoleBinding//x", "unknown", "what ClusterRole prometheus-operator lets ServiceAccount monitoring/prom do is not in these manifests; wanted: only the deployer's accounts write workloads"],
}

test_edge_an_operator_that_the_repository_accepts_by_both_of_its_names if verdict(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRoleBinding",
			"metadata": {"name": "x"},
			"roleRef": {"kind": "ClusterRole", "name": "edit"},
			"subjects": [
				{"kind": "ServiceAccount", "name": "a", "namespace": "operators"},
				{"kind": "User", "name": "system:serviceaccount:operators:a"},
			],
		},
	],
	[], object.union(defaults, {"accounts": ["operators/*"]}),
) == set()

test_edge_system_roles_no_subjects_and_a_deleted_binding if verdict(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRoleBinding",
			"metadata": {"name": "x"},
			"roleRef": {"kind": "ClusterRole", "name": "system:metrics-server"},
			"subjects": [{"kind": "ServiceAccount", "name": "m", "namespace": "metrics"}],
		},
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRoleBinding",
			"metadata": {"name": "y"},
			"roleRef": {"kind": "ClusterRole", "name": "edit"},
		},
	],
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRoleBinding",
			"metadata": {"name": "z"},
			"roleRef": {"kind": "ClusterRole", "name": "edit"},
			"subjects": [{"kind": "User", "name": "alice"}],
		},
	],
	defaults,
) == set()

test_edge_an_aggregated_role if verdict(
	[
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "ClusterRole",
			"metadata": {"name": "agg"},
			"aggregationRule": {"clusterRoleSelectors": []},
			"rules": null,
		},
		{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind": "RoleBinding",
			"metadata": {"name": "x", "namespace": "shop"},
			"roleRef": {"kind": "ClusterRole", "name": "agg"},
			"subjects": [{"kind": "User", "name": "alice"}],
		},
	],
	[], defaults,
) == {
	["rbac.authorization.k8s.io/v1/RoleBinding/shop/x", "unknown", "what ClusterRole agg lets User alice do is not in these manifests; wanted: only the deployer's accounts write workloads"],
}
