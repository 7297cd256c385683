package gatehouse.audit.audit_removed_test

import data.gatehouse.audit.audit_removed
import data.gatehouse.lib.testing

_denied(document) := testing.messages(found) if {
	found := audit_removed.deny with input as document
}

_unknown(document) := testing.messages(found) if {
	found := audit_removed.unknown with input as document
}

_change(address, before, after) := testing.terraform_change(address, before, after, {})

test_deleted if {
	every type in ["aws_cloudtrail", "aws_config_configuration_recorder", "google_logging_project_sink", "azurerm_monitor_diagnostic_setting"] {
		_denied(_change(sprintf("module.a[0].%s.main", [type]), {"id": "1"}, null)) == [sprintf("%s \"main\", which records what happens, is deleted; wanted: to keep it", [type])]
	}
}

test_forgotten if {
	document := testing.with_actions(_change("aws_cloudtrail.main", {"id": "1"}, null), ["forget"])
	_denied(document) == []
	warned := audit_removed.warn with input as document
	testing.messages(warned) == ["aws_cloudtrail \"main\", which records what happens, leaves Terraform's care; wanted: to keep it there"]
}

test_turned_off if {
	_denied(_change("aws_cloudtrail.main", {"enable_logging": true}, {"enable_logging": false})) == ["enable_logging was true and becomes false; wanted: true"]
	_denied(_change("aws_cloudtrail.main", {"enable_logging": null}, {"enable_logging": false})) == ["enable_logging was true and becomes false; wanted: true"]
	_denied(_change("aws_cloudtrail.main", {"is_multi_region_trail": true}, {"is_multi_region_trail": null})) == ["is_multi_region_trail was true and becomes false; wanted: true"]
	_denied(_change("aws_guardduty_detector_feature.s3", {"status": "ENABLED"}, {"status": "DISABLED"})) == ["status was ENABLED and becomes DISABLED; wanted: ENABLED"]
	_denied(_change("google_logging_organization_sink.s", {"disabled": null}, {"disabled": true})) == ["disabled was false and becomes true; wanted: false"]
	_denied(_change("azurerm_security_center_subscription_pricing.vm", {"tier": "Standard"}, {"tier": "Free"})) == ["tier was Standard and becomes Free; wanted: Standard"]
}

test_unchanged_and_better if {
	_denied(_change("aws_cloudtrail.main", {"enable_logging": true}, {"enable_logging": true, "tags": {"a": "b"}})) == []
	_denied(_change("aws_cloudtrail.main", {"enable_logging": false}, {"enable_logging": false})) == []
	_denied(_change("aws_cloudtrail.main", {"is_multi_region_trail": false}, {"is_multi_region_trail": true})) == []
	_denied(_change("aws_cloudtrail.main", null, {"enable_logging": false})) == []
	_denied(_change("aws_cloudtrail.main", {"enable_logging": true}, {})) == []
}

test_unknown if {
	document := testing.terraform_change("aws_config_configuration_recorder_status.s", {"is_enabled": true}, {}, {"is_enabled": true})
	_denied(document) == []
	_unknown(document) == ["is_enabled was true, and what it becomes is known only after apply; wanted: true"]
}

test_narrowed if {
	before := {"enabled_log": [{"category": "AuditEvent", "category_group": null}, {"category": "", "category_group": "audit"}]}
	_denied(_change("azurerm_monitor_diagnostic_setting.kv", before, {"enabled_log": [{"category_group": "audit"}]})) == ["enabled_log no longer has AuditEvent; wanted: to keep what is recorded"]
	_denied(_change("azurerm_monitor_diagnostic_setting.kv", before, object.union(before, {"name": "x"}))) == []
	_denied(_change("google_project_iam_audit_config.all", {"audit_log_config": [{"log_type": "DATA_READ"}, {"log_type": "ADMIN_READ"}]}, {"audit_log_config": []})) == ["audit_log_config no longer has ADMIN_READ, DATA_READ; wanted: to keep what is recorded"]
}

test_new_exclusion if {
	_denied(_change("google_logging_project_sink.s", {"exclusions": []}, {"exclusions": [{"name": "noise", "filter": "x"}]})) == ["exclusions now has noise, which is recorded no more; wanted: no new exception"]
	_denied(_change("google_logging_project_sink.s", null, {"exclusions": [{"name": "noise", "filter": "x"}]})) == []
}

test_flow_log_goes_with_its_network if {
	gone := _change("aws_flow_log.f", {"vpc_id": "vpc-1"}, null)
	count(_denied(gone)) == 1
	_denied(testing.with_plan(gone, [_change("aws_vpc.v", {"id": "vpc-1"}, null)])) == []
	count(_denied(testing.with_plan(gone, [_change("aws_vpc.v", {"id": "vpc-2"}, null)]))) == 1
	count(_denied(testing.with_plan(gone, [_change("aws_vpc.v", {"id": "vpc-1"}, {"id": "vpc-1"})]))) == 1
}

# trail is what the rule says about a trail whose selectors change.
trail(before, after) := {finding.message |
	some finding in audit_removed.deny with input as testing.terraform_change("aws_cloudtrail.main", object.union({"name": "main"}, before), object.union({"name": "main"}, after), {})
}

management(fields) := {"field_selector": array.concat([{"field": "eventCategory", "equals": ["Management"]}], fields)}

test_edge_management_events_by_either_kind_of_selector if {
	read := "management events of the kind [read] are recorded no more; wanted: to keep what is recorded"
	write := "management events of the kind [write] are recorded no more; wanted: to keep what is recorded"
	both := "management events of the kind [read, write] are recorded no more; wanted: to keep what is recorded"
	data_only := {"advanced_event_selector": [{"field_selector": [{"field": "eventCategory", "equals": ["Data"]}]}]}
	trail({}, {"event_selector": [{"include_management_events": null, "read_write_type": null}]}) == set()
	trail({}, {"event_selector": null, "advanced_event_selector": [management([])]}) == set()
	trail({}, {"event_selector": [{"read_write_type": "ReadOnly"}, {"read_write_type": "WriteOnly"}]}) == set()
	trail({}, {"event_selector": [{"read_write_type": "WriteOnly"}]}) == {read}
	trail({}, {"advanced_event_selector": [management([{"field": "readOnly", "equals": ["true"]}])]}) == {write}
	trail({}, data_only) == {both}
	trail(data_only, {"event_selector": [{"include_management_events": false}]}) == set()
}
