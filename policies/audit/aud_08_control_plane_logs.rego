# METADATA
# title: Managed clusters log what their API server does
# description: >-
#   The audit log of the API server is the only record of who read which Secret or entered which Pod. EKS and AKS keep none
#   unless told to; GKE can be told not to.
# related_resources:
#   - ref: https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html
#     description: EKS control plane logs
#   - ref: https://learn.microsoft.com/azure/aks/monitor-aks-reference
#     description: AKS resource logs
# custom:
#   id: AUD-08
#   severity: medium
#   remedy: 'EKS: enabled_cluster_log_types = ["api", "audit", "authenticator"]. GKE: logging_config { enable_components = ["SYSTEM_COMPONENTS", "APISERVER", "WORKLOADS"] }. AKS: azurerm_monitor_diagnostic_setting with enabled_log { category = "kube-audit-admin" }.'
#   inspects: {terraform: [aws_eks_cluster, google_container_cluster, azurerm_kubernetes_cluster]}
#   references: [AWS-0038, GCP-0060, AZU-0040, CKV_AWS_37, CKV_GCP_1, CKV_AZURE_4]
#   parameters:
#     eks_types: {default: [api, audit, authenticator], description: Log types that EKS must write.}
package gatehouse.audit.control_plane_logs

import data.gatehouse.lib.planned
import data.gatehouse.lib.terraform

deny contains finding if {
	input.type == "aws_eks_cluster"
	terraform.present
	not terraform.unknown_within("enabled_cluster_log_types")
	types := terraform.get(input.resource, "enabled_cluster_log_types", [])
	missing := [type | some type in data.parameters.eks_types; not type in types]
	count(missing) > 0
	finding := {"message": sprintf("enabled_cluster_log_types lacks [%s]; wanted: [%s]", [concat(", ", missing), concat(", ", data.parameters.eks_types)]), "path": "enabled_cluster_log_types"}
}

unknown contains finding if {
	input.type == "aws_eks_cluster"
	terraform.present
	terraform.unknown_within("enabled_cluster_log_types")
	finding := {"message": sprintf("enabled_cluster_log_types is known only after apply; wanted: [%s]", [concat(", ", data.parameters.eks_types)]), "path": "enabled_cluster_log_types"}
}

deny contains finding if {
	input.type == "google_container_cluster"
	terraform.present
	input.resource.logging_service == "none"
	finding := {"message": "logging_service is none; wanted: logging.googleapis.com/kubernetes", "path": "logging_service"}
}

deny contains finding if {
	input.type == "google_container_cluster"
	terraform.present
	some i, config in input.resource.logging_config
	not terraform.unknown_within(["logging_config", i])
	not "SYSTEM_COMPONENTS" in terraform.get(config, "enable_components", [])
	finding := {"message": sprintf("logging_config.enable_components is [%s]; wanted: SYSTEM_COMPONENTS at least", [concat(", ", terraform.get(config, "enable_components", []))]), "path": sprintf("logging_config[%d].enable_components", [i])}
}

# A plan without such resources has no key for them.
default settings := {}

settings := input.plan.azurerm_monitor_diagnostic_setting

deny contains finding if {
	input.type == "azurerm_kubernetes_cluster"
	terraform.present
	not monitored
	count(audited) == 0
	not planned.stray(settings, "target_resource_id")
	finding := {"message": "neither an oms_agent nor a diagnostic setting with kube-audit; wanted: one of them"}
}

unknown contains finding if {
	input.type == "azurerm_kubernetes_cluster"
	terraform.present
	not monitored
	count(audited) == 0
	planned.stray(settings, "target_resource_id")
	finding := {"message": "which cluster the plan's diagnostic setting is for is known only after apply; wanted: one with kube-audit"}
}

monitored if count(terraform.get(input.resource, "oms_agent", [])) > 0

audited := [setting |
	some setting in planned.companions(settings, "target_resource_id", ["id"])
	some field in ["enabled_log", "log"]
	some log in setting.resource[field]
	terraform.get(log, "enabled", true) == true
	audits(log)
]

audits(log) if log.category in {"kube-audit", "kube-audit-admin"}

audits(log) if log.category_group in {"audit", "allLogs"}
