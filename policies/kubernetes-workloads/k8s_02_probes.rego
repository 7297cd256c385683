# METADATA
# title: Long-running containers have liveness and readiness probes
# description: >-
#   Without a readiness probe traffic reaches a Pod that is not ready, at every rollout; without a liveness probe one that
#   hangs stays. Jobs and other Pods that end are not asked, nor are Pods that are not restarted.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
#     description: Liveness, readiness and startup probes
# custom:
#   id: K8S-02
#   severity: medium
#   remedy: 'readinessProbe: {httpGet: {path: /readyz, port: http}}; livenessProbe: {httpGet: {path: /livez, port: http}, failureThreshold: 6}'
#   inspects: {kubernetes: [Pod]}
#   references: [CKV_K8S_8, CKV_K8S_9]
#   parameters:
#     probes: {default: [livenessProbe, readinessProbe], description: Probes that every container must have.}
package gatehouse.kubernetes_workloads.probes

import data.gatehouse.lib.kubernetes

deny contains finding if {
	is_object(input.resource)
	long_running
	some item in kubernetes.containers
	asked(item)
	missing := [probe | some probe in data.parameters.probes; not probed(item.container, probe)]
	count(missing) > 0
	finding := {
		"message": sprintf("%s has no %s; wanted: %s", [kubernetes.container_name(item), concat(" and no ", missing), concat(" and ", data.parameters.probes)]),
		"path": kubernetes.container_path(item, missing[0]),
	}
}

long_running if {
	input.type in {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"}
}

long_running if {
	input.type == "Pod"
	kubernetes.get(input.pod, ["spec", "restartPolicy"], "Always") == "Always"
}

asked(item) if item.field == "containers"

# An empty probe says nothing about how to probe.
probed(container, probe) if {
	some handler in ["httpGet", "tcpSocket", "exec", "grpc"]
	container[probe][handler] != null
}
