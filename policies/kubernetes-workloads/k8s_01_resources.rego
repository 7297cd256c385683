# METADATA
# title: Containers say how much memory and CPU they need
# description: >-
#   Without requests the scheduler places blindly and evicts first; without a memory limit one leak takes its neighbours down
#   with it. A CPU limit is not asked for. Defaults of a LimitRange in the same manifests and requests of the whole Pod
#   count; a limit alone is a request too, as in Kubernetes.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
#     description: Resource management for Pods and containers
# custom:
#   id: K8S-01
#   severity: medium
#   remedy: 'resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 128Mi}}'
#   inspects: {kubernetes: [Pod]}
#   references: [KSV-0015, KSV-0016, KSV-0018, CKV_K8S_10, CKV_K8S_12, CKV_K8S_13]
#   parameters:
#     init_containers: {default: true, description: Whether init containers are asked too.}
package gatehouse.kubernetes_workloads.resources

import data.gatehouse.lib.kubernetes

deny contains finding if {
	is_object(input.resource)
	some item in kubernetes.containers
	asked(item)
	missing := [name | some name in ["requests.cpu", "requests.memory", "limits.memory"]; not given(item.container, name)]
	count(missing) > 0
	finding := {
		"message": sprintf("%s does not set %s; wanted: CPU and memory requests and a memory limit", [kubernetes.container_name(item), concat(", ", missing)]),
		"path": kubernetes.container_path(item, "resources"),
	}
}

asked(item) if item.field == "containers"

asked(item) if {
	item.field == "initContainers"
	data.parameters.init_containers
}

given(container, name) if {
	some place in [container, input.pod.spec]
	[kind, resource] := split(name, ".")
	some given_kind in counts_as[kind]
	kubernetes.get(place, ["resources", given_kind, resource], "") != ""
}

given(_, name) if name in by_limit_range

# A container that only has a limit gets it as its request.
counts_as := {"requests": ["requests", "limits"], "limits": ["limits"]}

by_limit_range contains name if {
	some range in input.objects.LimitRange
	object.get(range, ["metadata", "namespace"], "") == input.namespace
	some limit in range.spec.limits
	limit.type == "Container"
	some name, fields in {
		"requests.cpu": ["defaultRequest", "default"],
		"requests.memory": ["defaultRequest", "default"],
		"limits.memory": ["default"],
	}
	some field in fields
	[_, resource] := split(name, ".")
	limit[field][resource]
}
