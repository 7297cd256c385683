package gatehouse.terraform_cloud.imdsv2_test

import data.gatehouse.lib.fixture
import data.gatehouse.terraform_cloud.imdsv2 as rule

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["aws_instance", "aws_launch_template", "aws_launch_configuration"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_token_is_required if verdict([
	{
		"address": "aws_instance.web[\"a\"]",
		"after": {
			"ami": "ami-1",
			"metadata_options": [{"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1}],
		},
	},
]) == set()

test_good_no_metadata_at_all if verdict([
	{
		"address": "aws_launch_template.web",
		"after": {"metadata_options": [{"http_endpoint": "disabled", "http_tokens": "optional"}]},
	},
]) == set()

test_good_the_account_s_default_asks_for_it if verdict([
	{"address": "aws_ec2_instance_metadata_defaults.this", "after": {"http_tokens": "required"}},
	{"address": "aws_instance.web", "after": {"ami": "ami-1"}, "unknown": {"metadata_options": true}},
]) == set()

test_bad_version_1_is_allowed if verdict([
	{
		"address": "aws_instance.web",
		"after": {"ami": "ami-1", "metadata_options": [{"http_endpoint": "enabled", "http_tokens": "optional"}]},
	},
]) == {["aws_instance.web", "deny", "http_tokens is optional; wanted: required"]}

test_bad_the_block_is_left_out_which_the_plan_shows_as_unknown if verdict([
	{
		"address": "module.web.aws_instance.this[0]",
		"after": {"ami": "ami-1"},
		"unknown": {"metadata_options": true, "id": true},
	},
]) == {
	["module.web.aws_instance.this[0]", "deny", "metadata_options is not set; wanted: http_tokens = \"required\""],
}

test_bad_a_launch_template_without_the_block if verdict([{"address": "aws_launch_template.web", "after": {"image_id": "ami-1", "metadata_options": []}}]) == {
	["aws_launch_template.web", "deny", "metadata_options is not set; wanted: http_tokens = \"required\""],
}

test_edge_the_token_setting_is_decided_at_apply if verdict([
	{
		"address": "aws_instance.web",
		"after": {"metadata_options": [{"http_endpoint": "enabled"}]},
		"unknown": {"metadata_options": [{"http_tokens": true}]},
		"references": {"metadata_options": ["data.external.settings"]},
	},
]) == {
	["aws_instance.web", "unknown", "http_tokens is known only after apply; wanted: required"],
}

test_edge_the_block_says_nothing_of_tokens_which_the_plan_shows_as_unknown if verdict([
	{
		"address": "aws_instance.web",
		"after": {"metadata_options": [{"http_endpoint": "enabled"}]},
		"unknown": {"metadata_options": [{"http_tokens": true, "http_put_response_hop_limit": true}]},
	},
]) == {["aws_instance.web", "deny", "http_tokens is not set; wanted: required"]}

test_edge_a_dynamic_block_decided_at_apply if verdict([
	{
		"address": "aws_instance.web",
		"after": {"ami": "ami-1"},
		"unknown": {"metadata_options": true},
		"references": {"metadata_options": ["data.external.settings"]},
	},
]) == {
	["aws_instance.web", "unknown", "http_tokens is known only after apply; wanted: required"],
}

test_edge_an_instance_of_a_launch_template if verdict([{"address": "aws_instance.web", "after": {"launch_template": [{"name": "web"}], "metadata_options": []}}]) == set()

test_edge_only_the_endpoint_is_said if verdict([
	{
		"address": "aws_launch_configuration.web",
		"after": {"metadata_options": [{"http_endpoint": "enabled", "http_tokens": null}]},
	},
]) == {["aws_launch_configuration.web", "deny", "http_tokens is not set; wanted: required"]}

test_edge_a_deleted_instance if verdict([{"address": "aws_instance.web", "before": {"ami": "ami-1", "metadata_options": []}}]) == set()
