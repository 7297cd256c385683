# METADATA
# title: No basic roles on Google Cloud
# description: >-
#   Owner, Editor and Viewer come from before IAM: each reaches into nearly every service of the project, present and
#   future. Predefined or custom roles name what is meant.
# related_resources:
#   - ref: https://cloud.google.com/iam/docs/roles-overview#basic
#     description: Basic roles
# custom:
#   id: LP-07
#   severity: high
#   remedy: Give the predefined role of the service, for example role = "roles/storage.objectViewer".
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
#   references: [GCP-0007, CKV_GCP_115, CKV_GCP_116, CKV_GCP_117]
#   parameters:
#     roles: {default: [roles/owner, roles/editor, roles/viewer], description: Roles that must not be given.}
package gatehouse.least_privilege.gcp_basic_roles

import data.gatehouse.lib.gcp
import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	some binding in gcp.bindings
	binding.role in data.parameters.roles
	finding := {
		"message": sprintf("%s is given to %s; wanted: a predefined role", [binding.role, gcp.shown(binding.members)]),
		"path": "role",
	}
}

unknown contains finding if {
	terraform.present
	some attribute in ["role", "policy_data"]
	terraform.unknown(attribute)
	finding := {"message": sprintf("%s is known only after apply; wanted: no basic role", [attribute]), "path": attribute}
}
