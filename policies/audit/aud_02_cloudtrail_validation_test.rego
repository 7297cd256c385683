package gatehouse.audit.cloudtrail_validation_test

import data.gatehouse.audit.cloudtrail_validation as rule
import data.gatehouse.lib.fixture

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["aws_cloudtrail"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_validation_is_on if verdict([{"address": "aws_cloudtrail.org", "after": {"name": "org", "enable_log_file_validation": true}}]) == set()

test_bad_validation_is_off if verdict([
	{
		"address": "module.audit[\"eu\"].aws_cloudtrail.org",
		"after": {"name": "org", "enable_log_file_validation": false},
	},
]) == {
	["module.audit[\"eu\"].aws_cloudtrail.org", "deny", "enable_log_file_validation is false; wanted: true"],
}

test_bad_nothing_said if verdict([{"address": "aws_cloudtrail.org", "after": {"name": "org", "enable_log_file_validation": null}}]) == {["aws_cloudtrail.org", "deny", "enable_log_file_validation is false; wanted: true"]}

test_edge_known_only_after_apply if verdict([{"address": "aws_cloudtrail.org", "after": {"name": "org"}, "unknown": {"enable_log_file_validation": true}}]) == {
	["aws_cloudtrail.org", "unknown", "enable_log_file_validation is known only after apply; wanted: true"],
}

test_edge_a_deleted_trail_is_aud_04_s if verdict([{"address": "aws_cloudtrail.org", "before": {"name": "org", "enable_log_file_validation": false}}]) == set()
