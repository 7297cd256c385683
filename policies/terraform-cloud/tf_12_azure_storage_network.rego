# METADATA
# title: Azure storage is closed to networks that are not named
# description: >-
#   A storage account answers the whole internet unless its network rules say "Deny", and a container can be readable
#   without any key. The rules may stand in the account or in azurerm_storage_account_network_rules.
# related_resources:
#   - ref: https://learn.microsoft.com/azure/storage/common/storage-network-security
#     description: Storage firewalls and virtual networks
# custom:
#   id: TF-12
#   severity: high
#   remedy: 'network_rules { default_action = "Deny"  bypass = ["AzureServices"]  virtual_network_subnet_ids = [azurerm_subnet.app.id] }; container_access_type = "private"'
#   inspects: {terraform: [azurerm_storage_account, azurerm_storage_account_network_rules, azurerm_storage_container]}
#   references: [AZU-0012, AZU-0007, CKV_AZURE_34, CKV_AZURE_35]
package gatehouse.terraform_cloud.azure_storage_network

import data.gatehouse.lib.planned
import data.gatehouse.lib.terraform

deny contains finding if {
	input.type == "azurerm_storage_account"
	terraform.present
	open_network
	planned.missing_block("network_rules")
	count(beside) == 0
	not planned.stray(separate, "storage_account_id")
	finding := {"message": "network_rules is not set; wanted: default_action = \"Deny\"", "path": "network_rules"}
}

unknown contains finding if {
	input.type == "azurerm_storage_account"
	terraform.present
	open_network
	planned.missing_block("network_rules")
	count(beside) == 0
	planned.stray(separate, "storage_account_id")
	finding := {"message": "which account the plan's network rules are for is known only after apply; wanted: default_action = \"Deny\"", "path": "network_rules"}
}

deny contains finding if {
	input.type == "azurerm_storage_account"
	terraform.present
	open_network
	some i, rules in input.resource.network_rules
	action := terraform.get(rules, "default_action", "Allow")
	lower(action) != "deny"
	not terraform.unknown(["network_rules", i, "default_action"])
	finding := {"message": sprintf("network_rules.default_action is %s; wanted: Deny", [action]), "path": sprintf("network_rules[%d].default_action", [i])}
}

unknown contains finding if {
	input.type == "azurerm_storage_account"
	terraform.present
	open_network
	some i, _ in input.resource.network_rules
	terraform.unknown(["network_rules", i, "default_action"])
	finding := {"message": "network_rules.default_action is known only after apply; wanted: Deny", "path": sprintf("network_rules[%d].default_action", [i])}
}

deny contains finding if {
	input.type == "azurerm_storage_account_network_rules"
	terraform.present
	action := terraform.get(input.resource, "default_action", "Allow")
	lower(action) != "deny"
	not terraform.unknown("default_action")
	finding := {"message": sprintf("default_action is %s; wanted: Deny", [action]), "path": "default_action"}
}

deny contains finding if {
	input.type == "azurerm_storage_account_network_rules"
	terraform.removed
	lower(object.get(input.before, "default_action", "")) == "deny"
	some account in input.plan.azurerm_storage_account
	account.resource.id == input.before.storage_account_id
	finding := {"message": "network rules with default_action Deny are removed from an account that stays; wanted: kept"}
}

deny contains finding if {
	input.type == "azurerm_storage_container"
	terraform.present
	access := input.resource.container_access_type
	access in {"blob", "container"}
	finding := {"message": sprintf("container_access_type is %s; wanted: private", [access]), "path": "container_access_type"}
}

unknown contains finding if {
	some [type, name] in [["azurerm_storage_account_network_rules", "default_action"], ["azurerm_storage_container", "container_access_type"]]
	input.type == type
	terraform.present
	terraform.unknown(name)
	finding := {"message": sprintf("%s is known only after apply; wanted: closed to the public", [name]), "path": name}
}

open_network if terraform.get(input.resource, "public_network_access_enabled", true) == true

# A plan without such resources has no key for them.
default separate := {}

separate := input.plan.azurerm_storage_account_network_rules

beside := planned.companions(separate, "storage_account_id", ["id"])
