package gatehouse.terraform_cloud.s3_encryption_test

import data.gatehouse.lib.fixture
import data.gatehouse.terraform_cloud.s3_encryption as rule

defaults := {"algorithms": ["AES256", "aws:kms", "aws:kms:dsse"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["aws_s3_bucket", "aws_s3_bucket_server_side_encryption_configuration"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_kms_in_a_resource_beside_the_bucket_in_a_module_with_for_each if verdict(
	[
		{
			"address": "module.store.aws_s3_bucket.this[\"eu\"]",
			"after": {"bucket_prefix": "logs", "force_destroy": false},
			"unknown": {"id": true, "bucket": true, "server_side_encryption_configuration": true},
		},
		{
			"address": "module.store.aws_s3_bucket_server_side_encryption_configuration.this[\"eu\"]",
			"after": {
				"rule": [
					{
						"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms", "kms_master_key_id": "alias/data"}],
						"bucket_key_enabled": true,
					},
				],
			},
			"unknown": {"bucket": true, "id": true},
			"references": {"bucket": ["module.store.aws_s3_bucket.this"]},
		},
	],
	defaults,
) == set()

test_good_a_bucket_that_exists_shows_its_encryption if verdict(
	[
		{
			"address": "aws_s3_bucket.logs",
			"after": {
				"bucket": "acme-logs",
				"server_side_encryption_configuration": [
					{
						"rule": [
							{
								"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256", "kms_master_key_id": ""}],
								"bucket_key_enabled": false,
							},
						],
					},
				],
			},
			"before": {
				"bucket": "acme-logs",
				"server_side_encryption_configuration": [
					{
						"rule": [
							{
								"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256", "kms_master_key_id": ""}],
								"bucket_key_enabled": false,
							},
						],
					},
				],
			},
		},
	],
	defaults,
) == set()

test_bad_nothing_written_down if verdict(
	[
		{
			"address": "aws_s3_bucket.logs",
			"after": {"bucket": "acme-logs"},
			"unknown": {"id": true, "server_side_encryption_configuration": true},
		},
		{
			"address": "aws_s3_bucket_server_side_encryption_configuration.other",
			"after": {
				"bucket": "acme-other",
				"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256"}]}],
			},
		},
	],
	defaults,
) == {
	["aws_s3_bucket.logs", "deny", "no encryption configuration in this plan; wanted: an aws_s3_bucket_server_side_encryption_configuration with AES256 or aws:kms or aws:kms:dsse"],
}

test_bad_from_a_kms_key_back_to_s3_s_keys if verdict(
	[
		{
			"address": "aws_s3_bucket_server_side_encryption_configuration.logs",
			"before": {
				"bucket": "acme-logs",
				"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}]}],
			},
			"after": {
				"bucket": "acme-logs",
				"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256"}]}],
			},
		},
	],
	defaults,
) == {
	["aws_s3_bucket_server_side_encryption_configuration.logs", "deny", "sse_algorithm goes from aws:kms to AES256; wanted: aws:kms kept"],
}

test_bad_only_kms_is_accepted_here if verdict(
	[
		{
			"address": "aws_s3_bucket_server_side_encryption_configuration.logs",
			"after": {
				"bucket": "acme-logs",
				"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256"}]}],
			},
		},
	],
	object.union(defaults, {"algorithms": ["aws:kms"]}),
) == {
	["aws_s3_bucket_server_side_encryption_configuration.logs", "deny", "sse_algorithm is AES256; wanted: aws:kms"],
}

test_edge_encryption_removed_from_a_bucket_that_stays if verdict(
	[
		{"address": "aws_s3_bucket.logs", "before": {"bucket": "acme-logs"}, "after": {"bucket": "acme-logs"}},
		{
			"address": "aws_s3_bucket_server_side_encryption_configuration.logs",
			"before": {
				"bucket": "acme-logs",
				"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}]}],
			},
		},
	],
	defaults,
) == {
	["aws_s3_bucket.logs", "deny", "no encryption configuration in this plan; wanted: an aws_s3_bucket_server_side_encryption_configuration with AES256 or aws:kms or aws:kms:dsse"],
	["aws_s3_bucket_server_side_encryption_configuration.logs", "deny", "encryption with aws:kms is removed from a bucket that stays; wanted: aws:kms kept"],
}

test_edge_bucket_and_encryption_removed_together if verdict(
	[
		{"address": "aws_s3_bucket.logs", "before": {"bucket": "acme-logs"}},
		{
			"address": "aws_s3_bucket_server_side_encryption_configuration.logs",
			"before": {
				"bucket": "acme-logs",
				"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}]}],
			},
		},
	],
	defaults,
) == set()

test_edge_a_configuration_for_a_bucket_that_is_known_only_after_apply if verdict(
	[
		{"address": "aws_s3_bucket.logs", "after": {"bucket": "acme-logs"}},
		{
			"address": "aws_s3_bucket_server_side_encryption_configuration.logs",
			"after": {"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}]}]},
			"unknown": {"bucket": true},
			"references": {"bucket": ["random_pet.name"]},
		},
	],
	defaults,
) == {
	["aws_s3_bucket.logs", "unknown", "which bucket the plan's encryption configuration is for is known only after apply; wanted: AES256 or aws:kms or aws:kms:dsse"],
}

test_edge_an_unknown_algorithm if verdict(
	[
		{
			"address": "aws_s3_bucket_server_side_encryption_configuration.logs",
			"after": {"bucket": "acme-logs", "rule": [{"apply_server_side_encryption_by_default": [{}]}]},
			"unknown": {"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": true}]}]},
		},
	],
	defaults,
) == {
	["aws_s3_bucket_server_side_encryption_configuration.logs", "unknown", "sse_algorithm is known only after apply; wanted: AES256 or aws:kms or aws:kms:dsse"],
}

test_edge_a_bucket_that_is_only_read if verdict([{"address": "data.aws_s3_bucket.logs", "after": {"bucket": "acme-logs"}}], defaults) == set()

test_edge_a_bucket_alone_in_its_plan if verdict([{"address": "aws_s3_bucket.logs", "after": {"bucket": "acme-logs"}}], defaults) == {
	["aws_s3_bucket.logs", "deny", "no encryption configuration in this plan; wanted: an aws_s3_bucket_server_side_encryption_configuration with AES256 or aws:kms or aws:kms:dsse"],
}
