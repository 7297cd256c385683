# METADATA
# title: What records the account's activity is neither deleted nor turned off
# description: >-
#   The first thing that an intruder does, and the last that an honest change needs, is to stop the recording. From
#   then on nobody can say who did what, and nothing brings the missing days back.
# related_resources:
#   - ref: https://attack.mitre.org/techniques/T1562/008/
#     description: MITRE ATT&CK, Impair Defenses, Disable or Modify Cloud Logs
# custom:
#   id: AUD-04
#   severity: critical
#   remedy: >-
#     Keep the resource and its switches as they are. To move it, make the new one first and delete the old one in a
#     later change, with a waiver that names the new one; a moved block keeps what was only renamed.
#   inspects:
#     terraform:
#       - aws_cloudtrail
#       - aws_cloudtrail_event_data_store
#       - aws_config_configuration_recorder
#       - aws_config_configuration_recorder_status
#       - aws_config_delivery_channel
#       - aws_flow_log
#       - aws_guardduty_detector
#       - aws_guardduty_detector_feature
#       - aws_macie2_account
#       - aws_securityhub_account
#       - google_logging_billing_account_sink
#       - google_logging_folder_sink
#       - google_logging_organization_sink
#       - google_logging_project_sink
#       - google_folder_iam_audit_config
#       - google_organization_iam_audit_config
#       - google_project_iam_audit_config
#       - google_scc_notification_config
#       - azurerm_log_analytics_workspace
#       - azurerm_monitor_aad_diagnostic_setting
#       - azurerm_monitor_diagnostic_setting
#       - azurerm_monitor_log_profile
#       - azurerm_mssql_database_extended_auditing_policy
#       - azurerm_mssql_server_extended_auditing_policy
#       - azurerm_network_watcher_flow_log
#       - azurerm_security_center_subscription_pricing
package gatehouse.audit.audit_removed

import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.removed
	"delete" in input.change.actions
	not _subject_gone
	finding := {"message": sprintf("%s %q, which records what happens, is deleted; wanted: to keep it", [input.type, input.name])}
}

# Terraform lets go of it, so that nobody sees it disappear; it is not gone yet.
warn contains finding if {
	terraform.removed
	"forget" in input.change.actions
	finding := {"message": sprintf("%s %q, which records what happens, leaves Terraform's care; wanted: to keep it there", [input.type, input.name])}
}

deny contains finding if {
	terraform.present
	some attribute, on in _switches[input.type]
	_value(input.before, attribute, on) == on
	not terraform.unknown(attribute)
	now := _value(input.resource, attribute, on)
	now != on
	finding := {"message": sprintf("%s was %v and becomes %v; wanted: %v", [attribute, on, now, on]), "path": attribute}
}

unknown contains finding if {
	terraform.present
	some attribute, on in _switches[input.type]
	_value(input.before, attribute, on) == on
	terraform.unknown(attribute)
	finding := {"message": sprintf("%s was %v, and what it becomes is known only after apply; wanted: %v", [attribute, on, on]), "path": attribute}
}

deny contains finding if {
	terraform.present
	some list in _narrowed[input.type]
	not terraform.unknown_within(list.attribute)
	lost := _members(input.before, list) - _members(input.resource, list)
	count(lost) > 0
	finding := {"message": sprintf("%s no longer has %s; wanted: to keep what is recorded", [list.attribute, concat(", ", sort(lost))]), "path": list.attribute}
}

deny contains finding if {
	terraform.present
	some list in _excused[input.type]
	not terraform.unknown_within(list.attribute)
	gained := _members(input.resource, list) - _members(input.before, list)
	input.before != null
	count(gained) > 0
	finding := {"message": sprintf("%s now has %s, which is recorded no more; wanted: no new exception", [list.attribute, concat(", ", sort(gained))]), "path": list.attribute}
}

deny contains finding if {
	input.type == "aws_cloudtrail"
	terraform.present
	is_object(input.before)
	not terraform.unknown_within("event_selector")
	not terraform.unknown_within("advanced_event_selector")
	lost := _management(input.before) - _management(input.resource)
	count(lost) > 0
	finding := {
		"message": sprintf("management events of the kind [%s] are recorded no more; wanted: to keep what is recorded", [concat(", ", sort(lost))]),
		"path": "event_selector",
	}
}

# The management events that a trail records, read or write: all of them unless its selectors say otherwise.
_management(values) := {"read", "write"} if {
	count(terraform.list(object.get(values, "event_selector", null))) == 0
	count(terraform.list(object.get(values, "advanced_event_selector", null))) == 0
} else := {kind |
	some selector in terraform.list(object.get(values, "event_selector", null))
	object.get(selector, "include_management_events", true) in {true, null}
	some kind in _selected[terraform.get(selector, "read_write_type", "All")]
} | {kind |
	some selector in terraform.list(object.get(values, "advanced_event_selector", null))
	some category in selector.field_selector
	category.field == "eventCategory"
	"Management" in category.equals
	only := {value | some field in selector.field_selector; field.field == "readOnly"; some value in field.equals}
	some kind, value in {"read": "true", "write": "false"}
	_chosen(only, value)
}

_selected := {"All": {"read", "write"}, "ReadOnly": {"read"}, "WriteOnly": {"write"}}

_chosen(only, value) if value in only

_chosen(only, _) if count(only) == 0

# What has to stay as it is, and is that when it is left out.
_switches := {
	"aws_cloudtrail": {
		"enable_logging": true,
		"is_multi_region_trail": true,
		"include_global_service_events": true,
		"is_organization_trail": true,
		"enable_log_file_validation": true,
	},
	"aws_config_configuration_recorder_status": {"is_enabled": true},
	"aws_guardduty_detector": {"enable": true},
	"aws_guardduty_detector_feature": {"status": "ENABLED"},
	"aws_macie2_account": {"status": "ENABLED"},
	"google_logging_billing_account_sink": {"disabled": false},
	"google_logging_folder_sink": {"disabled": false},
	"google_logging_organization_sink": {"disabled": false},
	"google_logging_project_sink": {"disabled": false},
	"azurerm_mssql_database_extended_auditing_policy": {"enabled": true},
	"azurerm_mssql_server_extended_auditing_policy": {"enabled": true},
	"azurerm_network_watcher_flow_log": {"enabled": true},
	"azurerm_security_center_subscription_pricing": {"tier": "Standard"},
}

# Switches of CloudTrail that are off when they are left out.
_off_by_default := {"is_multi_region_trail", "is_organization_trail", "enable_log_file_validation"}

_value(values, attribute, on) := value if {
	value := values[attribute]
	value != null
} else := false if {
	attribute in _off_by_default
} else := on if {
	is_object(values)
}

# Lists of what is recorded.
_narrowed := {
	"google_folder_iam_audit_config": [{"attribute": "audit_log_config", "key": "log_type"}],
	"google_organization_iam_audit_config": [{"attribute": "audit_log_config", "key": "log_type"}],
	"google_project_iam_audit_config": [{"attribute": "audit_log_config", "key": "log_type"}],
	"azurerm_monitor_aad_diagnostic_setting": [{"attribute": "enabled_log", "key": "category"}],
	"azurerm_monitor_diagnostic_setting": [
		{"attribute": "enabled_log", "key": "category"},
		{"attribute": "enabled_log", "key": "category_group"},
	],
}

# Lists of what is not.
_excused := {
	"google_logging_billing_account_sink": [{"attribute": "exclusions", "key": "name"}],
	"google_logging_folder_sink": [{"attribute": "exclusions", "key": "name"}],
	"google_logging_organization_sink": [{"attribute": "exclusions", "key": "name"}],
	"google_logging_project_sink": [{"attribute": "exclusions", "key": "name"}],
}

_members(values, list) := {member |
	some block in values[list.attribute]
	member := block[list.key]
	is_string(member)
	member != ""
}

# A flow log of a network that goes in the same change has nothing left to record.
_subject_gone if {
	input.type == "aws_flow_log"
	some vpc in input.plan.aws_vpc
	vpc.resource == null
	vpc.before.id == input.before.vpc_id
}

_subject_gone if {
	input.type == "aws_flow_log"
	some subnet in input.plan.aws_subnet
	subnet.resource == null
	subnet.before.id == input.before.subnet_id
}
