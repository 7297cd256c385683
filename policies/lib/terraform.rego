# METADATA
# title: Reading planned Terraform resources
# description: >-
#   Three-valued reading of a planned resource (known, missing, unknown until apply) and the search for
#   companions, the other resources of the same plan that configure this one.
package gatehouse.lib.terraform

# METADATA
# description: True for a resource that Terraform manages, false for a data source of the same type.
managed if object.get(input.change, "mode", "managed") == "managed"

# METADATA
# description: True when the resource exists after the change and Terraform manages it.
present if {
	input.resource != null
	managed
}

# METADATA
# description: True when the change deletes the resource for good; a replacement is not a removal.
removed if {
	input.resource == null
	input.before != null
	managed
}

# METADATA
# description: True when the change destroys the resource and makes another one in its place.
replaced if {
	"delete" in input.change.actions
	"create" in input.change.actions
	managed
}

# METADATA
# description: >-
#   The value at path (a key or a list of keys) of object, or fallback when it is missing or null. Plans spell
#   an attribute that was left out as null.
get(object_, path, fallback) := value if {
	value := object.get(object_, path, null)
	value != null
} else := fallback

# METADATA
# description: A list of what may be a list, one value, or nothing.
list(value) := value if {
	is_array(value)
} else := [] if {
	value == null
} else := [item | some item in value] if {
	is_set(value)
} else := [value]

# METADATA
# description: True when the inspected resource's value at path, or what holds it, is known only after apply.
unknown(path) if unknown_in(input.change, path)

# METADATA
# description: As unknown, and also true when any part of the value is known only after apply.
unknown_within(path) if unknown_within_in(input.change, path)

# METADATA
# description: >-
#   True when the configuration gives the top-level attribute (or a block under it) a value that only apply will
#   tell. Providers call many an attribute unknown that the configuration says nothing about; that is a default of
#   theirs, not a secret of the author's; that the configuration writes the attribute, and by an expression, tells the two
#   apart. A value that is marked sensitive is late as well: a rule sees a token in its place.
set_late(attribute) if {
	unknown_within(attribute)
	some named, _ in input.change.references
	_belongs(named, attribute)
}

set_late(attribute) if {
	unknown(attribute)
	attribute in input.change.configured
}

set_late(attribute) if sensitive_within(attribute)

# METADATA
# description: True when any part of the inspected resource's value at path is marked sensitive.
sensitive_within(_) if input.change.sensitive == true

sensitive_within(path) if {
	mask := object.get(input.change.sensitive, path, false)
	mask != false
	walk(mask, [_, true])
}

_belongs(attribute, attribute)

_belongs(named, attribute) if startswith(named, concat("", [attribute, "."]))

_belongs(named, attribute) if startswith(named, concat("", [attribute, "["]))

# METADATA
# description: As unknown, for the change of another resource of the plan.
unknown_in(change, path) if {
	is_string(path)
	change.unknown[path] == true
}

unknown_in(change, _) if change.unknown == true

unknown_in(change, path) if {
	is_array(path)
	some last, _ in path
	object.get(change.unknown, array.slice(path, 0, last + 1), false) == true
}

# METADATA
# description: As unknown_within, for the change of another resource of the plan.
unknown_within_in(change, path) if unknown_in(change, path)

unknown_within_in(change, path) if {
	mask := object.get(change.unknown, path, false)
	mask != false
	walk(mask, [_, true])
}

# METADATA
# description: >-
#   True when other, an entry of input.plan.TYPE, configures the inspected resource: other's attribute has the
#   value of one of the inspected resource's attributes in keys or, when that cannot be compared before apply,
#   its expression refers to the inspected resource and their count and for_each keys agree. It is asked of every
#   companion of every resource, so the cheap question comes first.
configures(other, attribute, keys) if {
	value := other.resource[attribute]
	not value in {"", null}
	some key in keys
	input.resource[key] == value
}

configures(other, attribute, keys) if {
	input.change.config_address in other.change.references[attribute]
	not _comparable(other, attribute, keys, input.resource)
	refers(other, attribute, input)
}

# METADATA
# description: >-
#   Those of the entries of input.plan.TYPE that the inspected resource may have to do with: the engine's shortlist of its
#   neighbours, which leaves out only what neither configures, targets (by the attributes in keys) nor refers would find.
#   Without it a large plan's work grows with its square.
near(entries, keys) := {address: entry |
	some address in input.neighbours.related
	entry := entries[address]
} if {
	every key in keys {
		key in input.neighbours.keys
	}
} else := entries

# METADATA
# description: As near, for may_configure with the attribute.
loose(entries, attribute) := {address: entry |
	some address in input.neighbours.loose[attribute]
	entry := entries[address]
} if {
	input.neighbours.loose
} else := entries

# METADATA
# description: >-
#   True when it cannot be told whether other configures the inspected resource: its attribute is known only after
#   apply, and its expression refers to no resource of the inspected type (but, say, to a module's output).
may_configure(other, attribute) if {
	other.change.unknown[attribute] == true
	needle := concat("", [input.type, "."])
	every reference in object.get(other.change, ["references", attribute], []) {
		not contains(reference, needle)
	}
}

# METADATA
# description: As configures, for any two resources of the plan.
targets(other, attribute, keys, this) if {
	value := other.resource[attribute]
	not value in {"", null}
	some key in keys
	this.resource[key] == value
}

targets(other, attribute, keys, this) if {
	this.change.config_address in other.change.references[attribute]
	not _comparable(other, attribute, keys, this.resource)
	refers(other, attribute, this)
}

# Both ends are known, so that equality has the last word and references, which do not tell instances apart, have none.
_comparable(other, attribute, keys, values) if {
	_text(other.resource[attribute])
	some key in keys
	_text(values[key])
}

_text(value) := value if {
	is_string(value)
	value != ""
}

# METADATA
# description: >-
#   True when the expression of other's attribute refers to the resource this, and the count and for_each keys
#   of their addresses do not contradict it.
refers(other, attribute, this) if {
	this.change.config_address in other.change.references[attribute]
	_modules_agree(object.get(other.change, "module", ""), object.get(this.change, "module", ""))
	_keys_agree(own_key(other), own_key(this))
}

# METADATA
# description: "The count or for_each key of a resource as it stands in its address, brackets included; empty when it has none."
own_key(resource) := key if {
	endswith(resource.address, "]")
	module := object.get(resource.change, "module", "")
	own := trim_prefix(resource.address, module)
	key := substring(own, indexof(own, "["), -1)
} else := ""

_keys_agree("", _)

_keys_agree(first, second) if {
	first != ""
	second in {"", first}
}

_modules_agree(module, module)

_modules_agree(first, second) if {
	first != second
	not _instances_differ(first, second)
}

# Two instances of one module call, or resources in different instances of it, have nothing to do with each other.
_instances_differ(first, second) if {
	contains(first, "[")
	contains(second, "[")
	one := _steps(first)
	two := _steps(second)
	some i, step in one
	other := two[i]
	_same_call(step, other)
	step != other
	every j in numbers.range(0, i) {
		_same_call(one[j], two[j])
	}
}

_same_call(one, two) if split(one, "[")[0] == split(two, "[")[0]

_steps(module) := regex.find_n(`module\.[^.\[]+(\[("([^"\\]|\\.)*"|[0-9]+)\])?`, module, -1)
