# METADATA
# title: Nobody is bound to cluster-admin or system:masters, and nothing is granted to everyone
# description: >-
#   A binding to cluster-admin is standing control of every workload and every secret of the cluster. Membership of
#   system:masters is worse: the API server asks no further questions of it, so it cannot be restricted or taken
#   back by deleting a binding. A binding of the anonymous user, or of every service account, gives its role to
#   whoever can reach the API.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege
#     description: RBAC good practices
#   - ref: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
#     description: What Kubernetes binds by itself
# custom:
#   id: LP-12
#   severity: critical
#   remedy: >-
#     Bind a role that names the resources and verbs the work needs, to the one account that does it: kubectl create
#     role deploy --verb=get,list,patch --resource=deployments.apps, then kubectl create rolebinding with it.
#   inspects:
#     kubernetes: [rbac.authorization.k8s.io/ClusterRoleBinding, rbac.authorization.k8s.io/RoleBinding, ConfigMap]
#     terraform:
#       - kubernetes_cluster_role_binding
#       - kubernetes_cluster_role_binding_v1
#       - kubernetes_role_binding
#       - kubernetes_role_binding_v1
#       - aws_eks_access_policy_association
#       - aws_eks_access_entry
#       - kubernetes_config_map
#       - kubernetes_config_map_v1
#       - kubernetes_config_map_v1_data
#   references: [KSV-0111, KSV-0122, KSV-0123]
#   parameters:
#     roles:
#       default: [cluster-admin]
#       description: ClusterRoles that nobody may be bound to.
#     public_roles:
#       default: ["system:public-info-viewer", "system:discovery", "system:basic-user", "system:service-account-issuer-discovery"]
#       description: ClusterRoles that Kubernetes itself grants to whole groups, and which may be.
package gatehouse.least_privilege.rbac_cluster_admin

import data.gatehouse.lib.terraform

deny contains finding if {
	some binding in _bindings
	binding.role.kind == "ClusterRole"
	binding.role.name in data.parameters.roles
	subjects := [_subject(subject) | some subject in binding.subjects]
	count(subjects) > 0
	finding := {
		"message": sprintf("%s bound to ClusterRole %q; wanted: a role that names what the work needs", [_list(subjects), binding.role.name]),
		"path": binding.role_path,
	}
}

deny contains finding if {
	some binding in _bindings
	some i, subject in binding.subjects
	subject.kind == "Group"
	subject.name == "system:masters"
	finding := {
		"message": sprintf("group \"system:masters\" is bound to %s %q; wanted: no use of a group that no rule can restrict", [
			binding.role.kind,
			binding.role.name,
		]),
		"path": sprintf("%s[%d]", [binding.subjects_path, i]),
	}
}

deny contains finding if {
	some binding in _bindings
	not _public_role(binding.role)
	some i, subject in binding.subjects
	whom := _everyone(subject)
	finding := {
		"message": sprintf("%s %q is bound to %s (%s); wanted: the accounts that need it, by name", [
			binding.role.kind,
			binding.role.name,
			_subject(subject),
			whom,
		]),
		"path": sprintf("%s[%d]", [binding.subjects_path, i]),
	}
}

deny contains finding if {
	input.type == "aws_eks_access_policy_association"
	terraform.present
	endswith(input.resource.policy_arn, "/AmazonEKSClusterAdminPolicy")
	finding := {
		"message": "policy_arn is AmazonEKSClusterAdminPolicy; wanted: a policy that names what the work needs",
		"path": "policy_arn",
	}
}

deny contains finding if {
	input.type == "aws_eks_access_entry"
	terraform.present
	some group in input.resource.kubernetes_groups
	group == "system:masters"
	finding := {"message": "kubernetes_groups has \"system:masters\"; wanted: a group that bindings can restrict", "path": "kubernetes_groups"}
}

# The older way to let AWS identities into EKS: a ConfigMap with YAML in it.
deny contains finding if {
	some field in ["mapRoles", "mapUsers"]
	text := _aws_auth[field]
	is_string(text)
	contains(text, "system:masters")
	some entry in yaml.unmarshal(text)
	"system:masters" in entry.groups
	finding := {
		"message": sprintf("%s puts %q into \"system:masters\"; wanted: a group that bindings can restrict", [field, _identity(entry)]),
		"path": sprintf("data.%s", [field]),
	}
}

_aws_auth := input.resource.data if {
	input.kind == "kubernetes"
	input.type == "ConfigMap"
	input.name == "aws-auth"
	input.namespace == "kube-system"
}

_aws_auth := input.resource.data if {
	startswith(input.type, "kubernetes_config_map")
	terraform.present
	input.resource.metadata[_].name == "aws-auth"
}

_identity(entry) := arn if {
	some field in ["rolearn", "userarn"]
	arn := entry[field]
} else := "somebody"

unknown contains finding if {
	input.kind == "terraform"
	terraform.present
	some attribute in _told_late[input.type]
	terraform.set_late(attribute)
	finding := {
		"message": sprintf("%s is known only after apply; wanted: neither cluster-admin nor everyone", [attribute]),
		"path": attribute,
	}
}

unknown contains finding if {
	startswith(input.type, "kubernetes_config_map")
	terraform.present
	input.resource.metadata[_].name == "aws-auth"
	terraform.set_late("data")
	finding := {"message": "data is known only after apply; wanted: nobody in \"system:masters\"", "path": "data"}
}

_told_late := {
	"aws_eks_access_policy_association": ["policy_arn"],
	"aws_eks_access_entry": ["kubernetes_groups"],
	"kubernetes_cluster_role_binding": ["role_ref", "subject"],
	"kubernetes_cluster_role_binding_v1": ["role_ref", "subject"],
	"kubernetes_role_binding": ["role_ref", "subject"],
	"kubernetes_role_binding_v1": ["role_ref", "subject"],
}

_bindings contains {
	"role": {"kind": object.get(role, "kind", ""), "name": object.get(role, "name", "")},
	"subjects": subjects,
	"role_path": "roleRef.name",
	"subjects_path": "subjects",
} if {
	input.kind == "kubernetes"
	input.resource != null
	role := input.resource.roleRef
	subjects := [subject | some subject in input.resource.subjects; is_object(subject)]
}

_bindings contains {
	"role": {"kind": terraform.get(role, "kind", ""), "name": terraform.get(role, "name", "")},
	"subjects": subjects,
	"role_path": "role_ref[0].name",
	"subjects_path": "subject",
} if {
	input.kind == "terraform"
	terraform.present
	some role in input.resource.role_ref
	subjects := [subject | some subject in input.resource.subject; is_object(subject)]
}

_public_role(role) if {
	role.kind == "ClusterRole"
	role.name in data.parameters.public_roles
}

_everyone(subject) := "anyone who reaches the API" if {
	subject.kind == "User"
	subject.name == "system:anonymous"
}

_everyone(subject) := whom if {
	subject.kind == "Group"
	whom := {
		"system:unauthenticated": "anyone who reaches the API",
		"system:authenticated": "everyone with any credential",
		"system:serviceaccounts": "every workload of the cluster",
	}[subject.name]
}

_subject(subject) := sprintf("ServiceAccount \"%s/%s\"", [_account_namespace(subject), subject.name]) if {
	subject.kind == "ServiceAccount"
} else := sprintf("%s %q", [lower(object.get(subject, "kind", "subject")), object.get(subject, "name", "")])

_account_namespace(subject) := namespace if {
	namespace := terraform.get(subject, "namespace", "")
	namespace != ""
} else := object.get(input, "namespace", "")

_list([subject]) := sprintf("%s is", [subject])

_list(subjects) := sprintf("%s are", [concat(", ", subjects)]) if count(subjects) > 1
