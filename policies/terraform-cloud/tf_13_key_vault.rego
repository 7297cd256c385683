# METADATA
# title: Key vaults cannot be purged and are closed to unnamed networks
# description: >-
#   Without purge protection, one mistaken or malicious delete takes every key and all that they encrypt with it for good.
#   Without a network rule that denies, the vault answers the whole internet.
# related_resources:
#   - ref: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
#     description: Soft delete and purge protection
# custom:
#   id: TF-13
#   severity: medium
#   remedy: 'purge_protection_enabled = true; network_acls { default_action = "Deny"  bypass = "AzureServices" }'
#   inspects: {terraform: [azurerm_key_vault]}
#   references: [AZU-0016, AZU-0013, CKV_AZURE_42, CKV_AZURE_109, CKV_AZURE_110]
package gatehouse.terraform_cloud.key_vault

import data.gatehouse.lib.planned
import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	not input.resource.purge_protection_enabled == true
	not terraform.unknown("purge_protection_enabled")
	finding := {
		"message": sprintf("purge_protection_enabled is %v; wanted: true", [terraform.get(input.resource, "purge_protection_enabled", "not set")]),
		"path": "purge_protection_enabled",
	}
}

deny contains finding if {
	terraform.present
	open_network
	planned.missing_block("network_acls")
	finding := {"message": "network_acls is not set; wanted: default_action = \"Deny\"", "path": "network_acls"}
}

deny contains finding if {
	terraform.present
	open_network
	some i, acl in input.resource.network_acls
	action := terraform.get(acl, "default_action", "Allow")
	lower(action) != "deny"
	not terraform.unknown(["network_acls", i, "default_action"])
	finding := {"message": sprintf("network_acls.default_action is %s; wanted: Deny", [action]), "path": sprintf("network_acls[%d].default_action", [i])}
}

unknown contains finding if {
	terraform.present
	terraform.unknown("purge_protection_enabled")
	finding := {"message": "purge_protection_enabled is known only after apply; wanted: true", "path": "purge_protection_enabled"}
}

unknown contains finding if {
	terraform.present
	open_network
	acl_undecided
	finding := {"message": "network_acls.default_action is known only after apply; wanted: Deny", "path": "network_acls"}
}

acl_undecided if {
	some i, _ in input.resource.network_acls
	terraform.unknown(["network_acls", i, "default_action"])
}

acl_undecided if {
	terraform.unknown("network_acls")
	planned.referenced("network_acls")
}

open_network if terraform.get(input.resource, "public_network_access_enabled", true) == true
