# METADATA
# title: The API servers of managed clusters are not public
# description: >-
#   An API server on the internet is one leaked token, or one hole in Kubernetes, away from the whole cluster. EKS and GKE
#   are public unless told otherwise. A public endpoint for named networks is accepted.
# related_resources:
#   - ref: https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html
#     description: Cluster API server endpoint
#   - ref: https://cloud.google.com/kubernetes-engine/docs/how-to/authorized-networks
#     description: Authorized networks in GKE
#   - ref: https://learn.microsoft.com/azure/aks/api-server-authorized-ip-ranges
#     description: Authorized IP ranges in AKS
# custom:
#   id: ZT-10
#   severity: critical
#   remedy: 'EKS: vpc_config { endpoint_private_access = true  endpoint_public_access = false }. GKE: private_cluster_config { enable_private_nodes = true  enable_private_endpoint = true }. AKS: private_cluster_enabled = true. Or name networks: public_access_cidrs, master_authorized_networks_config, api_server_access_profile { authorized_ip_ranges }.'
#   inspects: {terraform: [aws_eks_cluster, google_container_cluster, azurerm_kubernetes_cluster]}
#   references: [AWS-0040, AWS-0041, GCP-0053, GCP-0061, AZU-0041, CKV_AWS_38, CKV_AWS_39, CKV_GCP_20, CKV_AZURE_6, CKV_AZURE_115]
package gatehouse.zero_trust.cluster_endpoint

import data.gatehouse.lib.net
import data.gatehouse.lib.planned
import data.gatehouse.lib.terraform

# EKS.

deny contains finding if {
	eks
	some i, config in input.resource.vpc_config
	not terraform.unknown(["vpc_config", i, "endpoint_public_access"])
	terraform.get(config, "endpoint_public_access", true) == true
	some range in eks_ranges(i, config)
	finding := {
		"message": sprintf("endpoint_public_access is true for %s; wanted: false, or public_access_cidrs with named networks", [range]),
		"path": sprintf("vpc_config[%d].endpoint_public_access", [i]),
	}
}

unknown contains finding if {
	eks
	some i, _ in input.resource.vpc_config
	terraform.unknown(["vpc_config", i, "endpoint_public_access"])
	finding := {
		"message": "endpoint_public_access is known only after apply; wanted: false",
		"path": sprintf("vpc_config[%d].endpoint_public_access", [i]),
	}
}

unknown contains finding if {
	eks
	some i, config in input.resource.vpc_config
	not terraform.unknown(["vpc_config", i, "endpoint_public_access"])
	terraform.get(config, "endpoint_public_access", true) == true
	late_ranges(i)
	count(eks_ranges(i, config)) == 0
	finding := {
		"message": "public_access_cidrs is known only after apply; wanted: named networks",
		"path": sprintf("vpc_config[%d].public_access_cidrs", [i]),
	}
}

eks if {
	input.type == "aws_eks_cluster"
	terraform.present
}

# Left out, the list is everyone; the plan then shows it as unknown, because the provider fills it in.
eks_ranges(i, config) := ["0.0.0.0/0"] if {
	count(terraform.get(config, "public_access_cidrs", [])) == 0
	not late_ranges(i)
} else := sort(net.world([range | some range in config.public_access_cidrs; is_string(range)]))

late_ranges(i) if {
	terraform.unknown_within(["vpc_config", i, "public_access_cidrs"])
	not constant(i)
}

# Some value of the block is given by an expression, so that this one may be; when none is, it was left out.
constant(i) if {
	terraform.unknown(["vpc_config", i, "public_access_cidrs"])
	not leads_somewhere
}

# Subnets and security groups are what the block usually refers to, and no source of address ranges.
leads_somewhere if {
	some address in input.change.references.vpc_config
	not regex.match(`(^|\.)aws_(subnet|security_group|default_subnet|vpc)s?\.`, address)
}

# GKE.

deny contains finding if {
	gke
	not gke_private
	not dns_only
	planned.missing_block("master_authorized_networks_config")
	not gke_late
	finding := {"message": "master_authorized_networks_config is not set, which lets everyone reach the API; wanted: enable_private_endpoint = true, or named networks", "path": "master_authorized_networks_config"}
}

deny contains finding if {
	gke
	not gke_private
	some i, config in input.resource.master_authorized_networks_config
	ranges := [block.cidr_block | some block in config.cidr_blocks; is_string(block.cidr_block)]
	some range in net.world(ranges)
	finding := {
		"message": sprintf("master_authorized_networks_config has %s; wanted: named networks", [range]),
		"path": sprintf("master_authorized_networks_config[%d].cidr_blocks", [i]),
	}
}

unknown contains finding if {
	gke
	not gke_private
	gke_late
	finding := {"message": "who may reach the API is known only after apply; wanted: enable_private_endpoint = true, or named networks", "path": "master_authorized_networks_config"}
}

gke if {
	input.type == "google_container_cluster"
	terraform.present
}

gke_private if {
	some config in input.resource.private_cluster_config
	config.enable_private_endpoint == true
}

# Reached by its name through Google's front end, with IAM, and by no address.
dns_only if {
	some config in input.resource.control_plane_endpoints_config
	some endpoints in config.ip_endpoints_config
	endpoints.enabled == false
}

gke_late if {
	some attribute in ["master_authorized_networks_config", "private_cluster_config"]
	terraform.unknown_within(attribute)
	planned.referenced(attribute)
	attribute == "master_authorized_networks_config"
}

gke_late if {
	some i, _ in input.resource.private_cluster_config
	terraform.unknown(["private_cluster_config", i, "enable_private_endpoint"])
	planned.referenced("private_cluster_config")
}

# AKS.

deny contains finding if {
	aks
	not input.resource.private_cluster_enabled == true
	not terraform.unknown("private_cluster_enabled")
	count(aks_ranges) == 0
	not aks_late
	finding := {"message": "private_cluster_enabled is false and no network is named; wanted: true, or api_server_access_profile.authorized_ip_ranges", "path": "private_cluster_enabled"}
}

deny contains finding if {
	aks
	not input.resource.private_cluster_enabled == true
	some range in net.world(aks_ranges)
	finding := {"message": sprintf("authorized_ip_ranges has %s; wanted: named networks", [range]), "path": "api_server_access_profile"}
}

unknown contains finding if {
	aks
	not input.resource.private_cluster_enabled == true
	count(net.world(aks_ranges)) == 0
	aks_late
	finding := {"message": "who may reach the API is known only after apply; wanted: private_cluster_enabled = true, or named networks", "path": "private_cluster_enabled"}
}

aks if {
	input.type == "azurerm_kubernetes_cluster"
	terraform.present
}

aks_ranges := array.concat(
	[range | some profile in input.resource.api_server_access_profile; some range in profile.authorized_ip_ranges; is_string(range)],
	[range | some range in input.resource.api_server_authorized_ip_ranges; is_string(range)],
)

aks_late if terraform.unknown("private_cluster_enabled")

aks_late if {
	some attribute in ["api_server_access_profile", "api_server_authorized_ip_ranges"]
	terraform.unknown_within(attribute)
	planned.referenced(attribute)
}
