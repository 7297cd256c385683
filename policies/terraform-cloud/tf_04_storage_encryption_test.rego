package gatehouse.terraform_cloud.storage_encryption_test

import data.gatehouse.lib.fixture
import data.gatehouse.terraform_cloud.storage_encryption as rule

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["aws_db_instance", "aws_rds_cluster", "aws_docdb_cluster", "aws_neptune_cluster", "aws_ebs_volume", "aws_efs_file_system", "aws_instance", "aws_launch_template"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_an_encrypted_database if verdict([{"address": "aws_db_instance.shop", "after": {"engine": "postgres", "storage_encrypted": true}}]) == set()

test_good_volumes_under_encryption_by_default if verdict([
	{"address": "aws_ebs_encryption_by_default.this", "after": {"enabled": true}},
	{"address": "aws_ebs_volume.data[0]", "after": {"size": 10}, "unknown": {"encrypted": true}},
]) == set()

test_good_a_replica_in_the_same_region if verdict([{"address": "aws_db_instance.replica", "after": {"replicate_source_db": "shop", "storage_encrypted": null}}]) == set()

test_good_a_launch_template_where_booleans_are_text if verdict([
	{
		"address": "aws_launch_template.web",
		"after": {
			"block_device_mappings": [{"device_name": "/dev/xvda", "ebs": [{"encrypted": "true", "volume_size": 20}]}],
		},
	},
]) == set()

test_bad_a_database_without_encryption if verdict([
	{
		"address": "module.db[\"eu\"].aws_db_instance.shop",
		"after": {"engine": "postgres", "storage_encrypted": false},
	},
]) == {
	["module.db[\"eu\"].aws_db_instance.shop", "deny", "storage_encrypted is false; wanted: true"],
}

test_bad_an_aurora_cluster_that_says_nothing if verdict([
	{
		"address": "aws_rds_cluster.shop",
		"after": {"engine": "aurora-postgresql", "engine_mode": "provisioned", "storage_encrypted": null},
	},
]) == {["aws_rds_cluster.shop", "deny", "storage_encrypted is not set; wanted: true"]}

test_bad_a_root_disk_in_the_clear if verdict([
	{
		"address": "aws_instance.web",
		"after": {
			"root_block_device": [{"encrypted": false, "volume_size": 20}],
			"ebs_block_device": [{"encrypted": true}],
		},
	},
]) == {["aws_instance.web", "deny", "root_block_device[0].encrypted is false; wanted: true"]}

test_bad_a_launch_template_s_disk_in_the_clear if verdict([
	{
		"address": "aws_launch_template.web",
		"after": {"block_device_mappings": [{"device_name": "/dev/xvda", "ebs": [{"encrypted": "false"}]}]},
	},
]) == {
	["aws_launch_template.web", "deny", "block_device_mappings[0].ebs[0].encrypted is false; wanted: true"],
}

test_bad_a_file_system_whose_encryption_was_left_out if verdict([
	{
		"address": "aws_efs_file_system.shared",
		"after": {"creation_token": "shared"},
		"unknown": {"id": true, "encrypted": true},
		"references": {"creation_token": ["var.name"]},
	},
]) == {["aws_efs_file_system.shared", "deny", "encrypted is not set; wanted: true"]}

test_edge_encryption_by_an_expression if verdict([
	{
		"address": "aws_db_instance.shop",
		"after": {"engine": "postgres"},
		"unknown": {"storage_encrypted": true},
		"references": {"storage_encrypted": ["data.external.settings"]},
	},
]) == {
	["aws_db_instance.shop", "unknown", "storage_encrypted is known only after apply; wanted: true"],
}

test_edge_a_volume_that_nobody_decides if verdict([{"address": "aws_ebs_volume.data", "after": {"size": 10}, "unknown": {"encrypted": true}}]) == {["aws_ebs_volume.data", "deny", "encrypted is not set; wanted: true"]}

test_edge_encryption_by_default_turned_off if verdict([
	{"address": "aws_ebs_encryption_by_default.this", "after": {"enabled": false}},
	{"address": "aws_ebs_volume.data", "after": {"size": 10, "encrypted": false}},
]) == {["aws_ebs_volume.data", "deny", "encrypted is false; wanted: true"]}

test_edge_the_disk_of_an_instance_decided_at_apply if verdict([
	{
		"address": "aws_instance.web",
		"after": {"root_block_device": [{"volume_size": 20}]},
		"unknown": {"root_block_device": [{"encrypted": true}]},
		"references": {"root_block_device": ["data.external.settings"]},
	},
]) == {
	["aws_instance.web", "unknown", "root_block_device[0].encrypted is known only after apply; wanted: true"],
}

test_edge_the_disk_of_an_instance_that_says_nothing_which_the_plan_shows_as_unknown if verdict([
	{
		"address": "aws_instance.web",
		"after": {"root_block_device": [{"volume_size": 20}]},
		"unknown": {"root_block_device": [{"encrypted": true, "kms_key_id": true}]},
	},
]) == {["aws_instance.web", "deny", "root_block_device[0].encrypted is not set; wanted: true"]}

test_edge_serverless_v1_is_always_encrypted if verdict([{"address": "aws_rds_cluster.shop", "after": {"engine": "aurora-postgresql", "engine_mode": "serverless"}}]) == set()

test_edge_a_replica_in_another_region_has_no_source_to_follow if verdict([
	{
		"address": "aws_db_instance.replica",
		"after": {"replicate_source_db": "arn:aws:rds:eu-west-1:123456789012:db:shop", "storage_encrypted": null},
	},
]) == {["aws_db_instance.replica", "deny", "storage_encrypted is not set; wanted: true"]}

test_edge_a_deleted_volume if verdict([{"address": "aws_ebs_volume.data", "before": {"encrypted": false}}]) == set()
