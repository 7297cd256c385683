package gatehouse.terraform_cloud.default_service_account_test

import data.gatehouse.lib.fixture
import data.gatehouse.terraform_cloud.default_service_account as rule

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["google_compute_instance", "google_compute_instance_template", "google_compute_region_instance_template", "google_compute_instance_from_template"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_an_account_made_in_the_same_plan if verdict([
	{
		"address": "google_compute_instance.web[0]",
		"after": {"service_account": [{"scopes": ["cloud-platform"]}]},
		"unknown": {"service_account": [{"email": true, "scopes": [false]}]},
		"references": {"service_account": ["google_service_account.web"]},
	},
]) == set()

test_good_an_account_that_exists if verdict([
	{
		"address": "google_compute_instance_template.web",
		"after": {"service_account": [{"email": "web@acme.iam.gserviceaccount.com", "scopes": ["cloud-platform"]}]},
	},
]) == set()

test_good_no_account if verdict([{"address": "google_compute_instance.web", "after": {"service_account": []}}]) == set()

test_bad_the_default_account_by_name if verdict([
	{
		"address": "module.web.google_compute_instance.web[\"a\"]",
		"after": {
			"service_account": [{"email": "123456789012-compute@developer.gserviceaccount.com", "scopes": ["cloud-platform"]}],
		},
	},
]) == {
	["module.web.google_compute_instance.web[\"a\"]", "deny", "service_account.email is 123456789012-compute@developer.gserviceaccount.com; wanted: an account of this workload"],
}

test_bad_only_scopes_are_given if verdict([
	{
		"address": "google_compute_instance.web",
		"after": {"service_account": [{"scopes": ["cloud-platform"]}]},
		"unknown": {"service_account": [{"email": true}]},
	},
]) == {
	["google_compute_instance.web", "deny", "service_account.email is not set, which means the default account; wanted: an account of this workload"],
}

test_edge_an_address_decided_at_apply if verdict([
	{
		"address": "google_compute_instance.web",
		"after": {"service_account": [{"scopes": ["cloud-platform"]}]},
		"unknown": {"service_account": [{"email": true}]},
		"references": {"service_account": ["data.google_compute_default_service_account.this"]},
	},
]) == {
	["google_compute_instance.web", "unknown", "service_account.email is known only after apply; wanted: an account of this workload"],
}

test_edge_a_deleted_instance if verdict([{"address": "google_compute_instance.web", "before": {"service_account": [{"email": ""}]}}]) == set()
