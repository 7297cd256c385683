package gatehouse.least_privilege.iam_escalation_test

import data.gatehouse.least_privilege.iam_escalation as rule
import data.gatehouse.lib.fixture

defaults := {"allow": []}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["aws_iam_policy", "aws_iam_role_policy", "aws_iam_user_policy", "aws_iam_group_policy", "aws_iam_role", "aws_ssoadmin_permission_set_inline_policy"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_passing_one_role if verdict(
	[
		{
			"address": "aws_iam_policy.deploy",
			"after": {
				"policy": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iam:PassRole\",\"Resource\":\"arn:aws:iam::123456789012:role/app\"}]}",
			},
		},
	],
	defaults,
) == set()

test_good_roles_only_under_a_permissions_boundary if verdict(
	[
		{
			"address": "aws_iam_role_policy.ci",
			"after": {
				"policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"iam:AttachRolePolicy\",\"iam:PutRolePolicy\"],\"Resource\":\"*\",\"Condition\":{\"StringEquals\":{\"iam:PermissionsBoundary\":\"arn:aws:iam::123456789012:policy/boundary\"}}}]}",
			},
		},
	],
	defaults,
) == set()

test_good_reading_iam if verdict(
	[
		{
			"address": "aws_iam_policy.audit",
			"after": {
				"policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"iam:Get*\",\"iam:List*\"],\"Resource\":\"*\"}]}",
			},
		},
	],
	defaults,
) == set()

test_bad_passing_any_role if verdict(
	[
		{
			"address": "module.ci.aws_iam_policy.deploy[\"eu\"]",
			"after": {
				"policy": "{\"Statement\":[{\"Sid\":\"Deploy\",\"Effect\":\"Allow\",\"Action\":[\"ec2:RunInstances\",\"iam:passrole\"],\"Resource\":\"*\"}]}",
			},
		},
	],
	defaults,
) == {
	["module.ci.aws_iam_policy.deploy[\"eu\"]", "deny", "statement \"Deploy\" allows iam:PassRole on *; wanted: named identities"],
}

test_bad_all_of_iam_on_all_roles_in_a_role_s_inline_policy if verdict(
	[
		{
			"address": "aws_iam_role.ci",
			"after": {
				"inline_policy": [
					{
						"name": "ci",
						"policy": "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"iam:*\",\"Resource\":\"arn:aws:iam::*:role/*\"}}",
					},
				],
			},
		},
	],
	defaults,
) == {
	["aws_iam_role.ci", "deny", "statement 0 allows iam:CreatePolicyVersion, iam:SetDefaultPolicyVersion, iam:CreateAccessKey and 13 more on arn:aws:iam::*:role/*; wanted: named identities"],
}

test_bad_a_policy_document if verdict(
	[
		{
			"address": "data.aws_iam_policy_document.ci",
			"after": {
				"statement": [{"sid": "", "effect": "Allow", "actions": ["iam:CreateAccessKey"], "resources": ["*"]}],
			},
		},
		{
			"address": "aws_iam_policy.ci",
			"after": {"name": "ci"},
			"unknown": {"policy": true},
			"references": {"policy": ["data.aws_iam_policy_document.ci"]},
		},
	],
	defaults,
) == {
	["aws_iam_policy.ci", "deny", "statement 0 allows iam:CreateAccessKey on *; wanted: named identities"],
}

test_edge_everything_but_some_actions if verdict(
	[
		{
			"address": "aws_iam_policy.power",
			"after": {
				"policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"NotAction\":[\"organizations:*\"],\"Resource\":\"*\"}]}",
			},
		},
	],
	defaults,
) == {
	["aws_iam_policy.power", "deny", "statement 0 allows iam:CreatePolicyVersion, iam:SetDefaultPolicyVersion, iam:CreateAccessKey and 14 more on *; wanted: named identities"],
}

test_edge_everything_on_everything_is_lp_01_s if verdict(
	[
		{
			"address": "aws_iam_policy.admin",
			"after": {"policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}"},
		},
	],
	defaults,
) == set()

test_edge_a_denial_is_no_permission if verdict(
	[
		{
			"address": "aws_iam_policy.guard",
			"after": {"policy": "{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"iam:*\",\"Resource\":\"*\"}]}"},
		},
	],
	defaults,
) == set()

test_edge_accepted_by_the_repository if verdict(
	[
		{
			"address": "aws_iam_policy.deploy",
			"after": {
				"policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"iam:PassRole\"],\"Resource\":\"*\"}]}",
			},
		},
	],
	object.union(defaults, {"allow": ["iam:PassRole"]}),
) == set()

test_edge_resources_known_only_after_apply if verdict(
	[
		{
			"address": "data.aws_iam_policy_document.ci",
			"after": {"statement": [{"effect": "Allow", "actions": ["iam:*"], "resources": [null]}]},
			"unknown": {"statement": [{"resources": [true]}]},
		},
		{
			"address": "aws_iam_policy.ci",
			"after": {"name": "ci"},
			"unknown": {"policy": true},
			"references": {"policy": ["data.aws_iam_policy_document.ci"]},
		},
	],
	defaults,
) == {
	["aws_iam_policy.ci", "unknown", "what statement 0 allows iam:* on is known only after apply; wanted: named identities"],
}

test_edge_a_deleted_policy if verdict(
	[
		{
			"address": "aws_iam_policy.deploy",
			"before": {"policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iam:*\",\"Resource\":\"*\"}]}"},
		},
	],
	defaults,
) == set()

test_edge_a_whole_policy_known_only_after_apply if verdict(
	[
		{
			"address": "aws_iam_policy.ci",
			"after": {"name": "ci"},
			"unknown": {"policy": true},
			"references": {"policy": ["aws_s3_bucket.x"]},
		},
	],
	defaults,
) == {
	["aws_iam_policy.ci", "unknown", "what policy allows is known only after apply; wanted: no way to raise one's own rights"],
}
