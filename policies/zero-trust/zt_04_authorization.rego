# METADATA
# title: Mesh authorization names who may call
# description: >-
#   Mutual TLS says who calls; only an authorization policy says who may. A namespace of the mesh without one lets every
#   workload of the cluster in, and so does a policy with an empty rule. An Istio policy without any rule denies everything,
#   which is the right start.
# related_resources:
#   - ref: https://istio.io/latest/docs/reference/config/security/authorization-policy/
#     description: Istio AuthorizationPolicy
#   - ref: https://linkerd.io/2/reference/authorization-policy/
#     description: Linkerd authorization policy
# custom:
#   id: ZT-04
#   severity: medium
#   remedy: 'apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, spec: {selector: {matchLabels: {app: web}}, action: ALLOW, rules: [{from: [{source: {principals: ["cluster.local/ns/shop/sa/front"]}}]}]}'
#   inspects:
#     kubernetes:
#       - Namespace
#       - security.istio.io/AuthorizationPolicy
#       - policy.linkerd.io/Server
#       - policy.linkerd.io/AuthorizationPolicy
#       - policy.linkerd.io/MeshTLSAuthentication
#       - policy.linkerd.io/NetworkAuthentication
#       - policy.linkerd.io/ServerAuthorization
#   parameters:
#     root_namespaces: {default: [istio-system], description: Namespaces whose AuthorizationPolicy holds for the whole mesh.}
package gatehouse.zero_trust.authorization

import data.gatehouse.lib.kubernetes
import data.gatehouse.lib.net

# Istio: a policy that lets everyone in.
deny contains finding if {
	istio_allow
	some i, rule in input.resource.spec.rules
	everyone := from_everyone(rule)
	count(kubernetes.get(rule, "to", [])) == 0
	count(kubernetes.get(rule, "when", [])) == 0
	finding := {
		"message": sprintf("rules[%d] %s; wanted: the principals that may call", [i, everyone]),
		"path": sprintf("spec.rules[%d]", [i]),
	}
}

istio_allow if {
	input.type == "AuthorizationPolicy"
	input.group == "security.istio.io"
	is_object(input.resource)
	kubernetes.get(input.resource, ["spec", "action"], "ALLOW") == "ALLOW"
}

from_everyone(rule) := "is empty and allows everyone" if {
	count(kubernetes.get(rule, "from", [])) == 0
} else := "allows every source" if {
	some from in rule.from
	source := kubernetes.get(from, "source", {})
	narrowing := [key | some key, value in source; narrows(key, value)]
	count(narrowing) == 0
}

# Any member that is not a wildcard narrows the source down.
narrows(key, value) if {
	not key in {"ipBlocks", "remoteIpBlocks"}
	is_array(value)
	count(value) > 0
	not "*" in value
}

narrows(key, value) if {
	key in {"ipBlocks", "remoteIpBlocks"}
	count(value) > 0
	count(net.world(value)) == 0
}

# A namespace of the mesh without any policy.
deny contains finding if {
	input.type == "Namespace"
	in_mesh(input.resource)
	not policy_for(input.name)
	finding := {"message": "no AuthorizationPolicy in this namespace; wanted: one that names who may call"}
}

in_mesh(namespace) if namespace.metadata.labels["istio-injection"] == "enabled"

in_mesh(namespace) if namespace.metadata.labels["istio.io/dataplane-mode"] == "ambient"

in_mesh(namespace) if kubernetes.get(namespace, ["metadata", "labels", "istio.io/rev"], "") != ""

policy_for(name) if {
	some policy in input.objects.AuthorizationPolicy
	startswith(policy.apiVersion, "security.istio.io/")
	policy.metadata.namespace in ({name} | {root | some root in data.parameters.root_namespaces})
}

# Linkerd.
deny contains finding if {
	linkerd("Server")
	not authorized
	finding := {"message": "no AuthorizationPolicy or ServerAuthorization is for this Server; wanted: one that names who may call"}
}

deny contains finding if {
	linkerd("Server")
	policy := input.resource.spec.accessPolicy
	policy in {"all-unauthenticated", "cluster-unauthenticated"}
	finding := {"message": sprintf("accessPolicy is %s; wanted: deny", [policy]), "path": "spec.accessPolicy"}
}

authorized if {
	some policy in input.objects.AuthorizationPolicy
	startswith(policy.apiVersion, "policy.linkerd.io/")
	object.get(policy, ["metadata", "namespace"], "") == input.namespace
	targeted(policy.spec.targetRef)
}

authorized if {
	some authorization in input.objects.ServerAuthorization
	object.get(authorization, ["metadata", "namespace"], "") == input.namespace
	server := authorization.spec.server
	serves(server)
}

targeted(target) if target.kind == "Namespace"

targeted(target) if {
	target.kind == "Server"
	target.name == input.name
}

# Routes hang on a Server.
targeted(target) if target.kind in {"HTTPRoute", "GRPCRoute"}

serves(server) if server.name == input.name

serves(server) if is_object(server.selector)

deny contains finding if {
	linkerd("AuthorizationPolicy")
	count(kubernetes.get(input.resource, ["spec", "requiredAuthenticationRefs"], [])) == 0
	finding := {"message": "requiredAuthenticationRefs is empty and allows everyone; wanted: a MeshTLSAuthentication", "path": "spec.requiredAuthenticationRefs"}
}

deny contains finding if {
	linkerd("MeshTLSAuthentication")
	"*" in kubernetes.get(input.resource, ["spec", "identities"], [])
	finding := {"message": "identities is *; wanted: the service accounts that may call", "path": "spec.identities"}
}

deny contains finding if {
	linkerd("NetworkAuthentication")
	some range in net.world([network.cidr | some network in input.resource.spec.networks])
	finding := {"message": sprintf("networks has %s; wanted: no world-open range", [range]), "path": "spec.networks"}
}

deny contains finding if {
	linkerd("ServerAuthorization")
	client := input.resource.spec.client
	problem := open_client(client)
	finding := {"message": sprintf("%s; wanted: the service accounts that may call", [problem]), "path": "spec.client"}
}

open_client(client) := "client.unauthenticated is true" if {
	client.unauthenticated == true
} else := "client.meshTLS.unauthenticatedTLS is true" if {
	client.meshTLS.unauthenticatedTLS == true
} else := "client.meshTLS.identities is *" if {
	"*" in client.meshTLS.identities
}

linkerd(kind) if {
	input.type == kind
	input.group == "policy.linkerd.io"
	is_object(input.resource)
}
