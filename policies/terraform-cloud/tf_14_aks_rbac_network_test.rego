package gatehouse.terraform_cloud.aks_rbac_network_test

import data.gatehouse.lib.fixture
import data.gatehouse.terraform_cloud.aks_rbac_network as rule

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items) := {entry |
	some doc in fixture.terraform(["azurerm_kubernetes_cluster"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_both if verdict([
	{
		"address": "azurerm_kubernetes_cluster.main",
		"after": {
			"role_based_access_control_enabled": true,
			"network_profile": [{"network_plugin": "azure", "network_policy": "calico"}],
		},
	},
]) == set()

test_bad_neither if verdict([
	{
		"address": "module.aks.azurerm_kubernetes_cluster.main[0]",
		"after": {"role_based_access_control_enabled": false, "network_profile": []},
	},
]) == {
	["module.aks.azurerm_kubernetes_cluster.main[0]", "deny", "network_profile is not set; wanted: network_policy azure, calico or cilium"],
	["module.aks.azurerm_kubernetes_cluster.main[0]", "deny", "role_based_access_control_enabled is false; wanted: true"],
}

test_bad_a_profile_without_a_policy_which_the_plan_shows_as_unknown if verdict([
	{
		"address": "azurerm_kubernetes_cluster.main",
		"after": {"role_based_access_control_enabled": true, "network_profile": [{"network_plugin": "azure"}]},
		"unknown": {"network_profile": [{"network_policy": true, "dns_service_ip": true}]},
	},
]) == {
	["azurerm_kubernetes_cluster.main", "deny", "network_policy is not set; wanted: azure, calico or cilium"],
}

test_edge_the_block_of_older_providers if verdict([
	{
		"address": "azurerm_kubernetes_cluster.main",
		"after": {"role_based_access_control": [{"enabled": false}], "network_profile": [{"network_policy": "azure"}]},
	},
]) == {
	["azurerm_kubernetes_cluster.main", "deny", "role_based_access_control.enabled is false; wanted: true"],
}

test_edge_the_profile_is_left_out if verdict([
	{
		"address": "azurerm_kubernetes_cluster.main",
		"after": {"name": "main"},
		"unknown": {"network_profile": true},
	},
]) == {
	["azurerm_kubernetes_cluster.main", "deny", "network_profile is not set; wanted: network_policy azure, calico or cilium"],
}

test_edge_decided_at_apply if verdict([
	{
		"address": "azurerm_kubernetes_cluster.main",
		"after": {"network_profile": [{"network_plugin": "azure"}]},
		"unknown": {"role_based_access_control_enabled": true, "network_profile": [{"network_policy": true}]},
		"references": {"network_profile": ["data.external.settings"]},
	},
]) == {
	["azurerm_kubernetes_cluster.main", "unknown", "network_policy is known only after apply; wanted: azure, calico or cilium"],
	["azurerm_kubernetes_cluster.main", "unknown", "role_based_access_control_enabled is known only after apply; wanted: true"],
}

test_edge_a_deleted_cluster if verdict([{"address": "azurerm_kubernetes_cluster.main", "before": {"role_based_access_control_enabled": false}}]) == set()
