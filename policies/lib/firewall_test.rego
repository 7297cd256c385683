package gatehouse.lib.firewall_test

import data.gatehouse.lib.firewall
import data.gatehouse.lib.testing

_openings(address, after, unknown) := found if {
	found := firewall.openings with input as testing.terraform_change(address, null, after, unknown)
}

test_inline_rule_in_one_form if {
	rule := {"from_port": 20, "to_port": 30, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"], "ipv6_cidr_blocks": ["::/0"], "prefix_list_ids": ["pl-1"]}
	_openings("aws_security_group.g", {"ingress": [rule]}, {}) == [{
		"path": "ingress[0]",
		"source_path": "ingress[0].cidr_blocks",
		"protocol": "tcp",
		"ranges": [[20, 30]],
		"sources": ["0.0.0.0/0", "::/0"],
		"lists": ["pl-1"],
		"unknown": set(),
	}]
}

test_private_inline_rules_are_left_out if {
	private := {"from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": ["10.0.0.0/8", "172.31.0.0/16", "192.168.1.0/24"], "ipv6_cidr_blocks": [], "prefix_list_ids": []}
	_openings("aws_security_group.g", {"ingress": [private]}, {"ingress": [{"cidr_blocks": [false, false, false], "security_groups": [true]}]}) == []
	every kept in [
		object.union(private, {"cidr_blocks": ["10.0.0.0/7"]}),
		object.union(private, {"cidr_blocks": ["172.32.0.0/16"]}),
		object.union(private, {"cidr_blocks": ["10.0.0.0/8", null]}),
		object.union(private, {"ipv6_cidr_blocks": ["fd00::/8"]}),
		object.union(private, {"prefix_list_ids": ["pl-1"]}),
	] {
		count(_openings("aws_security_group.g", {"ingress": [kept]}, {})) == 1
	}
}

test_unknown_parts_are_named if {
	[opening] := _openings("aws_security_group.g", {"ingress": [{"protocol": "tcp"}]}, {"ingress": [{"cidr_blocks": [true], "to_port": true, "prefix_list_ids": true}]})
	opening.unknown == {"sources", "ports", "lists"}
	opening.ranges == []
}

test_google_policy_without_a_source_is_open_to_everyone if {
	rule := {"direction": "INGRESS", "action": "allow", "match": [{"layer4_configs": [{"ip_protocol": "tcp", "ports": ["1-9"]}]}]}
	[opening] := _openings("google_compute_firewall_policy_rule.r", rule, {})
	opening.sources == ["0.0.0.0/0"]
	opening.ranges == [[1, 9]]
	[named] := _openings("google_compute_firewall_policy_rule.r", object.union(rule, {"match": [{"src_region_codes": ["DE"], "layer4_configs": [{"ip_protocol": "tcp"}]}]}), {})
	named.sources == []
}

test_google_firewall_with_sources_that_apply_tells if {
	[opening] := _openings("google_compute_firewall.f", {"allow": [{"protocol": "tcp"}]}, {"source_ranges": true})
	opening.sources == []
	opening.unknown == {"sources"}
}

test_azure_lists_and_single_values if {
	[opening] := _openings("azurerm_network_security_rule.r", {"direction": "Inbound", "access": "Allow", "protocol": "*", "source_address_prefixes": ["10.0.0.0/8", "0.0.0.0/0"], "destination_port_ranges": ["22", "80-90"]}, {})
	opening.ranges == [[22, 22], [80, 90]]
	opening.source_path == "source_address_prefixes"
	firewall.world(opening) == {"0.0.0.0/0"}
	firewall.covers(opening, "udp", 85)
}

test_other_types_and_directions_open_nothing if {
	_openings("aws_instance.i", {"ingress": []}, {}) == []
	_openings("azurerm_network_security_rule.r", {"direction": "Outbound", "access": "Allow"}, {}) == []
	_openings("google_compute_firewall.f", {"direction": "INGRESS", "deny": [{"protocol": "tcp"}]}, {}) == []
}
