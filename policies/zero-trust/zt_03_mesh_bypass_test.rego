package gatehouse.zero_trust.mesh_bypass_test

import data.gatehouse.lib.fixture
import data.gatehouse.zero_trust.mesh_bypass as rule

defaults := {"exempt_kinds": []}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(head, base, parameters) := {entry |
	some doc in fixture.kubernetes(["Pod"], head, base)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_workload_of_the_mesh if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"template": {
					"metadata": {
						"labels": {"sidecar.istio.io/inject": "true"},
						"annotations": {"traffic.sidecar.istio.io/includeInboundPorts": "*"},
					},
					"spec": {"containers": [{"name": "web", "image": "web"}]},
				},
			},
		},
	],
	[], defaults,
) == set()

test_bad_no_sidecar if verdict(
	[
		{
			"apiVersion": "apps/v1",
			"kind": "Deployment",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {
				"template": {
					"metadata": {"labels": {"sidecar.istio.io/inject": "false"}},
					"spec": {"containers": [{"name": "web", "image": "web"}]},
				},
			},
		},
	],
	[], defaults,
) == {
	["apps/v1/Deployment/shop/web", "deny", "sidecar.istio.io/inject is false; wanted: in the mesh"],
}

test_bad_a_port_that_passes_linkerd_by if verdict(
	[
		{
			"apiVersion": "batch/v1",
			"kind": "CronJob",
			"metadata": {"name": "report", "namespace": "shop"},
			"spec": {
				"jobTemplate": {
					"spec": {
						"template": {
							"metadata": {"annotations": {"config.linkerd.io/skip-outbound-ports": "5432"}},
							"spec": {"containers": [{"name": "report", "image": "report"}]},
						},
					},
				},
			},
		},
	],
	[], defaults,
) == {
	["batch/v1/CronJob/shop/report", "deny", "config.linkerd.io/skip-outbound-ports is 5432; wanted: all traffic through the proxy"],
}

test_bad_the_proxy_s_own_user if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "namespace": "shop"},
			"spec": {"securityContext": {"runAsUser": 1337}, "containers": [{"name": "web", "image": "web"}]},
		},
	],
	[], defaults,
) == {
	["v1/Pod/shop/web", "deny", "container \"web\" runs as user 1337, whose traffic passes Istio's proxy by; wanted: another user"],
}

test_edge_nothing_is_intercepted if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "annotations": {"traffic.sidecar.istio.io/includeInboundPorts": ""}},
			"spec": {"containers": [{"name": "web", "image": "web"}]},
		},
	],
	[], defaults,
) == {
	["v1/Pod//web", "deny", "traffic.sidecar.istio.io/includeInboundPorts is \"\"; wanted: all traffic through the proxy"],
}

test_edge_a_gateway_is_a_proxy_itself_an_empty_list_excludes_nothing if verdict(
	[
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {
				"name": "gw",
				"annotations": {"inject.istio.io/templates": "gateway", "traffic.sidecar.istio.io/excludeInboundPorts": ""},
			},
			"spec": {
				"securityContext": {"runAsUser": 1337},
				"containers": [{"name": "istio-proxy", "image": "auto"}, {"name": "other", "image": "x"}],
			},
		},
	],
	[], defaults,
) == set()

test_edge_jobs_may_opt_out_here_ambient_pods_may_not if verdict(
	[
		{
			"apiVersion": "batch/v1",
			"kind": "Job",
			"metadata": {"name": "migrate"},
			"spec": {
				"template": {
					"metadata": {"labels": {"istio.io/dataplane-mode": "none"}},
					"spec": {"containers": [{"name": "m", "image": "m"}]},
				},
			},
		},
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "labels": {"istio.io/dataplane-mode": "none"}},
			"spec": {"containers": [{"name": "web", "image": "web"}]},
		},
	],
	[], object.union(defaults, {"exempt_kinds": ["Job"]}),
) == {["v1/Pod//web", "deny", "istio.io/dataplane-mode is none; wanted: in the mesh"]}

test_edge_a_deleted_workload if verdict(
	[], [
		{
			"apiVersion": "v1",
			"kind": "Pod",
			"metadata": {"name": "web", "labels": {"istio.io/dataplane-mode": "none"}},
			"spec": {"containers": [{"name": "web", "image": "web"}]},
		},
	],
	defaults,
) == set()
