# METADATA
# title: What a plan leaves unsaid
# description: >-
#   Attributes that the configuration left out but that the plan shows as unknown, because the provider computes them, and
#   companions (an S3 bucket's separate encryption, say) whose target cannot be told before apply.
package gatehouse.lib.planned

import data.gatehouse.lib.terraform

# METADATA
# description: >-
#   True when the attribute of the inspected resource is missing: not in the values, and if the plan calls it unknown, only
#   because the provider fills in what the configuration did not say.
missing(attribute) if {
	object.get(input.resource, attribute, null) in {null, ""}
	not terraform.unknown(attribute)
}

missing(attribute) if left_out(attribute)

# METADATA
# description: As missing, for a nested block.
missing_block(block) if {
	object.get(input.resource, block, null) in {null, []}
	not terraform.unknown(block)
}

missing_block(block) if {
	terraform.unknown(block)
	not referenced(block)
}

# METADATA
# description: >-
#   True when the attribute is unknown for no other reason than that nobody wrote it. Only for attributes that the provider
#   computes when they are left out: an expression whose value is unknown refers to something, a gap refers to nothing.
left_out(attribute) if {
	terraform.unknown(attribute)
	not referenced(attribute)
}

# METADATA
# description: >-
#   True when the configuration gives the attribute, or something in the block, by an expression: one that refers to
#   something, or one of which nobody may see the value.
referenced(attribute) if {
	some key, _ in input.change.references
	split(key, ".")[0] == attribute
}

referenced(attribute) if attribute in input.change.configured

referenced(attribute) if terraform.sensitive_within(attribute)

# METADATA
# description: True when the plan may yet decide the attribute, because an expression gives it.
undecided(attribute) if {
	terraform.unknown(attribute)
	not left_out(attribute)
}

# METADATA
# description: >-
#   The entries of input.plan.TYPE that exist after the change and configure the inspected resource; attribute and keys as
#   in terraform.configures.
companions(entries, attribute, keys) := [other |
	some other in terraform.near(entries, keys)
	other.resource != null
	terraform.configures(other, attribute, keys)
]

# METADATA
# description: >-
#   True when one of the entries may turn out to configure the inspected resource: what it is for is known only after apply
#   and no expression leads to a resource of the inspected type.
stray(entries, attribute) if {
	some other in terraform.loose(entries, attribute)
	other.resource != null
	terraform.may_configure(other, attribute)
}
