# METADATA
# title: Instance metadata asks for a session token
# description: >-
#   With version 1 of the metadata service, one request that a web application can be talked into (SSRF) hands out the
#   instance's credentials. Version 2 asks for a token that such a request cannot get. Leaving the block out keeps version 1
#   on, unless the image or the account says otherwise.
# related_resources:
#   - ref: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
#     description: Use the Instance Metadata Service
# custom:
#   id: TF-05
#   severity: high
#   remedy: 'metadata_options { http_endpoint = "enabled"  http_tokens = "required" }'
#   inspects: {terraform: [aws_instance, aws_launch_template, aws_launch_configuration]}
#   references: [AWS-0028, AWS-0130, CKV_AWS_79]
package gatehouse.terraform_cloud.imdsv2

import data.gatehouse.lib.planned
import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	planned.missing_block("metadata_options")
	not elsewhere
	finding := {"message": "metadata_options is not set; wanted: http_tokens = \"required\"", "path": "metadata_options"}
}

deny contains finding if {
	terraform.present
	some i, options in input.resource.metadata_options
	not "disabled" in {object.get(options, "http_endpoint", null)}
	tokens := object.get(options, "http_tokens", null)
	tokens != "required"
	not late(i)
	finding := {
		"message": sprintf("http_tokens is %s; wanted: required", [shown(tokens)]),
		"path": sprintf("metadata_options[%d].http_tokens", [i]),
	}
}

unknown contains finding if {
	terraform.present
	undecided
	finding := {"message": "http_tokens is known only after apply; wanted: required", "path": "metadata_options"}
}

undecided if {
	some i, options in input.resource.metadata_options
	not "disabled" in {object.get(options, "http_endpoint", null)}
	late(i)
}

# The provider fills in what the block leaves out, so that a gap is unknown in the plan too.
late(i) if {
	terraform.unknown(["metadata_options", i, "http_tokens"])
	planned.referenced("metadata_options")
}

undecided if {
	terraform.unknown("metadata_options")
	planned.referenced("metadata_options")
}

shown(null) := "not set"

shown(value) := value if is_string(value)

# An instance takes the setting from its launch template, which is judged by itself; the account's default counts too.
elsewhere if {
	input.type == "aws_instance"
	count(terraform.list(object.get(input.resource, "launch_template", []))) > 0
}

elsewhere if {
	some defaults in input.plan.aws_ec2_instance_metadata_defaults
	defaults.resource.http_tokens == "required"
}
