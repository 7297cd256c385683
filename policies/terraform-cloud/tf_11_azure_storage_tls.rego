# METADATA
# title: Azure storage accepts only TLS 1.2 or newer
# description: >-
#   Keys and data of a storage account travel with each request. Plain HTTP and old TLS versions let others read them on the
#   way. The provider's defaults are right; this rule is about what overrides them.
# related_resources:
#   - ref: https://learn.microsoft.com/azure/storage/common/storage-require-secure-transfer
#     description: Require secure transfer
# custom:
#   id: TF-11
#   severity: high
#   remedy: 'https_traffic_only_enabled = true and min_tls_version = "TLS1_2"'
#   inspects: {terraform: [azurerm_storage_account]}
#   references: [AZU-0008, AZU-0011, CKV_AZURE_3, CKV_AZURE_44]
package gatehouse.terraform_cloud.azure_storage_tls

import data.gatehouse.lib.terraform

# The name until version 3 of the provider, and since.
switches := ["https_traffic_only_enabled", "enable_https_traffic_only"]

deny contains finding if {
	terraform.present
	some name in switches
	input.resource[name] == false
	finding := {"message": sprintf("%s is false; wanted: true", [name]), "path": name}
}

deny contains finding if {
	terraform.present
	version := input.resource.min_tls_version
	version in {"TLS1_0", "TLS1_1"}
	finding := {"message": sprintf("min_tls_version is %s; wanted: TLS1_2", [version]), "path": "min_tls_version"}
}

unknown contains finding if {
	terraform.present
	some name in array.concat(switches, ["min_tls_version"])
	terraform.unknown(name)
	finding := {"message": sprintf("%s is known only after apply; wanted: TLS 1.2 or newer only", [name]), "path": name}
}
