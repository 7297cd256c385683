package gatehouse.immutable.ssh_world_test

import data.gatehouse.immutable.ssh_world
import data.gatehouse.lib.testing

_defaults := {"ports": [22, 3389], "udp_ports": [3389]}

_denied(document) := testing.messages(denied) if {
	denied := ssh_world.deny with input as document with data.parameters as _defaults
}

_unknown(document) := testing.messages(found) if {
	found := ssh_world.unknown with input as document with data.parameters as _defaults
}

_clean(document) if {
	_denied(document) == []
	_unknown(document) == []
}

_group(rule) := testing.terraform("aws_security_group.web", {"ingress": [rule]})

_inline := {"from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"], "ipv6_cidr_blocks": [], "prefix_list_ids": []}

_world_22 := ["port 22 is open to 0.0.0.0/0; wanted: no world-open range"]

test_inline_world if {
	_denied(_group(_inline)) == _world_22
	_unknown(_group(_inline)) == []
}

test_path_names_the_list if {
	found := ssh_world.deny with input as _group(object.union(_inline, {"cidr_blocks": null, "ipv6_cidr_blocks": ["::/0"]})) with data.parameters as _defaults
	found == {{"message": "port 22 is open to ::/0; wanted: no world-open range", "path": "ingress[0].ipv6_cidr_blocks"}}
}

test_inside_a_range if {
	_denied(_group(object.union(_inline, {"from_port": 20, "to_port": 30}))) == _world_22
}

test_both_ports if {
	_denied(_group(object.union(_inline, {"from_port": 0, "to_port": 65535}))) == ["ports 22, 3389 are open to 0.0.0.0/0; wanted: no world-open range"]
}

test_every_protocol if {
	every protocol in ["-1", "all"] {
		_denied(_group(object.union(_inline, {"protocol": protocol, "from_port": 0, "to_port": 0}))) == ["ports 22, 3389 are open to 0.0.0.0/0; wanted: no world-open range"]
	}
}

test_protocol_by_number if {
	_denied(_group(object.union(_inline, {"protocol": "6"}))) == _world_22
}

test_halves_of_the_world if {
	_denied(_group(object.union(_inline, {"cidr_blocks": ["0.0.0.0/1", "128.0.0.0/1"]}))) == ["port 22 is open to 0.0.0.0/1, 128.0.0.0/1; wanted: no world-open range"]
}

test_good_inline if {
	_clean(_group(object.union(_inline, {"cidr_blocks": ["10.0.0.0/8", "203.0.113.7/32"]})))
	_clean(_group(object.union(_inline, {"from_port": 443, "to_port": 443})))
	_clean(_group(object.union(_inline, {"protocol": "udp"})))
	_clean(_group(object.union(_inline, {"protocol": "icmp", "from_port": -1, "to_port": -1})))
	_clean(testing.terraform("aws_security_group.web", {"ingress": []}))
}

test_rdp_over_udp if {
	_denied(_group(object.union(_inline, {"protocol": "udp", "from_port": 3389, "to_port": 3389}))) == ["port 3389 is open to 0.0.0.0/0; wanted: no world-open range"]
}

test_deleted_and_data_sources_are_silent if {
	_clean(testing.terraform_change("aws_security_group.web", {"ingress": [_inline]}, null, {}))
	_clean(testing.terraform("data.aws_security_group.web", {"ingress": [_inline]}))
}

test_separate_rule if {
	rule := object.union(_inline, {"type": "ingress"})
	_denied(testing.terraform("module.a[\"x\"].aws_security_group_rule.ssh[0]", rule)) == _world_22
	_clean(testing.terraform("aws_security_group_rule.ssh", object.union(rule, {"type": "egress"})))
}

test_vpc_rule if {
	_denied(testing.terraform("aws_vpc_security_group_ingress_rule.ssh", {"cidr_ipv4": "0.0.0.0/0", "ip_protocol": "tcp", "from_port": 22, "to_port": 22})) == _world_22
	_denied(testing.terraform("aws_vpc_security_group_ingress_rule.all", {"cidr_ipv6": "::/0", "ip_protocol": "-1", "from_port": null, "to_port": null})) == ["ports 22, 3389 are open to ::/0; wanted: no world-open range"]
	_clean(testing.terraform("aws_vpc_security_group_ingress_rule.ok", {"referenced_security_group_id": "sg-1", "ip_protocol": "-1"}))
}

_firewall := {"direction": "INGRESS", "allow": [{"protocol": "TCP", "ports": ["20-25"]}], "source_ranges": ["0.0.0.0/0"]}

test_google if {
	_denied(testing.terraform("google_compute_firewall.ssh", _firewall)) == _world_22
	_denied(testing.terraform("google_compute_firewall.ssh", object.union(_firewall, {"direction": null, "source_ranges": null}))) == _world_22
	_denied(testing.terraform("google_compute_firewall.all", object.union(_firewall, {"allow": [{"protocol": "all", "ports": []}]}))) == ["ports 22, 3389 are open to 0.0.0.0/0; wanted: no world-open range"]
	_clean(testing.terraform("google_compute_firewall.ssh", object.union(_firewall, {"disabled": true})))
	_clean(testing.terraform("google_compute_firewall.ssh", object.union(_firewall, {"source_ranges": [], "source_tags": ["bastion"]})))
	_clean(testing.terraform("google_compute_firewall.ssh", object.union(_firewall, {"direction": "EGRESS"})))
	_clean(testing.terraform("google_compute_firewall.ssh", object.union(_firewall, {"source_ranges": ["35.235.240.0/20"]})))
}

test_google_policy_rule if {
	rule := {"direction": "INGRESS", "action": "allow", "match": [{"src_ip_ranges": ["0.0.0.0/0"], "layer4_configs": [{"ip_protocol": "tcp", "ports": ["22"]}]}]}
	_denied(testing.terraform("google_compute_network_firewall_policy_rule.ssh", rule)) == _world_22
	_clean(testing.terraform("google_compute_network_firewall_policy_rule.ssh", object.union(rule, {"action": "deny"})))
}

_nsg := {
	"direction": "Inbound", "access": "Allow", "protocol": "Tcp", "source_address_prefix": "*",
	"destination_port_range": "22", "destination_port_ranges": null, "source_address_prefixes": null,
}

test_azure if {
	_denied(testing.terraform("azurerm_network_security_rule.ssh", _nsg)) == ["port 22 is open to *; wanted: no world-open range"]
	_denied(testing.terraform("azurerm_network_security_rule.ssh", object.union(_nsg, {"source_address_prefix": "Internet", "destination_port_range": "", "destination_port_ranges": ["80", "3000-4000"]}))) == ["port 3389 is open to internet; wanted: no world-open range"]
	_denied(testing.terraform("azurerm_network_security_rule.ssh", object.union(_nsg, {"source_address_prefix": null, "source_address_prefixes": ["0.0.0.0/0"], "protocol": "*", "destination_port_range": "*"}))) == ["ports 22, 3389 are open to 0.0.0.0/0; wanted: no world-open range"]
	_denied(testing.terraform("azurerm_network_security_group.g", {"security_rule": [object.union(_nsg, {"access": "Deny"}), _nsg]})) == ["port 22 is open to *; wanted: no world-open range"]
	_clean(testing.terraform("azurerm_network_security_rule.ssh", object.union(_nsg, {"source_address_prefix": "VirtualNetwork"})))
	_clean(testing.terraform("azurerm_network_security_rule.ssh", object.union(_nsg, {"direction": "Outbound"})))
}

test_unknown_source if {
	document := testing.terraform_change("aws_security_group_rule.ssh", null, {"type": "ingress", "from_port": 22, "to_port": 22, "protocol": "tcp"}, {"cidr_blocks": true, "id": true})
	_denied(document) == []
	_unknown(document) == ["whether port 22 is open to the world is known only after apply (sources unknown); wanted: no world-open range"]
}

test_unknown_member_of_a_list if {
	document := testing.terraform_change("aws_security_group.web", null, {"ingress": [object.union(_inline, {"cidr_blocks": ["10.0.0.0/8", null]})]}, {"ingress": [{"cidr_blocks": [false, true]}]})
	count(_unknown(document)) == 1
	_denied(document) == []
}

test_unknown_port if {
	document := testing.terraform_change("aws_security_group_rule.ssh", null, {"type": "ingress", "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"]}, {"from_port": true, "to_port": true})
	_denied(document) == []
	_unknown(document) == ["whether ports 22, 3389 are open to the world is known only after apply (ports unknown); wanted: no world-open range"]
}

test_unknown_elsewhere_is_fine if {
	_clean(testing.terraform_change("aws_security_group_rule.web", null, {"type": "ingress", "from_port": 443, "to_port": 443, "protocol": "tcp"}, {"cidr_blocks": true}))
	_clean(testing.terraform_change("aws_security_group_rule.web", null, {"type": "ingress", "from_port": 22, "to_port": 22, "protocol": "tcp", "cidr_blocks": null}, {"source_security_group_id": true}))
}

test_prefix_list if {
	rule := {"ip_protocol": "tcp", "from_port": 22, "to_port": 22, "prefix_list_id": "pl-1"}
	document := testing.terraform("aws_vpc_security_group_ingress_rule.ssh", rule)
	_unknown(document) == ["whether port 22 is open to the world is known only after apply (prefix list pl-1); wanted: no world-open range"]
	private := testing.terraform("aws_ec2_managed_prefix_list.l", {"id": "pl-1", "entry": [{"cidr": "10.0.0.0/8"}]})
	_clean(testing.with_plan(document, [private]))
	world := testing.terraform("aws_ec2_managed_prefix_list.l", {"id": "pl-1", "entry": [{"cidr": "0.0.0.0/0"}]})
	count(_unknown(testing.with_plan(document, [world]))) == 1
}

test_group_without_inline_rules_is_not_unknown if {
	document := testing.terraform_change("aws_security_group.web", null, {"name": "web"}, {"ingress": true, "id": true})
	_clean(document)
	count(_unknown(testing.with_references(document, {"ingress": ["var.rules"]}))) == 1
}

test_parameters if {
	found := ssh_world.deny with input as _group(object.union(_inline, {"from_port": 5985, "to_port": 5986})) with data.parameters as {"ports": [5985], "udp_ports": []}
	testing.messages(found) == ["port 5985 is open to 0.0.0.0/0; wanted: no world-open range"]
}

test_protocol_left_out_or_unknown if {
	_denied(_group(object.remove(_inline, ["protocol"]))) == _world_22
	late := testing.terraform_change("aws_security_group_rule.ssh", null, object.remove(object.union(_inline, {"type": "ingress"}), ["protocol"]), {"protocol": true})
	_denied(late) == []
	_unknown(late) == ["whether port 22 is open to the world is known only after apply (protocol unknown); wanted: no world-open range"]
}
