# METADATA
# title: S3 buckets say how they are encrypted
# description: >-
#   S3 encrypts new objects with its own keys since January 2023, so nothing lies there in the clear. What this rule still
#   asks for is that the choice is written down, so that reviewers see it and nobody weakens it unnoticed: an encryption
#   configuration in the bucket or beside it, with an algorithm that is allowed. Set algorithms to the KMS ones to ask for
#   keys of your own. Falling back from KMS to S3's keys is a finding in any case.
# related_resources:
#   - ref: https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html
#     description: Default encryption of S3 buckets
# custom:
#   id: TF-02
#   severity: high
#   remedy: 'resource "aws_s3_bucket_server_side_encryption_configuration" "this" { bucket = aws_s3_bucket.this.id  rule { apply_server_side_encryption_by_default { sse_algorithm = "aws:kms" } bucket_key_enabled = true } }'
#   inspects: {terraform: [aws_s3_bucket, aws_s3_bucket_server_side_encryption_configuration]}
#   references: [AWS-0088, AWS-0132, CKV_AWS_19, CKV_AWS_145]
#   parameters:
#     algorithms: {default: ["AES256", "aws:kms", "aws:kms:dsse"], description: Accepted values of sse_algorithm.}
package gatehouse.terraform_cloud.s3_encryption

import data.gatehouse.lib.planned
import data.gatehouse.lib.terraform

deny contains finding if {
	input.type == "aws_s3_bucket"
	terraform.present
	not inline
	count(companions) == 0
	not planned.stray(configurations, "bucket")
	finding := {
		"message": sprintf("no encryption configuration in this plan; wanted: an aws_s3_bucket_server_side_encryption_configuration with %s", [wanted]),
		"path": "server_side_encryption_configuration",
	}
}

unknown contains finding if {
	input.type == "aws_s3_bucket"
	terraform.present
	not inline
	count(companions) == 0
	planned.stray(configurations, "bucket")
	finding := {"message": sprintf("which bucket the plan's encryption configuration is for is known only after apply; wanted: %s", [wanted])}
}

deny contains finding if {
	terraform.present
	some rule in rules(input.resource)
	some default_ in rule.apply_server_side_encryption_by_default
	algorithm := default_.sse_algorithm
	is_string(algorithm)
	not algorithm in data.parameters.algorithms
	finding := {"message": sprintf("sse_algorithm is %s; wanted: %s", [algorithm, wanted]), "path": "rule"}
}

unknown contains finding if {
	input.type == "aws_s3_bucket_server_side_encryption_configuration"
	terraform.present
	some path in ["rule", ["rule", 0, "apply_server_side_encryption_by_default", 0, "sse_algorithm"]]
	terraform.unknown(path)
	finding := {"message": sprintf("sse_algorithm is known only after apply; wanted: %s", [wanted]), "path": "rule"}
}

# Guard: keys of one's own given up.
deny contains finding if {
	some algorithm in algorithms(input.before)
	startswith(algorithm, "aws:kms")
	now := algorithms(input.resource)
	"AES256" in now
	finding := {"message": sprintf("sse_algorithm goes from %s to AES256; wanted: %s kept", [algorithm, algorithm]), "path": "rule"}
}

deny contains finding if {
	input.type == "aws_s3_bucket_server_side_encryption_configuration"
	terraform.removed
	some algorithm in algorithms(input.before)
	startswith(algorithm, "aws:kms")
	bucket_stays
	finding := {"message": sprintf("encryption with %s is removed from a bucket that stays; wanted: %s kept", [algorithm, algorithm])}
}

bucket_stays if {
	some bucket in input.plan.aws_s3_bucket
	bucket.resource.bucket == input.before.bucket
}

wanted := concat(" or ", data.parameters.algorithms)

# A plan without such resources has no key for them.
default configurations := {}

configurations := input.plan.aws_s3_bucket_server_side_encryption_configuration

companions := planned.companions(configurations, "bucket", ["bucket", "id"])

inline if count(algorithms(input.resource)) > 0

rules(resource) := resource.rule if {
	input.type == "aws_s3_bucket_server_side_encryption_configuration"
} else := [rule |
	some block in resource.server_side_encryption_configuration
	some rule in block.rule
]

algorithms(resource) := {default_.sse_algorithm |
	some rule in rules(resource)
	some default_ in rule.apply_server_side_encryption_by_default
}
