package gatehouse.audit.config_recorder_test

import data.gatehouse.audit.config_recorder as rule
import data.gatehouse.lib.fixture

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["aws_config_configuration_recorder", "aws_config_configuration_recorder_status"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_everything if verdict([
	{
		"address": "aws_config_configuration_recorder.this",
		"after": {
			"name": "default",
			"recording_group": [{"all_supported": true, "include_global_resource_types": true}],
		},
	},
]) == set()

test_good_the_group_is_left_out if verdict([{"address": "aws_config_configuration_recorder.this", "after": {"name": "default", "recording_group": []}}]) == set()

test_bad_two_types_only if verdict([
	{
		"address": "module.audit.aws_config_configuration_recorder.this[0]",
		"after": {
			"name": "default",
			"recording_group": [{"all_supported": false, "resource_types": ["AWS::EC2::Instance", "AWS::S3::Bucket"]}],
		},
	},
]) == {
	["module.audit.aws_config_configuration_recorder.this[0]", "deny", "all_supported is false, only 2 types are recorded; wanted: true"],
}

test_bad_a_recorder_that_is_switched_off if verdict([
	{
		"address": "aws_config_configuration_recorder_status.this",
		"after": {"name": "default", "is_enabled": false},
	},
]) == {
	["aws_config_configuration_recorder_status.this", "deny", "is_enabled is false; wanted: true"],
}

test_edge_types_left_out if verdict([
	{
		"address": "aws_config_configuration_recorder.this",
		"after": {
			"name": "default",
			"recording_group": [
				{
					"all_supported": false,
					"exclusion_by_resource_types": [{"resource_types": ["AWS::IAM::Role"]}],
				},
			],
		},
	},
]) == {
	["aws_config_configuration_recorder.this", "deny", "all_supported is false, 1 types are left out; wanted: true"],
}

test_edge_known_only_after_apply if verdict([
	{
		"address": "aws_config_configuration_recorder.this",
		"after": {"name": "default", "recording_group": [{}]},
		"unknown": {"recording_group": [{"all_supported": true}]},
	},
]) == {
	["aws_config_configuration_recorder.this", "unknown", "all_supported is known only after apply; wanted: true"],
}

test_edge_a_deleted_recorder_is_aud_04_s if verdict([
	{
		"address": "aws_config_configuration_recorder.this",
		"before": {"name": "default", "recording_group": [{"all_supported": false}]},
	},
]) == set()
