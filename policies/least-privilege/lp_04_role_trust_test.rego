package gatehouse.least_privilege.role_trust_test

import data.gatehouse.least_privilege.role_trust as rule
import data.gatehouse.lib.fixture

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["aws_iam_role"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_one_service if verdict([
	{
		"address": "aws_iam_role.task",
		"after": {
			"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":\"ecs-tasks.amazonaws.com\"}}]}",
		},
	},
]) == set()

test_good_everyone_in_the_organisation if verdict([
	{
		"address": "aws_iam_role.shared",
		"after": {
			"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"AWS\":\"*\"},\"Condition\":{\"StringEquals\":{\"aws:PrincipalOrgID\":\"o-abc123\"}}}]}",
		},
	},
]) == set()

test_bad_everyone if verdict([
	{
		"address": "module.app.aws_iam_role.shared[0]",
		"after": {
			"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"AWS\":\"*\"}}]}",
		},
	},
]) == {
	["module.app.aws_iam_role.shared[0]", "deny", "statement 0 trusts *; wanted: named accounts or roles"],
}

test_bad_an_external_id_does_not_tell_who_asks if verdict([
	{
		"address": "aws_iam_role.vendor",
		"after": {
			"assume_role_policy": "{\"Statement\":[{\"Sid\":\"Vendor\",\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":\"*\",\"Condition\":{\"StringEquals\":{\"sts:ExternalId\":\"42\"}}}]}",
		},
	},
]) == {
	["aws_iam_role.vendor", "deny", "statement \"Vendor\" trusts *; wanted: named accounts or roles"],
}

test_bad_a_policy_document if verdict([
	{
		"address": "data.aws_iam_policy_document.trust",
		"after": {
			"statement": [
				{
					"effect": "Allow",
					"actions": ["sts:AssumeRole"],
					"principals": [{"type": "AWS", "identifiers": ["*"]}],
				},
			],
		},
	},
	{
		"address": "aws_iam_role.shared",
		"after": {"name": "shared"},
		"unknown": {"assume_role_policy": true},
		"references": {"assume_role_policy": ["data.aws_iam_policy_document.trust"]},
	},
]) == {
	["aws_iam_role.shared", "deny", "statement 0 trusts *; wanted: named accounts or roles"],
}

test_edge_everyone_but_one if verdict([
	{
		"address": "aws_iam_role.shared",
		"after": {
			"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"NotPrincipal\":{\"AWS\":\"arn:aws:iam::123456789012:root\"}}]}",
		},
	},
]) == {
	["aws_iam_role.shared", "deny", "statement 0 trusts everyone but those it names (NotPrincipal); wanted: named accounts or roles"],
}

test_edge_a_condition_that_an_absent_key_passes if verdict([
	{
		"address": "aws_iam_role.shared",
		"after": {
			"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"AWS\":[\"*\"]},\"Condition\":{\"StringLikeIfExists\":{\"aws:PrincipalOrgID\":\"o-abc123\"}}}]}",
		},
	},
]) == {
	["aws_iam_role.shared", "deny", "statement 0 trusts *; wanted: named accounts or roles"],
}

test_edge_a_condition_that_everything_passes if verdict([
	{
		"address": "aws_iam_role.shared",
		"after": {
			"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"AWS\":[\"*\"]},\"Condition\":{\"StringLike\":{\"aws:PrincipalArn\":\"*\"}}}]}",
		},
	},
]) == {
	["aws_iam_role.shared", "deny", "statement 0 trusts *; wanted: named accounts or roles"],
}

test_edge_a_denial if verdict([
	{
		"address": "aws_iam_role.shared",
		"after": {
			"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"sts:AssumeRole\",\"Principal\":\"*\"}]}",
		},
	},
]) == set()

test_edge_known_only_after_apply if verdict([
	{
		"address": "aws_iam_role.shared",
		"after": {"name": "shared"},
		"unknown": {"assume_role_policy": true},
		"references": {"assume_role_policy": ["data.external.trust"]},
	},
]) == {
	["aws_iam_role.shared", "unknown", "assume_role_policy is known only after apply; wanted: named accounts or roles"],
}

test_edge_the_arn_of_a_provider_made_in_the_same_plan if verdict([
	{
		"address": "aws_iam_role.ci",
		"after": {"name": "ci"},
		"unknown": {"assume_role_policy": true},
		"references": {"assume_role_policy": ["aws_iam_openid_connect_provider.github"]},
	},
]) == set()

test_edge_a_deleted_role if verdict([
	{
		"address": "aws_iam_role.shared",
		"before": {
			"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":\"*\"}]}",
		},
	},
]) == set()

test_edge_an_account_of_a_cluster_made_in_the_same_plan if verdict([
	{
		"address": "aws_iam_role.irsa",
		"after": {"name": "irsa"},
		"unknown": {"assume_role_policy": true},
		"references": {"assume_role_policy": ["aws_eks_cluster.main", "aws_iam_openid_connect_provider.main"]},
	},
]) == set()

test_edge_a_stored_text_can_be_anything if verdict([
	{
		"address": "aws_iam_role.x",
		"after": {"name": "x"},
		"unknown": {"assume_role_policy": true},
		"references": {"assume_role_policy": ["aws_ssm_parameter.principal"]},
	},
]) == {
	["aws_iam_role.x", "unknown", "assume_role_policy is known only after apply; wanted: named accounts or roles"],
}
