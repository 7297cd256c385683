# METADATA
# title: ECR repositories keep their tags and scan what is pushed
# description: >-
#   In a repository with mutable tags the image that was tested and the image that runs can have the same name and
#   nothing else in common. Scanning on push tells of known holes before anything runs.
# related_resources:
#   - ref: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
#     description: Preventing image tags from being overwritten
#   - ref: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html
#     description: Scanning images
# custom:
#   id: IM-10
#   severity: high
#   remedy: |-
#     image_tag_mutability = "IMMUTABLE"
#     image_scanning_configuration { scan_on_push = true }
#   inspects: {terraform: [aws_ecr_repository]}
#   references: [AWS-0031, AWS-0030, CKV_AWS_51, CKV_AWS_163]
package gatehouse.immutable.ecr_immutable

import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	not terraform.unknown("image_tag_mutability")
	mutability := terraform.get(input.resource, "image_tag_mutability", "MUTABLE")
	mutability in {"MUTABLE", "MUTABLE_WITH_EXCLUSION"}
	finding := {"message": sprintf("image_tag_mutability is %s; wanted: IMMUTABLE", [mutability]), "path": "image_tag_mutability"}
}

deny contains finding if {
	terraform.present
	input.resource.image_tag_mutability == "IMMUTABLE_WITH_EXCLUSION"
	some i, exclusion in input.resource.image_tag_mutability_exclusion_filter
	regex.match(`^[*?]+$`, exclusion.filter)
	finding := {
		"message": sprintf("every tag is excluded from immutability (%q); wanted: IMMUTABLE", [exclusion.filter]),
		"path": sprintf("image_tag_mutability_exclusion_filter[%d].filter", [i]),
	}
}

deny contains finding if {
	terraform.present
	not _scans
	not _scan_late
	not _registry_scans
	finding := {"message": "images are not scanned on push; wanted: scan_on_push true", "path": "image_scanning_configuration"}
}

unknown contains finding if {
	terraform.present
	terraform.unknown("image_tag_mutability")
	finding := {"message": "image_tag_mutability is known only after apply; wanted: IMMUTABLE", "path": "image_tag_mutability"}
}

unknown contains finding if {
	terraform.present
	_scan_late
	not _registry_scans
	finding := {"message": "scan_on_push is known only after apply; wanted: true", "path": "image_scanning_configuration"}
}

_scans if {
	some configuration in input.resource.image_scanning_configuration
	configuration.scan_on_push == true
}

_scan_late if terraform.unknown_within("image_scanning_configuration")

# The registry of the account can scan for all its repositories.
_registry_scans if {
	some registry in input.plan.aws_ecr_registry_scanning_configuration
	some rule in registry.resource.rule
	rule.scan_frequency in {"SCAN_ON_PUSH", "CONTINUOUS_SCAN"}
	some filter in rule.repository_filter
	_matches(filter.filter)
}

_matches(filter) if regex.match(`^\*+$`, filter)

_matches(filter) if {
	contains(filter, "*")
	glob.match(filter, null, input.resource.name)
}

_matches(filter) if {
	not contains(filter, "*")
	contains(input.resource.name, filter)
}
