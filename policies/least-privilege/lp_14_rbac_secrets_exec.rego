# METADATA
# title: Kubernetes roles do not read all Secrets or enter Pods
# description: >-
#   Listing Secrets reads every one of them, and exec, attach and ephemeral containers run commands inside running Pods
#   with their rights, past review and past the audit of the pipeline. So does nodes/proxy, which reaches the kubelet, past the
#   audit log too. Secrets pinned by name are accepted.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#listing-secrets
#     description: Role based access control good practices
# custom:
#   id: LP-14
#   severity: high
#   remedy: 'Name the Secrets: {apiGroups: [""], resources: ["secrets"], resourceNames: ["db"], verbs: ["get"]}; drop pods/exec, pods/attach, pods/ephemeralcontainers and nodes/proxy (metrics need nodes/metrics alone).'
#   inspects:
#     kubernetes: [rbac.authorization.k8s.io/Role, rbac.authorization.k8s.io/ClusterRole]
#     terraform: [kubernetes_role, kubernetes_role_v1, kubernetes_cluster_role, kubernetes_cluster_role_v1]
#   references: [KSV-0041, KSV-0053, KSV-0054, KSV-0113]
#   parameters:
#     enter: {default: [pods/exec, pods/attach, pods/ephemeralcontainers, nodes/proxy], description: Subresources that let someone into a running Pod.}
package gatehouse.least_privilege.rbac_secrets_exec

import data.gatehouse.lib.rbac

secret_verbs := {"get", "list", "watch", "update", "patch", "delete", "deletecollection"}

deny contains finding if {
	some rule in rbac.rules
	"secrets" in rule.resources
	rbac.covers_group(rule, "")
	count(rule.names) == 0
	verbs := rbac.granted(rule, secret_verbs)
	count(verbs) > 0
	finding := {
		"message": sprintf("verbs [%s] on every Secret; wanted: resourceNames that pin the Secrets", [concat(", ", verbs)]),
		"path": sprintf("%s.resources", [rule.path]),
	}
}

deny contains finding if {
	some rule in rbac.rules
	not rbac.wild_resources(rule)
	some resource in data.parameters.enter
	rbac.covers_resource(rule, resource)
	rbac.covers_group(rule, "")
	verbs := rbac.granted(rule, {"create", "get", "update", "patch"})
	count(verbs) > 0
	finding := {
		"message": sprintf("verbs [%s] on %s; wanted: not granted", [concat(", ", verbs), resource]),
		"path": sprintf("%s.resources", [rule.path]),
	}
}
