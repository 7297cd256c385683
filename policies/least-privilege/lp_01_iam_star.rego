# METADATA
# title: No IAM policy allows every action on every resource
# description: >-
#   Whoever holds such a policy is an administrator of the account for good, whatever the policy is called, and
#   so is everyone who gets hold of one token of theirs. Name the actions and the resources that the work needs;
#   administration itself is asked for, granted for an hour and recorded.
# related_resources:
#   - ref: https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege
#     description: IAM best practices, least privilege
#   - ref: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html
#     description: NotAction, which allows everything that it does not name
# custom:
#   id: LP-01
#   severity: critical
#   remedy: >-
#     Name what is needed, for example actions = ["s3:GetObject"] and resources = ["arn:aws:s3:::my-bucket/*"].
#     Generate the list from what the role has used: aws accessanalyzer start-policy-generation.
#   inspects:
#     terraform:
#       - aws_iam_policy
#       - aws_iam_role_policy
#       - aws_iam_user_policy
#       - aws_iam_group_policy
#       - aws_iam_role
#       - aws_ssoadmin_permission_set_inline_policy
#   references: [AWS-0057, CKV_AWS_62, CKV_AWS_63, CKV_AWS_1]
package gatehouse.least_privilege.iam_star

import data.gatehouse.lib.iam
import data.gatehouse.lib.terraform

deny contains finding if {
	some source in _sources
	some statement in source.policy.statements
	statement.effect == "allow"
	what := _broad_actions(statement)
	where := _broad_resources(statement)
	finding := {
		"message": sprintf("%s allows %s on %s; wanted: named actions on named resources", [iam.label(statement), what, where]),
		"path": source.path,
	}
}

unknown contains finding if {
	some source in _sources
	not source.policy.complete
	finding := {
		"message": sprintf("what %s allows is known only after apply; wanted: named actions on named resources", [source.path]),
		"path": source.path,
	}
}

unknown contains finding if {
	some source in _sources
	some statement in source.policy.statements
	statement.effect == "allow"
	count(statement.unknown & {"actions", "not_actions", "resources", "not_resources"}) > 0
	not _both_broad(statement)
	_actions_may_be_broad(statement)
	_resources_may_be_broad(statement)
	finding := {
		"message": sprintf("whether %s allows every action on every resource is known only after apply; wanted: named actions on named resources", [iam.label(statement)]),
		"path": source.path,
	}
}

_sources contains {"path": attribute, "policy": iam.policy(attribute)} if {
	input.resource != null
	terraform.managed
	attribute := _attributes[input.type]
	not _narrow(object.get(input.resource, attribute, null))
}

_sources contains {"path": sprintf("inline_policy[%d].policy", [i]), "policy": iam.policy(["inline_policy", i, "policy"])} if {
	input.type == "aws_iam_role"
	terraform.managed
	some i, inline in input.resource.inline_policy
	not _narrow(object.get(inline, "policy", null))
}

# Most policies hold no string that could mean every action, which is quicker to see than to parse.
_narrow(text) if {
	is_string(text)
	not regex.match(`"\s*[*?]|(?i)"not(action|resource)"|\\u`, text)
	iam.readable(text)
}

_attributes := {
	"aws_iam_policy": "policy",
	"aws_iam_role_policy": "policy",
	"aws_iam_user_policy": "policy",
	"aws_iam_group_policy": "policy",
	"aws_ssoadmin_permission_set_inline_policy": "inline_policy",
}

_both_broad(statement) if {
	_broad_actions(statement)
	_broad_resources(statement)
}

_broad_actions(statement) := sprintf("every action (%q)", [sort(broad)[0]]) if {
	broad := [action | some action in statement.actions; iam.every_action(action)]
	count(broad) > 0
} else := sprintf("every action but %s", [concat(", ", sort(statement.not_actions))]) if {
	count(statement.not_actions) > 0
}

_broad_resources(statement) := sprintf("every resource (%q)", [sort(broad)[0]]) if {
	broad := [resource | some resource in statement.resources; iam.every_resource(resource)]
	count(broad) > 0
} else := sprintf("every resource but %s", [concat(", ", sort(statement.not_resources))]) if {
	count(statement.not_resources) > 0
}

_actions_may_be_broad(statement) if _broad_actions(statement)

_actions_may_be_broad(statement) if count(statement.unknown & {"actions", "not_actions"}) > 0

_resources_may_be_broad(statement) if _broad_resources(statement)

_resources_may_be_broad(statement) if count(statement.unknown & {"resources", "not_resources"}) > 0
