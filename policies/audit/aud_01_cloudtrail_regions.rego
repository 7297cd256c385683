# METADATA
# title: CloudTrail records every region and is on
# description: >-
#   What is done in a region that no trail covers leaves no trace, and unused regions are where intruders work. A trail that
#   exists but does not log is worse than none, because people trust it.
# related_resources:
#   - ref: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/receive-cloudtrail-log-files-from-multiple-regions.html
#     description: Trails for all regions
# custom:
#   id: AUD-01
#   severity: high
#   remedy: is_multi_region_trail = true, include_global_service_events = true, enable_logging = true
#   inspects: {terraform: [aws_cloudtrail]}
#   references: [AWS-0014, CKV_AWS_67, CKV_AWS_251]
package gatehouse.audit.cloudtrail_regions

import data.gatehouse.lib.terraform

# What each attribute is when it is left out.
defaults := {"is_multi_region_trail": false, "include_global_service_events": true, "enable_logging": true}

deny contains finding if {
	terraform.present
	some attribute, default_ in defaults
	not terraform.unknown(attribute)
	terraform.get(input.resource, attribute, default_) == false
	finding := {"message": sprintf("%s is false; wanted: true", [attribute]), "path": attribute}
}

unknown contains finding if {
	terraform.present
	some attribute, _ in defaults
	terraform.unknown(attribute)
	finding := {"message": sprintf("%s is known only after apply; wanted: true", [attribute]), "path": attribute}
}
