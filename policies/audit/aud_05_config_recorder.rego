# METADATA
# title: AWS Config records every resource type
# description: >-
#   A recorder that leaves types out cannot say what a security group or a role was yesterday. Leaving the group out records
#   everything.
# related_resources:
#   - ref: https://docs.aws.amazon.com/config/latest/developerguide/select-resources.html
#     description: Recording AWS resources
# custom:
#   id: AUD-05
#   severity: medium
#   remedy: recording_group { all_supported = true  include_global_resource_types = true }
#   inspects: {terraform: [aws_config_configuration_recorder, aws_config_configuration_recorder_status]}
#   references: [CKV2_AWS_45, CKV2_AWS_48]
package gatehouse.audit.config_recorder

import data.gatehouse.lib.terraform

deny contains finding if {
	input.type == "aws_config_configuration_recorder"
	terraform.present
	some i, group in input.resource.recording_group
	not terraform.unknown(["recording_group", i, "all_supported"])
	terraform.get(group, "all_supported", true) == false
	finding := {"message": sprintf("all_supported is false, %s; wanted: true", [recorded(group)]), "path": sprintf("recording_group[%d].all_supported", [i])}
}

deny contains finding if {
	input.type == "aws_config_configuration_recorder_status"
	terraform.present
	input.resource.is_enabled == false
	finding := {"message": "is_enabled is false; wanted: true", "path": "is_enabled"}
}

unknown contains finding if {
	terraform.present
	some i, _ in input.resource.recording_group
	terraform.unknown(["recording_group", i, "all_supported"])
	finding := {"message": "all_supported is known only after apply; wanted: true", "path": sprintf("recording_group[%d].all_supported", [i])}
}

recorded(group) := sprintf("%d types are left out", [count(types)]) if {
	some exclusion in group.exclusion_by_resource_types
	types := exclusion.resource_types
} else := sprintf("only %d types are recorded", [count(terraform.get(group, "resource_types", []))])
