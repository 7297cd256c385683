# METADATA
# title: Machines start from the golden images
# description: >-
#   A machine is what its image was, plus nothing. An image from a stranger's account, or from a marketplace, brings
#   along whatever its maker put there, and nobody rebuilds it when a hole is found.
# related_resources:
#   - ref: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-allowed-amis.html
#     description: Allowed AMIs, the same idea as a setting of the account
# custom:
#   id: IM-04
#   severity: high
#   remedy: >-
#     Take the image from the golden list, for example data "aws_ami" with owners = ["ACCOUNT"], or add its owner or
#     its id to the rule's parameters.
#   inspects:
#     terraform:
#       - aws_instance
#       - aws_spot_instance_request
#       - aws_launch_template
#       - aws_launch_configuration
#       - google_compute_instance
#       - google_compute_instance_template
#       - google_compute_region_instance_template
#       - google_compute_disk
#       - azurerm_linux_virtual_machine
#       - azurerm_windows_virtual_machine
#       - azurerm_linux_virtual_machine_scale_set
#       - azurerm_windows_virtual_machine_scale_set
#       - azurerm_orchestrated_virtual_machine_scale_set
#       - azurerm_virtual_machine
#   references: [AWS-0344, CKV_AWS_386]
#   parameters:
#     owners:
#       required: true
#       description: >-
#         Who may have made the image: AWS account ids or aliases ("123456789012", "amazon"), Google projects
#         ("debian-cloud"), Azure publishers ("Canonical") or subscription ids. May be an empty list when images says it all.
#     images:
#       default: []
#       description: >-
#         Images, as globs: AMI ids, Google image paths, Azure image ids, or PUBLISHER:OFFER:SKU:VERSION.
package gatehouse.immutable.golden_image

import data.gatehouse.lib.terraform

deny contains finding if {
	some image in _images
	_told(image)
	not _golden(image)
	not _owner_late(image)
	finding := {
		"message": sprintf("%s is %q%s; wanted: an image of %s", [image.path, image.value, _made_by(image), _wanted]),
		"path": image.path,
	}
}

unknown contains finding if {
	some image in _images
	not _golden(image)
	_undecided(image)
	finding := {
		"message": sprintf("who made the image of %s is known only after apply; wanted: an image of %s", [image.path, _wanted]),
		"path": image.path,
	}
}

_undecided(image) if not _told(image)

_undecided(image) if _owner_late(image)

# A value that the plan marks as sensitive, as it does those of SSM parameters, stands there as a token.
_told(image) if {
	image.value != null
	not startswith(image.value, "token:")
}

_images contains image if {
	terraform.present
	attribute := _aws[input.type]
	image := _late_or_set([attribute], attribute)
}

_images contains image if {
	terraform.present
	some [path, at] in _places
	image := _late_or_set(at, path)
}

_images contains {"path": sprintf("source_image_reference[%d]", [i]), "value": joined, "owner": reference.publisher, "attribute": "source_image_reference"} if {
	startswith(input.type, "azurerm_")
	terraform.managed
	some i, reference in input.resource.source_image_reference
	joined := _urn(reference)
}

_images contains {"path": sprintf("storage_image_reference[%d]", [i]), "value": joined, "owner": reference.publisher, "attribute": "storage_image_reference"} if {
	input.type == "azurerm_virtual_machine"
	terraform.managed
	some i, reference in input.resource.storage_image_reference
	joined := _urn(reference)
}

_urn(reference) := concat(":", [terraform.get(reference, part, "") | some part in ["publisher", "offer", "sku", "version"]]) if {
	terraform.get(reference, "publisher", "") != ""
}

_aws := {
	"aws_instance": "ami",
	"aws_spot_instance_request": "ami",
	"aws_launch_template": "image_id",
	"aws_launch_configuration": "image_id",
}

_places contains ["image", ["image"]] if input.type == "google_compute_disk"

_places contains ["source_image_id", ["source_image_id"]] if startswith(input.type, "azurerm_")

_places contains [sprintf("boot_disk[%d].initialize_params[%d].image", [b, p]), ["boot_disk", b, "initialize_params", p, "image"]] if {
	input.type == "google_compute_instance"
	some b, disk in input.resource.boot_disk
	some p, _ in disk.initialize_params
}

_places contains [sprintf("disk[%d].source_image", [d]), ["disk", d, "source_image"]] if {
	input.type in {"google_compute_instance_template", "google_compute_region_instance_template"}
	some d, _ in input.resource.disk
}

_places contains [sprintf("storage_image_reference[%d].id", [i]), ["storage_image_reference", i, "id"]] if {
	input.type == "azurerm_virtual_machine"
	some i, _ in input.resource.storage_image_reference
}

_late_or_set(at, path) := {"path": path, "value": value, "owner": _owner(value), "attribute": at[0]} if {
	value := object.get(input.resource, at, null)
	is_string(value)
	value != ""
} else := {"path": path, "value": null, "owner": null, "attribute": at[0]} if {
	terraform.unknown(at)
	terraform.set_late(at[0])
}

# The owner as the image's own name tells it: a Google project or an Azure subscription.
_owner(value) := owner if {
	[[_, owner]] := regex.find_all_string_submatch_n(`(?:^|/)projects/([^/]+)/global/`, value, 1)
} else := owner if {
	[[_, owner]] := regex.find_all_string_submatch_n(`(?i)^/subscriptions/([^/]+)/`, value, 1)
} else := owner if {
	startswith(input.type, "google_")
	[owner, _] := split(value, "/")
} else := owner if {
	some ami in input.plan.aws_ami
	ami.resource.id == value
	owner := ami.resource.owner_id
} else := null

_golden(image) if image.owner in data.parameters.owners

_golden(image) if {
	some pattern in data.parameters.images
	glob.match(lower(pattern), null, lower(image.value))
}

# Both the account's number and its alias are names of the owner of an AMI.
_golden(image) if {
	some ami in input.plan.aws_ami
	ami.resource.id == image.value
	ami.resource.image_owner_alias in data.parameters.owners
}

# A data source whose search is confined to golden owners finds nothing else, whatever it finds.
_golden(image) if {
	some ami in _sources(image)
	count(ami.resource.owners) > 0
	every owner in ami.resource.owners {
		owner in data.parameters.owners
	}
}

_sources(image) := [ami |
	some ami in terraform.near(input.plan.aws_ami, ["id"])
	terraform.refers(input, image.attribute, ami)
]

# The id is known, but its owner stands in a data source that the plan does not show.
_owner_late(image) if {
	image.owner == null
	some reference in input.change.references[image.attribute]
	contains(reference, "data.aws_ami")
	count(_sources(image)) == 0
}

_made_by(image) := sprintf(", made by %q", [image.owner]) if {
	image.owner != null
} else := ""

_wanted := concat(", ", array.concat(sort(data.parameters.owners), sort(data.parameters.images)))
