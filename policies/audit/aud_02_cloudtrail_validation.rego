# METADATA
# title: CloudTrail's files can be proved untouched
# description: >-
#   With validation on, CloudTrail signs a chain of digests over its files, so that a changed or deleted one is noticed. It
#   costs nothing and cannot be added afterwards for what was already written.
# related_resources:
#   - ref: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html
#     description: Validating CloudTrail log file integrity
# custom:
#   id: AUD-02
#   severity: high
#   remedy: enable_log_file_validation = true
#   inspects: {terraform: [aws_cloudtrail]}
#   references: [AWS-0016, CKV_AWS_36]
package gatehouse.audit.cloudtrail_validation

import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	not terraform.unknown("enable_log_file_validation")
	terraform.get(input.resource, "enable_log_file_validation", false) == false
	finding := {"message": "enable_log_file_validation is false; wanted: true", "path": "enable_log_file_validation"}
}

unknown contains finding if {
	terraform.present
	terraform.unknown("enable_log_file_validation")
	finding := {"message": "enable_log_file_validation is known only after apply; wanted: true", "path": "enable_log_file_validation"}
}
