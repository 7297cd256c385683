# METADATA
# title: Where AWS permissions stand
# description: The identity policies of the inspected resource, wherever its type keeps them.
package gatehouse.lib.policies

import data.gatehouse.lib.iam
import data.gatehouse.lib.terraform

# METADATA
# description: "Each policy as {path, policy}; policy is what iam.policy gives."
identity contains {"path": attribute, "policy": iam.policy(attribute)} if {
	input.resource != null
	terraform.managed
	attribute := _attributes[input.type]
}

identity contains {"path": sprintf("inline_policy[%d].policy", [i]), "policy": iam.policy(["inline_policy", i, "policy"])} if {
	input.type == "aws_iam_role"
	terraform.managed
	some i, _ in input.resource.inline_policy
}

_attributes := {
	"aws_iam_policy": "policy",
	"aws_iam_role_policy": "policy",
	"aws_iam_user_policy": "policy",
	"aws_iam_group_policy": "policy",
	"aws_ssoadmin_permission_set_inline_policy": "inline_policy",
}
