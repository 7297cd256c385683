package gatehouse.terraform_cloud.kms_rotation_test

import data.gatehouse.lib.fixture
import data.gatehouse.terraform_cloud.kms_rotation as rule

defaults := {"max_days": 365}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["aws_kms_key", "google_kms_crypto_key"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_aws_rotates_every_year if verdict(
	[
		{
			"address": "aws_kms_key.data",
			"after": {
				"enable_key_rotation": true,
				"customer_master_key_spec": "SYMMETRIC_DEFAULT",
				"key_usage": "ENCRYPT_DECRYPT",
			},
		},
	],
	defaults,
) == set()

test_good_a_signing_key_cannot_rotate if verdict(
	[
		{
			"address": "aws_kms_key.sign",
			"after": {
				"enable_key_rotation": false,
				"customer_master_key_spec": "ECC_NIST_P256",
				"key_usage": "SIGN_VERIFY",
			},
		},
	],
	defaults,
) == set()

test_good_google_rotates_every_ninety_days if verdict(
	[
		{
			"address": "google_kms_crypto_key.data",
			"after": {"rotation_period": "7776000s", "purpose": "ENCRYPT_DECRYPT"},
		},
	],
	defaults,
) == set()

test_bad_aws_without_rotation if verdict(
	[
		{
			"address": "module.kms.aws_kms_key.data[0]",
			"after": {
				"enable_key_rotation": false,
				"customer_master_key_spec": "SYMMETRIC_DEFAULT",
				"key_usage": "ENCRYPT_DECRYPT",
			},
		},
	],
	defaults,
) == {
	["module.kms.aws_kms_key.data[0]", "deny", "enable_key_rotation is false; wanted: true"],
}

test_bad_google_without_rotation if verdict([{"address": "google_kms_crypto_key.data", "after": {"rotation_period": null, "purpose": "ENCRYPT_DECRYPT"}}], defaults) == {
	["google_kms_crypto_key.data", "deny", "rotation_period is not set; wanted: at most 365 days"],
}

test_bad_google_rotates_every_ten_years if verdict([{"address": "google_kms_crypto_key.data", "after": {"rotation_period": "315360000s"}}], defaults) == {
	["google_kms_crypto_key.data", "deny", "rotation_period is 315360000s; wanted: at most 365 days"],
}

test_edge_nothing_said if verdict([{"address": "aws_kms_key.data", "after": {"description": "data"}}], defaults) == {["aws_kms_key.data", "deny", "enable_key_rotation is not set; wanted: true"]}

test_edge_rotation_decided_at_apply if verdict(
	[
		{"address": "aws_kms_key.data", "after": {}, "unknown": {"enable_key_rotation": true}},
		{"address": "google_kms_crypto_key.data", "after": {}, "unknown": {"rotation_period": true}},
	],
	defaults,
) == {
	["aws_kms_key.data", "unknown", "enable_key_rotation is known only after apply; wanted: true"],
	["google_kms_crypto_key.data", "unknown", "rotation_period is known only after apply; wanted: at most 365 days"],
}

test_edge_a_period_that_is_too_long_by_one_s_own_measure if verdict([{"address": "aws_kms_key.data", "after": {"enable_key_rotation": true, "rotation_period_in_days": 365}}], object.union(defaults, {"max_days": 90})) == {["aws_kms_key.data", "deny", "rotation_period_in_days is 365; wanted: at most 90"]}

test_edge_a_deleted_key if verdict([{"address": "aws_kms_key.data", "before": {"enable_key_rotation": false}}], defaults) == set()
