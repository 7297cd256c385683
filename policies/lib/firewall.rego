# METADATA
# title: Firewall rules of every cloud in one form
# description: >-
#   Inbound allowances of the inspected Terraform resource, whichever way it spells them: inline and separate
#   security group rules (AWS), firewalls and firewall policy rules (Google), network security groups and their
#   rules (Azure).
package gatehouse.lib.firewall

import data.gatehouse.lib.net
import data.gatehouse.lib.terraform

# METADATA
# description: >-
#   What the inspected resource lets in, as a list of {path, source_path, protocol, ranges, sources, lists,
#   unknown}: ranges are [low, high] pairs of ports, sources are CIDR ranges and Azure's words for "anyone",
#   lists are ids of prefix lists and unknown is the set of "protocol", "ports", "sources" and "lists" that are,
#   whole or in part, known only after apply. Empty for a deleted resource and for outbound or denying rules; inline
#   rules that let in nothing but known private ranges are left out.
openings := [opening |
	input.resource != null
	terraform.managed
	some opening in _openings[input.type]
]

_openings["aws_security_group"] := _aws_inline

_openings["aws_default_security_group"] := _aws_inline

_openings["aws_security_group_rule"] := [_aws("", input.resource, _mask([]))] if input.resource.type == "ingress"

_openings["aws_vpc_security_group_ingress_rule"] := [_aws_separate]

_openings["google_compute_firewall"] := _google if {
	upper(terraform.get(input.resource, "direction", "INGRESS")) == "INGRESS"
	not input.resource.disabled == true
}

_openings["google_compute_firewall_policy_rule"] := _google_policy

_openings["google_compute_network_firewall_policy_rule"] := _google_policy

_openings["google_compute_region_network_firewall_policy_rule"] := _google_policy

_openings["azurerm_network_security_rule"] := [_azure("", input.resource, [])] if _azure_inbound(input.resource)

_openings["azurerm_network_security_group"] := [_azure(sprintf("security_rule[%d]", [i]), rule, ["security_rule", i]) |
	some i, rule in terraform.list(object.get(input.resource, "security_rule", null))
	_azure_inbound(rule)
]

# METADATA
# description: >-
#   True when all of the inspected group's inline rules are known only after apply. Providers call them so, too,
#   when the configuration says nothing about them; that is told apart by the references of the configuration.
inline_unknown if {
	some attribute in ["ingress", "security_rule"]
	terraform.unknown(attribute)
	terraform.set_late(attribute)
}

_aws_inline := [_aws(sprintf("ingress[%d]", [i]), rule, mask) |
	some i, rule in input.resource.ingress
	mask := _mask(["ingress", i])
	not _private(rule, mask)
]

# Most rules of most groups: known ranges of private networks. They are told apart before anything is made of them.
_private(rule, mask) if {
	object.get(rule, "prefix_list_ids", null) in {[], null}
	object.get(rule, "ipv6_cidr_blocks", null) in {[], null}
	every cidr in rule.cidr_blocks {
		regex.match(`^(10|172\.(1[6-9]|2[0-9]|3[01])|192\.168)\.[0-9.]+/([89]|[12][0-9]|3[0-2])$`, cidr)
	}
	not _masked(mask, "cidr_blocks")
	not _masked(mask, "ipv6_cidr_blocks")
	not _masked(mask, "prefix_list_ids")
}

_aws(path, rule, mask) := {
	"path": path,
	"source_path": _join(path, _first_of("cidr_blocks", ipv4, "ipv6_cidr_blocks", ipv6)),
	"protocol": _protocol(rule, "protocol", mask),
	"ranges": _aws_ranges(rule, mask),
	"sources": array.concat(ipv4, ipv6),
	"lists": _members(rule, "prefix_list_ids"),
	"unknown": _unknown(mask, _aws_groups),
} if {
	ipv4 := _members(rule, "cidr_blocks")
	ipv6 := _members(rule, "ipv6_cidr_blocks")
}

_aws_groups := {
	"protocol": ["protocol"],
	"ports": ["from_port", "to_port"],
	"sources": ["cidr_blocks", "ipv6_cidr_blocks"],
	"lists": ["prefix_list_ids"],
}

# Providers ask for a protocol; a plan that names none is read as one that does.
_protocol(rule, attribute, mask) := "" if {
	mask[attribute] == true
} else := terraform.get(rule, attribute, "tcp")

# A port left out is no limit; one that apply will tell is not known to be open.
_aws_ranges(rule, mask) := [] if {
	mask.from_port == true
} else := [] if {
	mask.to_port == true
} else := [[terraform.get(rule, "from_port", 0), terraform.get(rule, "to_port", 65535)]]

_first_of(one, members, other, others) := other if {
	members == []
	others != []
} else := one

_aws_separate := {
	"path": "",
	"source_path": _first_of("cidr_ipv4", ipv4, "cidr_ipv6", ipv6),
	"protocol": _protocol(input.resource, "ip_protocol", mask),
	"ranges": _aws_ranges(input.resource, mask),
	"sources": array.concat(ipv4, ipv6),
	"lists": _strings(input.resource, "prefix_list_id"),
	"unknown": _unknown(mask, {
		"protocol": ["ip_protocol"],
		"ports": ["from_port", "to_port"],
		"sources": ["cidr_ipv4", "cidr_ipv6"],
		"lists": ["prefix_list_id"],
	}),
} if {
	mask := _mask([])
	ipv4 := _strings(input.resource, "cidr_ipv4")
	ipv6 := _strings(input.resource, "cidr_ipv6")
}

_google := [opening |
	some i, allow in terraform.list(object.get(input.resource, "allow", null))
	opening := {
		"path": sprintf("allow[%d]", [i]),
		"source_path": "source_ranges",
		"protocol": terraform.get(allow, "protocol", ""),
		"ranges": _google_ranges(allow, ["allow", i]),
		"sources": _google_sources,
		"lists": [],
		"unknown": (_unknown(_mask(["allow", i]), {"protocol": ["protocol"], "ports": ["ports"]}) | _unknown(_mask([]), {"sources": ["source_ranges"]})),
	}
]

# A firewall that names no source of any kind lets everyone in.
_google_sources := _strings(input.resource, "source_ranges") if {
	some attribute in ["source_ranges", "source_tags", "source_service_accounts"]
	_named(input.resource, attribute)
} else := ["0.0.0.0/0"]

_named(resource, attribute) if count(terraform.list(object.get(resource, attribute, null))) > 0

_named(_, attribute) if terraform.unknown(attribute)

_google_ranges(block, at) := ranges if {
	ranges := [net.port_range(port) | some port in _strings(block, "ports")]
	count(ranges) > 0
} else := [] if {
	terraform.unknown_within(array.concat(at, ["ports"]))
} else := [[0, 65535]]

_google_policy := [opening |
	upper(terraform.get(input.resource, "direction", "")) == "INGRESS"
	lower(terraform.get(input.resource, "action", "")) == "allow"
	not input.resource.disabled == true
	some m, match in terraform.list(object.get(input.resource, "match", null))
	some i, layer in terraform.list(object.get(match, "layer4_configs", null))
	opening := {
		"path": sprintf("match[%d].layer4_configs[%d]", [m, i]),
		"source_path": sprintf("match[%d].src_ip_ranges", [m]),
		"protocol": terraform.get(layer, "ip_protocol", ""),
		"ranges": _google_ranges(layer, ["match", m, "layer4_configs", i]),
		"sources": _google_policy_sources(match, m),
		"lists": _strings(match, "src_address_groups"),
		"unknown": (_unknown(_mask(["match", m, "layer4_configs", i]), {"protocol": ["ip_protocol"], "ports": ["ports"]}) | _unknown(_mask(["match", m]), {"sources": ["src_ip_ranges"], "lists": ["src_address_groups"]})),
	}
]

_google_policy_sources(match, m) := _strings(match, "src_ip_ranges") if {
	some attribute in [
		"src_ip_ranges", "src_address_groups", "src_fqdns", "src_region_codes", "src_secure_tags",
		"src_threat_intelligences", "src_networks", "src_network_scope", "src_network_context",
	]
	_match_named(match, m, attribute)
} else := ["0.0.0.0/0"]

_match_named(match, _, attribute) if {
	some value in terraform.list(object.get(match, attribute, null))
	value != ""
}

_match_named(_, m, attribute) if terraform.unknown_within(["match", m, attribute])

_azure_inbound(rule) if {
	lower(terraform.get(rule, "direction", "inbound")) == "inbound"
	lower(terraform.get(rule, "access", "allow")) == "allow"
}

_azure(path, rule, at) := {
	"path": path,
	"source_path": _join(path, _azure_source(rule)),
	"protocol": terraform.get(rule, "protocol", "*"),
	"ranges": [net.port_range(port) | some port in _both(rule, "destination_port_range", "destination_port_ranges")],
	"sources": [_azure_everyone(source) | some source in _both(rule, "source_address_prefix", "source_address_prefixes")],
	"lists": [],
	"unknown": _unknown(_mask(at), {
		"protocol": ["protocol", "direction", "access"],
		"ports": ["destination_port_range", "destination_port_ranges"],
		"sources": ["source_address_prefix", "source_address_prefixes"],
	}),
}

_azure_source(rule) := "source_address_prefixes" if {
	count(_strings(rule, "source_address_prefix")) == 0
} else := "source_address_prefix"

_azure_everyone(source) := source if contains(source, "/")

_azure_everyone(source) := lower(source) if not contains(source, "/")

_both(rule, one, many) := array.concat(_strings(rule, one), _strings(rule, many))

_strings(rule, attribute) := [value |
	some value in terraform.list(object.get(rule, attribute, null))
	is_string(value)
	value != ""
]

_join("", attribute) := attribute

_join(path, attribute) := concat(".", [path, attribute]) if path != ""

# The members of a list that are known: what apply will tell is null in a plan.
_members(rule, attribute) := [value | some value in rule[attribute]; value != null]

# The names of groups of attributes that hold something unknown. One cheap question first: most rules hold nothing.
_unknown(mask, groups) := set() if {
	mask == {}
} else := {name |
	some name, attributes in groups
	some attribute in attributes
	_masked(mask, attribute)
}

_mask([]) := object.get(input.change, "unknown", {})

_mask(at) := object.get(input.change, array.concat(["unknown"], at), {}) if count(at) > 0

_masked(true, _)

_masked(mask, attribute) if mask[attribute] == true

_masked(mask, attribute) if {
	is_array(mask[attribute])
	true in mask[attribute]
}

# METADATA
# description: >-
#   The sources of an opening that are the world: ranges as net.world sees them, and Azure's "*", "any" and "internet".
world(opening) := net.world(opening.sources) | ({"*", "any", "internet"} & {source | some source in opening.sources})

# METADATA
# description: True when the opening lets the transport ("tcp" or "udp") in on the port.
covers(opening, transport, port) if {
	net.carries(opening.protocol, transport)
	_port_in(opening, port)
}

_port_in(opening, _) if net.all_protocols(opening.protocol)

_port_in(opening, port) if {
	some [low, high] in opening.ranges
	low <= port
	port <= high
}

# METADATA
# description: As covers, and also true when a protocol or port that is known only after apply could make it so.
may_cover(opening, transport, port) if covers(opening, transport, port)

may_cover(opening, _, port) if {
	"protocol" in opening.unknown
	_port_may_be_in(opening, port)
}

may_cover(opening, transport, _) if {
	"ports" in opening.unknown
	net.carries(opening.protocol, transport)
}

_port_may_be_in(opening, _) if "ports" in opening.unknown

_port_may_be_in(opening, port) if _port_in(opening, port)
