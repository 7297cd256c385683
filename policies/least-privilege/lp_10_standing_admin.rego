# METADATA
# title: Nobody holds administrative rights for good
# description: >-
#   Standing rights of people are what phishing is after. An administrator's session should be asked for, approved, short
#   and recorded: permission sets of an hour, eligible (not active) Azure roles, Google bindings that expire, Teleport and
#   Boundary roles with an end. Service identities are not meant here.
# related_resources:
#   - ref: https://learn.microsoft.com/entra/id-governance/privileged-identity-management/pim-configure
#     description: Privileged Identity Management
#   - ref: https://cloud.google.com/iam/docs/configuring-temporary-access
#     description: Temporary access on Google Cloud
# custom:
#   id: LP-10
#   severity: high
#   remedy: 'AWS: session_duration = "PT1H" and assignments made on request. Azure: azurerm_pim_eligible_role_assignment. Google: condition { title = "expires"  expression = "request.time < timestamp(\"2030-01-01T00:00:00Z\")" }. Teleport: options = { max_session_ttl = "1h" }.'
#   inspects:
#     terraform:
#       - aws_ssoadmin_permission_set
#       - aws_ssoadmin_account_assignment
#       - azurerm_role_assignment
#       - azurerm_pim_active_role_assignment
#       - google_project_iam_member
#       - google_project_iam_binding
#       - google_project_iam_policy
#       - google_folder_iam_member
#       - google_folder_iam_binding
#       - google_organization_iam_member
#       - google_organization_iam_binding
#       - teleport_role
#       - boundary_role
#     kubernetes: [resources.teleport.dev/TeleportRole, resources.teleport.dev/TeleportRoleV6, resources.teleport.dev/TeleportRoleV7, resources.teleport.dev/TeleportRoleV8]
#   parameters:
#     max_session_minutes: {default: 60, description: Longest session of an AWS permission set.}
#     max_teleport_minutes: {default: 720, description: Longest session of a Teleport role.}
#     azure_roles: {default: [Owner, Contributor, User Access Administrator, Role Based Access Control Administrator], description: Azure roles that people must not hold for good.}
#     google_roles: {default: [roles/owner, roles/editor, "roles/*Admin", "roles/*.admin"], description: "Google roles that people must not hold for good, with * as wildcard."}
package gatehouse.least_privilege.standing_admin

import data.gatehouse.lib.duration
import data.gatehouse.lib.gcp
import data.gatehouse.lib.terraform

# AWS IAM Identity Center.

deny contains finding if {
	input.type == "aws_ssoadmin_permission_set"
	terraform.present
	text := terraform.get(input.resource, "session_duration", "PT1H")
	duration.minutes(text) > data.parameters.max_session_minutes
	finding := {
		"message": sprintf("session_duration is %s; wanted: at most %d minutes", [text, data.parameters.max_session_minutes]),
		"path": "session_duration",
	}
}

unknown contains finding if {
	input.type == "aws_ssoadmin_permission_set"
	terraform.present
	terraform.unknown("session_duration")
	finding := {"message": sprintf("session_duration is known only after apply; wanted: at most %d minutes", [data.parameters.max_session_minutes]), "path": "session_duration"}
}

deny contains finding if {
	input.type == "aws_ssoadmin_account_assignment"
	terraform.present
	some set_ in terraform.near(input.plan.aws_ssoadmin_permission_set, ["arn"])
	terraform.targets(input, "permission_set_arn", ["arn"], set_)
	why := administrative(set_)
	finding := {
		"message": sprintf("%s %s holds %s for good; wanted: assigned on request, with an end", [
			lower(terraform.get(input.resource, "principal_type", "principal")),
			terraform.get(input.resource, "principal_id", "known after apply"),
			why,
		]),
		"path": "permission_set_arn",
	}
}

administrative(set_) := sprintf("permission set %s", [set_.resource.name]) if {
	regex.match(`(?i)admin|poweruser`, set_.resource.name)
} else := "a permission set with AdministratorAccess" if {
	some attachment in input.plan.aws_ssoadmin_managed_policy_attachment
	is_object(attachment.resource)
	endswith(object.get(attachment.resource, "managed_policy_arn", ""), "policy/AdministratorAccess")
	terraform.targets(attachment, "permission_set_arn", ["arn"], set_)
}

# Azure.

role_ids := {
	"8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
	"b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
	"18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
	"f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}

azure_role := name if {
	name := input.resource.role_definition_name
	is_string(name)
	name != ""
} else := role_ids[id] if {
	is_string(input.resource.role_definition_id)
	parts := split(input.resource.role_definition_id, "/")
	id := lower(parts[count(parts) - 1])
}

deny contains finding if {
	input.type == "azurerm_role_assignment"
	terraform.present
	azure_role in data.parameters.azure_roles
	human
	finding := {"message": sprintf("%s is assigned for good; wanted: azurerm_pim_eligible_role_assignment", [azure_role]), "path": "role_definition_name"}
}

unknown contains finding if {
	input.type == "azurerm_role_assignment"
	terraform.present
	azure_role in data.parameters.azure_roles
	not human
	not service
	finding := {"message": sprintf("whether %s is assigned to a person is known only after apply; wanted: azurerm_pim_eligible_role_assignment", [azure_role]), "path": "principal_type"}
}

unknown contains finding if {
	input.type == "azurerm_role_assignment"
	terraform.present
	not azure_role
	not service
	some attribute in ["role_definition_name", "role_definition_id"]
	terraform.unknown(attribute)
	not role_of_plan
	finding := {"message": sprintf("%s is known only after apply; wanted: no standing administrator", [attribute]), "path": attribute}
}

role_of_plan if {
	some attribute in ["role_definition_name", "role_definition_id"]
	some address in input.change.references[attribute]
	regex.match(`(^|\.)azurerm_role_definition\.`, address)
}

deny contains finding if {
	input.type == "azurerm_pim_active_role_assignment"
	terraform.present
	azure_role in data.parameters.azure_roles
	not ends
	finding := {"message": sprintf("%s is active without an end; wanted: schedule { expiration { duration_hours = 1 } }", [azure_role]), "path": "schedule"}
}

ends if {
	some schedule in input.resource.schedule
	some expiration in schedule.expiration
	some key in ["duration_hours", "duration_days", "end_date_time"]
	terraform.get(expiration, key, "") != ""
}

ends if terraform.unknown_within("schedule")

human if input.resource.principal_type in {"User", "Group", "ForeignGroup"}

human if {
	not is_string(object.get(input.resource, "principal_type", null))
	some address in input.change.references.principal_id
	regex.match(`(^|\.)azuread_(user|group)s?\.`, address)
}

# Nobody said what the principal is, and its id is written out.
human if {
	not is_string(object.get(input.resource, "principal_type", null))
	not terraform.unknown("principal_type")
	is_string(input.resource.principal_id)
	not service_reference
}

service if input.resource.principal_type in {"ServicePrincipal", "Device"}

service if {
	not is_string(object.get(input.resource, "principal_type", null))
	service_reference
}

service_reference if {
	some address in input.change.references.principal_id
	regex.match(`(^|\.)(azuread_service_principals?|azuread_application|azurerm_[a-z_]+)\.`, address)
	not contains(address, "data.azurerm_client_config.")
}

# Google Cloud.

deny contains finding if {
	startswith(input.type, "google_")
	terraform.present
	some binding in gcp.bindings
	some pattern in data.parameters.google_roles
	glob.match(pattern, null, binding.role)
	people := [member | some member in binding.members; regex.match(`^(user|group|domain):`, member)]
	count(people) > 0
	not regex.match(`request\.time\s*<`, binding.condition)
	not terraform.unknown_within("condition")
	finding := {
		"message": sprintf("%s is given to %s without an end; wanted: a condition on request.time", [binding.role, gcp.shown(people)]),
		"path": "condition",
	}
}

# Teleport and Boundary.

deny contains finding if {
	teleport
	ttl := terraform.get(input.resource, ["spec", "options", "max_session_ttl"], "")
	ttl == ""
	not terraform.unknown(["spec", "options", "max_session_ttl"])
	finding := {"message": sprintf("options.max_session_ttl is not set; wanted: at most %d minutes", [data.parameters.max_teleport_minutes]), "path": "spec.options.max_session_ttl"}
}

deny contains finding if {
	teleport
	ttl := input.resource.spec.options.max_session_ttl
	duration.minutes(ttl) > data.parameters.max_teleport_minutes
	finding := {"message": sprintf("options.max_session_ttl is %s; wanted: at most %d minutes", [ttl, data.parameters.max_teleport_minutes]), "path": "spec.options.max_session_ttl"}
}

deny contains finding if {
	teleport
	request := input.resource.spec.allow.request
	count(terraform.get(request, "roles", [])) > 0
	some threshold in request.thresholds
	terraform.get(threshold, "approve", 1) < 1
	finding := {"message": "allow.request.thresholds.approve is 0; wanted: at least 1 review", "path": "spec.allow.request.thresholds"}
}

teleport if {
	input.type == "teleport_role"
	terraform.present
}

teleport if {
	input.kind == "kubernetes"
	input.group == "resources.teleport.dev"
	is_object(input.resource)
}

deny contains finding if {
	input.type == "boundary_role"
	terraform.present
	some grant in input.resource.grant_strings
	is_string(grant)
	parts := {trim_space(part) | some part in split(grant, ";")}
	"actions=*" in parts
	count({"ids=*", "id=*"} & parts) > 0
	count({"type=*"} & parts) > 0
	finding := {"message": sprintf("grant %q allows everything; wanted: named types and actions", [grant]), "path": "grant_strings"}
}
