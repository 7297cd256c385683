package gatehouse.audit.gcp_audit_config_test

import data.gatehouse.audit.gcp_audit_config as rule
import data.gatehouse.lib.fixture

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["google_project_iam_audit_config", "google_folder_iam_audit_config", "google_organization_iam_audit_config"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_all_services_all_types if verdict([
	{
		"address": "google_project_iam_audit_config.all",
		"after": {
			"project": "acme",
			"service": "allServices",
			"audit_log_config": [
				{"log_type": "ADMIN_READ"},
				{"log_type": "DATA_READ"},
				{"log_type": "DATA_WRITE", "exempted_members": []},
			],
		},
	},
	{
		"address": "google_project_iam_audit_config.storage",
		"after": {
			"project": "acme",
			"service": "storage.googleapis.com",
			"audit_log_config": [{"log_type": "DATA_READ"}],
		},
	},
]) == set()

test_bad_one_service if verdict([
	{
		"address": "module.audit[\"a\"].google_project_iam_audit_config.storage",
		"after": {
			"project": "acme",
			"service": "storage.googleapis.com",
			"audit_log_config": [{"log_type": "DATA_READ"}],
		},
	},
]) == {
	["module.audit[\"a\"].google_project_iam_audit_config.storage", "deny", "service is storage.googleapis.com; wanted: allServices"],
}

test_bad_a_type_is_missing_and_somebody_is_exempt if verdict([
	{
		"address": "google_organization_iam_audit_config.all",
		"after": {
			"service": "allServices",
			"audit_log_config": [
				{"log_type": "ADMIN_READ"},
				{"log_type": "DATA_READ", "exempted_members": ["user:alice@acme.com"]},
			],
		},
	},
]) == {
	["google_organization_iam_audit_config.all", "deny", "DATA_READ exempts 1 members; wanted: none"],
	["google_organization_iam_audit_config.all", "deny", "audit_log_config lacks [DATA_WRITE]; wanted: ADMIN_READ, DATA_READ and DATA_WRITE"],
}

test_edge_all_services_of_another_project if verdict([
	{
		"address": "google_project_iam_audit_config.all",
		"after": {
			"project": "other",
			"service": "allServices",
			"audit_log_config": [{"log_type": "ADMIN_READ"}, {"log_type": "DATA_READ"}, {"log_type": "DATA_WRITE"}],
		},
	},
	{
		"address": "google_project_iam_audit_config.storage",
		"after": {
			"project": "acme",
			"service": "storage.googleapis.com",
			"audit_log_config": [{"log_type": "DATA_READ"}],
		},
	},
]) == {
	["google_project_iam_audit_config.storage", "deny", "service is storage.googleapis.com; wanted: allServices"],
}

test_edge_known_only_after_apply if verdict([
	{
		"address": "google_project_iam_audit_config.x",
		"after": {"audit_log_config": []},
		"unknown": {"service": true},
	},
]) == {
	["google_project_iam_audit_config.x", "unknown", "service is known only after apply; wanted: all services and all log types"],
}

test_edge_a_deleted_configuration if verdict([{"address": "google_project_iam_audit_config.x", "before": {"service": "allServices"}}]) == set()
