# METADATA
# title: Kubernetes roles name what they allow
# description: >-
#   A role with "*" also grants every resource and verb that is invented later, Secrets and role bindings among them, so
#   whoever takes over one of its accounts takes over the namespace or the cluster. A wildcard over API groups alone, with
#   named resources, is only warned about.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#     description: Role based access control good practices
# custom:
#   id: LP-11
#   severity: critical
#   remedy: 'List the API groups, resources and verbs that the workload uses, for example {apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list", "watch"]}.'
#   inspects:
#     kubernetes: [rbac.authorization.k8s.io/Role, rbac.authorization.k8s.io/ClusterRole]
#     terraform: [kubernetes_role, kubernetes_role_v1, kubernetes_cluster_role, kubernetes_cluster_role_v1]
#   references: [KSV-0044, KSV-0045, KSV-0046, CKV_K8S_49]
package gatehouse.least_privilege.rbac_wildcards

import data.gatehouse.lib.rbac

deny contains finding if {
	some rule in rbac.rules
	"*" in rule.verbs
	count(rule.resources) > 0
	finding := {
		"message": sprintf("verbs is [*] on %s; wanted: the verbs that are used", [shown(rule.resources)]),
		"path": sprintf("%s.verbs", [rule.path]),
	}
}

deny contains finding if {
	some rule in rbac.rules
	some resource in rule.resources
	resource in {"*", "*/*"}
	not "*" in rule.verbs
	finding := {
		"message": sprintf("resources is [%s] for %s; wanted: the resources that are used", [resource, shown(rule.verbs)]),
		"path": sprintf("%s.resources", [rule.path]),
	}
}

deny contains finding if {
	some rule in rbac.rules
	some url in rule.urls
	url in {"*", "/*"}
	finding := {
		"message": sprintf("nonResourceURLs is [%s] for %s; wanted: the paths that are used", [url, shown(rule.verbs)]),
		"path": sprintf("%s.nonResourceURLs", [rule.path]),
	}
}

warn contains finding if {
	some rule in rbac.rules
	"*" in rule.groups
	not "*" in rule.verbs
	not "*" in rule.resources
	finding := {
		"message": sprintf("apiGroups is [*] for %s; wanted: the API groups that are used", [shown(rule.resources)]),
		"path": sprintf("%s.apiGroups", [rule.path]),
	}
}

shown(list) := sprintf("[%s]", [concat(", ", list)])
