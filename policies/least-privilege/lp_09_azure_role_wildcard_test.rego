package gatehouse.least_privilege.azure_role_wildcard_test

import data.gatehouse.least_privilege.azure_role_wildcard as rule
import data.gatehouse.lib.fixture

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["azurerm_role_definition"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_named_operations if verdict([
	{
		"address": "azurerm_role_definition.reader",
		"after": {
			"permissions": [
				{
					"actions": ["Microsoft.Storage/storageAccounts/read", "Microsoft.Compute/*/read"],
					"not_actions": [],
					"data_actions": [],
				},
			],
		},
	},
]) == set()

test_bad_everything if verdict([
	{
		"address": "module.iam.azurerm_role_definition.ops[0]",
		"after": {"permissions": [{"actions": ["*"], "not_actions": ["Microsoft.Authorization/*/Delete"]}]},
	},
]) == {
	["module.iam.azurerm_role_definition.ops[0]", "deny", "actions has *; wanted: the operations that are used"],
}

test_bad_giving_roles_to_oneself if verdict([
	{
		"address": "azurerm_role_definition.ops",
		"after": {"permissions": [{"actions": ["Microsoft.Authorization/roleAssignments/write"]}]},
	},
]) == {
	["azurerm_role_definition.ops", "deny", "actions has Microsoft.Authorization/roleAssignments/write; wanted: the operations that are used"],
}

test_edge_all_data if verdict([
	{
		"address": "azurerm_role_definition.data",
		"after": {"permissions": [{"actions": null, "data_actions": ["*"]}]},
	},
]) == {
	["azurerm_role_definition.data", "deny", "data_actions has *; wanted: the operations that are used"],
}

test_edge_known_only_after_apply if verdict([
	{
		"address": "azurerm_role_definition.ops",
		"after": {"permissions": [{"actions": [null]}]},
		"unknown": {"permissions": [{"actions": [true]}]},
	},
]) == {
	["azurerm_role_definition.ops", "unknown", "actions is known only after apply; wanted: the operations that are used"],
}

test_edge_a_deleted_role if verdict([{"address": "azurerm_role_definition.ops", "before": {"permissions": [{"actions": ["*"]}]}}]) == set()
