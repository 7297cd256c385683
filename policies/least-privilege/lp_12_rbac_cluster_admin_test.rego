package gatehouse.least_privilege.rbac_cluster_admin_test

import data.gatehouse.least_privilege.rbac_cluster_admin
import data.gatehouse.lib.testing

_parameters := {"roles": ["cluster-admin"], "public_roles": ["system:public-info-viewer", "system:discovery"]}

_denied(document) := testing.messages(found) if {
	found := rbac_cluster_admin.deny with input as document with data.parameters as _parameters
}

_unknown(document) := testing.messages(found) if {
	found := rbac_cluster_admin.unknown with input as document with data.parameters as _parameters
}

_binding(kind, role, subjects) := testing.kubernetes({
	"apiVersion": "rbac.authorization.k8s.io/v1",
	"kind": kind,
	"metadata": {"name": "b", "namespace": "shop"},
	"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
	"subjects": subjects,
})

_ci := {"kind": "ServiceAccount", "name": "ci", "namespace": "build"}

test_cluster_admin if {
	_denied(_binding("ClusterRoleBinding", "cluster-admin", [_ci])) == ["ServiceAccount \"build/ci\" is bound to ClusterRole \"cluster-admin\"; wanted: a role that names what the work needs"]
	_denied(_binding("RoleBinding", "cluster-admin", [{"kind": "User", "name": "eve"}, {"kind": "ServiceAccount", "name": "ci"}])) == ["user \"eve\", ServiceAccount \"shop/ci\" are bound to ClusterRole \"cluster-admin\"; wanted: a role that names what the work needs"]
}

test_masters if {
	_denied(_binding("ClusterRoleBinding", "view", [{"kind": "Group", "name": "system:masters"}])) == ["group \"system:masters\" is bound to ClusterRole \"view\"; wanted: no use of a group that no rule can restrict"]
}

test_everyone if {
	every pair in [
		["User", "system:anonymous"],
		["Group", "system:unauthenticated"],
		["Group", "system:authenticated"],
		["Group", "system:serviceaccounts"],
	] {
		count(_denied(_binding("RoleBinding", "edit", [{"kind": pair[0], "name": pair[1]}]))) == 1
	}
	found := rbac_cluster_admin.deny with input as _binding("RoleBinding", "edit", [_ci, {"kind": "Group", "name": "system:authenticated"}]) with data.parameters as _parameters
	found == {{"message": "ClusterRole \"edit\" is bound to group \"system:authenticated\" (everyone with any credential); wanted: the accounts that need it, by name", "path": "subjects[1]"}}
}

test_good if {
	_denied(_binding("ClusterRoleBinding", "view", [_ci])) == []
	_denied(_binding("ClusterRoleBinding", "cluster-admin", [])) == []
	_denied(_binding("ClusterRoleBinding", "system:discovery", [{"kind": "Group", "name": "system:authenticated"}])) == []
	_denied(_binding("RoleBinding", "edit", [{"kind": "Group", "name": "system:serviceaccounts:shop"}])) == []
	role := testing.kubernetes({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "cluster-admin"}, "subjects": [_ci]})
	_denied(role) == []
	gone := testing.kubernetes_change(_binding("ClusterRoleBinding", "cluster-admin", [_ci]).resource, null)
	_denied(gone) == []
}

test_binding_in_terraform if {
	values := {"role_ref": [{"kind": "ClusterRole", "name": "cluster-admin"}], "subject": [{"kind": "User", "name": "eve", "namespace": null}]}
	_denied(testing.terraform("kubernetes_cluster_role_binding_v1.b", values)) == ["user \"eve\" is bound to ClusterRole \"cluster-admin\"; wanted: a role that names what the work needs"]
	late := testing.terraform_change("kubernetes_cluster_role_binding.b", null, {"role_ref": [{"kind": "ClusterRole"}], "subject": []}, {"role_ref": [{"name": true}]})
	_unknown(late) == []
	_unknown(testing.with_references(late, {"role_ref": ["var.role"]})) == ["role_ref is known only after apply; wanted: neither cluster-admin nor everyone"]
}

test_eks if {
	arn := "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
	_denied(testing.terraform("aws_eks_access_policy_association.a", {"policy_arn": arn})) == ["policy_arn is AmazonEKSClusterAdminPolicy; wanted: a policy that names what the work needs"]
	_denied(testing.terraform("aws_eks_access_policy_association.a", {"policy_arn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"})) == []
	count(_denied(testing.terraform("aws_eks_access_entry.a", {"kubernetes_groups": ["system:masters"]}))) == 1
	late := testing.terraform_change("aws_eks_access_policy_association.a", null, {}, {"policy_arn": true})
	count(_unknown(testing.with_references(late, {"policy_arn": ["var.policy"]}))) == 1
	_unknown(testing.terraform_change("aws_eks_access_entry.a", null, {}, {"kubernetes_groups": true})) == []
}

_aws_auth := `
- rolearn: arn:aws:iam::1:role/node
  groups: [system:nodes]
- rolearn: arn:aws:iam::1:role/ops
  username: ops
  groups: ["system:masters"]
`

_config_map(name, namespace) := testing.kubernetes({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": {"mapRoles": _aws_auth}})

test_aws_auth if {
	message := ["mapRoles puts \"arn:aws:iam::1:role/ops\" into \"system:masters\"; wanted: a group that bindings can restrict"]
	_denied(_config_map("aws-auth", "kube-system")) == message
	_denied(_config_map("other", "kube-system")) == []
	_denied(_config_map("aws-auth", "shop")) == []
	_denied(testing.terraform("kubernetes_config_map_v1.auth", {"metadata": [{"name": "aws-auth", "namespace": "kube-system"}], "data": {"mapRoles": _aws_auth}})) == message
	_denied(testing.kubernetes({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth", "namespace": "kube-system"}})) == []
	late := testing.terraform_change("kubernetes_config_map.auth", null, {"metadata": [{"name": "aws-auth"}]}, {"data": true})
	_unknown(testing.with_references(late, {"data": ["aws_iam_role.node"]})) == ["data is known only after apply; wanted: nobody in \"system:masters\""]
}
