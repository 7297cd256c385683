# METADATA
# title: Ingresses and gateways speak TLS and name their hosts
# description: >-
#   Plain HTTP at the edge gives sessions away, and a wildcard or missing host takes requests for names that were never
#   meant. A plain listener that only redirects to HTTPS is accepted.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/services-networking/ingress/#tls
#     description: TLS of an Ingress
#   - ref: https://gateway-api.sigs.k8s.io/guides/tls/
#     description: TLS in the Gateway API
# custom:
#   id: ZT-06
#   severity: medium
#   remedy: 'tls: [{hosts: [shop.example.com], secretName: shop-tls}] and rules: [{host: shop.example.com, ...}]'
#   inspects:
#     kubernetes:
#       - networking.k8s.io/Ingress
#       - gateway.networking.k8s.io/Gateway
#       - networking.istio.io/Gateway
#       - networking.istio.io/VirtualService
#   parameters:
#     wildcards: {default: [], description: "Wildcard hosts that are accepted, for example *.preview.example.com."}
package gatehouse.zero_trust.ingress_tls

import data.gatehouse.lib.kubernetes

# Ingress.

deny contains finding if {
	input.type == "Ingress"
	is_object(input.resource)
	some host in plain_hosts
	finding := {"message": sprintf("%s has no TLS; wanted: a tls entry with its host", [host]), "path": "spec.tls"}
}

deny contains finding if {
	input.type == "Ingress"
	is_object(input.resource)
	some i, rule in input.resource.spec.rules
	host := kubernetes.get(rule, "host", "")
	wild(host)
	finding := {"message": sprintf("host is %s; wanted: a name", [said(host)]), "path": sprintf("spec.rules[%d].host", [i])}
}

deny contains finding if {
	input.type == "Ingress"
	is_object(kubernetes.get(input.resource.spec, "defaultBackend", null))
	count(kubernetes.get(input.resource.spec, "rules", [])) == 0
	finding := {"message": "defaultBackend takes every host; wanted: rules with a host", "path": "spec.defaultBackend"}
}

plain_hosts contains said(host) if {
	some rule in input.resource.spec.rules
	host := kubernetes.get(rule, "host", "")
	not encrypted(host)
}

# An entry without hosts is for those that the controller chooses: all of them.
encrypted(_) if {
	some entry in input.resource.spec.tls
	count(kubernetes.get(entry, "hosts", [])) == 0
}

encrypted(host) if {
	some entry in input.resource.spec.tls
	some name in entry.hosts
	covers(name, host)
}

# A certificate that the controller gets from its cloud.
encrypted(_) if {
	some annotation in ["alb.ingress.kubernetes.io/certificate-arn", "networking.gke.io/managed-certificates", "ingress.gcp.kubernetes.io/pre-shared-cert", "appgw.ingress.kubernetes.io/appgw-ssl-certificate"]
	kubernetes.get(input.resource, ["metadata", "annotations", annotation], "") != ""
}

covers(name, host) if name == host

covers(name, host) if {
	startswith(name, "*.")
	parts := split(host, ".")
	concat(".", array.slice(parts, 1, count(parts))) == trim_prefix(name, "*.")
}

# Gateway API.

deny contains finding if {
	gateway_api
	some i, listener in input.resource.spec.listeners
	listener.protocol == "HTTP"
	not only_redirects(listener)
	finding := {
		"message": sprintf("listener %s is HTTP and not only a redirect; wanted: HTTPS", [listener.name]),
		"path": sprintf("spec.listeners[%d].protocol", [i]),
	}
}

deny contains finding if {
	gateway_api
	some i, listener in input.resource.spec.listeners
	listener.protocol in {"HTTPS", "TLS"}
	host := kubernetes.get(listener, "hostname", "")
	wild(host)
	finding := {
		"message": sprintf("hostname of listener %s is %s; wanted: a name", [listener.name, said(host)]),
		"path": sprintf("spec.listeners[%d].hostname", [i]),
	}
}

gateway_api if {
	input.type == "Gateway"
	input.group == "gateway.networking.k8s.io"
	is_object(input.resource)
}

routes(listener) := [route |
	some route in input.objects.HTTPRoute
	some parent in route.spec.parentRefs
	parent.name == input.name
	kubernetes.get(parent, "namespace", object.get(route, ["metadata", "namespace"], "")) == input.namespace
	kubernetes.get(parent, "sectionName", listener.name) == listener.name
]

only_redirects(listener) if {
	attached := routes(listener)
	count(attached) > 0
	every route in attached {
		every rule in route.spec.rules {
			some filter in rule.filters
			filter.type == "RequestRedirect"
			filter.requestRedirect.scheme == "https"
		}
	}
}

# Istio.

deny contains finding if {
	istio_gateway
	some i, server in input.resource.spec.servers
	upper(kubernetes.get(server, ["port", "protocol"], "")) in {"HTTP", "HTTP2", "GRPC"}
	not server.tls.httpsRedirect == true
	finding := {
		"message": sprintf("server of port %v is %s without httpsRedirect; wanted: HTTPS", [server.port.number, server.port.protocol]),
		"path": sprintf("spec.servers[%d].port.protocol", [i]),
	}
}

deny contains finding if {
	istio_gateway
	some i, server in input.resource.spec.servers
	not server.tls.httpsRedirect == true
	some host in server.hosts
	name := regex.replace(host, `^[^/]*/`, "")
	wild(name)
	finding := {"message": sprintf("hosts has %s; wanted: a name", [host]), "path": sprintf("spec.servers[%d].hosts", [i])}
}

istio_gateway if {
	input.type == "Gateway"
	input.group == "networking.istio.io"
	is_object(input.resource)
}

# Only a VirtualService that is bound to a gateway takes requests from outside.
deny contains finding if {
	input.type == "VirtualService"
	is_object(input.resource)
	gateways := [gateway | some gateway in input.resource.spec.gateways; gateway != "mesh"]
	count(gateways) > 0
	some host in input.resource.spec.hosts
	wild(host)
	finding := {"message": sprintf("hosts has %s; wanted: a name", [host]), "path": "spec.hosts"}
}

wild(host) if {
	host in {"", "*"}
	not host in data.parameters.wildcards
}

wild(host) if {
	startswith(host, "*.")
	not host in data.parameters.wildcards
}

said("") := "not set"

said(host) := host if host != ""
