package gatehouse.terraform_cloud.key_vault_test

import data.gatehouse.lib.fixture
import data.gatehouse.terraform_cloud.key_vault as rule

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["azurerm_key_vault"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_protected_and_closed if verdict([
	{
		"address": "azurerm_key_vault.main",
		"after": {
			"purge_protection_enabled": true,
			"network_acls": [{"default_action": "Deny", "bypass": "AzureServices"}],
		},
	},
]) == set()

test_good_reachable_through_a_private_endpoint_only if verdict([
	{
		"address": "azurerm_key_vault.main",
		"after": {"purge_protection_enabled": true, "public_network_access_enabled": false, "network_acls": []},
	},
]) == set()

test_bad_neither if verdict([
	{
		"address": "module.kv.azurerm_key_vault.main[0]",
		"after": {"purge_protection_enabled": null, "public_network_access_enabled": true, "network_acls": []},
	},
]) == {
	["module.kv.azurerm_key_vault.main[0]", "deny", "network_acls is not set; wanted: default_action = \"Deny\""],
	["module.kv.azurerm_key_vault.main[0]", "deny", "purge_protection_enabled is not set; wanted: true"],
}

test_bad_a_network_rule_that_allows if verdict([
	{
		"address": "azurerm_key_vault.main",
		"after": {"purge_protection_enabled": true, "network_acls": [{"default_action": "Allow"}]},
	},
]) == {
	["azurerm_key_vault.main", "deny", "network_acls.default_action is Allow; wanted: Deny"],
}

test_edge_decided_at_apply if verdict([
	{
		"address": "azurerm_key_vault.main",
		"after": {"network_acls": [{}]},
		"unknown": {"purge_protection_enabled": true, "network_acls": [{"default_action": true}]},
	},
]) == {
	["azurerm_key_vault.main", "unknown", "network_acls.default_action is known only after apply; wanted: Deny"],
	["azurerm_key_vault.main", "unknown", "purge_protection_enabled is known only after apply; wanted: true"],
}

test_edge_left_out_and_shown_as_unknown if verdict([
	{
		"address": "azurerm_key_vault.main",
		"after": {"purge_protection_enabled": true},
		"unknown": {"network_acls": true},
	},
]) == {
	["azurerm_key_vault.main", "deny", "network_acls is not set; wanted: default_action = \"Deny\""],
}

test_edge_a_deleted_vault if verdict([{"address": "azurerm_key_vault.main", "before": {"purge_protection_enabled": true}}]) == set()
