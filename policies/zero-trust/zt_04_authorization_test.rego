package gatehouse.zero_trust.authorization_test

import data.gatehouse.lib.fixture
import data.gatehouse.zero_trust.authorization as rule

defaults := {"root_namespaces": ["istio-system"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base, parameters) := {entry |
	some doc in fixture.kubernetes(["Namespace", "security.istio.io/AuthorizationPolicy", "policy.linkerd.io/Server", "policy.linkerd.io/AuthorizationPolicy", "policy.linkerd.io/MeshTLSAuthentication", "policy.linkerd.io/NetworkAuthentication", "policy.linkerd.io/ServerAuthorization"], head, base)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_one_caller if verdict(
	[
		{
			"apiVersion": "security.istio.io/v1",
			"kind": "AuthorizationPolicy",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"action": "ALLOW",
				"rules": [{"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/front"]}}]}],
			},
		},
		{
			"apiVersion": "v1",
			"kind": "Namespace",
			"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}},
		},
	],
	[], defaults,
) == set()

test_good_no_rule_denies_everything if verdict(
	[
		{
			"apiVersion": "security.istio.io/v1",
			"kind": "AuthorizationPolicy",
			"metadata": {"name": "default", "namespace": "shop"},
			"spec": {},
		},
	],
	[], defaults,
) == set()

test_good_a_linkerd_server_with_its_policy if verdict(
	[
		{
			"apiVersion": "policy.linkerd.io/v1beta3",
			"kind": "Server",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"port": "http", "podSelector": {"matchLabels": {"app": "web"}}},
		},
		{
			"apiVersion": "policy.linkerd.io/v1alpha1",
			"kind": "AuthorizationPolicy",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"targetRef": {"group": "policy.linkerd.io", "kind": "Server", "name": "web"},
				"requiredAuthenticationRefs": [{"kind": "MeshTLSAuthentication", "name": "front"}],
			},
		},
	],
	[], defaults,
) == set()

test_bad_an_empty_rule if verdict(
	[
		{
			"apiVersion": "security.istio.io/v1",
			"kind": "AuthorizationPolicy",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"rules": [{}]},
		},
	],
	[], defaults,
) == {
	["security.istio.io/v1/AuthorizationPolicy/shop/web", "deny", "rules[0] is empty and allows everyone; wanted: the principals that may call"],
}

test_bad_a_namespace_of_the_mesh_without_a_policy if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Namespace",
			"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}},
		},
	],
	[], defaults,
) == {
	["v1/Namespace//shop", "deny", "no AuthorizationPolicy in this namespace; wanted: one that names who may call"],
}

test_bad_a_linkerd_server_that_nobody_guards if verdict(
	[
		{
			"apiVersion": "policy.linkerd.io/v1beta3",
			"kind": "Server",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"port": "http", "accessPolicy": "all-unauthenticated"},
		},
	],
	[], defaults,
) == {
	["policy.linkerd.io/v1beta3/Server/shop/web", "deny", "accessPolicy is all-unauthenticated; wanted: deny"],
	["policy.linkerd.io/v1beta3/Server/shop/web", "deny", "no AuthorizationPolicy or ServerAuthorization is for this Server; wanted: one that names who may call"],
}

test_edge_every_identity_every_address if verdict(
	[
		{
			"apiVersion": "security.istio.io/v1",
			"kind": "AuthorizationPolicy",
			"metadata": {"name": "a", "namespace": "shop"},
			"spec": {"rules": [{"from": [{"source": {"principals": ["*"]}}]}]},
		},
		{
			"apiVersion": "security.istio.io/v1",
			"kind": "AuthorizationPolicy",
			"metadata": {"name": "b", "namespace": "shop"},
			"spec": {"rules": [{"from": [{"source": {"ipBlocks": ["0.0.0.0/0"]}}]}]},
		},
	],
	[], defaults,
) == {
	["security.istio.io/v1/AuthorizationPolicy/shop/a", "deny", "rules[0] allows every source; wanted: the principals that may call"],
	["security.istio.io/v1/AuthorizationPolicy/shop/b", "deny", "rules[0] allows every source; wanted: the principals that may call"],
}

test_edge_everyone_but_one_path_only_and_a_denial if verdict(
	[
		{
			"apiVersion": "security.istio.io/v1",
			"kind": "AuthorizationPolicy",
			"metadata": {"name": "a", "namespace": "shop"},
			"spec": {"rules": [{"to": [{"operation": {"paths": ["/healthz"]}}]}]},
		},
		{
			"apiVersion": "security.istio.io/v1",
			"kind": "AuthorizationPolicy",
			"metadata": {"name": "b", "namespace": "shop"},
			"spec": {"action": "DENY", "rules": [{}]},
		},
	],
	[], defaults,
) == set()

test_edge_a_policy_of_the_root_namespace_holds_for_all if verdict(
	[
		{
			"apiVersion": "security.istio.io/v1",
			"kind": "AuthorizationPolicy",
			"metadata": {"name": "default", "namespace": "istio-system"},
			"spec": {},
		},
		{
			"apiVersion": "v1",
			"kind": "Namespace",
			"metadata": {"name": "shop", "labels": {"istio.io/rev": "stable"}},
		},
	],
	[], defaults,
) == set()

test_edge_open_forms_of_linkerd if verdict(
	[
		{
			"apiVersion": "policy.linkerd.io/v1alpha1",
			"kind": "AuthorizationPolicy",
			"metadata": {"name": "a", "namespace": "shop"},
			"spec": {"targetRef": {"kind": "Namespace", "name": "shop"}, "requiredAuthenticationRefs": []},
		},
		{
			"apiVersion": "policy.linkerd.io/v1alpha1",
			"kind": "MeshTLSAuthentication",
			"metadata": {"name": "b", "namespace": "shop"},
			"spec": {"identities": ["*"]},
		},
		{
			"apiVersion": "policy.linkerd.io/v1alpha1",
			"kind": "NetworkAuthentication",
			"metadata": {"name": "c", "namespace": "shop"},
			"spec": {"networks": [{"cidr": "::/0"}]},
		},
		{
			"apiVersion": "policy.linkerd.io/v1beta1",
			"kind": "ServerAuthorization",
			"metadata": {"name": "d", "namespace": "shop"},
			"spec": {"server": {"name": "web"}, "client": {"unauthenticated": true}},
		},
	],
	[], defaults,
) == {
	["policy.linkerd.io/v1alpha1/AuthorizationPolicy/shop/a", "deny", "requiredAuthenticationRefs is empty and allows everyone; wanted: a MeshTLSAuthentication"],
	["policy.linkerd.io/v1alpha1/MeshTLSAuthentication/shop/b", "deny", "identities is *; wanted: the service accounts that may call"],
	["policy.linkerd.io/v1alpha1/NetworkAuthentication/shop/c", "deny", "networks has ::/0; wanted: no world-open range"],
	["policy.linkerd.io/v1beta1/ServerAuthorization/shop/d", "deny", "client.unauthenticated is true; wanted: the service accounts that may call"],
}

test_edge_deleted_objects_and_namespaces_outside_the_mesh if verdict(
	[{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "plain"}}], [
		{
			"apiVersion": "security.istio.io/v1",
			"kind": "AuthorizationPolicy",
			"metadata": {"name": "a", "namespace": "shop"},
			"spec": {"rules": [{}]},
		},
	],
	defaults,
) == set()
