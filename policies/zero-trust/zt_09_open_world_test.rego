package gatehouse.zero_trust.open_world_test

import data.gatehouse.lib.fixture
import data.gatehouse.zero_trust.open_world as rule

defaults := {"ports": [80, 443], "protocols": ["icmp", "icmpv6", "1", "58"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["aws_security_group", "aws_default_security_group", "aws_security_group_rule", "aws_vpc_security_group_ingress_rule", "google_compute_firewall", "google_compute_firewall_policy_rule", "google_compute_network_firewall_policy_rule", "google_compute_region_network_firewall_policy_rule", "azurerm_network_security_group", "azurerm_network_security_rule"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_the_web_for_the_world_a_database_for_the_network if verdict(
	[
		{
			"address": "aws_security_group.web",
			"after": {
				"ingress": [
					{
						"from_port": 443,
						"to_port": 443,
						"protocol": "tcp",
						"cidr_blocks": ["0.0.0.0/0"],
						"ipv6_cidr_blocks": ["::/0"],
					},
					{"from_port": 5432, "to_port": 5432, "protocol": "tcp", "cidr_blocks": ["10.0.0.0/8"]},
				],
			},
		},
	],
	defaults,
) == set()

test_good_ping_and_the_health_checks_of_google if verdict(
	[
		{
			"address": "google_compute_firewall.ping",
			"after": {"direction": "INGRESS", "source_ranges": ["0.0.0.0/0"], "allow": [{"protocol": "icmp", "ports": []}]},
		},
	],
	defaults,
) == set()

test_bad_a_database_for_the_world if verdict(
	[
		{
			"address": "module.db.aws_vpc_security_group_ingress_rule.pg[\"eu\"]",
			"after": {"ip_protocol": "tcp", "from_port": 5432, "to_port": 5432, "cidr_ipv4": "0.0.0.0/0"},
		},
	],
	defaults,
) == {
	["module.db.aws_vpc_security_group_ingress_rule.pg[\"eu\"]", "deny", "port 5432 is open to 0.0.0.0/0; wanted: no world-open range"],
}

test_bad_every_protocol if verdict(
	[
		{
			"address": "aws_security_group_rule.all",
			"after": {
				"type": "ingress",
				"protocol": "-1",
				"from_port": 0,
				"to_port": 0,
				"cidr_blocks": [],
				"ipv6_cidr_blocks": ["::/0"],
			},
		},
	],
	defaults,
) == {
	["aws_security_group_rule.all", "deny", "every port is open to ::/0; wanted: no world-open range"],
}

test_bad_every_port_on_google if verdict(
	[
		{
			"address": "google_compute_firewall.all",
			"after": {
				"direction": "INGRESS",
				"source_ranges": ["0.0.0.0/0"],
				"allow": [{"protocol": "tcp", "ports": []}, {"protocol": "tcp", "ports": ["443", "8080-8090"]}],
			},
		},
	],
	defaults,
) == {
	["google_compute_firewall.all", "deny", "every port is open to 0.0.0.0/0; wanted: no world-open range"],
	["google_compute_firewall.all", "deny", "ports 8080-8090 are open to 0.0.0.0/0; wanted: no world-open range"],
}

test_bad_everyone_on_azure if verdict(
	[
		{
			"address": "azurerm_network_security_rule.redis",
			"after": {
				"direction": "Inbound",
				"access": "Allow",
				"protocol": "Tcp",
				"destination_port_range": "6379",
				"source_address_prefix": "*",
			},
		},
	],
	defaults,
) == {
	["azurerm_network_security_rule.redis", "deny", "port 6379 is open to *; wanted: no world-open range"],
}

test_edge_the_world_in_halves if verdict(
	[
		{
			"address": "aws_security_group.x",
			"after": {
				"ingress": [
					{
						"from_port": 3306,
						"to_port": 3306,
						"protocol": "tcp",
						"cidr_blocks": ["0.0.0.0/1", "128.0.0.0/1"],
					},
				],
			},
		},
	],
	defaults,
) == {
	["aws_security_group.x", "deny", "port 3306 is open to 0.0.0.0/1, 128.0.0.0/1; wanted: no world-open range"],
}

test_edge_a_range_that_hides_among_the_accepted_ports if verdict(
	[
		{
			"address": "aws_security_group.x",
			"after": {"ingress": [{"from_port": 80, "to_port": 443, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"]}]},
		},
	],
	defaults,
) == {
	["aws_security_group.x", "deny", "ports 80-443 are open to 0.0.0.0/0; wanted: no world-open range"],
}

test_edge_more_ports_that_are_accepted_here if verdict(
	[
		{
			"address": "aws_security_group.x",
			"after": {"ingress": [{"from_port": 8443, "to_port": 8444, "protocol": "6", "cidr_blocks": ["0.0.0.0/0"]}]},
		},
	],
	object.union(defaults, {"ports": [80, 443, 8443, 8444]}),
) == set()

test_edge_sources_decided_at_apply if verdict(
	[
		{
			"address": "aws_security_group_rule.x",
			"after": {"type": "ingress", "protocol": "tcp", "from_port": 9200, "to_port": 9200},
			"unknown": {"cidr_blocks": true},
			"references": {"cidr_blocks": ["data.external.x"]},
		},
	],
	defaults,
) == {
	["aws_security_group_rule.x", "unknown", "whether port 9200 is open to the world is known only after apply; wanted: no world-open range"],
}

test_edge_ports_decided_at_apply if verdict(
	[
		{
			"address": "aws_security_group_rule.x",
			"after": {"type": "ingress", "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"]},
			"unknown": {"from_port": true, "to_port": true},
			"references": {"from_port": ["data.external.x"], "to_port": ["data.external.x"]},
		},
	],
	defaults,
) == {
	["aws_security_group_rule.x", "unknown", "which ports are open to the world is known only after apply; wanted: only 80, 443"],
}

test_edge_outbound_rules_denials_and_a_deleted_group if verdict(
	[
		{
			"address": "aws_security_group_rule.out",
			"after": {"type": "egress", "protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]},
		},
		{
			"address": "azurerm_network_security_rule.deny",
			"after": {
				"direction": "Inbound",
				"access": "Deny",
				"protocol": "*",
				"destination_port_range": "*",
				"source_address_prefix": "*",
			},
		},
		{
			"address": "aws_security_group.old",
			"before": {"ingress": [{"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}]},
		},
	],
	defaults,
) == set()
