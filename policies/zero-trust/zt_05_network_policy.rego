# METADATA
# title: Every workload is behind a network policy
# description: >-
#   Kubernetes lets every Pod reach every other until a NetworkPolicy selects it. A default deny for the namespace makes
#   what is allowed explicit, and a policy for each workload says what that is. Cilium's policies count. Pods on the host's
#   network cannot be selected and are not asked. Policies that another repository applies are not seen here.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/services-networking/network-policies/
#     description: Network policies
# custom:
#   id: ZT-05
#   severity: medium
#   remedy: '{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: default-deny}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}, and one policy a workload with what it needs'
#   inspects: {kubernetes: [Pod, Namespace]}
#   references: [CKV2_K8S_6, KSV-0038]
#   parameters:
#     exempt: {default: ["kube-*"], description: "Namespaces that are not asked, with * as wildcard."}
#     egress: {default: false, description: Whether a default deny must hold for outbound traffic too.}
package gatehouse.zero_trust.network_policy

import data.gatehouse.lib.kubernetes
import data.gatehouse.lib.selector

deny contains finding if {
	is_object(input.resource)
	input.pod.spec
	not input.pod.spec.hostNetwork == true
	not exempt(input.namespace)
	not selected
	finding := {"message": "no NetworkPolicy of its namespace selects its Pods; wanted: one that says who may reach them"}
}

deny contains finding if {
	input.type == "Namespace"
	input.group == ""
	is_object(input.resource)
	not exempt(input.name)
	missing := [direction | some direction in directions; not denied(direction)]
	count(missing) > 0
	finding := {"message": sprintf("no NetworkPolicy denies %s by default; wanted: podSelector: {} with policyTypes: [%s]", [lower(concat(" and ", missing)), concat(", ", directions)])}
}

directions := ["Ingress", "Egress"] if {
	data.parameters.egress
} else := ["Ingress"]

exempt(name) if {
	some pattern in data.parameters.exempt
	glob.match(pattern, null, name)
}

selected if {
	prefix := concat("", [input.namespace, "/"])
	some key, policy in input.objects.NetworkPolicy
	startswith(key, prefix)
	startswith(policy.apiVersion, "networking.k8s.io/")
	selector.selects(kubernetes.get(policy, ["spec", "podSelector"], {}), selector.pod_labels)
	"Ingress" in types(policy)
}

selected if {
	some policy in input.objects.CiliumNetworkPolicy
	object.get(policy, ["metadata", "namespace"], "") == input.namespace
	some spec in cilium_specs(policy)
	selector.selects(bare(spec.endpointSelector), selector.pod_labels)
}

selected if {
	some policy in input.objects.CiliumClusterwideNetworkPolicy
	some spec in cilium_specs(policy)
	selector.selects(bare(spec.endpointSelector), selector.pod_labels)
}

# Left out, policyTypes is Ingress, and Egress when there are egress rules.
types(policy) := policy.spec.policyTypes if {
	count(policy.spec.policyTypes) > 0
} else := ["Ingress", "Egress"] if {
	count(policy.spec.egress) > 0
} else := ["Ingress"]

denied(direction) if {
	some policy in input.objects.NetworkPolicy
	startswith(policy.apiVersion, "networking.k8s.io/")
	object.get(policy, ["metadata", "namespace"], "") == input.name
	everything(kubernetes.get(policy, ["spec", "podSelector"], {}))
	direction in types(policy)
	count(kubernetes.get(policy, ["spec", lower(direction)], [])) == 0
}

denied(_) if {
	some policy in input.objects.CiliumClusterwideNetworkPolicy
	some spec in cilium_specs(policy)
	everything(spec.endpointSelector)
}

denied(_) if {
	some policy in input.objects.CiliumNetworkPolicy
	object.get(policy, ["metadata", "namespace"], "") == input.name
	some spec in cilium_specs(policy)
	everything(spec.endpointSelector)
}

denied("Ingress") if {
	some policy in input.objects.BaselineAdminNetworkPolicy
	some rule in policy.spec.ingress
	rule.action == "Deny"
}

everything(selector_) if {
	count(kubernetes.get(selector_, "matchLabels", {})) == 0
	count(kubernetes.get(selector_, "matchExpressions", [])) == 0
}

cilium_specs(policy) := array.concat(
	[spec | spec := policy.spec; is_object(spec.endpointSelector)],
	[spec | some spec in policy.specs; is_object(spec.endpointSelector)],
)

# Cilium writes where a label comes from in front of it: k8s:app, any:app.
bare(selector_) := {
	"matchLabels": {key: value |
		some name, value in kubernetes.get(selector_, "matchLabels", {})
		key := regex.replace(name, `^(k8s|any):`, "")
		not startswith(key, "io.kubernetes.pod.")
	},
	"matchExpressions": kubernetes.get(selector_, "matchExpressions", []),
}
