# METADATA
# title: Workloads do not opt out of the mesh
# description: >-
#   A Pod without a proxy, or one that keeps ports or addresses from it, sends and accepts plaintext that no authorization
#   policy sees. A container that runs as the proxy's own user is left alone by its redirection, which is the same.
# related_resources:
#   - ref: https://istio.io/latest/docs/reference/config/annotations/
#     description: Istio resource annotations
#   - ref: https://linkerd.io/2/reference/proxy-configuration/
#     description: Linkerd proxy configuration
# custom:
#   id: ZT-03
#   severity: high
#   remedy: Remove the label or annotation; where a protocol cannot pass the proxy, exempt that one port with a waiver.
#   inspects: {kubernetes: [Pod]}
#   parameters:
#     exempt_kinds: {default: [], description: "Kinds that may opt out, for example Job and CronJob."}
package gatehouse.zero_trust.mesh_bypass

import data.gatehouse.lib.kubernetes

deny contains finding if {
	workload
	some key, off in opt_outs
	some place in ["labels", "annotations"]
	value := input.pod.metadata[place][key]
	lower(sprintf("%v", [value])) in off
	finding := {
		"message": sprintf("%s is %v; wanted: in the mesh", [key, value]),
		"path": kubernetes.path(sprintf("metadata.%s[%q]", [place, key])),
	}
}

opt_outs := {
	"sidecar.istio.io/inject": {"false"},
	"istio.io/dataplane-mode": {"none"},
	"ambient.istio.io/redirection": {"disabled"},
	"linkerd.io/inject": {"disabled"},
	"kuma.io/sidecar-injection": {"disabled", "false"},
}

# Ports and addresses that pass the proxy by.
deny contains finding if {
	workload
	some key in excluding
	value := input.pod.metadata.annotations[key]
	not value in {"", null}
	finding := {
		"message": sprintf("%s is %v; wanted: all traffic through the proxy", [key, value]),
		"path": kubernetes.path(sprintf("metadata.annotations[%q]", [key])),
	}
}

excluding := [
	"traffic.sidecar.istio.io/excludeInboundPorts",
	"traffic.sidecar.istio.io/excludeOutboundPorts",
	"traffic.sidecar.istio.io/excludeOutboundIPRanges",
	"traffic.sidecar.istio.io/excludeInterfaces",
	"config.linkerd.io/skip-inbound-ports",
	"config.linkerd.io/skip-outbound-ports",
	"config.linkerd.io/skip-subnets",
	"traffic.kuma.io/exclude-inbound-ports",
	"traffic.kuma.io/exclude-outbound-ports",
]

# What is not included is excluded; "*" is everything.
deny contains finding if {
	workload
	some key in ["traffic.sidecar.istio.io/includeInboundPorts", "traffic.sidecar.istio.io/includeOutboundIPRanges"]
	value := input.pod.metadata.annotations[key]
	value != "*"
	finding := {
		"message": sprintf("%s is %q; wanted: all traffic through the proxy", [key, value]),
		"path": kubernetes.path(sprintf("metadata.annotations[%q]", [key])),
	}
}

deny contains finding if {
	workload
	some item in kubernetes.containers
	not item.name in {"istio-proxy", "istio-init", "istio-validation", "linkerd-proxy", "linkerd-init"}
	user := user_of(item)
	mesh := proxy_users[user]
	not gateway
	finding := {
		"message": sprintf("%s runs as user %d, whose traffic passes %s's proxy by; wanted: another user", [kubernetes.container_name(item), user, mesh]),
		"path": kubernetes.container_path(item, "securityContext.runAsUser"),
	}
}

proxy_users := {1337: "Istio", 2102: "Linkerd"}

user_of(item) := user if {
	user := kubernetes.get(item.container, ["securityContext", "runAsUser"], kubernetes.get(input.pod, ["spec", "securityContext", "runAsUser"], -1))
	is_number(user)
}

# A gateway is a proxy itself.
gateway if contains(kubernetes.get(input.pod, ["metadata", "annotations", "inject.istio.io/templates"], ""), "gateway")

gateway if {
	some container in input.pod.spec.containers
	regex.match(`(^|/)proxyv2([:@]|$)`, container.image)
}

workload if {
	is_object(input.resource)
	not input.type in data.parameters.exempt_kinds
}
