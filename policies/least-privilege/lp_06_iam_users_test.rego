package gatehouse.least_privilege.iam_users_test

import data.gatehouse.least_privilege.iam_users as rule
import data.gatehouse.lib.fixture

defaults := {"users": []}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["aws_iam_user", "aws_iam_access_key", "aws_iam_user_login_profile", "aws_iam_user_policy", "aws_iam_user_policy_attachment", "google_service_account_key"], items)
	some finding in rule.deny with input as doc with data.parameters as parameters
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_role if verdict([{"address": "aws_iam_role.ci", "after": {"name": "ci"}}], defaults) == set()

test_good_the_break_glass_user_that_the_repository_accepts if verdict(
	[
		{"address": "aws_iam_user.break_glass", "after": {"name": "break-glass-1"}},
		{"address": "aws_iam_user_login_profile.break_glass", "after": {"user": "break-glass-1"}},
	],
	object.union(defaults, {"users": ["break-glass-*"]}),
) == set()

test_bad_a_user_with_a_key if verdict(
	[
		{"address": "module.ci.aws_iam_user.ci[0]", "after": {"name": "ci"}},
		{"address": "module.ci.aws_iam_access_key.ci[0]", "after": {"user": "ci"}},
	],
	defaults,
) == {
	["module.ci.aws_iam_user.ci[0]", "deny", "an IAM user that never expires; wanted: a role or single sign-on"],
	["module.ci.aws_iam_access_key.ci[0]", "deny", "an access key that never expires; wanted: a role with temporary credentials"],
}

test_bad_a_policy_on_a_user if verdict(
	[
		{
			"address": "aws_iam_user_policy_attachment.ci",
			"after": {"user": "ci", "policy_arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
		},
	],
	defaults,
) == {
	["aws_iam_user_policy_attachment.ci", "deny", "a policy attached to a single user; wanted: a role or a group"],
}

test_bad_a_key_of_a_service_account if verdict([{"address": "google_service_account_key.ci", "after": {"service_account_id": "ci"}}], defaults) == {
	["google_service_account_key.ci", "deny", "a service account key that never expires; wanted: workload identity"],
}

test_edge_a_user_that_is_not_accepted if verdict([{"address": "aws_iam_user.ci", "after": {"name": "ci"}}], object.union(defaults, {"users": ["break-glass-*"]})) == {
	["aws_iam_user.ci", "deny", "an IAM user that never expires; wanted: a role or single sign-on"],
}

test_edge_a_key_of_a_user_known_only_after_apply if verdict([{"address": "aws_iam_access_key.x", "after": {}, "unknown": {"user": true}}], object.union(defaults, {"users": ["break-glass-*"]})) == set()

test_edge_a_deleted_user_and_one_that_is_only_read if verdict(
	[
		{"address": "aws_iam_user.ci", "before": {"name": "ci"}},
		{"address": "data.aws_iam_user.ci", "after": {"name": "ci"}},
	],
	defaults,
) == set()
