package gatehouse.zero_trust.service_exposure_test

import data.gatehouse.lib.fixture
import data.gatehouse.zero_trust.service_exposure as rule

defaults := {"public": []}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base, parameters) := {entry |
	some doc in fixture.kubernetes(["Service"], head, base)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_inside_the_cluster if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Service",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"ports": [{"port": 80}]},
		},
	],
	[], defaults,
) == set()

test_good_a_load_balancer_for_one_office_and_an_internal_one if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Service",
			"metadata": {"name": "a", "namespace": "shop"},
			"spec": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["203.0.113.0/24"]},
		},
		{
			"apiVersion": "v1",
			"kind": "Service",
			"metadata": {
				"name": "b",
				"namespace": "shop",
				"annotations": {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"},
			},
			"spec": {"type": "LoadBalancer"},
		},
	],
	[], defaults,
) == set()

test_bad_a_port_on_every_node if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Service",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]},
		},
	],
	[], defaults,
) == {["v1/Service/shop/web", "deny", "type is NodePort; wanted: ClusterIP"]}

test_bad_a_load_balancer_for_the_world if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Service",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"type": "LoadBalancer"},
		},
	],
	[], defaults,
) == {
	["v1/Service/shop/web", "deny", "a load balancer without loadBalancerSourceRanges is open to the world; wanted: source ranges or an internal load balancer"],
}

test_bad_external_addresses if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Service",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"externalIPs": ["203.0.113.7"]},
		},
	],
	[], defaults,
) == {["v1/Service/shop/web", "deny", "externalIPs is [203.0.113.7]; wanted: none"]}

test_edge_the_world_in_halves_and_by_an_annotation if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Service",
			"metadata": {"name": "a"},
			"spec": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["0.0.0.0/1", "128.0.0.0/1"]},
		},
		{
			"apiVersion": "v1",
			"kind": "Service",
			"metadata": {
				"name": "b",
				"annotations": {"service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8, ::/0"},
			},
			"spec": {"type": "LoadBalancer"},
		},
	],
	[], defaults,
) == {
	["v1/Service//a", "deny", "loadBalancerSourceRanges has 0.0.0.0/1; wanted: no world-open range"],
	["v1/Service//a", "deny", "loadBalancerSourceRanges has 128.0.0.0/1; wanted: no world-open range"],
	["v1/Service//b", "deny", "loadBalancerSourceRanges has ::/0; wanted: no world-open range"],
}

test_edge_the_ingress_gateway_may_be_public_knative_s_service_is_another_one if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Service",
			"metadata": {"name": "gateway", "namespace": "istio-system"},
			"spec": {"type": "LoadBalancer"},
		},
		{
			"apiVersion": "serving.knative.dev/v1",
			"kind": "Service",
			"metadata": {"name": "fn", "namespace": "shop"},
			"spec": {"template": {"spec": {"containers": []}}},
		},
	],
	[], object.union(defaults, {"public": ["istio-system/*"]}),
) == set()

test_edge_a_deleted_service if verdict([], [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"type": "NodePort"}}], defaults) == set()
