# METADATA
# title: Networks keep flow logs
# description: >-
#   After an intrusion, flow logs say who talked to whom. Nobody can turn them on afterwards. Subnetworks that only serve
#   Google's own proxies cannot have them and are not asked.
# related_resources:
#   - ref: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html
#     description: VPC Flow Logs
#   - ref: https://learn.microsoft.com/azure/network-watcher/vnet-flow-logs-overview
#     description: Virtual network flow logs
# custom:
#   id: AUD-06
#   severity: medium
#   remedy: 'AWS: resource "aws_flow_log" "this" { vpc_id = aws_vpc.this.id  traffic_type = "ALL"  log_destination = aws_cloudwatch_log_group.flow.arn  iam_role_arn = aws_iam_role.flow.arn }. Google: log_config { aggregation_interval = "INTERVAL_5_SEC" }. Azure: azurerm_network_watcher_flow_log with retention_policy { enabled = true  days = 90 }.'
#   inspects: {terraform: [aws_vpc, aws_flow_log, google_compute_subnetwork, azurerm_virtual_network, azurerm_network_watcher_flow_log]}
#   references: [AWS-0178, GCP-0029, AZU-0049, CKV2_AWS_11, CKV_GCP_26, CKV_AZURE_12]
#   parameters:
#     min_days: {default: 90, description: Days that Azure flow logs are kept; zero in the resource means for ever.}
package gatehouse.audit.flow_logs

import data.gatehouse.lib.planned
import data.gatehouse.lib.terraform

# A plan without such resources has no key for them.
default aws_flow_logs := {}

aws_flow_logs := input.plan.aws_flow_log

default azure_flow_logs := {}

azure_flow_logs := input.plan.azurerm_network_watcher_flow_log

deny contains finding if {
	input.type == "aws_vpc"
	terraform.present
	count(planned.companions(aws_flow_logs, "vpc_id", ["id"])) == 0
	not planned.stray(aws_flow_logs, "vpc_id")
	finding := {"message": "no aws_flow_log in this plan; wanted: one with traffic_type ALL"}
}

unknown contains finding if {
	input.type == "aws_vpc"
	terraform.present
	count(planned.companions(aws_flow_logs, "vpc_id", ["id"])) == 0
	planned.stray(aws_flow_logs, "vpc_id")
	finding := {"message": "which network the plan's aws_flow_log is for is known only after apply; wanted: one for this network"}
}

deny contains finding if {
	input.type == "aws_flow_log"
	terraform.present
	traffic := input.resource.traffic_type
	traffic in {"ACCEPT", "REJECT"}
	finding := {"message": sprintf("traffic_type is %s; wanted: ALL", [traffic]), "path": "traffic_type"}
}

deny contains finding if {
	input.type == "google_compute_subnetwork"
	terraform.present
	terraform.get(input.resource, "purpose", "PRIVATE") in {"PRIVATE", "PRIVATE_RFC_1918"}
	planned.missing_block("log_config")
	finding := {"message": "log_config is not set; wanted: flow logs", "path": "log_config"}
}

deny contains finding if {
	input.type == "azurerm_virtual_network"
	terraform.present
	count(planned.companions(azure_flow_logs, "target_resource_id", ["id"])) == 0
	not planned.stray(azure_flow_logs, "target_resource_id")
	finding := {"message": "no azurerm_network_watcher_flow_log in this plan; wanted: one for this network"}
}

unknown contains finding if {
	input.type == "azurerm_virtual_network"
	terraform.present
	count(planned.companions(azure_flow_logs, "target_resource_id", ["id"])) == 0
	planned.stray(azure_flow_logs, "target_resource_id")
	finding := {"message": "which network the plan's azurerm_network_watcher_flow_log is for is known only after apply; wanted: one for this network"}
}

deny contains finding if {
	input.type == "azurerm_network_watcher_flow_log"
	terraform.present
	input.resource.enabled == false
	finding := {"message": "enabled is false; wanted: true", "path": "enabled"}
}

deny contains finding if {
	input.type == "azurerm_network_watcher_flow_log"
	terraform.present
	some i, policy in input.resource.retention_policy
	days := terraform.get(policy, "days", 0)
	policy.enabled == true
	days > 0
	days < data.parameters.min_days
	finding := {"message": sprintf("retention_policy.days is %d; wanted: at least %d", [days, data.parameters.min_days]), "path": sprintf("retention_policy[%d].days", [i])}
}
