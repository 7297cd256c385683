package gatehouse.audit.flow_logs_test

import data.gatehouse.audit.flow_logs as rule
import data.gatehouse.lib.fixture

defaults := {"min_days": 90}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["aws_vpc", "aws_flow_log", "google_compute_subnetwork", "azurerm_virtual_network", "azurerm_network_watcher_flow_log"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_network_with_a_flow_log if verdict(
	[
		{"address": "module.net.aws_vpc.this[0]", "after": {"cidr_block": "10.0.0.0/16"}, "unknown": {"id": true}},
		{
			"address": "module.net.aws_flow_log.this[0]",
			"after": {"traffic_type": "ALL"},
			"unknown": {"vpc_id": true},
			"references": {"vpc_id": ["module.net.aws_vpc.this"]},
		},
	],
	defaults,
) == set()

test_good_a_subnetwork_with_flow_logs_and_one_for_proxies if verdict(
	[
		{
			"address": "google_compute_subnetwork.app",
			"after": {"purpose": "PRIVATE", "log_config": [{"flow_sampling": 0.5}]},
		},
		{
			"address": "google_compute_subnetwork.proxy",
			"after": {"purpose": "REGIONAL_MANAGED_PROXY", "log_config": []},
		},
	],
	defaults,
) == set()

test_bad_a_network_without if verdict(
	[
		{"address": "aws_vpc.main", "after": {"cidr_block": "10.0.0.0/16"}, "unknown": {"id": true}},
		{
			"address": "aws_flow_log.subnet",
			"after": {"traffic_type": "ALL", "subnet_id": "subnet-1", "vpc_id": null},
		},
	],
	defaults,
) == {
	["aws_vpc.main", "deny", "no aws_flow_log in this plan; wanted: one with traffic_type ALL"],
}

test_bad_a_subnetwork_without if verdict([{"address": "google_compute_subnetwork.app[\"eu\"]", "after": {"purpose": "PRIVATE", "log_config": []}}], defaults) == {
	["google_compute_subnetwork.app[\"eu\"]", "deny", "log_config is not set; wanted: flow logs"],
}

test_bad_only_what_was_refused_is_recorded if verdict([{"address": "aws_flow_log.main", "after": {"traffic_type": "REJECT", "vpc_id": "vpc-1"}}], defaults) == {["aws_flow_log.main", "deny", "traffic_type is REJECT; wanted: ALL"]}

test_bad_kept_for_a_week_on_azure if verdict(
	[
		{
			"address": "azurerm_network_watcher_flow_log.main",
			"after": {"enabled": true, "target_resource_id": "/x", "retention_policy": [{"enabled": true, "days": 7}]},
		},
	],
	defaults,
) == {
	["azurerm_network_watcher_flow_log.main", "deny", "retention_policy.days is 7; wanted: at least 90"],
}

test_edge_a_network_of_azure_with_and_without if verdict(
	[
		{"address": "azurerm_virtual_network.a", "after": {"id": "/a"}},
		{"address": "azurerm_virtual_network.b", "after": {"id": "/b"}},
		{
			"address": "azurerm_network_watcher_flow_log.a",
			"after": {"enabled": true, "target_resource_id": "/a", "retention_policy": [{"enabled": true, "days": 0}]},
		},
	],
	defaults,
) == {
	["azurerm_virtual_network.b", "deny", "no azurerm_network_watcher_flow_log in this plan; wanted: one for this network"],
}

test_edge_a_flow_log_for_a_network_that_is_known_only_after_apply if verdict(
	[
		{"address": "aws_vpc.main", "after": {"cidr_block": "10.0.0.0/16"}, "unknown": {"id": true}},
		{
			"address": "aws_flow_log.main",
			"after": {"traffic_type": "ALL"},
			"unknown": {"vpc_id": true},
			"references": {"vpc_id": ["data.external.vpc"]},
		},
	],
	defaults,
) == {
	["aws_vpc.main", "unknown", "which network the plan's aws_flow_log is for is known only after apply; wanted: one for this network"],
}

test_edge_a_flow_log_that_goes_away_leaves_its_network_without if verdict(
	[
		{"address": "aws_vpc.main", "before": {"id": "vpc-1"}, "after": {"id": "vpc-1"}},
		{"address": "aws_flow_log.main", "before": {"vpc_id": "vpc-1", "traffic_type": "ALL"}},
	],
	defaults,
) == {
	["aws_vpc.main", "deny", "no aws_flow_log in this plan; wanted: one with traffic_type ALL"],
}
