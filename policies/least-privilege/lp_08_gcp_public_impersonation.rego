# METADATA
# title: Nothing on Google Cloud is given to everyone, and nobody may act as every account
# description: >-
#   allUsers and allAuthenticatedUsers are the whole internet. The roles to act as a service account, given on a project or
#   above, reach every account there, the most powerful included; give them on one account. A public Cloud Run service is
#   accepted by default.
# related_resources:
#   - ref: https://cloud.google.com/iam/docs/service-account-permissions
#     description: Roles for service accounts
# custom:
#   id: LP-08
#   severity: high
#   remedy: 'Name the members; give roles/iam.serviceAccountUser with google_service_account_iam_member on the one account that is meant.'
#   inspects:
#     terraform:
#       - google_project_iam_member
#       - google_project_iam_binding
#       - google_project_iam_policy
#       - google_folder_iam_member
#       - google_folder_iam_binding
#       - google_folder_iam_policy
#       - google_organization_iam_member
#       - google_organization_iam_binding
#       - google_organization_iam_policy
#       - google_storage_bucket_iam_member
#       - google_storage_bucket_iam_binding
#       - google_storage_bucket_iam_policy
#       - google_storage_bucket_access_control
#       - google_storage_default_object_access_control
#       - google_storage_object_access_control
#       - google_bigquery_dataset_iam_member
#       - google_bigquery_dataset_iam_binding
#       - google_bigquery_dataset_access
#       - google_bigquery_table_iam_member
#       - google_bigquery_table_iam_binding
#       - google_pubsub_topic_iam_member
#       - google_pubsub_topic_iam_binding
#       - google_pubsub_subscription_iam_member
#       - google_pubsub_subscription_iam_binding
#       - google_kms_crypto_key_iam_member
#       - google_kms_crypto_key_iam_binding
#       - google_kms_key_ring_iam_member
#       - google_kms_key_ring_iam_binding
#       - google_secret_manager_secret_iam_member
#       - google_secret_manager_secret_iam_binding
#       - google_artifact_registry_repository_iam_member
#       - google_artifact_registry_repository_iam_binding
#       - google_cloudfunctions_function_iam_member
#       - google_cloudfunctions_function_iam_binding
#       - google_cloudfunctions2_function_iam_member
#       - google_cloudfunctions2_function_iam_binding
#       - google_cloud_run_service_iam_member
#       - google_cloud_run_service_iam_binding
#       - google_cloud_run_v2_service_iam_member
#       - google_cloud_run_v2_service_iam_binding
#       - google_compute_image_iam_member
#       - google_compute_image_iam_binding
#       - google_compute_instance_iam_member
#       - google_compute_instance_iam_binding
#       - google_service_account_iam_member
#       - google_service_account_iam_binding
#   references: [GCP-0001, GCP-0046, CKV_GCP_28, CKV_GCP_41, CKV_GCP_44, CKV_GCP_45, CKV_GCP_49]
#   parameters:
#     public_roles: {default: [roles/run.invoker], description: Roles that may be given to everyone.}
#     impersonation: {default: [roles/iam.serviceAccountUser, roles/iam.serviceAccountTokenCreator, roles/iam.serviceAccountKeyAdmin, roles/iam.workloadIdentityUser], description: Roles that act as a service account.}
package gatehouse.least_privilege.gcp_public_impersonation

import data.gatehouse.lib.gcp
import data.gatehouse.lib.terraform

everyone := {"allUsers", "allAuthenticatedUsers"}

deny contains finding if {
	terraform.present
	some binding in gcp.bindings
	some member in binding.members
	member in everyone
	not binding.role in data.parameters.public_roles
	finding := {"message": sprintf("%s is given to %s; wanted: named members", [binding.role, member]), "path": "member"}
}

# Access control entries, which have an entity instead of members.
deny contains finding if {
	endswith(input.type, "_access_control")
	terraform.present
	input.resource.entity in everyone
	finding := {"message": sprintf("%s is given to %s; wanted: named members", [terraform.get(input.resource, "role", "access"), input.resource.entity]), "path": "entity"}
}

deny contains finding if {
	input.type == "google_bigquery_dataset_access"
	terraform.present
	some attribute in ["special_group", "iam_member"]
	input.resource[attribute] in everyone
	finding := {"message": sprintf("%s is %s; wanted: named members", [attribute, input.resource[attribute]]), "path": attribute}
}

deny contains finding if {
	regex.match(`^google_(project|folder|organization)_iam_`, input.type)
	terraform.present
	some binding in gcp.bindings
	binding.role in data.parameters.impersonation
	finding := {
		"message": sprintf("%s reaches every service account here and is given to %s; wanted: on one account", [binding.role, gcp.shown(binding.members)]),
		"path": "role",
	}
}

unknown contains finding if {
	terraform.present
	some attribute in ["member", "members"]
	terraform.unknown(attribute)
	not an_identity(attribute)
	finding := {"message": sprintf("%s is known only after apply; wanted: named members", [attribute]), "path": attribute}
}

# The member is made in the same plan, so it is not everyone.
an_identity(attribute) if {
	some address in input.change.references[attribute]
	regex.match(`(^|\.)google_(service_account|project_service_identity|iam_workload_identity_pool|logging_[a-z_]*sink|storage_project_service_account|container_cluster|sql_database_instance)\.`, address)
}
