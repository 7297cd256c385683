# METADATA
# title: Google audit logs cover all services and everyone
# description: >-
#   Google records who read data only when told to. A configuration for one service, or with members who are exempt, leaves
#   holes where an intruder with the right account is not seen.
# related_resources:
#   - ref: https://cloud.google.com/logging/docs/audit/configure-data-access
#     description: Data Access audit logs
# custom:
#   id: AUD-09
#   severity: medium
#   remedy: 'service = "allServices" with audit_log_config blocks for ADMIN_READ, DATA_READ and DATA_WRITE and no exempted_members'
#   inspects: {terraform: [google_project_iam_audit_config, google_folder_iam_audit_config, google_organization_iam_audit_config]}
#   references: [GCP-0079, CKV2_GCP_5]
package gatehouse.audit.gcp_audit_config

import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	service := input.resource.service
	is_string(service)
	service != "allServices"
	not everything_elsewhere
	finding := {"message": sprintf("service is %s; wanted: allServices", [service]), "path": "service"}
}

deny contains finding if {
	terraform.present
	input.resource.service == "allServices"
	not terraform.unknown_within("audit_log_config")
	types := {config.log_type | some config in input.resource.audit_log_config}
	missing := [type | some type in ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]; not type in types]
	count(missing) > 0
	finding := {"message": sprintf("audit_log_config lacks [%s]; wanted: ADMIN_READ, DATA_READ and DATA_WRITE", [concat(", ", missing)]), "path": "audit_log_config"}
}

deny contains finding if {
	terraform.present
	some i, config in input.resource.audit_log_config
	members := terraform.get(config, "exempted_members", [])
	count(members) > 0
	finding := {"message": sprintf("%s exempts %d members; wanted: none", [config.log_type, count(members)]), "path": sprintf("audit_log_config[%d].exempted_members", [i])}
}

unknown contains finding if {
	terraform.present
	some attribute in ["service", "audit_log_config"]
	terraform.unknown_within(attribute)
	finding := {"message": sprintf("%s is known only after apply; wanted: all services and all log types", [attribute]), "path": attribute}
}

everything_elsewhere if {
	some other in input.plan.google_project_iam_audit_config
	input.type == "google_project_iam_audit_config"
	other.resource.service == "allServices"
	object.get(other.resource, "project", null) == object.get(input.resource, "project", null)
}

everything_elsewhere if {
	some other in input.plan.google_organization_iam_audit_config
	other.resource.service == "allServices"
}
