# METADATA
# title: SSH and RDP are not open to the world
# description: >-
#   A machine that anyone on the internet can log in to is attacked within minutes and changed by hand sooner or
#   later. Nobody needs a keyboard on an immutable machine; who does for an emergency comes through a session
#   manager, which asks who they are and keeps the record.
# related_resources:
#   - ref: https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager.html
#     description: AWS Session Manager, a shell without an open port
#   - ref: https://cloud.google.com/iap/docs/using-tcp-forwarding
#     description: Google Identity-Aware Proxy for TCP
#   - ref: https://learn.microsoft.com/azure/bastion/bastion-overview
#     description: Azure Bastion
# custom:
#   id: IM-06
#   severity: critical
#   remedy: >-
#     Delete the rule and reach machines through a session manager (AWS Session Manager, Google IAP, Azure Bastion).
#     If a port must stay open, name the range that needs it, for example cidr_blocks = ["10.0.0.0/8"].
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
#   references: [AWS-0107, GCP-0071, AZU-0050, CKV_AWS_24, CKV_AWS_25, CKV_GCP_2, CKV_GCP_3, CKV_AZURE_9, CKV_AZURE_10]
#   parameters:
#     ports: {default: [22, 3389], description: TCP ports that must not be open to the world.}
#     udp_ports: {default: [3389], description: UDP ports that must not be open to the world.}
package gatehouse.immutable.ssh_world

import data.gatehouse.lib.firewall
import data.gatehouse.lib.net

deny contains finding if {
	some opening in firewall.openings
	sources := firewall.world(opening)
	sources != set()
	ports := {port | some [transport, port] in _guarded; firewall.covers(opening, transport, port)}
	count(ports) > 0
	finding := {
		"message": sprintf("%s open to %s; wanted: no world-open range", [_ports(ports), concat(", ", sort(sources))]),
		"path": opening.source_path,
	}
}

unknown contains finding if {
	some opening in firewall.openings
	_may_be_world(opening)
	ports := {port | some [transport, port] in _guarded; firewall.may_cover(opening, transport, port)}
	count(ports) > 0
	not _known(opening)
	finding := {
		"message": sprintf("whether %s open to the world is known only after apply (%s); wanted: no world-open range", [
			_ports(ports),
			_reason(opening),
		]),
		"path": opening.source_path,
	}
}

unknown contains finding if {
	firewall.inline_unknown
	finding := {"message": "the rules of the group are known only after apply; wanted: no world-open range on SSH or RDP"}
}

_guarded := {["tcp", port] | some port in data.parameters.ports} | {["udp", port] | some port in data.parameters.udp_ports}

# Both sides are known: the port covered and the range the world. The other set says so.
_known(opening) if {
	firewall.world(opening) != set()
	some [transport, port] in _guarded
	firewall.covers(opening, transport, port)
}

_may_be_world(opening) if firewall.world(opening) != set()

_may_be_world(opening) if "sources" in opening.unknown

_may_be_world(opening) if "lists" in opening.unknown

_may_be_world(opening) if count(_unresolved(opening)) > 0

# Lists of the same plan are read; what any other list holds, now or tomorrow, cannot be seen from here.
_unresolved(opening) := [id | some id in opening.lists; not _harmless(id)]

_harmless(id) if {
	some list in input.plan.aws_ec2_managed_prefix_list
	list.resource.id == id
	cidrs := [entry.cidr | some entry in list.resource.entry]
	count(net.world(cidrs)) == 0
}

_reason(opening) := concat("; ", sort(array.concat(
	[sprintf("%s unknown", [name]) | some name in opening.unknown],
	[sprintf("prefix list %s", [id]) | some id in _unresolved(opening)],
)))

_ports(ports) := sprintf("port %v is", [port]) if {
	[port] := sort(ports)
} else := sprintf("ports %s are", [concat(", ", [sprintf("%v", [port]) | some port in sort(ports)])])
