package gatehouse.audit.log_retention_test

import data.gatehouse.audit.log_retention as rule
import data.gatehouse.lib.fixture

defaults := {"min_days": 365, "names": ["*"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["aws_cloudwatch_log_group"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_year if verdict([{"address": "aws_cloudwatch_log_group.app", "after": {"name": "/app", "retention_in_days": 365}}], defaults) == set()

test_good_for_ever if verdict([{"address": "aws_cloudwatch_log_group.app", "after": {"name": "/app", "retention_in_days": 0}}], defaults) == set()

test_bad_two_weeks if verdict(
	[
		{
			"address": "module.app.aws_cloudwatch_log_group.app[\"api\"]",
			"after": {"name": "/app", "retention_in_days": 14},
		},
	],
	defaults,
) == {
	["module.app.aws_cloudwatch_log_group.app[\"api\"]", "deny", "retention_in_days is 14; wanted: at least 365"],
}

test_edge_only_audit_groups_are_asked_here if verdict(
	[
		{"address": "aws_cloudwatch_log_group.app", "after": {"name": "/app/api", "retention_in_days": 14}},
		{"address": "aws_cloudwatch_log_group.audit", "after": {"name": "/audit/trail", "retention_in_days": 14}},
	],
	object.union(defaults, {"names": ["/audit/*"]}),
) == {
	["aws_cloudwatch_log_group.audit", "deny", "retention_in_days is 14; wanted: at least 365"],
}

test_edge_known_only_after_apply if verdict(
	[
		{
			"address": "aws_cloudwatch_log_group.app",
			"after": {"name": "/app"},
			"unknown": {"retention_in_days": true},
		},
	],
	defaults,
) == {
	["aws_cloudwatch_log_group.app", "unknown", "retention_in_days is known only after apply; wanted: at least 365"],
}

test_edge_nothing_said_and_a_deleted_group if verdict(
	[
		{"address": "aws_cloudwatch_log_group.app", "after": {"name": "/app", "retention_in_days": null}},
		{"address": "aws_cloudwatch_log_group.old", "before": {"name": "/app", "retention_in_days": 1}},
	],
	defaults,
) == set()
