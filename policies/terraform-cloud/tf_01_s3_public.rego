# METADATA
# title: S3 buckets are closed to the public
# description: >-
#   Most leaked data leaked from a bucket that somebody opened for an afternoon. The public access block is the one
#   switch that holds whatever a later ACL or policy says, so every bucket has it on, all four settings, and no ACL
#   or policy grants anything to everyone.
# related_resources:
#   - ref: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
#     description: What the four settings do, and what AWS calls public
# custom:
#   id: TF-01
#   severity: high
#   remedy: |-
#     resource "aws_s3_bucket_public_access_block" "this" {
#       bucket                  = aws_s3_bucket.this.id
#       block_public_acls       = true
#       block_public_policy     = true
#       ignore_public_acls      = true
#       restrict_public_buckets = true
#     }
#   inspects:
#     terraform:
#       - aws_s3_bucket
#       - aws_s3_bucket_public_access_block
#       - aws_s3_account_public_access_block
#       - aws_s3_bucket_acl
#       - aws_s3_bucket_policy
#       - aws_s3_object
#       - aws_s3_bucket_object
#   references: [AWS-0086, AWS-0087, AWS-0091, AWS-0092, AWS-0093, AWS-0094, CKV_AWS_20, CKV_AWS_53, CKV_AWS_54, CKV_AWS_55, CKV_AWS_56, CKV_AWS_57, CKV_AWS_70, CKV2_AWS_6]
#   parameters:
#     account_blocked:
#       default: false
#       description: Whether every account has its own public access block, set outside the plans that are judged.
package gatehouse.terraform_cloud.s3_public

import data.gatehouse.lib.iam
import data.gatehouse.lib.terraform

_settings := ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"]

_block_types := {"aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block"}

# A bucket that nothing closes.
deny contains finding if {
	_uncovered
	not _may_be_covered
	finding := {"message": "no aws_s3_bucket_public_access_block of the plan covers the bucket; wanted: one with all four settings true"}
}

unknown contains finding if {
	_uncovered
	_may_be_covered
	finding := {"message": "which bucket a public access block of the plan covers is known only after apply; wanted: one for this bucket"}
}

_uncovered if {
	input.type == "aws_s3_bucket"
	terraform.present
	not _covered
}

_covered if data.parameters.account_blocked == true

_covered if {
	some block in terraform.near(input.plan.aws_s3_bucket_public_access_block, ["bucket", "id"])
	block.resource != null
	terraform.configures(block, "bucket", ["bucket", "id"])
}

# One setting left open is a finding of the account's block itself, so here it only has to be there.
_covered if {
	some block in input.plan.aws_s3_account_public_access_block
	every setting in _settings {
		block.resource[setting] == true
	}
}

_may_be_covered if {
	some block in terraform.loose(input.plan.aws_s3_bucket_public_access_block, "bucket")
	block.resource != null
	terraform.may_configure(block, "bucket")
}

# A block with a hole.
deny contains finding if {
	input.type in _block_types
	terraform.present
	some setting in _settings
	terraform.get(input.resource, setting, false) != true
	not terraform.unknown(setting)
	finding := {"message": sprintf("%s is false; wanted: true", [setting]), "path": setting}
}

unknown contains finding if {
	input.type in _block_types
	terraform.present
	some setting in _settings
	terraform.unknown(setting)
	finding := {"message": sprintf("%s is known only after apply; wanted: true", [setting]), "path": setting}
}

# A block that goes while the bucket stays.
deny contains finding if {
	input.type in _block_types
	terraform.removed
	not _closed_otherwise
	finding := {"message": "the public access block is deleted; wanted: to keep it for as long as there is a bucket"}
}

_closed_otherwise if {
	input.type == "aws_s3_bucket_public_access_block"
	some bucket in input.plan.aws_s3_bucket
	bucket.resource == null
	input.before.bucket in {bucket.before.bucket, object.get(bucket.before, "id", bucket.before.bucket)}
}

_closed_otherwise if {
	some other in input.plan[input.type]
	other.resource != null
	object.get(other.resource, "bucket", "") == object.get(input.before, "bucket", "")
}

# An ACL for everyone.
deny contains finding if {
	terraform.present
	acl := terraform.get(input.resource, "acl", "")
	acl in {"public-read", "public-read-write", "authenticated-read"}
	finding := {"message": sprintf("acl is %q; wanted: private", [acl]), "path": "acl"}
}

deny contains finding if {
	terraform.present
	some grant in _grants
	some group in ["AllUsers", "AuthenticatedUsers"]
	endswith(grant.uri, concat("", ["/global/", group]))
	finding := {
		"message": sprintf("%s is granted to %s; wanted: no grant to a group of everyone", [grant.permission, group]),
		"path": grant.path,
	}
}

unknown contains finding if {
	terraform.present
	some attribute in ["acl", "access_control_policy", "grant"]
	terraform.set_late(attribute)
	finding := {"message": sprintf("%s is known only after apply; wanted: nothing granted to everyone", [attribute]), "path": attribute}
}

_grants contains {"uri": terraform.get(grant, "uri", ""), "permission": concat(", ", sort(grant.permissions)), "path": sprintf("grant[%d]", [i])} if {
	input.type == "aws_s3_bucket"
	some i, grant in input.resource.grant
}

_grants contains {
	"uri": terraform.get(grantee, "uri", ""),
	"permission": terraform.get(grant, "permission", ""),
	"path": sprintf("access_control_policy[%d].grant[%d]", [p, i]),
} if {
	input.type == "aws_s3_bucket_acl"
	some p, policy in input.resource.access_control_policy
	some i, grant in policy.grant
	some grantee in grant.grantee
}

# A policy for everyone.
deny contains finding if {
	some statement in _policy.statements
	_open(statement)
	not iam.confined(statement)
	not "conditions" in statement.unknown
	finding := {
		"message": sprintf("%s of the policy allows everyone %s; wanted: named principals, or a condition on the account, organisation or network", [
			iam.label(statement),
			_what(statement),
		]),
		"path": "policy",
	}
}

unknown contains finding if {
	_policy.complete == false
	finding := {"message": "the policy is known only after apply; wanted: nothing allowed to everyone", "path": "policy"}
}

unknown contains finding if {
	some statement in _policy.statements
	statement.effect == "allow"
	not iam.confined(statement)
	_perhaps_open(statement)
	finding := {
		"message": sprintf("whom %s of the policy allows is known only after apply; wanted: nothing allowed to everyone", [iam.label(statement)]),
		"path": "policy",
	}
}

_perhaps_open(statement) if {
	"principals" in statement.unknown
	not iam.everyone(statement)
}

_perhaps_open(statement) if {
	"conditions" in statement.unknown
	iam.everyone(statement)
}

_open(statement) if {
	statement.effect == "allow"
	iam.everyone(statement)
}

_what(statement) := concat(", ", statement.actions) if {
	count(statement.actions) > 0
} else := sprintf("everything but %s", [concat(", ", statement.not_actions)])

_policy := iam.policy("policy") if {
	input.type == "aws_s3_bucket_policy"
	terraform.present
}

# The provider fills in the attribute of the bucket itself when the configuration leaves it out.
_policy := iam.policy("policy") if {
	input.type == "aws_s3_bucket"
	terraform.present
	_policy_told
}

_policy_told if not terraform.unknown("policy")

_policy_told if terraform.set_late("policy")
