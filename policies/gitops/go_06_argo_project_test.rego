package gatehouse.gitops.argo_project_test

import data.gatehouse.gitops.argo_project as rule
import data.gatehouse.lib.fixture

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base) := {entry |
	some doc in fixture.kubernetes(["argoproj.io/AppProject", "argoproj.io/Application", "argoproj.io/ApplicationSet"], head, base)
	some finding in rule.deny with input as doc
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_project_with_names if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "AppProject",
			"metadata": {"name": "shop", "namespace": "argocd"},
			"spec": {
				"sourceRepos": ["https://github.com/acme/infra.git"],
				"destinations": [{"server": "https://kubernetes.default.svc", "namespace": "shop"}],
				"clusterResourceWhitelist": [],
			},
		},
	],
	[],
) == set()

test_good_an_application_of_a_project if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "web", "namespace": "argocd"},
			"spec": {"project": "shop"},
		},
	],
	[],
) == set()

test_bad_wildcards_everywhere if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "AppProject",
			"metadata": {"name": "all", "namespace": "argocd"},
			"spec": {
				"sourceRepos": ["*"],
				"destinations": [{"server": "*", "namespace": "*"}],
				"clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
			},
		},
	],
	[],
) == {
	["argoproj.io/v1alpha1/AppProject/argocd/all", "deny", "clusterResourceWhitelist[0] allows group *, kind *; wanted: named kinds"],
	["argoproj.io/v1alpha1/AppProject/argocd/all", "deny", "destinations[0] has namespace and server *; wanted: a cluster and a namespace"],
	["argoproj.io/v1alpha1/AppProject/argocd/all", "deny", "sourceRepos has *; wanted: names"],
}

test_bad_the_default_project if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "web", "namespace": "argocd"},
			"spec": {"project": "default"},
		},
	],
	[],
) == {
	["argoproj.io/v1alpha1/Application/argocd/web", "deny", "project is default; wanted: a project of its own"],
}

test_edge_a_set_without_a_project if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "ApplicationSet",
			"metadata": {"name": "web"},
			"spec": {"template": {"spec": {"source": {}}}},
		},
	],
	[],
) == {
	["argoproj.io/v1alpha1/ApplicationSet//web", "deny", "project is not set; wanted: a project of its own"],
}

test_edge_any_namespace_of_one_cluster_all_kinds_of_one_group if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "AppProject",
			"metadata": {"name": "shop"},
			"spec": {
				"destinations": [
					{"server": "https://kubernetes.default.svc", "namespace": "*"},
					{"server": "https://kubernetes.default.svc", "namespace": "shop-*"},
				],
				"clusterResourceWhitelist": [{"group": "rbac.authorization.k8s.io", "kind": "*"}, {"group": "", "kind": "Namespace"}],
			},
		},
	],
	[],
) == {
	["argoproj.io/v1alpha1/AppProject//shop", "deny", "clusterResourceWhitelist[0] allows group rbac.authorization.k8s.io, kind *; wanted: named kinds"],
	["argoproj.io/v1alpha1/AppProject//shop", "deny", "destinations[0] has namespace *; wanted: a cluster and a namespace"],
}

test_edge_a_deleted_project_and_application if verdict([], [
	{
		"apiVersion": "argoproj.io/v1alpha1",
		"kind": "AppProject",
		"metadata": {"name": "all"},
		"spec": {"sourceRepos": ["*"]},
	},
	{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "web"}, "spec": {}},
]) == set()
