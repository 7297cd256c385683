# METADATA
# title: AdministratorAccess is not attached
# description: >-
#   AWS's own administrator policies allow everything, or allow giving oneself everything. Attached for good, each is one
#   stolen session away from the whole account. Ask for such rights when they are needed, for an hour.
# related_resources:
#   - ref: https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege
#     description: IAM best practices, least privilege
# custom:
#   id: LP-02
#   severity: high
#   remedy: Attach a policy that names the actions and resources of the work; take administration out of Terraform and request it when needed.
#   inspects:
#     terraform:
#       - aws_iam_role_policy_attachment
#       - aws_iam_user_policy_attachment
#       - aws_iam_group_policy_attachment
#       - aws_iam_policy_attachment
#       - aws_iam_role_policy_attachments_exclusive
#       - aws_iam_user_policy_attachments_exclusive
#       - aws_iam_group_policy_attachments_exclusive
#       - aws_iam_role
#       - aws_ssoadmin_managed_policy_attachment
#   references: [CKV_AWS_274, CKV_AWS_275]
#   parameters:
#     policies: {default: [AdministratorAccess, IAMFullAccess], description: Names of the AWS managed policies that must not be attached.}
package gatehouse.least_privilege.administrator_access

import data.gatehouse.lib.terraform

attribute := "managed_policy_arn" if input.type == "aws_ssoadmin_managed_policy_attachment"

attribute := "managed_policy_arns" if input.type == "aws_iam_role"

attribute := "policy_arns" if endswith(input.type, "_attachments_exclusive")

attribute := "policy_arn" if regex.match(`^aws_iam_(role_|user_|group_)?policy_attachment$`, input.type)

deny contains finding if {
	terraform.present
	some arn in terraform.list(object.get(input.resource, attribute, null))
	is_string(arn)
	contains(arn, ":iam::aws:policy/")
	parts := split(arn, "/")
	name := parts[count(parts) - 1]
	name in data.parameters.policies
	finding := {"message": sprintf("%s is %s; wanted: a policy that names actions and resources", [attribute, name]), "path": attribute}
}

# A policy made in the same plan is not one of AWS's.
unknown contains finding if {
	terraform.present
	terraform.unknown_within(attribute)
	input.type != "aws_iam_role"
	not own_policy
	finding := {"message": sprintf("%s is known only after apply; wanted: not %s", [attribute, concat(" or ", data.parameters.policies)]), "path": attribute}
}

own_policy if {
	some address in input.change.references[attribute]
	regex.match(`(^|\.)aws_iam_policy\.`, address)
	not contains(address, "data.aws_iam_policy.")
}
