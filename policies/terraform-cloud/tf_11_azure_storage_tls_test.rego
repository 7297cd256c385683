package gatehouse.terraform_cloud.azure_storage_tls_test

import data.gatehouse.lib.fixture
import data.gatehouse.terraform_cloud.azure_storage_tls as rule

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["azurerm_storage_account"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_tls_1_2_only if verdict([
	{
		"address": "azurerm_storage_account.data",
		"after": {"https_traffic_only_enabled": true, "min_tls_version": "TLS1_2"},
	},
]) == set()

test_bad_plain_http if verdict([
	{
		"address": "azurerm_storage_account.data",
		"after": {"https_traffic_only_enabled": false, "min_tls_version": "TLS1_2"},
	},
]) == {
	["azurerm_storage_account.data", "deny", "https_traffic_only_enabled is false; wanted: true"],
}

test_bad_an_old_version if verdict([
	{
		"address": "module.store.azurerm_storage_account.data[\"eu\"]",
		"after": {"https_traffic_only_enabled": true, "min_tls_version": "TLS1_0"},
	},
]) == {
	["module.store.azurerm_storage_account.data[\"eu\"]", "deny", "min_tls_version is TLS1_0; wanted: TLS1_2"],
}

test_edge_the_switch_of_older_providers if verdict([{"address": "azurerm_storage_account.data", "after": {"enable_https_traffic_only": false}}]) == {
	["azurerm_storage_account.data", "deny", "enable_https_traffic_only is false; wanted: true"],
}

test_edge_decided_at_apply if verdict([
	{
		"address": "azurerm_storage_account.data",
		"after": {"https_traffic_only_enabled": true},
		"unknown": {"min_tls_version": true},
	},
]) == {
	["azurerm_storage_account.data", "unknown", "min_tls_version is known only after apply; wanted: TLS 1.2 or newer only"],
}

test_edge_a_deleted_account if verdict([{"address": "azurerm_storage_account.data", "before": {"https_traffic_only_enabled": false}}]) == set()
