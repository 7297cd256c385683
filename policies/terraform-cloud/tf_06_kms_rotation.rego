# METADATA
# title: Encryption keys rotate
# description: >-
#   Rotation bounds how much one key protects and how long a leaked one is of use. KMS rotates symmetric keys for free and
#   keeps old material for reading. Asymmetric and HMAC keys and those in a custom key store cannot rotate and are not asked.
# related_resources:
#   - ref: https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
#     description: Rotate AWS KMS keys
#   - ref: https://cloud.google.com/kms/docs/key-rotation
#     description: Cloud KMS key rotation
# custom:
#   id: TF-06
#   severity: medium
#   remedy: 'AWS: enable_key_rotation = true. Google: rotation_period = "7776000s".'
#   inspects: {terraform: [aws_kms_key, google_kms_crypto_key]}
#   references: [AWS-0065, GCP-0065, CKV_AWS_7, CKV_GCP_43]
#   parameters:
#     max_days: {default: 365, description: "Longest time between two rotations, in days."}
package gatehouse.terraform_cloud.kms_rotation

import data.gatehouse.lib.terraform

deny contains finding if {
	aws
	not input.resource.enable_key_rotation == true
	not terraform.unknown("enable_key_rotation")
	finding := {"message": sprintf("enable_key_rotation is %v; wanted: true", [terraform.get(input.resource, "enable_key_rotation", "not set")]), "path": "enable_key_rotation"}
}

deny contains finding if {
	aws
	input.resource.enable_key_rotation == true
	days := input.resource.rotation_period_in_days
	days > data.parameters.max_days
	finding := {"message": sprintf("rotation_period_in_days is %d; wanted: at most %d", [days, data.parameters.max_days]), "path": "rotation_period_in_days"}
}

deny contains finding if {
	google
	object.get(input.resource, "rotation_period", null) in {null, ""}
	not terraform.unknown("rotation_period")
	finding := {"message": sprintf("rotation_period is not set; wanted: at most %d days", [data.parameters.max_days]), "path": "rotation_period"}
}

deny contains finding if {
	google
	period := input.resource.rotation_period
	is_string(period)
	regex.match(`^[0-9]+`, period)
	seconds := to_number(regex.find_n(`^[0-9]+`, period, 1)[0])
	seconds > data.parameters.max_days * 86400
	finding := {"message": sprintf("rotation_period is %s; wanted: at most %d days", [period, data.parameters.max_days]), "path": "rotation_period"}
}

unknown contains finding if {
	aws
	terraform.unknown("enable_key_rotation")
	finding := {"message": "enable_key_rotation is known only after apply; wanted: true", "path": "enable_key_rotation"}
}

unknown contains finding if {
	google
	terraform.unknown("rotation_period")
	finding := {"message": sprintf("rotation_period is known only after apply; wanted: at most %d days", [data.parameters.max_days]), "path": "rotation_period"}
}

aws if {
	input.type == "aws_kms_key"
	terraform.present
	terraform.get(input.resource, "customer_master_key_spec", "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT"
	terraform.get(input.resource, "key_usage", "ENCRYPT_DECRYPT") == "ENCRYPT_DECRYPT"
	terraform.get(input.resource, "custom_key_store_id", "") == ""
}

google if {
	input.type == "google_kms_crypto_key"
	terraform.present
	terraform.get(input.resource, "purpose", "ENCRYPT_DECRYPT") == "ENCRYPT_DECRYPT"
}
