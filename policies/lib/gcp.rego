# METADATA
# title: Reading Google Cloud IAM
# description: The *_iam_member, *_iam_binding and *_iam_policy resources in one form.
package gatehouse.lib.gcp

# METADATA
# description: "The bindings of the inspected resource: {role, members, condition}; condition is its expression or empty."
bindings contains {"role": input.resource.role, "members": members, "condition": condition(input.resource)} if {
	is_string(input.resource.role)
	members := array.concat(
		[member | member := input.resource.member; is_string(member)],
		[member | some member in input.resource.members; is_string(member)],
	)
}

bindings contains binding if {
	text := input.resource.policy_data
	is_string(text)
	json.is_valid(text)
	policy := json.unmarshal(text)
	is_object(policy)
	some raw in policy.bindings
	binding := {
		"role": object.get(raw, "role", ""),
		"members": object.get(raw, "members", []),
		"condition": object.get(raw, ["condition", "expression"], ""),
	}
}

# METADATA
# description: The expression of a resource's condition block; empty when there is none.
condition(resource) := expression if {
	some block in resource.condition
	expression := block.expression
	is_string(expression)
} else := ""

# METADATA
# description: How a message names members, at most three of them.
shown(members) := "nobody yet known" if {
	count(members) == 0
} else := concat(", ", members) if {
	count(members) < 4
} else := sprintf("%s and %d more", [concat(", ", array.slice(members, 0, 3)), count(members) - 3])
