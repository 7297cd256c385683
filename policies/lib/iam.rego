# METADATA
# title: Reading AWS IAM policies
# description: >-
#   JSON strings and aws_iam_policy_document data sources come to one normal form, a list of statements:
#   {index, sid, effect ("allow" or "deny"), actions, not_actions (lower case), resources, not_resources,
#   principals, not_principals ({type, id} each), conditions ({operator, key, values} each; operator and key in
#   lower case), unknown (the set of those fields that are known only after apply, whole or in part)}.
package gatehouse.lib.iam

import data.gatehouse.lib.net
import data.gatehouse.lib.terraform

# METADATA
# description: >-
#   The policy in an attribute of the inspected resource: {statements, complete}. complete is false when the
#   policy, or a part of it, is known only after apply or cannot be read; statements then holds what is known.
#   The attribute is a name, or a path when the policy stands in a nested block.
policy(attribute) := {"statements": parse(text), "complete": true} if {
	text := object.get(input.resource, attribute, null)
	is_string(text)
	readable(text)
} else := {"statements": [], "complete": true} if {
	object.get(input.resource, attribute, null) == null
	not terraform.unknown(attribute)
} else := resolved if {
	terraform.unknown(attribute)
	resolved := _documents(_head(attribute))
} else := {"statements": [], "complete": false}

_head(attribute) := attribute if {
	is_string(attribute)
} else := attribute[0]

# The policy documents of the plan that the attribute's expression refers to, when it refers to nothing else.
_documents(attribute) := {"statements": statements, "complete": complete} if {
	references := input.change.references[attribute]
	entries := [entry |
		some entry in terraform.near(input.plan.aws_iam_policy_document, ["id"])
		terraform.refers(input, attribute, entry)
	]
	found := {entry.change.config_address | some entry in entries}
	count(references) > 0
	every reference in references {
		reference in found
	}
	statements := [statement | some entry in entries; some statement in document(entry.resource, entry.change)]
	complete := count([1 | some entry in entries; _document_incomplete(entry)]) == 0
}

_document_incomplete(entry) if {
	some attribute in ["statement", "source_policy_documents", "override_policy_documents"]
	terraform.unknown_in(entry.change, attribute)
}

_document_incomplete(entry) if {
	some attribute in ["source_policy_documents", "override_policy_documents"]
	terraform.unknown_within_in(entry.change, attribute)
}

_document_incomplete(entry) if {
	some text in _included(entry.resource)
	not readable(text)
}

_included(resource) := array.concat(
	terraform.list(object.get(resource, "source_policy_documents", null)),
	terraform.list(object.get(resource, "override_policy_documents", null)),
)

# METADATA
# description: True when the text is a policy in JSON, and not a token that stands for a sensitive value.
readable(text) if {
	json.is_valid(text)
	is_object(json.unmarshal(text))
}

# METADATA
# description: The statements of a policy in JSON.
parse(text) := [statement |
	_raw := _fold(json.unmarshal(text))
	some index, raw in terraform.list(object.get(_raw, "statement", null))
	is_object(raw)
	statement := _from_json(index, _fold(raw))
]

_from_json(index, raw) := {
	"index": index,
	"sid": object.get(raw, "sid", ""),
	"effect": lower(object.get(raw, "effect", "")),
	"actions": _lower_list(object.get(raw, "action", null)),
	"not_actions": _lower_list(object.get(raw, "notaction", null)),
	"resources": terraform.list(object.get(raw, "resource", null)),
	"not_resources": terraform.list(object.get(raw, "notresource", null)),
	"principals": _principals(object.get(raw, "principal", null)),
	"not_principals": _principals(object.get(raw, "notprincipal", null)),
	"conditions": [condition |
		some operator, keys in object.get(raw, "condition", {})
		some key, values in keys
		condition := {"operator": lower(operator), "key": lower(key), "values": terraform.list(values)}
	],
	"unknown": set(),
}

# Element names are not case-sensitive to IAM.
_fold(raw) := {lower(key): value | some key, value in raw}

_lower_list(value) := [lower(item) | some item in terraform.list(value)]

_principals(value) := [{"type": "*", "id": value}] if {
	is_string(value)
} else := [principal |
	some kind, ids in value
	some id in terraform.list(ids)
	principal := {"type": kind, "id": id}
]

# METADATA
# description: >-
#   The statements of an aws_iam_policy_document: its values and its change. The policies that it includes in
#   JSON come with them.
document(resource, change) := array.concat(
	[_from_block(index, block, _mask(change, index)) |
		some index, block in terraform.list(object.get(resource, "statement", null))
	],
	[statement |
		some text in _included(resource)
		readable(text)
		some statement in parse(text)
	],
)

_mask(change, index) := mask if {
	mask := change.unknown.statement[index]
	is_object(mask)
} else := {}

_from_block(index, block, mask) := {
	"index": index,
	"sid": terraform.get(block, "sid", ""),
	"effect": lower(terraform.get(block, "effect", "Allow")),
	"actions": _known_lower(block, "actions"),
	"not_actions": _known_lower(block, "not_actions"),
	"resources": _known(block, "resources"),
	"not_resources": _known(block, "not_resources"),
	"principals": _block_principals(block, "principals"),
	"not_principals": _block_principals(block, "not_principals"),
	"conditions": [condition |
		some raw in terraform.list(object.get(block, "condition", null))
		condition := {
			"operator": lower(terraform.get(raw, "test", "")),
			"key": lower(terraform.get(raw, "variable", "")),
			"values": _known(raw, "values"),
		}
	],
	"unknown": {_field(name) |
		some name, value in mask
		value != false
		_holds_true(value)
	},
}

_holds_true(value) if walk(value, [_, true])

_field("condition") := "conditions"

_field(name) := name if name != "condition"

# Unknown members of a list are null in a plan.
_known(block, name) := [item | some item in terraform.list(object.get(block, name, null)); item != null]

_known_lower(block, name) := [lower(item) | some item in _known(block, name)]

_block_principals(block, name) := [principal |
	some raw in terraform.list(object.get(block, name, null))
	some id in _known(raw, "identifiers")
	principal := {"type": terraform.get(raw, "type", ""), "id": id}
]

# METADATA
# description: True when the pattern, with the wildcards * and ?, matches the whole text. Letter case does not count.
matches(pattern, text) if lower(pattern) == lower(text)

matches(pattern, text) if {
	regex.match(`[*?]`, pattern)
	glob.match(_escaped(lower(pattern)), null, lower(text))
}

_escaped(pattern) := regex.replace(pattern, `[\[\]{}\\!]`, `\$0`)

# METADATA
# description: True when the statement is about the action, given in any letter case, whatever its effect.
names(statement, action) if {
	some pattern in statement.actions
	matches(pattern, action)
}

names(statement, action) if {
	count(statement.not_actions) > 0
	not _excluded(statement, action)
}

_excluded(statement, action) if {
	some pattern in statement.not_actions
	matches(pattern, action)
}

# METADATA
# description: True when the statement allows the action on something.
allows(statement, action) if {
	statement.effect == "allow"
	names(statement, action)
}

# METADATA
# description: True for an action pattern that matches every action of every service.
every_action(pattern) if regex.match(`^[*?]*\*[*?]*(:[*?]*\*[*?]*)?$`, pattern)

# METADATA
# description: True for a resource pattern that matches every resource, or every one of a service-less ARN.
every_resource(pattern) if regex.match(`^(\*+|arn:\*+|arn:[a-z*-]*(:\*+){1,4})$`, pattern)

# METADATA
# description: >-
#   True when the statement's principals are everyone: "*", {"AWS": "*"} in any form, or everyone but those named.
everyone(statement) if {
	some principal in statement.principals
	principal.id == "*"
	principal.type != "Service"
}

everyone(statement) if count(statement.not_principals) > 0

# METADATA
# description: >-
#   True when a condition of the statement confines it to callers or networks that somebody chose: an account, an
#   organisation, a source, a VPC, or an address range that is not the world. Negated operators, operators that
#   pass when the key is absent, and values of wildcards alone confine nothing.
confined(statement) if {
	some condition in statement.conditions
	_confining_key(condition.key)
	not contains(condition.operator, "not")
	not endswith(condition.operator, "ifexists")
	not startswith(condition.operator, "forallvalues:")
	condition.operator != "null"
	count(condition.values) > 0
	every value in condition.values {
		not _anything(value)
	}
}

confined(statement) if {
	some condition in statement.conditions
	condition.key in {"aws:sourceip", "aws:vpcsourceip"}
	condition.operator in {"ipaddress", "foranyvalue:ipaddress"}
	count(condition.values) > 0
	count(net.world(condition.values)) == 0
}

_confining_key(key) if key in {
	"aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:sourceaccount",
	"aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce",
	"aws:sourcevpcarn", "aws:userid", "kms:calleraccount", "s3:dataaccesspointaccount", "s3:dataaccesspointarn",
}

_confining_key(key) if startswith(key, "aws:principaltag/")

_anything(value) if not regex.match(`[^*?:]`, trim_prefix(value, "arn:aws"))

# METADATA
# description: How a message names a statement, by its Sid or its place.
label(statement) := sprintf("statement %q", [statement.sid]) if {
	statement.sid != ""
} else := sprintf("statement %d", [statement.index])
