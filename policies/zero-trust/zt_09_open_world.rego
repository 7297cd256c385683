# METADATA
# title: Firewalls are open to the world on web ports only
# description: >-
#   Whatever listens behind a world-open port is scanned within minutes: databases, caches, brokers, consoles. Ports 80 and
#   443 and ping are accepted by default, for load balancers have to be reached; SSH and RDP have a rule of their own (IM-06)
#   and count here too.
# related_resources:
#   - ref: https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
#     description: Security group rules
# custom:
#   id: ZT-09
#   severity: high
#   remedy: 'Replace the range by the networks or the security group that need the port, for example cidr_blocks = ["10.0.0.0/8"].'
#   inspects:
#     terraform:
#       - aws_security_group
#       - aws_default_security_group
#       - aws_security_group_rule
#       - aws_vpc_security_group_ingress_rule
#       - google_compute_firewall
#       - google_compute_firewall_policy_rule
#       - google_compute_network_firewall_policy_rule
#       - google_compute_region_network_firewall_policy_rule
#       - azurerm_network_security_group
#       - azurerm_network_security_rule
#   references: [AWS-0107, GCP-0027, AZU-0047, CKV_AWS_277]
#   parameters:
#     ports: {default: [80, 443], description: TCP and UDP ports that may be open to the world.}
#     protocols: {default: [icmp, icmpv6, "1", "58"], description: Protocols that may be open to the world on any port.}
package gatehouse.zero_trust.open_world

import data.gatehouse.lib.firewall

deny contains finding if {
	some opening in firewall.openings
	sources := firewall.world(opening)
	count(sources) > 0
	what := exposed(opening)
	finding := {
		"message": sprintf("%s open to %s; wanted: no world-open range", [what, concat(", ", sort(sources))]),
		"path": opening.source_path,
	}
}

unknown contains finding if {
	some opening in firewall.openings
	count(firewall.world(opening)) == 0
	"sources" in opening.unknown
	exposed(opening)
	finding := {
		"message": sprintf("whether %s open to the world is known only after apply; wanted: no world-open range", [exposed(opening)]),
		"path": opening.source_path,
	}
}

unknown contains finding if {
	some opening in firewall.openings
	count(firewall.world(opening)) > 0
	not exposed(opening)
	count(opening.unknown & {"ports", "protocol"}) > 0
	finding := {
		"message": sprintf("which ports are open to the world is known only after apply; wanted: only %s", [listed(data.parameters.ports)]),
		"path": opening.source_path,
	}
}

unknown contains finding if {
	firewall.inline_unknown
	finding := {"message": sprintf("the rules of the group are known only after apply; wanted: only %s open to the world", [listed(data.parameters.ports)])}
}

# What the opening has that may not be open, in words; undefined when there is nothing.
exposed(opening) := "every port is" if {
	not may_be_open(opening)
	opening.protocol in {"-1", "all", "*", "any", "All"}
} else := named(wrong) if {
	not may_be_open(opening)
	wrong := [range | some range in opening.ranges; not accepted(range)]
	count(wrong) > 0
}

may_be_open(opening) if lower(sprintf("%v", [opening.protocol])) in data.parameters.protocols

# Every port of the range may be open; a long one cannot be made of a short list.
accepted([low, high]) if {
	high - low < count(data.parameters.ports)
	every port in numbers.range(low, high) {
		port in data.parameters.ports
	}
}

named(ranges) := sprintf("port %d is", [low]) if {
	[[low, high]] := ranges
	low == high
} else := "every port is" if {
	[[low, high]] := ranges
	low <= 1
	high >= 65535
} else := sprintf("ports %s are", [concat(" and ", [word | some range in ranges; word := port_words(range)])])

port_words([low, high]) := sprintf("%d", [low]) if {
	low == high
} else := sprintf("%d-%d", [low, high])

listed(ports) := concat(", ", [sprintf("%d", [port]) | some port in ports])
