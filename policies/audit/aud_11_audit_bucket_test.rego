package gatehouse.audit.audit_bucket_test

import data.gatehouse.audit.audit_bucket as rule
import data.gatehouse.lib.fixture

defaults := {"names": ["*cloudtrail*", "*audit-log*", "*auditlog*"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["aws_s3_bucket", "aws_s3_bucket_object_lock_configuration", "aws_s3_bucket_versioning", "google_storage_bucket"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_trail_s_bucket_with_object_lock if verdict(
	[
		{"address": "aws_s3_bucket.trail", "after": {"bucket": "acme-trail", "object_lock_enabled": true}},
		{"address": "aws_cloudtrail.org", "after": {"s3_bucket_name": "acme-trail"}},
	],
	defaults,
) == set()

test_good_a_bucket_for_something_else if verdict([{"address": "aws_s3_bucket.site", "after": {"bucket": "acme-site", "object_lock_enabled": false}}], defaults) == set()

test_good_a_sink_s_bucket_with_a_retention_policy if verdict(
	[
		{
			"address": "google_storage_bucket.audit",
			"after": {"name": "acme-audit-logs", "retention_policy": [{"retention_period": 31536000}]},
		},
	],
	defaults,
) == set()

test_bad_a_trail_s_bucket_without_protection if verdict(
	[
		{
			"address": "module.audit.aws_s3_bucket.this[0]",
			"after": {"bucket": "acme-trail", "object_lock_enabled": false},
			"unknown": {"id": true},
		},
		{
			"address": "module.audit.aws_cloudtrail.this[0]",
			"after": {"name": "org"},
			"unknown": {"s3_bucket_name": true},
			"references": {"s3_bucket_name": ["module.audit.aws_s3_bucket.this"]},
		},
		{
			"address": "module.audit.aws_s3_bucket_versioning.this[0]",
			"after": {"bucket": "acme-trail", "versioning_configuration": [{"status": "Enabled"}]},
		},
	],
	defaults,
) == {
	["module.audit.aws_s3_bucket.this[0]", "deny", "object_lock_enabled is false in a bucket for audit logs; wanted: true"],
}

test_bad_a_sink_s_bucket_without_a_retention_policy if verdict(
	[
		{"address": "google_storage_bucket.logs", "after": {"name": "acme-logs", "retention_policy": []}},
		{
			"address": "google_logging_project_sink.all",
			"after": {"destination": "storage.googleapis.com/acme-logs"},
		},
	],
	defaults,
) == {
	["google_storage_bucket.logs", "deny", "retention_policy is not set in a bucket for audit logs; wanted: a retention period"],
}

test_bad_the_lock_is_taken_away if verdict(
	[
		{
			"address": "aws_s3_bucket_object_lock_configuration.trail",
			"before": {"bucket": "acme-trail", "rule": [{"default_retention": [{"mode": "COMPLIANCE", "days": 365}]}]},
		},
	],
	defaults,
) == {
	["aws_s3_bucket_object_lock_configuration.trail", "deny", "object lock configuration is removed; wanted: kept"],
}

test_edge_a_bucket_by_its_name_with_neither if verdict([{"address": "aws_s3_bucket.x", "after": {"bucket": "acme-cloudtrail-logs"}}], defaults) == {
	["aws_s3_bucket.x", "deny", "object_lock_enabled is false in a bucket for audit logs; wanted: true"],
	["aws_s3_bucket.x", "deny", "versioning is off in a bucket for audit logs; wanted: Enabled"],
}

test_edge_the_lock_becomes_weaker if verdict(
	[
		{
			"address": "aws_s3_bucket_object_lock_configuration.a",
			"before": {"bucket": "a", "rule": [{"default_retention": [{"mode": "COMPLIANCE", "years": 1}]}]},
			"after": {"bucket": "a", "rule": [{"default_retention": [{"mode": "GOVERNANCE", "days": 400}]}]},
		},
		{
			"address": "aws_s3_bucket_object_lock_configuration.b",
			"before": {"bucket": "b", "rule": [{"default_retention": [{"mode": "GOVERNANCE", "days": 365}]}]},
			"after": {"bucket": "b", "rule": []},
		},
	],
	defaults,
) == {
	["aws_s3_bucket_object_lock_configuration.a", "deny", "default retention goes from COMPLIANCE 365 days to GOVERNANCE 400 days; wanted: not weaker"],
	["aws_s3_bucket_object_lock_configuration.b", "deny", "default retention goes from GOVERNANCE 365 days to none 0 days; wanted: not weaker"],
}

test_edge_the_lock_stays_or_becomes_stronger if verdict(
	[
		{
			"address": "aws_s3_bucket_object_lock_configuration.a",
			"before": {"bucket": "a", "rule": [{"default_retention": [{"mode": "GOVERNANCE", "days": 365}]}]},
			"after": {"bucket": "a", "rule": [{"default_retention": [{"mode": "COMPLIANCE", "years": 2}]}]},
		},
	],
	defaults,
) == set()

test_edge_versioning_suspended_and_removed if verdict(
	[
		{
			"address": "aws_s3_bucket_versioning.a",
			"before": {"bucket": "acme-cloudtrail", "versioning_configuration": [{"status": "Enabled"}]},
			"after": {"bucket": "acme-cloudtrail", "versioning_configuration": [{"status": "Suspended"}]},
		},
		{
			"address": "aws_s3_bucket_versioning.b",
			"before": {"bucket": "acme-audit-logs", "versioning_configuration": [{"status": "Enabled"}]},
		},
	],
	defaults,
) == {
	["aws_s3_bucket_versioning.a", "deny", "versioning of a bucket for audit logs goes from Enabled to Suspended; wanted: Enabled"],
	["aws_s3_bucket_versioning.b", "deny", "versioning of a bucket for audit logs goes from Enabled to removed; wanted: Enabled"],
}

test_edge_versioning_of_a_bucket_for_something_else if verdict(
	[
		{
			"address": "aws_s3_bucket_versioning.a",
			"before": {"bucket": "acme-site", "versioning_configuration": [{"status": "Enabled"}]},
		},
	],
	defaults,
) == set()

test_edge_a_retention_policy_removed_from_any_bucket if verdict(
	[
		{
			"address": "google_storage_bucket.data",
			"before": {"name": "data", "retention_policy": [{"retention_period": 1}]},
			"after": {"name": "data", "retention_policy": []},
		},
	],
	defaults,
) == {["google_storage_bucket.data", "deny", "retention_policy is removed; wanted: kept"]}

test_edge_versioning_for_a_bucket_that_is_known_only_after_apply if verdict(
	[
		{"address": "aws_s3_bucket.x", "after": {"bucket": "acme-cloudtrail-logs"}},
		{
			"address": "aws_s3_bucket_versioning.x",
			"after": {"versioning_configuration": [{"status": "Enabled"}]},
			"unknown": {"bucket": true},
			"references": {"bucket": ["local.name"]},
		},
	],
	defaults,
) == {
	["aws_s3_bucket.x", "deny", "object_lock_enabled is false in a bucket for audit logs; wanted: true"],
	["aws_s3_bucket.x", "unknown", "which bucket the plan's versioning is for is known only after apply; wanted: Enabled"],
}
