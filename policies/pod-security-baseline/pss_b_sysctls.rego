# METADATA
# title: Pods set safe sysctls only
# description: >-
#   Only the sysctls that belong to a Pod alone are safe to set from it; others change the node for every Pod on
#   it, or turn its protections off.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#     description: Pod Security Standards, Baseline
# custom:
#   id: PSS-B-Sysctls
#   severity: high
#   remedy: >-
#     Delete the entry from the Pod's securityContext.sysctls; what the node needs belongs into the node's
#     image.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0026, restrict-sysctls]
package gatehouse.pod_security_baseline.sysctls

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some i, sysctl in input.pod.spec.securityContext.sysctls
	name := kubernetes.get(sysctl, "name", "")
	not name in _safe
	finding := {
		"message": sprintf("sysctl %q is set; wanted: safe sysctls only", [name]),
		"path": kubernetes.path(sprintf("spec.securityContext.sysctls[%d]", [i])),
	}
}

_safe := {
	"kernel.shm_rmid_forced",
	"net.ipv4.ip_local_port_range",
	"net.ipv4.ip_local_reserved_ports",
	"net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.ping_group_range",
	"net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes",
	"net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_notsent_lowat",
	"net.ipv4.tcp_rmem",
	"net.ipv4.tcp_slow_start_after_idle",
	"net.ipv4.tcp_syncookies",
	"net.ipv4.tcp_wmem",
}
