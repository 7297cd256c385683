package gatehouse.zero_trust.strict_mtls_test

import data.gatehouse.lib.testing
import data.gatehouse.zero_trust.strict_mtls

_denied(document) := testing.messages(found) if {
	found := strict_mtls.deny with input as document with data.parameters as {"root_namespace": "istio-system", "exempt_hosts": ["kubernetes.default.svc.cluster.local"]}
}

_peer(namespace, spec) := {
	"apiVersion": "security.istio.io/v1",
	"kind": "PeerAuthentication",
	"metadata": {"name": "default", "namespace": namespace},
	"spec": spec,
}

_strict := {"mtls": {"mode": "STRICT"}}

_some := {"selector": {"matchLabels": {"app": "web"}}}

test_modes if {
	every mode in ["PERMISSIVE", "DISABLE"] {
		_denied(testing.kubernetes(_peer("shop", {"mtls": {"mode": mode}}))) == [sprintf("mtls.mode is %s; wanted: STRICT", [mode])]
	}
	_denied(testing.kubernetes(_peer("shop", _strict))) == []
}

test_port_level if {
	_denied(testing.kubernetes(_peer("shop", object.union(_strict, {"portLevelMtls": {"8080": {"mode": "DISABLE"}, "9090": {"mode": "STRICT"}}})))) == ["portLevelMtls of port 8080 is DISABLE; wanted: STRICT"]
}

test_unset if {
	every spec in [{}, {"mtls": {}}, {"mtls": null}, {"mtls": {"mode": null}}, {"mtls": {"mode": "UNSET"}}] {
		_denied(testing.kubernetes(_peer("shop", spec))) == ["mtls.mode is not set and nothing above sets STRICT; wanted: STRICT"]
	}
	mesh := _peer("istio-system", _strict)
	_denied(testing.with_objects(testing.kubernetes(_peer("shop", {})), [mesh])) == []
	_denied(testing.kubernetes(_peer("shop", _some))) == []
}

test_deleted if {
	gone := testing.kubernetes_change(_peer("shop", _strict), null)
	message := ["a PeerAuthentication with mtls.mode STRICT is deleted, and nothing above it is STRICT; wanted: to keep it"]
	_denied(gone) == message
	_denied(object.union(gone, {"objects": {"PeerAuthentication": {"shop/other": _peer("shop", object.union(_strict, _some))}}})) == message
	_denied(object.union(gone, {"objects": {"PeerAuthentication": {"shop/default": null, "istio-system/default": _peer("istio-system", _strict)}}})) == []
	_denied(testing.kubernetes_change(_peer("shop", {"mtls": {"mode": "PERMISSIVE"}}), null)) == []
}

test_weakened if {
	_denied(testing.kubernetes_change(_peer("shop", object.union(_strict, _some)), _peer("shop", _some))) == ["mtls.mode was STRICT and is not set any more; wanted: STRICT"]
	_denied(testing.kubernetes_change(_peer("shop", _strict), _peer("shop", object.union(_strict, _some)))) == ["STRICT held for the whole namespace and is narrowed to a selector; wanted: to keep it for the namespace"]
	_denied(testing.kubernetes_change(_peer("shop", _strict), _peer("shop", object.union(_strict, {"selector": {}})))) == []
}

_rule(spec) := testing.kubernetes({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "r", "namespace": "shop"}, "spec": spec})

_tls(mode) := {"tls": {"mode": mode}}

test_destination_rule if {
	_denied(_rule({"host": "web", "trafficPolicy": _tls("DISABLE")})) == ["tls.mode for host \"web\" is DISABLE; wanted: ISTIO_MUTUAL"]
	_denied(_rule({"host": "web.shop.svc.cluster.local", "trafficPolicy": _tls("SIMPLE")})) == ["tls.mode for host \"web.shop.svc.cluster.local\" is SIMPLE, which does not say who calls; wanted: ISTIO_MUTUAL"]
	_denied(_rule({"host": "api.example.com", "trafficPolicy": _tls("SIMPLE")})) == []
	_denied(_rule({"host": "web", "trafficPolicy": _tls("ISTIO_MUTUAL")})) == []
	_denied(_rule({"host": "web", "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}})) == []
	_denied(_rule({"host": "kubernetes.default.svc.cluster.local", "trafficPolicy": _tls("DISABLE")})) == []
}

test_destination_rule_deep if {
	document := _rule({
		"host": "web",
		"trafficPolicy": {"portLevelSettings": [_tls("ISTIO_MUTUAL"), _tls("DISABLE")]},
		"subsets": [{"name": "a"}, {"name": "b", "trafficPolicy": {"tls": {"mode": "DISABLE"}, "portLevelSettings": [_tls("DISABLE")]}}],
	})
	found := strict_mtls.deny with input as document with data.parameters as {"root_namespace": "istio-system", "exempt_hosts": []}
	{finding.path | some finding in found} == {
		"spec.trafficPolicy.portLevelSettings[1].tls.mode",
		"spec.subsets[1].trafficPolicy.tls.mode",
		"spec.subsets[1].trafficPolicy.portLevelSettings[0].tls.mode",
	}
}
