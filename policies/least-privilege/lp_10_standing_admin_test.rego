package gatehouse.least_privilege.standing_admin_test

import data.gatehouse.least_privilege.standing_admin as rule
import data.gatehouse.lib.fixture

defaults := {
	"max_session_minutes": 60,
	"max_teleport_minutes": 720,
	"azure_roles": ["Owner", "Contributor", "User Access Administrator", "Role Based Access Control Administrator"],
	"google_roles": ["roles/owner", "roles/editor", "roles/*Admin", "roles/*.admin"],
}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(docs, parameters) := {entry |
	some doc in docs
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

terraform(items) := fixture.terraform(["aws_ssoadmin_permission_set", "aws_ssoadmin_account_assignment", "azurerm_role_assignment", "azurerm_pim_active_role_assignment", "google_project_iam_member", "google_project_iam_binding", "google_project_iam_policy", "google_folder_iam_member", "google_folder_iam_binding", "google_organization_iam_member", "google_organization_iam_binding", "teleport_role", "boundary_role"], items)

kubernetes(head, base) := fixture.kubernetes(["resources.teleport.dev/TeleportRole", "resources.teleport.dev/TeleportRoleV6", "resources.teleport.dev/TeleportRoleV7", "resources.teleport.dev/TeleportRoleV8"], head, base)

message(finding) := object.get(finding, "message", "")

test_good_a_permission_set_of_an_hour if verdict(terraform([{"address": "aws_ssoadmin_permission_set.ops", "after": {"name": "ops", "session_duration": "PT1H"}}]), defaults) == set()

test_good_a_service_principal_is_no_person if verdict(
	terraform([
		{
			"address": "azurerm_role_assignment.ci",
			"after": {"role_definition_name": "Contributor", "principal_type": "ServicePrincipal"},
		},
	]),
	defaults,
) == set()

test_good_a_google_binding_that_expires if verdict(
	terraform([
		{
			"address": "google_project_iam_member.oncall",
			"after": {
				"role": "roles/owner",
				"member": "user:a@acme.com",
				"condition": [{"title": "expires", "expression": "request.time < timestamp(\"2030-01-01T00:00:00Z\")"}],
			},
		},
	]),
	defaults,
) == set()

test_good_a_teleport_role_with_an_end if verdict(
	terraform([
		{
			"address": "teleport_role.oncall",
			"after": {"version": "v7", "spec": {"options": {"max_session_ttl": "1h0m0s"}, "allow": {"logins": ["root"]}}},
		},
	]),
	defaults,
) == set()

test_bad_a_permission_set_of_a_working_day if verdict(
	terraform([
		{
			"address": "module.sso.aws_ssoadmin_permission_set.ops[\"eu\"]",
			"after": {"name": "ops", "session_duration": "PT8H"},
		},
	]),
	defaults,
) == {
	["module.sso.aws_ssoadmin_permission_set.ops[\"eu\"]", "deny", "session_duration is PT8H; wanted: at most 60 minutes"],
}

test_bad_a_group_that_is_administrator_for_good if verdict(
	terraform([
		{
			"address": "aws_ssoadmin_permission_set.ops",
			"after": {"name": "ops", "session_duration": "PT1H"},
			"unknown": {"arn": true},
		},
		{
			"address": "aws_ssoadmin_managed_policy_attachment.ops",
			"after": {"managed_policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"},
			"unknown": {"permission_set_arn": true},
			"references": {"permission_set_arn": ["aws_ssoadmin_permission_set.ops"]},
		},
		{
			"address": "aws_ssoadmin_account_assignment.ops",
			"after": {"principal_type": "GROUP", "principal_id": "g-1"},
			"unknown": {"permission_set_arn": true},
			"references": {"permission_set_arn": ["aws_ssoadmin_permission_set.ops"]},
		},
	]),
	defaults,
) == {
	["aws_ssoadmin_account_assignment.ops", "deny", "group g-1 holds a permission set with AdministratorAccess for good; wanted: assigned on request, with an end"],
}

test_bad_an_owner_on_azure if verdict(
	terraform([
		{
			"address": "azurerm_role_assignment.alice",
			"after": {"role_definition_name": "Owner", "principal_type": "User", "principal_id": "1"},
		},
	]),
	defaults,
) == {
	["azurerm_role_assignment.alice", "deny", "Owner is assigned for good; wanted: azurerm_pim_eligible_role_assignment"],
}

test_bad_a_google_owner_for_good if verdict(
	terraform([
		{
			"address": "google_project_iam_member.alice",
			"after": {"role": "roles/owner", "member": "user:alice@acme.com", "condition": []},
		},
	]),
	defaults,
) == {
	["google_project_iam_member.alice", "deny", "roles/owner is given to user:alice@acme.com without an end; wanted: a condition on request.time"],
}

test_bad_a_teleport_role_without_an_end if verdict(
	kubernetes(
		[
			{
				"apiVersion": "resources.teleport.dev/v1",
				"kind": "TeleportRoleV7",
				"metadata": {"name": "oncall", "namespace": "teleport"},
				"spec": {"allow": {"logins": ["root"]}},
			},
		],
		[],
	),
	defaults,
) == {
	["resources.teleport.dev/v1/TeleportRoleV7/teleport/oncall", "deny", "options.max_session_ttl is not set; wanted: at most 720 minutes"],
}

test_bad_everything_on_boundary if verdict(terraform([{"address": "boundary_role.admin", "after": {"grant_strings": ["ids=*;type=*;actions=*"]}}]), defaults) == {
	["boundary_role.admin", "deny", "grant \"ids=*;type=*;actions=*\" allows everything; wanted: named types and actions"],
}

test_edge_an_administrator_s_set_by_its_name if verdict(
	terraform([
		{
			"address": "aws_ssoadmin_permission_set.admin",
			"after": {"name": "AdministratorAccess", "session_duration": "PT45M", "arn": "arn:1"},
		},
		{
			"address": "aws_ssoadmin_account_assignment.admin",
			"after": {"permission_set_arn": "arn:1", "principal_type": "USER", "principal_id": "u-1"},
		},
		{
			"address": "aws_ssoadmin_account_assignment.other",
			"after": {"permission_set_arn": "arn:2", "principal_type": "USER", "principal_id": "u-1"},
		},
	]),
	defaults,
) == {
	["aws_ssoadmin_account_assignment.admin", "deny", "user u-1 holds permission set AdministratorAccess for good; wanted: assigned on request, with an end"],
}

test_edge_a_built_in_role_by_its_id_a_principal_that_nobody_calls_a_service if verdict(
	terraform([
		{
			"address": "azurerm_role_assignment.x",
			"after": {
				"role_definition_id": "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c",
				"principal_id": "1",
			},
		},
	]),
	defaults,
) == {
	["azurerm_role_assignment.x", "deny", "Contributor is assigned for good; wanted: azurerm_pim_eligible_role_assignment"],
}

test_edge_principals_by_what_the_plan_refers_to if verdict(
	terraform([
		{
			"address": "azurerm_role_assignment.identity",
			"after": {"role_definition_name": "Contributor"},
			"unknown": {"principal_id": true, "principal_type": true},
			"references": {"principal_id": ["azurerm_user_assigned_identity.app"]},
		},
		{
			"address": "azurerm_role_assignment.group",
			"after": {"role_definition_name": "Contributor"},
			"unknown": {"principal_id": true, "principal_type": true},
			"references": {"principal_id": ["azuread_group.ops"]},
		},
		{
			"address": "azurerm_role_assignment.whoever",
			"after": {"role_definition_name": "Contributor", "principal_id": "1"},
			"unknown": {"principal_type": true},
		},
	]),
	defaults,
) == {
	["azurerm_role_assignment.group", "deny", "Contributor is assigned for good; wanted: azurerm_pim_eligible_role_assignment"],
	["azurerm_role_assignment.whoever", "unknown", "whether Contributor is assigned to a person is known only after apply; wanted: azurerm_pim_eligible_role_assignment"],
}

test_edge_an_active_assignment_with_and_without_an_end if verdict(
	terraform([
		{
			"address": "azurerm_pim_active_role_assignment.short",
			"after": {
				"role_definition_id": "/x/8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
				"schedule": [{"expiration": [{"duration_hours": 1}]}],
			},
		},
		{
			"address": "azurerm_pim_active_role_assignment.long",
			"after": {"role_definition_id": "/x/8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "schedule": []},
		},
	]),
	defaults,
) == {
	["azurerm_pim_active_role_assignment.long", "deny", "Owner is active without an end; wanted: schedule { expiration { duration_hours = 1 } }"],
}

test_edge_an_administrator_role_of_one_google_service if verdict(
	terraform([
		{
			"address": "google_project_iam_binding.x",
			"after": {
				"role": "roles/container.admin",
				"members": ["group:ops@acme.com", "serviceAccount:ci@acme.iam.gserviceaccount.com"],
			},
		},
		{
			"address": "google_project_iam_binding.ci",
			"after": {"role": "roles/container.admin", "members": ["serviceAccount:ci@acme.iam.gserviceaccount.com"]},
		},
	]),
	defaults,
) == {
	["google_project_iam_binding.x", "deny", "roles/container.admin is given to group:ops@acme.com without an end; wanted: a condition on request.time"],
}

test_edge_teleport_for_a_week_and_requests_that_nobody_reviews if verdict(
	terraform([
		{
			"address": "teleport_role.oncall",
			"after": {
				"spec": {
					"options": {"max_session_ttl": "168h"},
					"allow": {"request": {"roles": ["admin"], "thresholds": [{"approve": 0}]}},
				},
			},
		},
	]),
	defaults,
) == {
	["teleport_role.oncall", "deny", "allow.request.thresholds.approve is 0; wanted: at least 1 review"],
	["teleport_role.oncall", "deny", "options.max_session_ttl is 168h; wanted: at most 720 minutes"],
}

test_edge_known_only_after_apply if verdict(
	terraform([
		{
			"address": "aws_ssoadmin_permission_set.ops",
			"after": {"name": "ops"},
			"unknown": {"session_duration": true},
		},
		{
			"address": "azurerm_role_assignment.x",
			"after": {"principal_type": "User"},
			"unknown": {"role_definition_name": true},
		},
	]),
	defaults,
) == {
	["aws_ssoadmin_permission_set.ops", "unknown", "session_duration is known only after apply; wanted: at most 60 minutes"],
	["azurerm_role_assignment.x", "unknown", "role_definition_name is known only after apply; wanted: no standing administrator"],
}

test_edge_deleted_grants if verdict(
	terraform([
		{
			"address": "azurerm_role_assignment.alice",
			"before": {"role_definition_name": "Owner", "principal_type": "User"},
		},
		{"address": "teleport_role.oncall", "before": {"spec": {}}},
	]),
	defaults,
) == set()

test_edge_an_administrator_role_whose_name_has_a_dot if verdict(
	terraform([
		{
			"address": "google_project_iam_member.x",
			"after": {"role": "roles/resourcemanager.projectIamAdmin", "member": "user:alice@acme.com"},
		},
	]),
	defaults,
) == {
	["google_project_iam_member.x", "deny", "roles/resourcemanager.projectIamAdmin is given to user:alice@acme.com without an end; wanted: a condition on request.time"],
}
