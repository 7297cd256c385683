# METADATA
# title: Only the deployer's accounts may write workloads
# description: >-
#   GitOps holds while nothing but the pipeline can change production. Every other account or person that may write
#   Deployments, Pods or Jobs is a way around the review, and writing Pods is enough to read the namespace's Secrets. The
#   role is read where it stands in the same manifests; what an unknown role allows is reported as unknown.
# related_resources:
#   - ref: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles
#     description: User-facing roles
# custom:
#   id: GO-09
#   severity: critical
#   remedy: 'Bind the role to the deployer (ServiceAccount argocd/argocd-application-controller, for example), give people the view role, and list operators that must write in the parameter accounts.'
#   inspects: {kubernetes: [rbac.authorization.k8s.io/RoleBinding, rbac.authorization.k8s.io/ClusterRoleBinding]}
#   unknown: warn
#   parameters:
#     accounts: {default: [argocd/*, argo-cd/*, flux-system/*, jenkins/*, kube-system/*], description: "Service accounts (namespace/name, with * as wildcard) that may write workloads."}
#     subjects: {default: ["system:kube-*", "system:node*", "system:masters"], description: "Users and groups that may, with * as wildcard; system:masters is LP-12's."}
package gatehouse.gitops.writers

import data.gatehouse.lib.kubernetes

write_verbs := {"*", "create", "update", "patch", "delete", "deletecollection"}

# Resource to API groups; "*" in a rule covers any.
workloads := {
	"pods": {""},
	"replicationcontrollers": {""},
	"deployments": {"apps"},
	"statefulsets": {"apps"},
	"daemonsets": {"apps"},
	"replicasets": {"apps"},
	"jobs": {"batch"},
	"cronjobs": {"batch"},
}

deny contains finding if {
	is_object(input.resource)
	some i, subject in input.resource.subjects
	not accepted(subject)
	what := granted
	finding := {
		"message": sprintf("%s may write %s through %s %s; wanted: only the deployer's accounts", [shown(subject), what, role.kind, role.name]),
		"path": sprintf("subjects[%d]", [i]),
	}
}

unknown contains finding if {
	is_object(input.resource)
	not known_role
	strangers := [shown(subject) | some subject in input.resource.subjects; not accepted(subject)]
	count(strangers) > 0
	finding := {
		"message": sprintf("what %s %s lets %s do is not in these manifests; wanted: only the deployer's accounts write workloads", [role.kind, role.name, concat(", ", strangers)]),
		"path": "roleRef",
	}
}

role := {"kind": kubernetes.get(input.resource, ["roleRef", "kind"], ""), "name": kubernetes.get(input.resource, ["roleRef", "name"], "")}

# Built-in roles that write workloads, and those that do not.
builtin := {"cluster-admin": "everything", "admin": "all workloads", "edit": "all workloads"}

harmless := {"view"}

granted := builtin[role.name] if {
	role.kind == "ClusterRole"
	not definition
} else := concat(", ", sort(writable)) if {
	count(writable) > 0
}

writable contains resource if {
	some rule in definition.rules
	some verb in rule.verbs
	verb in write_verbs
	some resource, groups in workloads
	some named in rule.resources
	named in {resource, "*"}
	some group in rule.apiGroups
	group in (groups | {"*"})
}

definition := input.objects.ClusterRole[sprintf("/%s", [role.name])] if {
	role.kind == "ClusterRole"
}

definition := input.objects.Role[sprintf("%s/%s", [input.namespace, role.name])] if {
	role.kind == "Role"
}

# What an aggregated role allows stands in other roles, of which some may not be here.
known_role if not is_object(object.get(definition, "aggregationRule", null))

known_role if {
	role.kind == "ClusterRole"
	builtin[role.name]
}

known_role if {
	role.kind == "ClusterRole"
	role.name in harmless
}

known_role if {
	role.kind == "ClusterRole"
	startswith(role.name, "system:")
}

accepted(subject) if {
	subject.kind == "ServiceAccount"
	account := sprintf("%s/%s", [kubernetes.get(subject, "namespace", input.namespace), subject.name])
	some pattern in data.parameters.accounts
	glob.match(pattern, null, account)
}

accepted(subject) if {
	subject.kind in {"User", "Group"}
	some pattern in data.parameters.subjects
	glob.match(pattern, null, subject.name)
}

# The same account by the name that the API server gives it.
accepted(subject) if {
	subject.kind == "User"
	startswith(subject.name, "system:serviceaccount:")
	parts := split(subject.name, ":")
	some pattern in data.parameters.accounts
	glob.match(pattern, null, sprintf("%s/%s", [parts[2], parts[3]]))
}

shown(subject) := sprintf("%s %s/%s", [subject.kind, kubernetes.get(subject, "namespace", input.namespace), subject.name]) if {
	subject.kind == "ServiceAccount"
} else := sprintf("%s %s", [subject.kind, subject.name])
