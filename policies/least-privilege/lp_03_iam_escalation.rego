# METADATA
# title: No IAM policy lets its holder raise their own rights
# description: >-
#   Whoever may write policies, trust, keys or passwords of any identity, or pass any role to a service, is an administrator
#   in two steps. Pin such actions to named identities, or demand a permissions boundary. Policies that allow everything are
#   LP-01's.
# related_resources:
#   - ref: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
#     description: Permissions boundaries
# custom:
#   id: LP-03
#   severity: high
#   remedy: 'Pin the resource, for example resources = ["arn:aws:iam::123456789012:role/app-*"], or add a condition on iam:PermissionsBoundary (iam:PassedToService for iam:PassRole).'
#   inspects: {terraform: [aws_iam_policy, aws_iam_role_policy, aws_iam_user_policy, aws_iam_group_policy, aws_iam_role, aws_ssoadmin_permission_set_inline_policy]}
#   references: [AWS-0342, CKV_AWS_286, CKV_AWS_287, CKV_AWS_289, CKV2_AWS_40]
#   parameters:
#     allow: {default: [], description: "Actions that are accepted nevertheless, for example iam:PassRole."}
package gatehouse.least_privilege.iam_escalation

import data.gatehouse.lib.iam
import data.gatehouse.lib.policies

actions := [
	"iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:CreateAccessKey", "iam:CreateLoginProfile",
	"iam:UpdateLoginProfile", "iam:AttachUserPolicy", "iam:AttachGroupPolicy", "iam:AttachRolePolicy",
	"iam:PutUserPolicy", "iam:PutGroupPolicy", "iam:PutRolePolicy", "iam:AddUserToGroup", "iam:UpdateAssumeRolePolicy",
	"iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary", "iam:PassRole", "sts:AssumeRole",
]

deny contains finding if {
	some source in policies.identity
	some statement in source.policy.statements
	statement.effect == "allow"
	not every_action(statement)
	some resource in wide(statement)
	patterns := wildcards(statement)
	granted := [action |
		some action in actions
		reaches(statement, patterns, action)
		not action in data.parameters.allow
		not tamed(statement, action)
	]
	count(granted) > 0
	finding := {
		"message": sprintf("%s allows %s on %s; wanted: named identities", [iam.label(statement), shown(granted), resource]),
		"path": source.path,
	}
}

unknown contains finding if {
	some source in policies.identity
	some statement in source.policy.statements
	statement.effect == "allow"
	"resources" in statement.unknown
	not every_action(statement)
	count(wide(statement)) == 0
	some pattern in statement.actions
	pattern in {"iam:*", "*", "sts:*"}
	finding := {
		"message": sprintf("what %s allows %s on is known only after apply; wanted: named identities", [iam.label(statement), pattern]),
		"path": source.path,
	}
}

unknown contains finding if {
	some source in policies.identity
	source.policy.complete == false
	count(source.policy.statements) == 0
	finding := {
		"message": sprintf("what %s allows is known only after apply; wanted: no way to raise one's own rights", [source.path]),
		"path": source.path,
	}
}

# Only patterns that can match at all are compared as patterns; most policies have none.
wildcards(statement) := [pattern |
	some pattern in statement.actions
	regex.match(`^([^:]*[*?]|(iam|sts):.*[*?])`, pattern)
]

reaches(statement, _, action) if lower(action) in statement.actions

reaches(_, patterns, action) if {
	some pattern in patterns
	iam.matches(pattern, action)
}

reaches(statement, _, action) if {
	count(statement.not_actions) > 0
	iam.names(statement, action)
}

# One finding a statement is enough: the widest resource speaks for the others.
wide(statement) := array.slice(
	sort([resource |
		some resource in statement.resources
		regex.match(wide_pattern, resource)
	]),
	0, 1,
)

wide_pattern := `^(\*+|arn:[^:]*:(\*+|iam:[^:]*:[^:]*:(\*+|(role|user|group|policy)/\*+|(role|user|group)\*+)))$`

every_action(statement) if {
	some pattern in statement.actions
	iam.every_action(pattern)
	some resource in statement.resources
	iam.every_resource(resource)
}

# Without a boundary of the account's choice the action does nothing, and a role can only be passed to named services.
tamed(statement, "iam:PassRole") if condition_on(statement, "iam:passedtoservice")

tamed(statement, action) if {
	startswith(action, "iam:")
	condition_on(statement, "iam:permissionsboundary")
}

tamed(statement, "sts:AssumeRole") if condition_on(statement, "aws:resourceorgid")

tamed(statement, "sts:AssumeRole") if condition_on(statement, "aws:resourceaccount")

tamed(statement, action) if {
	some key in ["aws:resourcetag/", "iam:resourcetag/"]
	some condition in statement.conditions
	startswith(condition.key, key)
	action != ""
}

condition_on(statement, key) if {
	some condition in statement.conditions
	condition.key == key
	not endswith(condition.operator, "ifexists")
	not "*" in condition.values
}

shown(granted) := concat(", ", granted) if {
	count(granted) < 4
} else := sprintf("%s and %d more", [concat(", ", array.slice(granted, 0, 3)), count(granted) - 3])
