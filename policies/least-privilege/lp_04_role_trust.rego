# METADATA
# title: IAM roles do not trust everyone
# description: >-
#   A role whose trust policy names "*" can be taken by any AWS account in the world that learns its ARN, and ARNs are not
#   secret. A condition on the organisation, the account or the principal's ARN is accepted; an external id is not.
# related_resources:
#   - ref: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
#     description: The Principal element
# custom:
#   id: LP-04
#   severity: critical
#   remedy: 'Name the account or role: principals { type = "AWS"  identifiers = ["arn:aws:iam::123456789012:role/ci"] }.'
#   inspects: {terraform: [aws_iam_role]}
#   references: [CKV_AWS_60, CKV_AWS_61]
package gatehouse.least_privilege.role_trust

import data.gatehouse.lib.iam
import data.gatehouse.lib.terraform

# Each narrows who "everyone" is.
narrowing := {"aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourcearn"}

trust := iam.policy("assume_role_policy") if terraform.present

deny contains finding if {
	some statement in trust.statements
	statement.effect == "allow"
	iam.everyone(statement)
	not narrowed(statement)
	not "conditions" in statement.unknown
	finding := {
		"message": sprintf("%s trusts %s; wanted: named accounts or roles", [iam.label(statement), whom(statement)]),
		"path": "assume_role_policy",
	}
}

unknown contains finding if {
	some statement in trust.statements
	statement.effect == "allow"
	iam.everyone(statement)
	not narrowed(statement)
	"conditions" in statement.unknown
	finding := {
		"message": sprintf("%s trusts %s under conditions known only after apply; wanted: named accounts or roles", [iam.label(statement), whom(statement)]),
		"path": "assume_role_policy",
	}
}

unknown contains finding if {
	some statement in trust.statements
	statement.effect == "allow"
	count(statement.unknown & {"principals", "not_principals"}) > 0
	not iam.everyone(statement)
	not named_in_plan
	finding := {
		"message": sprintf("whom %s trusts is known only after apply; wanted: named accounts or roles", [iam.label(statement)]),
		"path": "assume_role_policy",
	}
}

unknown contains finding if {
	trust.complete == false
	count(trust.statements) == 0
	not named_in_plan
	finding := {"message": "assume_role_policy is known only after apply; wanted: named accounts or roles", "path": "assume_role_policy"}
}

# What is still unknown is an ARN or an id that AWS gives out, which is never "*". Stored texts can be anything.
identity(address) if {
	regex.match(`(^|\.)(aws|tls)_[a-z0-9_]+\.`, address)
	not regex.match(`(^|\.)aws_(ssm_parameter|secretsmanager_secret_version|s3_object|lambda_invocation|dynamodb_table_item)\.`, address)
}

named_in_plan if {
	document_or_role := array.concat(
		[address | some address in input.change.references.assume_role_policy],
		[address |
			some document in input.plan.aws_iam_policy_document
			document.change.config_address in input.change.references.assume_role_policy
			some _, addresses in document.change.references
			some address in addresses
		],
	)
	others := [address |
		some address in document_or_role
		not identity(address)
	]
	count(document_or_role) > 0
	count(others) == 0
}

narrowed(statement) if {
	some condition in statement.conditions
	condition.key in narrowing
	not endswith(condition.operator, "ifexists")
	not startswith(condition.operator, "forallvalues")
	regex.match(`^(foranyvalue:)?(string|arn)(equals|like|equalsignorecase)$`, condition.operator)
	count(condition.values) > 0
	every value in condition.values {
		not regex.match(`^(\*|arn:[^:]*:iam::\*:.*|o-\*|\?+)$`, value)
	}
}

whom(statement) := "everyone but those it names (NotPrincipal)" if {
	count(statement.not_principals) > 0
} else := "*"
