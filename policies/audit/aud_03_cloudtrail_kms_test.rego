package gatehouse.audit.cloudtrail_kms_test

import data.gatehouse.audit.cloudtrail_kms as rule
import data.gatehouse.lib.fixture

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["aws_cloudtrail"], items)
	some finding in rule.deny with input as doc
	entry := [doc.address, "deny", message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_key_and_a_log_group_of_the_same_plan if verdict([
	{
		"address": "aws_cloudtrail.org",
		"after": {"name": "org"},
		"unknown": {"kms_key_id": true, "cloud_watch_logs_group_arn": true},
		"references": {
			"kms_key_id": ["aws_kms_key.trail"],
			"cloud_watch_logs_group_arn": ["aws_cloudwatch_log_group.trail"],
		},
	},
]) == set()

test_bad_neither if verdict([
	{
		"address": "module.audit.aws_cloudtrail.org[0]",
		"after": {"name": "org", "kms_key_id": null, "cloud_watch_logs_group_arn": ""},
	},
]) == {
	["module.audit.aws_cloudtrail.org[0]", "deny", "cloud_watch_logs_group_arn is not set; wanted: the ARN of a log group"],
	["module.audit.aws_cloudtrail.org[0]", "deny", "kms_key_id is not set; wanted: the ARN of a KMS key"],
}

test_edge_a_key_only if verdict([
	{
		"address": "aws_cloudtrail.org",
		"after": {"name": "org", "kms_key_id": "arn:aws:kms:eu-west-1:123456789012:key/1"},
	},
]) == {
	["aws_cloudtrail.org", "deny", "cloud_watch_logs_group_arn is not set; wanted: the ARN of a log group"],
}

test_edge_a_deleted_trail_is_aud_04_s if verdict([{"address": "aws_cloudtrail.org", "before": {"name": "org"}}]) == set()
