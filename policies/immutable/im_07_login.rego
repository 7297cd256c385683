# METADATA
# title: No machine takes project-wide SSH keys or passwords
# description: >-
#   A key in the metadata of a Google project opens every machine of the project, those of tomorrow included. A
#   password on an Azure machine can be guessed from anywhere that reaches it. Both let people in without a name.
# related_resources:
#   - ref: https://cloud.google.com/compute/docs/connect/restrict-ssh-keys#block-project-keys
#     description: Blocking project-wide SSH keys
#   - ref: https://learn.microsoft.com/azure/virtual-machines/linux/create-ssh-keys-detailed
#     description: Azure Linux machines without passwords
# custom:
#   id: IM-07
#   severity: medium
#   remedy: >-
#     Google: metadata = { enable-oslogin = "TRUE", block-project-ssh-keys = "true" } and no ssh-keys in the project's
#     metadata. Azure: disable_password_authentication = true.
#   inspects:
#     terraform:
#       - google_compute_project_metadata
#       - google_compute_project_metadata_item
#       - google_compute_instance
#       - google_compute_instance_template
#       - google_compute_region_instance_template
#       - azurerm_linux_virtual_machine
#       - azurerm_linux_virtual_machine_scale_set
#       - azurerm_orchestrated_virtual_machine_scale_set
#       - azurerm_virtual_machine
#       - azurerm_virtual_machine_scale_set
#   references: [GCP-0030, GCP-0042, AZU-0039, CKV_GCP_32, CKV_GCP_33, CKV_AZURE_1, CKV_AZURE_49, CKV_AZURE_178]
package gatehouse.immutable.login

import data.gatehouse.lib.terraform

_key_entries := {"ssh-keys", "sshKeys"}

deny contains finding if {
	input.type == "google_compute_project_metadata"
	terraform.present
	some entry in _key_entries
	terraform.get(input.resource, ["metadata", entry], "") != ""
	finding := {"message": sprintf("the project's metadata has %s; wanted: no key for every machine", [entry]), "path": sprintf("metadata.%s", [entry])}
}

deny contains finding if {
	input.type == "google_compute_project_metadata_item"
	terraform.present
	input.resource.key in _key_entries
	finding := {"message": sprintf("the project's metadata has %s; wanted: no key for every machine", [input.resource.key]), "path": "key"}
}

deny contains finding if {
	_google_machine
	not _blocks_project_keys
	not terraform.unknown("metadata")
	not terraform.unknown_within(["metadata", "block-project-ssh-keys"])
	finding := {"message": "project-wide SSH keys open the machine; wanted: metadata block-project-ssh-keys true, or enable-oslogin", "path": "metadata"}
}

unknown contains finding if {
	_google_machine
	not _blocks_project_keys
	_metadata_late
	finding := {"message": "whether project-wide SSH keys open the machine is known only after apply; wanted: metadata block-project-ssh-keys true", "path": "metadata"}
}

_metadata_late if terraform.unknown("metadata")

_metadata_late if terraform.unknown_within(["metadata", "block-project-ssh-keys"])

_google_machine if {
	input.type in {"google_compute_instance", "google_compute_instance_template", "google_compute_region_instance_template"}
	terraform.present
}

_blocks_project_keys if _on(input.resource.metadata["block-project-ssh-keys"])

# OS Login takes no keys from metadata at all.
_blocks_project_keys if _on(input.resource.metadata["enable-oslogin"])

_blocks_project_keys if {
	not input.resource.metadata["enable-oslogin"]
	some project in input.plan.google_compute_project_metadata
	_on(project.resource.metadata["enable-oslogin"])
}

_blocks_project_keys if {
	not input.resource.metadata["enable-oslogin"]
	some item in input.plan.google_compute_project_metadata_item
	item.resource.key == "enable-oslogin"
	_on(item.resource.value)
}

_on(value) if lower(sprintf("%v", [value])) in {"true", "1", "yes", "y"}

deny contains finding if {
	terraform.present
	some setting in _password_settings
	setting.value == false
	finding := {"message": sprintf("%s is false; wanted: true", [setting.path]), "path": setting.path}
}

unknown contains finding if {
	terraform.present
	some attribute in ["disable_password_authentication", "os_profile_linux_config", "os_profile"]
	terraform.set_late(attribute)
	startswith(input.type, "azurerm_")
	_password_late(attribute)
	finding := {"message": "whether passwords open the machine is known only after apply; wanted: disable_password_authentication true", "path": attribute}
}

_password_late("disable_password_authentication")

_password_late("os_profile_linux_config") if {
	input.change.unknown.os_profile_linux_config[_].disable_password_authentication == true
}

_password_late("os_profile") if {
	input.change.unknown.os_profile[_].linux_configuration[_].disable_password_authentication == true
}

_password_settings contains {"path": "disable_password_authentication", "value": value} if {
	value := input.resource.disable_password_authentication
}

_password_settings contains {"path": sprintf("os_profile_linux_config[%d].disable_password_authentication", [i]), "value": value} if {
	some i, config in input.resource.os_profile_linux_config
	value := config.disable_password_authentication
}

_password_settings contains {"path": sprintf("os_profile[%d].linux_configuration[%d].disable_password_authentication", [p, i]), "value": value} if {
	some p, profile in input.resource.os_profile
	some i, config in profile.linux_configuration
	value := config.disable_password_authentication
}
