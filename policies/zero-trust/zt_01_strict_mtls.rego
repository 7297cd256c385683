# METADATA
# title: Workloads of the mesh speak mutual TLS only
# description: >-
#   PERMISSIVE accepts plaintext from anybody who can reach the Pod, so a policy on who may call whom means nothing:
#   there is no "who". STRICT on the server's side and no DISABLE on the client's make every call carry an identity.
# related_resources:
#   - ref: https://istio.io/latest/docs/reference/config/security/peer_authentication/
#     description: PeerAuthentication
#   - ref: https://istio.io/latest/docs/tasks/security/authentication/mtls-migration/
#     description: Moving from PERMISSIVE to STRICT
# custom:
#   id: ZT-01
#   severity: high
#   remedy: >-
#     In the PeerAuthentication set spec: {mtls: {mode: STRICT}} and drop weaker portLevelMtls; in the DestinationRule
#     drop the tls block, or set mode: ISTIO_MUTUAL.
#   inspects:
#     kubernetes: [security.istio.io/PeerAuthentication, networking.istio.io/DestinationRule]
#   parameters:
#     root_namespace: {default: istio-system, description: Istio's root namespace.}
#     exempt_hosts:
#       default: [kubernetes.default.svc.cluster.local]
#       description: Hosts outside the mesh to which a DestinationRule may turn mutual TLS off.
package gatehouse.zero_trust.strict_mtls

# A server that takes plaintext.
deny contains finding if {
	input.type == "PeerAuthentication"
	mode := input.resource.spec.mtls.mode
	mode in {"PERMISSIVE", "DISABLE"}
	finding := {"message": sprintf("mtls.mode is %s; wanted: STRICT", [mode]), "path": "spec.mtls.mode"}
}

deny contains finding if {
	input.type == "PeerAuthentication"
	some port, mtls in input.resource.spec.portLevelMtls
	mtls.mode in {"PERMISSIVE", "DISABLE"}
	finding := {
		"message": sprintf("portLevelMtls of port %v is %s; wanted: STRICT", [port, mtls.mode]),
		"path": sprintf("spec.portLevelMtls.%v.mode", [port]),
	}
}

# What is not set is inherited, at last from Istio's default, which is PERMISSIVE.
deny contains finding if {
	input.type == "PeerAuthentication"
	input.resource != null
	not _selects(input.resource)
	_mode(input.resource) == "UNSET"
	not _strict_for_mesh
	finding := {"message": "mtls.mode is not set and nothing above sets STRICT; wanted: STRICT", "path": "spec.mtls.mode"}
}

# A protection that this change takes away.
deny contains finding if {
	input.type == "PeerAuthentication"
	_mode(input.before) == "STRICT"
	input.resource == null
	not _strict_elsewhere
	finding := {"message": "a PeerAuthentication with mtls.mode STRICT is deleted, and nothing above it is STRICT; wanted: to keep it"}
}

deny contains finding if {
	input.type == "PeerAuthentication"
	_mode(input.before) == "STRICT"
	input.resource != null
	_selects(input.resource)
	_mode(input.resource) == "UNSET"
	not _strict_elsewhere
	finding := {"message": "mtls.mode was STRICT and is not set any more; wanted: STRICT", "path": "spec.mtls.mode"}
}

deny contains finding if {
	input.type == "PeerAuthentication"
	_mode(input.before) == "STRICT"
	_mode(input.resource) == "STRICT"
	not _selects(input.before)
	_selects(input.resource)
	not _strict_elsewhere
	finding := {"message": "STRICT held for the whole namespace and is narrowed to a selector; wanted: to keep it for the namespace", "path": "spec.selector"}
}

# A client that is told not to.
deny contains finding if {
	input.type == "DestinationRule"
	host := input.resource.spec.host
	not host in data.parameters.exempt_hosts
	some [path, policy] in _traffic_policies
	mode := policy.tls.mode
	fault := _fault(mode, host)
	finding := {
		"message": sprintf("tls.mode for host %q is %s%s; wanted: ISTIO_MUTUAL", [host, mode, fault]),
		"path": sprintf("%s.tls.mode", [path]),
	}
}

_fault("DISABLE", _) := ""

_fault("SIMPLE", host) := ", which does not say who calls" if _internal(host)

_internal(host) if not contains(host, ".")

_internal(host) if endswith(host, ".local")

_internal(host) if endswith(host, ".svc")

_traffic_policies contains ["spec.trafficPolicy", policy] if policy := input.resource.spec.trafficPolicy

_traffic_policies contains [sprintf("spec.trafficPolicy.portLevelSettings[%d]", [i]), policy] if {
	some i, policy in input.resource.spec.trafficPolicy.portLevelSettings
}

_traffic_policies contains [sprintf("spec.subsets[%d].trafficPolicy", [s]), subset.trafficPolicy] if {
	some s, subset in input.resource.spec.subsets
}

_traffic_policies contains [sprintf("spec.subsets[%d].trafficPolicy.portLevelSettings[%d]", [s, i]), policy] if {
	some s, subset in input.resource.spec.subsets
	some i, policy in subset.trafficPolicy.portLevelSettings
}

_mode(object_) := mode if {
	mode := object_.spec.mtls.mode
	mode != null
} else := "UNSET" if {
	object_ != null
}

# An empty selector selects what no selector does: everything.
_selects(object_) if count(object_.spec.selector.matchLabels) > 0

_strict_for_mesh if {
	some other in input.objects.PeerAuthentication
	other.metadata.namespace == data.parameters.root_namespace
	_strict_for_all(other)
}

_strict_elsewhere if _strict_for_mesh

_strict_elsewhere if {
	some other in input.objects.PeerAuthentication
	object.get(other.metadata, "namespace", "") == input.namespace
	_strict_for_all(other)
}

_strict_for_all(object_) if {
	not _selects(object_)
	_mode(object_) == "STRICT"
}
