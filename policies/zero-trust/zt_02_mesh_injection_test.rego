package gatehouse.zero_trust.mesh_injection_test

import data.gatehouse.lib.fixture
import data.gatehouse.zero_trust.mesh_injection as rule

defaults := {
	"exempt": [
		"kube-*",
		"istio-*",
		"linkerd*",
		"kuma-system",
		"flux-system",
		"argocd",
		"cert-manager",
		"gatekeeper-system",
	],
}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(docs, parameters) := {entry |
	some doc in docs
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

terraform(items) := fixture.terraform(["kubernetes_namespace", "kubernetes_namespace_v1"], items)

kubernetes(head, base) := fixture.kubernetes(["Namespace"], head, base)

message(finding) := object.get(finding, "message", "")

test_good_istio_with_sidecars_and_ambient if verdict(
	kubernetes(
		[
			{
				"apiVersion": "v1",
				"kind": "Namespace",
				"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}},
			},
			{
				"apiVersion": "v1",
				"kind": "Namespace",
				"metadata": {"name": "pay", "labels": {"istio.io/dataplane-mode": "ambient"}},
			},
		],
		[],
	),
	defaults,
) == set()

test_good_linkerd_from_terraform if verdict(
	terraform([
		{
			"address": "kubernetes_namespace_v1.shop[0]",
			"after": {"metadata": [{"name": "shop", "annotations": {"linkerd.io/inject": "enabled"}, "labels": null}]},
		},
	]),
	defaults,
) == set()

test_bad_nothing_said if verdict(kubernetes([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}], []), defaults) == {
	["v1/Namespace//shop", "deny", "no label or annotation switches mesh injection on; wanted: one"],
}

test_bad_switched_off_by_the_change if verdict(
	kubernetes(
		[
			{
				"apiVersion": "v1",
				"kind": "Namespace",
				"metadata": {"name": "shop", "labels": {"istio-injection": "disabled"}},
			},
		],
		[
			{
				"apiVersion": "v1",
				"kind": "Namespace",
				"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}},
			},
		],
	),
	defaults,
) == {
	["v1/Namespace//shop", "deny", "mesh injection is switched off by this change; wanted: on"],
}

test_edge_a_revision_with_injection_disabled if verdict(
	kubernetes(
		[
			{
				"apiVersion": "v1",
				"kind": "Namespace",
				"metadata": {"name": "shop", "labels": {"istio.io/rev": "stable", "istio-injection": "disabled"}},
			},
		],
		[],
	),
	defaults,
) == {["v1/Namespace//shop", "deny", "istio-injection is disabled; wanted: enabled"]}

test_edge_system_namespaces_and_a_deleted_one if verdict(kubernetes([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}], [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}]), defaults) == set()

test_edge_a_namespace_of_terraform_without if verdict(
	terraform([
		{
			"address": "module.ns[\"a\"].kubernetes_namespace.this",
			"after": {"metadata": [{"name": "shop", "labels": {}}]},
		},
	]),
	defaults,
) == {
	["module.ns[\"a\"].kubernetes_namespace.this", "deny", "no label or annotation switches mesh injection on; wanted: one"],
}
