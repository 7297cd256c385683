package gatehouse.zero_trust.ingress_tls_test

import data.gatehouse.lib.fixture
import data.gatehouse.zero_trust.ingress_tls as rule

defaults := {"wildcards": []}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base, parameters) := {entry |
	some doc in fixture.kubernetes(["networking.k8s.io/Ingress", "gateway.networking.k8s.io/Gateway", "networking.istio.io/Gateway", "networking.istio.io/VirtualService"], head, base)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_an_ingress_with_tls if verdict(
	[
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "Ingress",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"tls": [{"hosts": ["*.example.com"], "secretName": "tls"}],
				"rules": [{"host": "shop.example.com", "http": {"paths": []}}],
			},
		},
	],
	[], defaults,
) == set()

test_good_a_gateway_whose_plain_listener_redirects if verdict(
	[
		{
			"apiVersion": "gateway.networking.k8s.io/v1",
			"kind": "Gateway",
			"metadata": {"name": "edge", "namespace": "shop"},
			"spec": {
				"listeners": [
					{"name": "http", "port": 80, "protocol": "HTTP"},
					{"name": "https", "port": 443, "protocol": "HTTPS", "hostname": "shop.example.com"},
				],
			},
		},
		{
			"apiVersion": "gateway.networking.k8s.io/v1",
			"kind": "HTTPRoute",
			"metadata": {"name": "redirect", "namespace": "shop"},
			"spec": {
				"parentRefs": [{"name": "edge", "sectionName": "http"}],
				"rules": [{"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}]}],
			},
		},
	],
	[], defaults,
) == set()

test_good_an_istio_gateway if verdict(
	[
		{
			"apiVersion": "networking.istio.io/v1",
			"kind": "Gateway",
			"metadata": {"name": "edge", "namespace": "shop"},
			"spec": {
				"servers": [
					{
						"port": {"number": 80, "name": "http", "protocol": "HTTP"},
						"hosts": ["*"],
						"tls": {"httpsRedirect": true},
					},
					{
						"port": {"number": 443, "name": "https", "protocol": "HTTPS"},
						"hosts": ["shop.example.com"],
						"tls": {"mode": "SIMPLE", "credentialName": "tls"},
					},
				],
			},
		},
	],
	[], defaults,
) == set()

test_bad_an_ingress_without_tls if verdict(
	[
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "Ingress",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"rules": [{"host": "shop.example.com", "http": {"paths": []}}]},
		},
	],
	[], defaults,
) == {
	["networking.k8s.io/v1/Ingress/shop/web", "deny", "shop.example.com has no TLS; wanted: a tls entry with its host"],
}

test_bad_every_host if verdict(
	[
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "Ingress",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"tls": [{"secretName": "tls"}], "rules": [{"http": {"paths": []}}]},
		},
	],
	[], defaults,
) == {["networking.k8s.io/v1/Ingress/shop/web", "deny", "host is not set; wanted: a name"]}

test_bad_a_plain_listener if verdict(
	[
		{
			"apiVersion": "gateway.networking.k8s.io/v1",
			"kind": "Gateway",
			"metadata": {"name": "edge", "namespace": "shop"},
			"spec": {
				"listeners": [
					{"name": "http", "port": 80, "protocol": "HTTP"},
					{"name": "https", "port": 443, "protocol": "HTTPS"},
				],
			},
		},
	],
	[], defaults,
) == {
	["gateway.networking.k8s.io/v1/Gateway/shop/edge", "deny", "hostname of listener https is not set; wanted: a name"],
	["gateway.networking.k8s.io/v1/Gateway/shop/edge", "deny", "listener http is HTTP and not only a redirect; wanted: HTTPS"],
}

test_bad_an_istio_gateway_for_everyone_in_plaintext if verdict(
	[
		{
			"apiVersion": "networking.istio.io/v1",
			"kind": "Gateway",
			"metadata": {"name": "edge", "namespace": "shop"},
			"spec": {"servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["shop/*"]}]},
		},
		{
			"apiVersion": "networking.istio.io/v1",
			"kind": "VirtualService",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"gateways": ["edge"], "hosts": ["*"]},
		},
	],
	[], defaults,
) == {
	["networking.istio.io/v1/Gateway/shop/edge", "deny", "hosts has shop/*; wanted: a name"],
	["networking.istio.io/v1/Gateway/shop/edge", "deny", "server of port 80 is HTTP without httpsRedirect; wanted: HTTPS"],
	["networking.istio.io/v1/VirtualService/shop/web", "deny", "hosts has *; wanted: a name"],
}

test_edge_a_tls_entry_for_another_host if verdict(
	[
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "Ingress",
			"metadata": {"name": "web"},
			"spec": {"tls": [{"hosts": ["*.example.com"]}], "rules": [{"host": "a.b.example.com"}]},
		},
	],
	[], defaults,
) == {
	["networking.k8s.io/v1/Ingress//web", "deny", "a.b.example.com has no TLS; wanted: a tls entry with its host"],
}

test_edge_a_certificate_of_the_cloud_and_a_wildcard_that_is_accepted if verdict(
	[
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "Ingress",
			"metadata": {"name": "web", "annotations": {"alb.ingress.kubernetes.io/certificate-arn": "arn:1"}},
			"spec": {"rules": [{"host": "*.preview.example.com"}]},
		},
	],
	[], object.union(defaults, {"wildcards": ["*.preview.example.com"]}),
) == set()

test_edge_only_a_default_backend if verdict(
	[
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "Ingress",
			"metadata": {"name": "web"},
			"spec": {"defaultBackend": {"service": {"name": "web"}}},
		},
	],
	[], defaults,
) == {
	["networking.k8s.io/v1/Ingress//web", "deny", "defaultBackend takes every host; wanted: rules with a host"],
}

test_edge_a_virtualservice_inside_the_mesh_and_a_deleted_ingress if verdict(
	[
		{
			"apiVersion": "networking.istio.io/v1",
			"kind": "VirtualService",
			"metadata": {"name": "web"},
			"spec": {"hosts": ["*.shop.svc.cluster.local"]},
		},
	],
	[
		{
			"apiVersion": "networking.k8s.io/v1",
			"kind": "Ingress",
			"metadata": {"name": "web"},
			"spec": {"rules": [{"host": "a.example.com"}]},
		},
	],
	defaults,
) == set()
