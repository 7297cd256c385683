package gatehouse.terraform_cloud.gcs_uniform_access_test

import data.gatehouse.lib.fixture
import data.gatehouse.terraform_cloud.gcs_uniform_access as rule

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["google_storage_bucket"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_uniform_access if verdict([
	{
		"address": "google_storage_bucket.data",
		"after": {"name": "acme-data", "uniform_bucket_level_access": true},
	},
]) == set()

test_bad_access_lists_on_objects if verdict([
	{
		"address": "module.store.google_storage_bucket.data[\"eu\"]",
		"after": {"name": "acme-data", "uniform_bucket_level_access": false},
	},
]) == {
	["module.store.google_storage_bucket.data[\"eu\"]", "deny", "uniform_bucket_level_access is false; wanted: true"],
}

test_bad_nothing_said if verdict([
	{
		"address": "google_storage_bucket.data",
		"after": {"name": "acme-data", "uniform_bucket_level_access": null},
	},
]) == {
	["google_storage_bucket.data", "deny", "uniform_bucket_level_access is not set; wanted: true"],
}

test_edge_left_out_and_shown_as_unknown if verdict([
	{
		"address": "google_storage_bucket.data",
		"after": {"location": "EU"},
		"unknown": {"uniform_bucket_level_access": true},
		"references": {"name": ["var.name"]},
	},
]) == {
	["google_storage_bucket.data", "deny", "uniform_bucket_level_access is not set; wanted: true"],
}

test_edge_decided_at_apply if verdict([
	{
		"address": "google_storage_bucket.data",
		"after": {"location": "EU"},
		"unknown": {"uniform_bucket_level_access": true},
		"references": {"uniform_bucket_level_access": ["data.external.x"]},
	},
]) == {
	["google_storage_bucket.data", "unknown", "uniform_bucket_level_access is known only after apply; wanted: true"],
}

test_edge_a_deleted_bucket if verdict([{"address": "google_storage_bucket.data", "before": {"uniform_bucket_level_access": false}}]) == set()
