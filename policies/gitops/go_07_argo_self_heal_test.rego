package gatehouse.gitops.argo_self_heal_test

import data.gatehouse.gitops.argo_self_heal as rule
import data.gatehouse.lib.fixture

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base) := {entry |
	some doc in fixture.kubernetes(["argoproj.io/Application", "argoproj.io/ApplicationSet"], head, base)
	some finding in rule.deny with input as doc
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_both if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "web", "namespace": "argocd"},
			"spec": {"syncPolicy": {"automated": {"prune": true, "selfHeal": true}}},
		},
	],
	[],
) == set()

test_bad_synchronised_by_hand if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "web", "namespace": "argocd"},
			"spec": {"project": "shop"},
		},
	],
	[],
) == {
	["argoproj.io/v1alpha1/Application/argocd/web", "deny", "syncPolicy.automated is not set; wanted: prune and selfHeal true"],
}

test_bad_automated_but_neither if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "web", "namespace": "argocd"},
			"spec": {"syncPolicy": {"automated": {}}},
		},
	],
	[],
) == {
	["argoproj.io/v1alpha1/Application/argocd/web", "deny", "syncPolicy.automated lacks prune: true and selfHeal: true; wanted: prune and selfHeal true"],
}

test_edge_switched_off_and_a_set_that_does_not_heal if verdict(
	[
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "Application",
			"metadata": {"name": "web"},
			"spec": {"syncPolicy": {"automated": {"enabled": false, "prune": true, "selfHeal": true}}},
		},
		{
			"apiVersion": "argoproj.io/v1alpha1",
			"kind": "ApplicationSet",
			"metadata": {"name": "web"},
			"spec": {"template": {"spec": {"syncPolicy": {"automated": {"prune": true}}}}},
		},
	],
	[],
) == {
	["argoproj.io/v1alpha1/Application//web", "deny", "syncPolicy.automated.enabled is false; wanted: prune and selfHeal true"],
	["argoproj.io/v1alpha1/ApplicationSet//web", "deny", "syncPolicy.automated lacks selfHeal: true; wanted: prune and selfHeal true"],
}

test_edge_a_deleted_application if verdict([], [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "web"}, "spec": {}}]) == set()
