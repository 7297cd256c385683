# METADATA
# title: Kubernetes roles cannot raise their own rights
# description: >-
#   escalate, bind and impersonate lift the API server's own protection against giving more rights than one has; minting
#   account tokens, approving certificates and the kubelet's proxy come to the same. A rule whose bind or impersonate is
#   pinned to names is accepted. Wildcards on every resource are LP-11's.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks
#     description: Role based access control good practices
# custom:
#   id: LP-13
#   severity: high
#   remedy: 'Remove the verb; where a controller needs it, pin it: {apiGroups: ["rbac.authorization.k8s.io"], resources: ["clusterroles"], verbs: ["bind"], resourceNames: ["app-reader"]}.'
#   inspects:
#     kubernetes: [rbac.authorization.k8s.io/Role, rbac.authorization.k8s.io/ClusterRole]
#     terraform: [kubernetes_role, kubernetes_role_v1, kubernetes_cluster_role, kubernetes_cluster_role_v1]
#   references: [CKV_K8S_156, CKV_K8S_157, CKV_K8S_158]
package gatehouse.least_privilege.rbac_escalation

import data.gatehouse.lib.rbac

# What gives more than it says: resource, its API group, the verbs, and whether resourceNames tame it.
powers := [
	{"resource": "roles", "group": "rbac.authorization.k8s.io", "verbs": {"escalate"}, "names_tame": false},
	{"resource": "clusterroles", "group": "rbac.authorization.k8s.io", "verbs": {"escalate"}, "names_tame": false},
	{"resource": "roles", "group": "rbac.authorization.k8s.io", "verbs": {"bind"}, "names_tame": true},
	{"resource": "clusterroles", "group": "rbac.authorization.k8s.io", "verbs": {"bind"}, "names_tame": true},
	{"resource": "users", "group": "", "verbs": {"impersonate"}, "names_tame": true},
	{"resource": "groups", "group": "", "verbs": {"impersonate"}, "names_tame": true},
	{"resource": "serviceaccounts", "group": "", "verbs": {"impersonate"}, "names_tame": true},
	{"resource": "uids", "group": "authentication.k8s.io", "verbs": {"impersonate"}, "names_tame": true},
	{"resource": "serviceaccounts/token", "group": "", "verbs": {"create"}, "names_tame": true},
	{"resource": "nodes/proxy", "group": "", "verbs": {"get", "create", "update", "patch", "delete"}, "names_tame": false},
	{"resource": "certificatesigningrequests/approval", "group": "certificates.k8s.io", "verbs": {"update", "patch"}, "names_tame": false},
	{"resource": "signers", "group": "certificates.k8s.io", "verbs": {"approve", "sign"}, "names_tame": true},
]

deny contains finding if {
	some rule in rbac.rules
	not rbac.wild_resources(rule)
	some power in powers
	rbac.covers_resource(rule, power.resource)
	rbac.covers_group(rule, power.group)
	some verb in rbac.granted(rule, power.verbs)
	not tamed(rule, power)
	finding := {
		"message": sprintf("verb %s on %s; wanted: %s", [verb, power.resource, wanted(power)]),
		"path": sprintf("%s.verbs", [rule.path]),
	}
}

tamed(rule, power) if {
	power.names_tame
	count(rule.names) > 0
	not "system:masters" in rule.names
	not "cluster-admin" in rule.names
	not "*" in rule.names
}

wanted(power) := "not granted, or pinned by resourceNames" if {
	power.names_tame
} else := "not granted"
