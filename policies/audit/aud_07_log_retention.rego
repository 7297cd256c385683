# METADATA
# title: CloudWatch log groups are kept for a year
# description: >-
#   Intrusions are found months after they began. A group without a retention keeps everything for ever, which this rule
#   accepts; your budget may not.
# related_resources:
#   - ref: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html
#     description: Log retention
# custom:
#   id: AUD-07
#   severity: low
#   remedy: retention_in_days = 365
#   inspects: {terraform: [aws_cloudwatch_log_group]}
#   references: [CKV_AWS_338, CKV_AWS_66]
#   parameters:
#     min_days: {default: 365, description: Fewest days that a log group is kept.}
#     names: {default: ["*"], description: "Names of the log groups that are asked, with * as wildcard."}
package gatehouse.audit.log_retention

import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	days := terraform.get(input.resource, "retention_in_days", 0)
	days > 0
	days < data.parameters.min_days
	asked
	finding := {"message": sprintf("retention_in_days is %d; wanted: at least %d", [days, data.parameters.min_days]), "path": "retention_in_days"}
}

unknown contains finding if {
	terraform.present
	terraform.unknown("retention_in_days")
	asked
	finding := {"message": sprintf("retention_in_days is known only after apply; wanted: at least %d", [data.parameters.min_days]), "path": "retention_in_days"}
}

asked if {
	some pattern in data.parameters.names
	glob.match(pattern, null, terraform.get(input.resource, "name", ""))
}
