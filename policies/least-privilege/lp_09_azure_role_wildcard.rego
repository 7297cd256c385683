# METADATA
# title: Azure roles name what they allow
# description: >-
#   A custom role with "*" among its actions is Owner under another name; one that writes role assignments can give itself
#   that. What not_actions takes away leaves everything that is added to Azure later.
# related_resources:
#   - ref: https://learn.microsoft.com/azure/role-based-access-control/custom-roles
#     description: Azure custom roles
# custom:
#   id: LP-09
#   severity: high
#   remedy: 'actions = ["Microsoft.Storage/storageAccounts/read"], the operations that the work needs'
#   inspects: {terraform: [azurerm_role_definition]}
#   references: [AZU-0030, CKV_AZURE_39]
package gatehouse.least_privilege.azure_role_wildcard

import data.gatehouse.lib.terraform

wild := {"*", "*/*", "*/write", "microsoft.authorization/*", "microsoft.authorization/*/write", "microsoft.authorization/roleassignments/*", "microsoft.authorization/roleassignments/write", "microsoft.authorization/roledefinitions/*", "microsoft.authorization/roledefinitions/write"}

deny contains finding if {
	terraform.present
	some i, permissions in input.resource.permissions
	some field in ["actions", "data_actions"]
	some action in permissions[field]
	is_string(action)
	lower(action) in wild
	finding := {
		"message": sprintf("%s has %s; wanted: the operations that are used", [field, action]),
		"path": sprintf("permissions[%d].%s", [i, field]),
	}
}

unknown contains finding if {
	terraform.present
	some i, _ in input.resource.permissions
	some field in ["actions", "data_actions"]
	terraform.unknown_within(["permissions", i, field])
	finding := {
		"message": sprintf("%s is known only after apply; wanted: the operations that are used", [field]),
		"path": sprintf("permissions[%d].%s", [i, field]),
	}
}
