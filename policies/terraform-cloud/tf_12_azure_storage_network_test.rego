package gatehouse.terraform_cloud.azure_storage_network_test

import data.gatehouse.lib.fixture
import data.gatehouse.terraform_cloud.azure_storage_network as rule

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["azurerm_storage_account", "azurerm_storage_account_network_rules", "azurerm_storage_container"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_rules_in_the_account if verdict([
	{
		"address": "azurerm_storage_account.data",
		"after": {"network_rules": [{"default_action": "Deny", "ip_rules": []}]},
	},
]) == set()

test_good_rules_beside_the_account if verdict([
	{
		"address": "azurerm_storage_account.data[0]",
		"after": {"name": "acmedata"},
		"unknown": {"id": true, "network_rules": true},
	},
	{
		"address": "azurerm_storage_account_network_rules.data[0]",
		"after": {"default_action": "Deny"},
		"unknown": {"storage_account_id": true},
		"references": {"storage_account_id": ["azurerm_storage_account.data"]},
	},
]) == set()

test_good_no_public_network_at_all if verdict([
	{
		"address": "azurerm_storage_account.data",
		"after": {"public_network_access_enabled": false, "network_rules": []},
	},
]) == set()

test_bad_no_rules if verdict([
	{
		"address": "module.store.azurerm_storage_account.data[\"eu\"]",
		"after": {"name": "acmedata", "public_network_access_enabled": true, "network_rules": []},
	},
]) == {
	["module.store.azurerm_storage_account.data[\"eu\"]", "deny", "network_rules is not set; wanted: default_action = \"Deny\""],
}

test_bad_rules_that_allow_by_default if verdict([
	{
		"address": "azurerm_storage_account_network_rules.data",
		"after": {"default_action": "Allow", "storage_account_id": "/subscriptions/1/storageAccounts/acmedata"},
	},
]) == {
	["azurerm_storage_account_network_rules.data", "deny", "default_action is Allow; wanted: Deny"],
}

test_bad_a_public_container if verdict([{"address": "azurerm_storage_container.site", "after": {"container_access_type": "blob"}}]) == {
	["azurerm_storage_container.site", "deny", "container_access_type is blob; wanted: private"],
}

test_edge_allow_in_the_account if verdict([{"address": "azurerm_storage_account.data", "after": {"network_rules": [{"default_action": "Allow"}]}}]) == {
	["azurerm_storage_account.data", "deny", "network_rules.default_action is Allow; wanted: Deny"],
}

test_edge_decided_at_apply if verdict([
	{
		"address": "azurerm_storage_account.data",
		"after": {"network_rules": [{}]},
		"unknown": {"network_rules": [{"default_action": true}]},
	},
	{"address": "azurerm_storage_container.site", "after": {}, "unknown": {"container_access_type": true}},
]) == {
	["azurerm_storage_account.data", "unknown", "network_rules.default_action is known only after apply; wanted: Deny"],
	["azurerm_storage_container.site", "unknown", "container_access_type is known only after apply; wanted: closed to the public"],
}

test_edge_rules_for_an_account_that_is_known_only_after_apply if verdict([
	{
		"address": "azurerm_storage_account.data",
		"after": {"name": "acmedata"},
		"unknown": {"id": true, "network_rules": true},
	},
	{
		"address": "azurerm_storage_account_network_rules.data",
		"after": {"default_action": "Deny"},
		"unknown": {"storage_account_id": true},
		"references": {"storage_account_id": ["local.account"]},
	},
]) == {
	["azurerm_storage_account.data", "unknown", "which account the plan's network rules are for is known only after apply; wanted: default_action = \"Deny\""],
}

test_edge_rules_removed_from_an_account_that_stays if verdict([
	{
		"address": "azurerm_storage_account.data",
		"before": {"id": "/x/acmedata"},
		"after": {"id": "/x/acmedata"},
	},
	{
		"address": "azurerm_storage_account_network_rules.data",
		"before": {"default_action": "Deny", "storage_account_id": "/x/acmedata"},
	},
]) == {
	["azurerm_storage_account.data", "deny", "network_rules is not set; wanted: default_action = \"Deny\""],
	["azurerm_storage_account_network_rules.data", "deny", "network rules with default_action Deny are removed from an account that stays; wanted: kept"],
}
