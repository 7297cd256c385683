package gatehouse.least_privilege.gcp_public_impersonation_test

import data.gatehouse.least_privilege.gcp_public_impersonation as rule
import data.gatehouse.lib.fixture

defaults := {
	"public_roles": ["roles/run.invoker"],
	"impersonation": [
		"roles/iam.serviceAccountUser",
		"roles/iam.serviceAccountTokenCreator",
		"roles/iam.serviceAccountKeyAdmin",
		"roles/iam.workloadIdentityUser",
	],
}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["google_project_iam_member", "google_project_iam_binding", "google_project_iam_policy", "google_folder_iam_member", "google_folder_iam_binding", "google_folder_iam_policy", "google_organization_iam_member", "google_organization_iam_binding", "google_organization_iam_policy", "google_storage_bucket_iam_member", "google_storage_bucket_iam_binding", "google_storage_bucket_iam_policy", "google_storage_bucket_access_control", "google_storage_default_object_access_control", "google_storage_object_access_control", "google_bigquery_dataset_iam_member", "google_bigquery_dataset_iam_binding", "google_bigquery_dataset_access", "google_bigquery_table_iam_member", "google_bigquery_table_iam_binding", "google_pubsub_topic_iam_member", "google_pubsub_topic_iam_binding", "google_pubsub_subscription_iam_member", "google_pubsub_subscription_iam_binding", "google_kms_crypto_key_iam_member", "google_kms_crypto_key_iam_binding", "google_kms_key_ring_iam_member", "google_kms_key_ring_iam_binding", "google_secret_manager_secret_iam_member", "google_secret_manager_secret_iam_binding", "google_artifact_registry_repository_iam_member", "google_artifact_registry_repository_iam_binding", "google_cloudfunctions_function_iam_member", "google_cloudfunctions_function_iam_binding", "google_cloudfunctions2_function_iam_member", "google_cloudfunctions2_function_iam_binding", "google_cloud_run_service_iam_member", "google_cloud_run_service_iam_binding", "google_cloud_run_v2_service_iam_member", "google_cloud_run_v2_service_iam_binding", "google_compute_image_iam_member", "google_compute_image_iam_binding", "google_compute_instance_iam_member", "google_compute_instance_iam_binding", "google_service_account_iam_member", "google_service_account_iam_binding"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_one_account_may_act_as_another if verdict(
	[
		{
			"address": "google_service_account_iam_member.ci",
			"after": {
				"service_account_id": "app",
				"role": "roles/iam.serviceAccountUser",
				"member": "serviceAccount:ci@acme.iam.gserviceaccount.com",
			},
		},
	],
	defaults,
) == set()

test_good_a_public_web_service if verdict(
	[
		{
			"address": "google_cloud_run_v2_service_iam_member.web",
			"after": {"role": "roles/run.invoker", "member": "allUsers"},
		},
	],
	defaults,
) == set()

test_good_an_account_made_in_the_same_plan if verdict(
	[
		{
			"address": "google_storage_bucket_iam_member.app",
			"after": {"role": "roles/storage.objectViewer"},
			"unknown": {"member": true},
			"references": {"member": ["google_service_account.app"]},
		},
	],
	defaults,
) == set()

test_bad_a_bucket_for_the_whole_internet if verdict(
	[
		{
			"address": "module.site.google_storage_bucket_iam_member.public[0]",
			"after": {"bucket": "acme", "role": "roles/storage.objectViewer", "member": "allUsers"},
		},
	],
	defaults,
) == {
	["module.site.google_storage_bucket_iam_member.public[0]", "deny", "roles/storage.objectViewer is given to allUsers; wanted: named members"],
}

test_bad_one_of_many_members_is_everyone if verdict(
	[
		{
			"address": "google_pubsub_topic_iam_binding.events",
			"after": {"role": "roles/pubsub.publisher", "members": ["user:a@acme.com", "allAuthenticatedUsers"]},
		},
	],
	defaults,
) == {
	["google_pubsub_topic_iam_binding.events", "deny", "roles/pubsub.publisher is given to allAuthenticatedUsers; wanted: named members"],
}

test_bad_acting_as_every_account_of_the_project if verdict(
	[
		{
			"address": "google_project_iam_member.ci",
			"after": {
				"role": "roles/iam.serviceAccountTokenCreator",
				"member": "serviceAccount:ci@acme.iam.gserviceaccount.com",
			},
		},
	],
	defaults,
) == {
	["google_project_iam_member.ci", "deny", "roles/iam.serviceAccountTokenCreator reaches every service account here and is given to serviceAccount:ci@acme.iam.gserviceaccount.com; wanted: on one account"],
}

test_edge_access_control_entries if verdict(
	[
		{"address": "google_storage_bucket_access_control.x", "after": {"role": "READER", "entity": "allUsers"}},
		{
			"address": "google_bigquery_dataset_access.x",
			"after": {"role": "READER", "special_group": "allAuthenticatedUsers"},
		},
	],
	defaults,
) == {
	["google_storage_bucket_access_control.x", "deny", "READER is given to allUsers; wanted: named members"],
	["google_bigquery_dataset_access.x", "deny", "special_group is allAuthenticatedUsers; wanted: named members"],
}

test_edge_a_policy_of_the_project if verdict(
	[
		{
			"address": "google_project_iam_policy.x",
			"after": {
				"policy_data": "{\"bindings\":[{\"role\":\"roles/iam.serviceAccountUser\",\"members\":[\"allUsers\"]}]}",
			},
		},
	],
	defaults,
) == {
	["google_project_iam_policy.x", "deny", "roles/iam.serviceAccountUser is given to allUsers; wanted: named members"],
	["google_project_iam_policy.x", "deny", "roles/iam.serviceAccountUser reaches every service account here and is given to allUsers; wanted: on one account"],
}

test_edge_known_only_after_apply if verdict(
	[
		{
			"address": "google_storage_bucket_iam_binding.x",
			"after": {"role": "roles/storage.admin"},
			"unknown": {"members": true},
			"references": {"members": ["data.external.members"]},
		},
	],
	defaults,
) == {
	["google_storage_bucket_iam_binding.x", "unknown", "members is known only after apply; wanted: named members"],
}

test_edge_a_public_cloud_run_service_where_the_repository_wants_none if verdict(
	[
		{
			"address": "google_cloud_run_service_iam_member.web",
			"after": {"role": "roles/run.invoker", "member": "allUsers"},
		},
	],
	object.union(defaults, {"public_roles": []}),
) == {
	["google_cloud_run_service_iam_member.web", "deny", "roles/run.invoker is given to allUsers; wanted: named members"],
}

test_edge_a_deleted_grant if verdict(
	[
		{
			"address": "google_storage_bucket_iam_member.x",
			"before": {"role": "roles/storage.admin", "member": "allUsers"},
		},
	],
	defaults,
) == set()
