# METADATA
# title: No IAM users and no long-lived keys
# description: >-
#   Users, access keys, console passwords and service account keys do not expire: one that leaks works until somebody
#   notices. People come through single sign-on, workloads through roles and federation. Policies attached to a user directly
#   escape every review of groups.
# related_resources:
#   - ref: https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#bp-users-federation-idp
#     description: Require human users to use federation
# custom:
#   id: LP-06
#   severity: medium
#   remedy: 'People: IAM Identity Center. Workloads: an aws_iam_role assumed by the service or through OIDC. Google: workload identity instead of google_service_account_key.'
#   inspects: {terraform: [aws_iam_user, aws_iam_access_key, aws_iam_user_login_profile, aws_iam_user_policy, aws_iam_user_policy_attachment, google_service_account_key]}
#   references: [CKV_AWS_273, CKV_AWS_40, AWS-0143]
#   parameters:
#     users: {default: [], description: "Names of IAM users that may exist, with * as wildcard, for example break-glass-*."}
package gatehouse.least_privilege.iam_users

import data.gatehouse.lib.terraform

found := {
	"aws_iam_user": "an IAM user that never expires; wanted: a role or single sign-on",
	"aws_iam_access_key": "an access key that never expires; wanted: a role with temporary credentials",
	"aws_iam_user_login_profile": "a console password of an IAM user; wanted: single sign-on",
	"aws_iam_user_policy": "a policy on a single user; wanted: a role or a group",
	"aws_iam_user_policy_attachment": "a policy attached to a single user; wanted: a role or a group",
	"google_service_account_key": "a service account key that never expires; wanted: workload identity",
}

deny contains {"message": found[input.type]} if {
	terraform.present
	not accepted
}

attribute := "name" if input.type == "aws_iam_user"

attribute := "user" if input.type != "aws_iam_user"

accepted if {
	some pattern in data.parameters.users
	glob.match(pattern, null, input.resource[attribute])
}

# A user name that is known only after apply is a reference to a user of the plan, which is judged by itself.
accepted if {
	count(data.parameters.users) > 0
	terraform.unknown(attribute)
}
