package gatehouse.least_privilege.administrator_access_test

import data.gatehouse.least_privilege.administrator_access as rule
import data.gatehouse.lib.fixture

defaults := {"policies": ["AdministratorAccess", "IAMFullAccess"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["aws_iam_role_policy_attachment", "aws_iam_user_policy_attachment", "aws_iam_group_policy_attachment", "aws_iam_policy_attachment", "aws_iam_role_policy_attachments_exclusive", "aws_iam_user_policy_attachments_exclusive", "aws_iam_group_policy_attachments_exclusive", "aws_iam_role", "aws_ssoadmin_managed_policy_attachment"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_policy_of_one_s_own if verdict(
	[
		{
			"address": "aws_iam_role_policy_attachment.deploy",
			"after": {"role": "deploy"},
			"unknown": {"policy_arn": true},
			"references": {"policy_arn": ["aws_iam_policy.deploy"]},
		},
	],
	defaults,
) == set()

test_good_another_policy_of_aws if verdict(
	[
		{
			"address": "aws_iam_role_policy_attachment.deploy[\"ecr\"]",
			"after": {"role": "deploy", "policy_arn": "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"},
		},
	],
	defaults,
) == set()

test_bad_an_administrator_role if verdict(
	[
		{
			"address": "module.ci.aws_iam_role_policy_attachment.deploy[0]",
			"after": {"role": "deploy", "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"},
		},
	],
	defaults,
) == {
	["module.ci.aws_iam_role_policy_attachment.deploy[0]", "deny", "policy_arn is AdministratorAccess; wanted: a policy that names actions and resources"],
}

test_bad_a_permission_set if verdict(
	[
		{
			"address": "aws_ssoadmin_managed_policy_attachment.admin",
			"after": {"managed_policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"},
		},
	],
	defaults,
) == {
	["aws_ssoadmin_managed_policy_attachment.admin", "deny", "managed_policy_arn is AdministratorAccess; wanted: a policy that names actions and resources"],
}

test_bad_in_the_role_itself if verdict(
	[
		{
			"address": "aws_iam_role.deploy",
			"after": {"name": "deploy", "managed_policy_arns": ["arn:aws-us-gov:iam::aws:policy/IAMFullAccess"]},
		},
	],
	defaults,
) == {
	["aws_iam_role.deploy", "deny", "managed_policy_arns is IAMFullAccess; wanted: a policy that names actions and resources"],
}

test_edge_a_policy_of_one_s_own_with_the_same_name if verdict(
	[
		{
			"address": "aws_iam_role_policy_attachment.deploy",
			"after": {"policy_arn": "arn:aws:iam::123456789012:policy/AdministratorAccess"},
		},
	],
	defaults,
) == set()

test_edge_known_only_after_apply if verdict(
	[
		{
			"address": "aws_iam_user_policy_attachment.x",
			"after": {"user": "x"},
			"unknown": {"policy_arn": true},
			"references": {"policy_arn": ["data.external.policy"]},
		},
	],
	defaults,
) == {
	["aws_iam_user_policy_attachment.x", "unknown", "policy_arn is known only after apply; wanted: not AdministratorAccess or IAMFullAccess"],
}

test_edge_an_exclusive_list if verdict(
	[
		{
			"address": "aws_iam_role_policy_attachments_exclusive.x",
			"after": {"policy_arns": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
		},
	],
	defaults,
) == {
	["aws_iam_role_policy_attachments_exclusive.x", "deny", "policy_arns is AdministratorAccess; wanted: a policy that names actions and resources"],
}

test_edge_a_name_of_one_s_own_choice_in_a_folder if verdict(
	[
		{
			"address": "aws_iam_group_policy_attachment.x",
			"after": {"policy_arn": "arn:aws:iam::aws:policy/job-function/DatabaseAdministrator"},
		},
	],
	object.union(defaults, {"policies": ["DatabaseAdministrator"]}),
) == {
	["aws_iam_group_policy_attachment.x", "deny", "policy_arn is DatabaseAdministrator; wanted: a policy that names actions and resources"],
}

test_edge_a_detached_policy_and_a_role_whose_lists_the_provider_computes if verdict(
	[
		{
			"address": "aws_iam_role_policy_attachment.deploy",
			"before": {"policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"},
		},
		{"address": "aws_iam_role.deploy", "after": {"name": "deploy"}, "unknown": {"managed_policy_arns": true}},
	],
	defaults,
) == set()
