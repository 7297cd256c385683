# METADATA
# title: Pods do not share the namespaces of their node
# description: >-
#   A Pod in the node's network, process or IPC namespace sees and reaches what belongs to the node and to every
#   other Pod on it: local services without a password, the traffic of others, their processes and memory.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#     description: Pod Security Standards, Baseline
# custom:
#   id: PSS-B-HostNamespaces
#   severity: high
#   remedy: >-
#     Delete hostNetwork, hostPID and hostIPC from the Pod's spec; publish ports with a Service.
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0008, KSV-0009, KSV-0010, CKV_K8S_17, CKV_K8S_18, CKV_K8S_19, disallow-host-namespaces]
package gatehouse.pod_security_baseline.host_namespaces

import data.gatehouse.lib.kubernetes

deny contains finding if {
	some field in ["hostNetwork", "hostPID", "hostIPC"]
	input.pod.spec[field] == true
	finding := {
		"message": sprintf("%s is true; wanted: false or unset", [field]),
		"path": kubernetes.path(concat(".", ["spec", field])),
	}
}
