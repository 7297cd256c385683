# METADATA
# title: CloudTrail uses its own key and reaches CloudWatch
# description: >-
#   A key of one's own separates who may read the trail from who may read the bucket, and delivery to CloudWatch Logs is what
#   alarms are made of; files in a bucket arrive minutes later and wake nobody.
# related_resources:
#   - ref: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/encrypting-cloudtrail-log-files-with-aws-kms.html
#     description: Encrypting CloudTrail log files
# custom:
#   id: AUD-03
#   severity: medium
#   remedy: 'kms_key_id = aws_kms_key.trail.arn; cloud_watch_logs_group_arn = "${aws_cloudwatch_log_group.trail.arn}:*"; cloud_watch_logs_role_arn = aws_iam_role.trail.arn'
#   inspects: {terraform: [aws_cloudtrail]}
#   references: [AWS-0015, AWS-0162, CKV_AWS_35, CKV2_AWS_10]
package gatehouse.audit.cloudtrail_kms

import data.gatehouse.lib.terraform

# A value that is known only after apply is the ARN of something in the plan, so it is set.
deny contains finding if {
	terraform.present
	some attribute in ["kms_key_id", "cloud_watch_logs_group_arn"]
	terraform.get(input.resource, attribute, "") == ""
	not terraform.unknown(attribute)
	finding := {"message": sprintf("%s is not set; wanted: %s", [attribute, wanted[attribute]]), "path": attribute}
}

wanted := {"kms_key_id": "the ARN of a KMS key", "cloud_watch_logs_group_arn": "the ARN of a log group"}
