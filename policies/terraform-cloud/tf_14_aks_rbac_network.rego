# METADATA
# title: AKS clusters have RBAC and a network policy
# description: >-
#   Without role based access control every cluster user is an administrator, and without a network policy engine every Pod
#   reaches every other, whatever NetworkPolicy objects say.
# related_resources:
#   - ref: https://learn.microsoft.com/azure/aks/use-network-policies
#     description: Network policies in AKS
# custom:
#   id: TF-14
#   severity: high
#   remedy: 'role_based_access_control_enabled = true; network_profile { network_plugin = "azure"  network_policy = "cilium"  network_data_plane = "cilium" }'
#   inspects: {terraform: [azurerm_kubernetes_cluster]}
#   references: [AZU-0042, AZU-0043, CKV_AZURE_5, CKV_AZURE_7]
package gatehouse.terraform_cloud.aks_rbac_network

import data.gatehouse.lib.planned
import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	input.resource.role_based_access_control_enabled == false
	finding := {"message": "role_based_access_control_enabled is false; wanted: true", "path": "role_based_access_control_enabled"}
}

# The block of version 2 of the provider.
deny contains finding if {
	terraform.present
	some i, block in input.resource.role_based_access_control
	block.enabled == false
	finding := {"message": "role_based_access_control.enabled is false; wanted: true", "path": sprintf("role_based_access_control[%d].enabled", [i])}
}

deny contains finding if {
	terraform.present
	planned.missing_block("network_profile")
	finding := {"message": "network_profile is not set; wanted: network_policy azure, calico or cilium", "path": "network_profile"}
}

deny contains finding if {
	terraform.present
	some i, profile in input.resource.network_profile
	terraform.get(profile, "network_policy", "") in {"", "none"}
	not undecided(i)
	finding := {
		"message": sprintf("network_policy is %s; wanted: azure, calico or cilium", [terraform.get(profile, "network_policy", "not set")]),
		"path": sprintf("network_profile[%d].network_policy", [i]),
	}
}

unknown contains finding if {
	terraform.present
	terraform.unknown("role_based_access_control_enabled")
	finding := {"message": "role_based_access_control_enabled is known only after apply; wanted: true", "path": "role_based_access_control_enabled"}
}

unknown contains finding if {
	terraform.present
	some i, _ in input.resource.network_profile
	undecided(i)
	finding := {"message": "network_policy is known only after apply; wanted: azure, calico or cilium", "path": sprintf("network_profile[%d].network_policy", [i])}
}

unknown contains finding if {
	terraform.present
	terraform.unknown("network_profile")
	planned.referenced("network_profile")
	finding := {"message": "network_profile is known only after apply; wanted: network_policy azure, calico or cilium", "path": "network_profile"}
}

# What is left out is unknown too, because the provider fills it in.
undecided(i) if {
	terraform.unknown(["network_profile", i, "network_policy"])
	planned.referenced("network_profile")
}
