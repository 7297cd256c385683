# METADATA
# title: Buckets that hold audit logs cannot be emptied
# description: >-
#   Whoever breaks in wants the log gone. Object lock (or a retention policy) keeps what is written even from administrators,
#   and versioning keeps what is overwritten. A bucket is meant when a trail, a configuration recorder or a sink of the plan
#   writes to it, or when its name says so. Weakening the lock of any bucket is a finding.
# related_resources:
#   - ref: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
#     description: S3 Object Lock
#   - ref: https://cloud.google.com/storage/docs/bucket-lock
#     description: Bucket Lock
# custom:
#   id: AUD-11
#   severity: high
#   remedy: 'AWS: object_lock_enabled = true with aws_s3_bucket_object_lock_configuration { rule { default_retention { mode = "COMPLIANCE"  days = 365 } } } and aws_s3_bucket_versioning. Google: retention_policy { retention_period = 31536000 }.'
#   inspects: {terraform: [aws_s3_bucket, aws_s3_bucket_object_lock_configuration, aws_s3_bucket_versioning, google_storage_bucket]}
#   references: [CKV_AWS_21, CKV_GCP_78, GCP-0078]
#   parameters:
#     names: {default: ["*cloudtrail*", "*audit-log*", "*auditlog*"], description: "Names of buckets that hold audit logs, with * as wildcard."}
package gatehouse.audit.audit_bucket

import data.gatehouse.lib.planned
import data.gatehouse.lib.terraform

# A plan without such resources has no key for them.
default locks := {}

locks := input.plan.aws_s3_bucket_object_lock_configuration

default versionings := {}

versionings := input.plan.aws_s3_bucket_versioning

deny contains finding if {
	input.type == "aws_s3_bucket"
	terraform.present
	not input.resource.object_lock_enabled == true
	audit_bucket(input)
	count(planned.companions(locks, "bucket", ["bucket", "id"])) == 0
	not planned.stray(locks, "bucket")
	finding := {"message": "object_lock_enabled is false in a bucket for audit logs; wanted: true", "path": "object_lock_enabled"}
}

deny contains finding if {
	input.type == "aws_s3_bucket"
	terraform.present
	audit_bucket(input)
	not versioned
	not planned.stray(versionings, "bucket")
	finding := {"message": "versioning is off in a bucket for audit logs; wanted: Enabled", "path": "versioning"}
}

unknown contains finding if {
	input.type == "aws_s3_bucket"
	terraform.present
	audit_bucket(input)
	not versioned
	planned.stray(versionings, "bucket")
	finding := {"message": "which bucket the plan's versioning is for is known only after apply; wanted: Enabled", "path": "versioning"}
}

deny contains finding if {
	input.type == "google_storage_bucket"
	terraform.present
	google_sink
	planned.missing_block("retention_policy")
	finding := {"message": "retention_policy is not set in a bucket for audit logs; wanted: a retention period", "path": "retention_policy"}
}

# Object lock switches versioning on.
versioned if input.resource.object_lock_enabled == true

versioned if {
	some other in planned.companions(versionings, "bucket", ["bucket", "id"])
	some configuration in other.resource.versioning_configuration
	configuration.status == "Enabled"
}

versioned if {
	some block in input.resource.versioning
	block.enabled == true
}

audit_bucket(bucket) if {
	some trail in input.plan.aws_cloudtrail
	trail.resource != null
	terraform.targets(trail, "s3_bucket_name", ["bucket", "id"], bucket)
}

audit_bucket(bucket) if {
	some channel in input.plan.aws_config_delivery_channel
	channel.resource != null
	terraform.targets(channel, "s3_bucket_name", ["bucket", "id"], bucket)
}

audit_bucket(bucket) if audit_name(object.get(bucket.resource, "bucket", null))

audit_bucket(bucket) if audit_name(object.get(bucket.resource, "bucket_prefix", null))

audit_name(name) if {
	is_string(name)
	some pattern in data.parameters.names
	glob.match(pattern, null, name)
}

google_sink if audit_name(object.get(input.resource, "name", null))

google_sink if {
	some sink in array.concat(
		[sink | some sink in input.plan.google_logging_project_sink],
		[sink | some sink in input.plan.google_logging_organization_sink],
	)
	sink.resource != null
	sinks_here(sink)
}

sinks_here(sink) if sink.resource.destination == sprintf("storage.googleapis.com/%s", [input.resource.name])

sinks_here(sink) if {
	not is_string(object.get(sink.resource, "destination", null))
	terraform.refers(sink, "destination", input)
}

# Guards: a protection that was there before.

deny contains finding if {
	input.type == "aws_s3_bucket_object_lock_configuration"
	terraform.removed
	finding := {"message": "object lock configuration is removed; wanted: kept"}
}

deny contains finding if {
	input.type == "aws_s3_bucket_object_lock_configuration"
	[mode, days] := retention(input.before)
	terraform.present
	[now_mode, now_days] := retention(input.resource)
	weaker(mode, days, now_mode, now_days)
	finding := {"message": sprintf("default retention goes from %s %d days to %s %d days; wanted: not weaker", [mode, days, now_mode, now_days]), "path": "rule"}
}

retention(resource) := [terraform.get(found[0], "mode", "none"), lasting(found[0])] if {
	found := [retention_ |
		some rule in resource.rule
		some retention_ in rule.default_retention
	]
	count(found) > 0
} else := ["none", 0] if is_object(resource)

lasting(block) := terraform.get(block, "days", 0) + (terraform.get(block, "years", 0) * 365)

weaker("COMPLIANCE", _, mode, _) if mode != "COMPLIANCE"

weaker(_, days, _, now_days) if now_days < days

deny contains finding if {
	input.type == "aws_s3_bucket_versioning"
	some configuration in input.before.versioning_configuration
	configuration.status == "Enabled"
	not still_enabled
	for_audit_bucket
	finding := {"message": sprintf("versioning of a bucket for audit logs goes from Enabled to %s; wanted: Enabled", [now]), "path": "versioning_configuration"}
}

still_enabled if {
	some configuration in input.resource.versioning_configuration
	configuration.status == "Enabled"
}

now := "removed" if input.resource == null

now := concat(", ", [configuration.status | some configuration in input.resource.versioning_configuration]) if input.resource != null

for_audit_bucket if audit_name(input.before.bucket)

for_audit_bucket if {
	some bucket in input.plan.aws_s3_bucket
	bucket.resource.bucket == input.before.bucket
	audit_bucket(bucket)
}

deny contains finding if {
	input.type == "google_storage_bucket"
	terraform.present
	is_object(input.before)
	count(terraform.get(input.before, "retention_policy", [])) > 0
	planned.missing_block("retention_policy")
	not google_sink
	finding := {"message": "retention_policy is removed; wanted: kept", "path": "retention_policy"}
}
