# METADATA
# title: Services are not exposed past the gateway
# description: >-
#   A NodePort opens a port on every node, a load balancer without source ranges opens the Service to the internet, and
#   externalIPs let whoever writes the Service take over the traffic of any address. Internal load balancers are accepted.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types
#     description: Publishing Services
# custom:
#   id: ZT-07
#   severity: medium
#   remedy: 'type: ClusterIP behind the ingress gateway, or loadBalancerSourceRanges: [203.0.113.0/24]'
#   inspects: {kubernetes: [Service]}
#   references: [KSV-0108]
#   parameters:
#     public: {default: [], description: "Services (namespace/name, with * as wildcard) that may be open to the world, the ingress gateway for example."}
package gatehouse.zero_trust.service_exposure

import data.gatehouse.lib.kubernetes
import data.gatehouse.lib.net

deny contains finding if {
	service
	input.resource.spec.type == "NodePort"
	finding := {"message": "type is NodePort; wanted: ClusterIP", "path": "spec.type"}
}

deny contains finding if {
	service
	input.resource.spec.type == "LoadBalancer"
	count(ranges) == 0
	not private
	finding := {"message": "a load balancer without loadBalancerSourceRanges is open to the world; wanted: source ranges or an internal load balancer", "path": "spec.loadBalancerSourceRanges"}
}

deny contains finding if {
	service
	input.resource.spec.type == "LoadBalancer"
	not private
	some range in net.world(ranges)
	finding := {"message": sprintf("loadBalancerSourceRanges has %s; wanted: no world-open range", [range]), "path": "spec.loadBalancerSourceRanges"}
}

deny contains finding if {
	input.type == "Service"
	input.group == ""
	addresses := kubernetes.get(input.resource.spec, "externalIPs", [])
	count(addresses) > 0
	finding := {"message": sprintf("externalIPs is [%s]; wanted: none", [concat(", ", addresses)]), "path": "spec.externalIPs"}
}

service if {
	input.type == "Service"
	input.group == ""
	is_object(input.resource)
	not accepted
}

accepted if {
	some pattern in data.parameters.public
	glob.match(pattern, null, sprintf("%s/%s", [input.namespace, input.name]))
}

ranges := [trim_space(range) |
	some range in array.concat(
		kubernetes.get(input.resource.spec, "loadBalancerSourceRanges", []),
		split(kubernetes.get(input.resource, ["metadata", "annotations", "service.beta.kubernetes.io/load-balancer-source-ranges"], ""), ","),
	)
	trim_space(range) != ""
]

private if {
	some key, values in {
		"service.beta.kubernetes.io/aws-load-balancer-scheme": {"internal"},
		"service.beta.kubernetes.io/aws-load-balancer-internal": {"true", "0.0.0.0/0"},
		"service.beta.kubernetes.io/azure-load-balancer-internal": {"true"},
		"networking.gke.io/load-balancer-type": {"Internal"},
		"cloud.google.com/load-balancer-type": {"Internal"},
	}
	sprintf("%v", [input.resource.metadata.annotations[key]]) in values
}
