package gatehouse.audit.cloudtrail_regions_test

import data.gatehouse.audit.cloudtrail_regions as rule
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

test_good_a_trail_for_all_regions if verdict([
	{
		"address": "aws_cloudtrail.org",
		"after": {
			"name": "org",
			"is_multi_region_trail": true,
			"enable_logging": true,
			"include_global_service_events": true,
		},
	},
]) == set()

test_bad_a_trail_for_one_region if verdict([
	{
		"address": "module.audit.aws_cloudtrail.this[0]",
		"after": {"name": "one", "is_multi_region_trail": false, "enable_logging": true},
	},
]) == {
	["module.audit.aws_cloudtrail.this[0]", "deny", "is_multi_region_trail is false; wanted: true"],
}

test_bad_a_trail_that_does_not_log if verdict([
	{
		"address": "aws_cloudtrail.org",
		"after": {"name": "org", "is_multi_region_trail": true, "enable_logging": false},
	},
]) == {["aws_cloudtrail.org", "deny", "enable_logging is false; wanted: true"]}

test_edge_nothing_said if verdict([{"address": "aws_cloudtrail.org", "after": {"name": "org", "is_multi_region_trail": null}}]) == {["aws_cloudtrail.org", "deny", "is_multi_region_trail is false; wanted: true"]}

test_edge_known_only_after_apply if verdict([{"address": "aws_cloudtrail.org", "after": {"name": "org"}, "unknown": {"is_multi_region_trail": true}}]) == {
	["aws_cloudtrail.org", "unknown", "is_multi_region_trail is known only after apply; wanted: true"],
}

test_edge_a_deleted_trail_is_aud_04_s if verdict([{"address": "aws_cloudtrail.org", "before": {"name": "org", "is_multi_region_trail": true}}]) == set()
