# METADATA
# title: Resources carry the tags that were agreed on
# description: >-
#   Tags say whose a resource is, what it costs and how secret its data is; without them nobody knows whom to call. Tags that
#   the provider adds by default_tags or default_labels count. Resources that cannot be tagged are not asked.
# related_resources:
#   - ref: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
#     description: Best practices and strategies for tags
# custom:
#   id: TF-15
#   severity: low
#   remedy: 'provider "aws" { default_tags { tags = { owner = "team", environment = "production" } } }'
#   inspects: {terraform: ["*"]}
#   parameters:
#     tags: {required: true, description: "Names of the tags that every resource must have."}
#     types: {default: ["aws_*", "azurerm_*", "google_*"], description: "Resource types that are asked, with * as wildcard."}
#     except: {default: ["aws_autoscaling_group"], description: Resource types that are not asked.}
package gatehouse.terraform_cloud.required_tags

import data.gatehouse.lib.terraform

# The attribute that has the provider's defaults in it comes first; plans have it as a key even when it is null.
field := found[0] if {
	found := [name |
		some name in ["tags_all", "effective_labels", "labels", "tags"]
		has(name)
	]
}

has(name) if object.get(input.resource, name, "absent") != "absent"

has(name) if terraform.unknown(name)

deny contains finding if {
	asked
	not terraform.unknown(field)
	tags := terraform.get(input.resource, field, {})
	missing := [tag |
		some tag in data.parameters.tags
		terraform.get(tags, tag, "") == ""
		not terraform.unknown([field, tag])
	]
	count(missing) > 0
	finding := {"message": sprintf("tags [%s] are missing; wanted: [%s]", [concat(", ", missing), concat(", ", data.parameters.tags)]), "path": field}
}

unknown contains finding if {
	asked
	terraform.unknown(field)
	finding := {"message": sprintf("%s is known only after apply; wanted: [%s]", [field, concat(", ", data.parameters.tags)]), "path": field}
}

asked if {
	terraform.present
	some pattern in data.parameters.types
	glob.match(pattern, null, input.type)
	not input.type in data.parameters.except

	# Google's labels and Azure's tags are maps; network tags of Google's instances are a list and mean something else.
	field
	not is_array(object.get(input.resource, field, null))
}
