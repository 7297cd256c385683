# METADATA
# title: CI federation is pinned to one project
# description: >-
#   An OIDC provider such as GitHub's signs tokens for every repository in the world. A role that trusts it without pinning
#   the subject to a repository can be taken by anyone with an account there. A subject that is pinned to the repository
#   but not to a branch or environment lets every pull request's workflow in, and is warned about.
# related_resources:
#   - ref: https://docs.github.com/en/actions/security-for-github-actions/security-hardening-your-deployments/about-security-hardening-with-openid-connect
#     description: Security hardening with OpenID Connect
# custom:
#   id: LP-05
#   severity: high
#   remedy: 'AWS: condition { test = "StringEquals"  variable = "token.actions.githubusercontent.com:sub"  values = ["repo:acme/infra:environment:production"] }. Google: attribute_condition = "assertion.repository == ''acme/infra'' && assertion.ref == ''refs/heads/main''".'
#   inspects:
#     terraform:
#       - aws_iam_role
#       - google_iam_workload_identity_pool_provider
#       - google_service_account_iam_member
#       - google_service_account_iam_binding
#       - azurerm_federated_identity_credential
#       - azuread_application_federated_identity_credential
#   references: [CKV_AWS_358, CKV_GCP_118, CKV_GCP_125, CKV_AZURE_249]
#   parameters:
#     issuers: {default: [token.actions.githubusercontent.com, gitlab.com, app.terraform.io], description: Hosts of OIDC providers that sign for everyone's projects.}
package gatehouse.least_privilege.ci_federation

import data.gatehouse.lib.iam
import data.gatehouse.lib.terraform

# AWS: the trust policy of a role.

trusting contains {"statement": statement, "issuer": issuer} if {
	input.type == "aws_iam_role"
	terraform.present
	trust := iam.policy("assume_role_policy")
	some statement in trust.statements
	statement.effect == "allow"
	iam.names(statement, "sts:AssumeRoleWithWebIdentity")
	some issuer in data.parameters.issuers
	about(statement, issuer)
}

about(statement, issuer) if {
	some principal in statement.principals
	principal.type == "Federated"
	endswith(principal.id, concat("/", ["oidc-provider", issuer]))
}

about(statement, issuer) if {
	some condition in statement.conditions
	startswith(condition.key, concat("", [lower(issuer), ":"]))
}

subjects(entry) := {value |
	some condition in entry.statement.conditions
	condition.key == concat("", [lower(entry.issuer), ":sub"])
	condition.operator in {"stringequals", "stringlike", "stringequalsignorecase", "foranyvalue:stringequals", "foranyvalue:stringlike"}
	some value in condition.values
}

# Other claims that name one repository or one workflow.
pinned_by_claim(entry) if {
	some condition in entry.statement.conditions
	some claim in ["repository", "repository_id", "job_workflow_ref", "project_path", "project_id"]
	condition.key == concat(":", [lower(entry.issuer), claim])
	condition.operator in {"stringequals", "stringlike"}
	count(condition.values) > 0
	every value in condition.values {
		regex.match(`^[^*?]+(@.*)?$`, value)
	}
}

deny contains finding if {
	some entry in trusting
	count(subjects(entry)) == 0
	not pinned_by_claim(entry)
	not "conditions" in entry.statement.unknown
	finding := {
		"message": sprintf("%s trusts %s without a condition on %s:sub; wanted: one repository's subject", [iam.label(entry.statement), entry.issuer, entry.issuer]),
		"path": "assume_role_policy",
	}
}

deny contains finding if {
	some entry in trusting
	some subject in subjects(entry)
	not pinned(entry.issuer, subject)
	finding := {
		"message": sprintf("%s trusts the subject %s; wanted: one repository's subject", [iam.label(entry.statement), subject]),
		"path": "assume_role_policy",
	}
}

warn contains finding if {
	some entry in trusting
	some subject in subjects(entry)
	pinned(entry.issuer, subject)
	regex.match(`^[^*?]+:\*$`, subject)
	finding := {
		"message": sprintf("%s trusts every ref of %s; wanted: a branch or an environment", [iam.label(entry.statement), trim_suffix(subject, ":*")]),
		"path": "assume_role_policy",
	}
}

unknown contains finding if {
	some entry in trusting
	"conditions" in entry.statement.unknown
	finding := {
		"message": sprintf("the subject that %s trusts is known only after apply; wanted: one repository's subject", [iam.label(entry.statement)]),
		"path": "assume_role_policy",
	}
}

unknown contains finding if {
	input.type == "aws_iam_role"
	terraform.present
	trust := iam.policy("assume_role_policy")
	trust.complete == false
	count(trust.statements) == 0
	some address in input.change.references.assume_role_policy
	regex.match(`(^|\.)aws_iam_openid_connect_provider\.`, address)
	finding := {"message": "the subject that assume_role_policy trusts is known only after apply; wanted: one repository's subject", "path": "assume_role_policy"}
}

# GitHub: repo:ORG/REPO:..., GitLab: project_path:GROUP/PROJECT:..., HCP Terraform: organization:ORG:project:...
pinned("token.actions.githubusercontent.com", subject) if regex.match(`^repo:[^*?/:]+/[^*?/:]+:.`, subject)

pinned("token.actions.githubusercontent.com", subject) if {
	not startswith(subject, "repo:")
	regex.match(`^[^*?]{8,}$`, subject)
	contains(subject, "/")
}

pinned("gitlab.com", subject) if regex.match(`^project_path:[^*?:]+/[^*?:]+:.`, subject)

pinned("app.terraform.io", subject) if regex.match(`^organization:[^*?:]+:project:[^*?:]+:`, subject)

pinned(issuer, subject) if {
	not issuer in {"token.actions.githubusercontent.com", "gitlab.com", "app.terraform.io"}
	regex.match(`^[^*?]{4,}`, subject)
}

# Google: the provider of a workload identity pool, and accounts given to a whole pool.

deny contains finding if {
	input.type == "google_iam_workload_identity_pool_provider"
	terraform.present
	some oidc in input.resource.oidc
	foreign(oidc.issuer_uri)
	condition := terraform.get(input.resource, "attribute_condition", "")
	not restricts(condition)
	not terraform.unknown("attribute_condition")
	finding := {
		"message": sprintf("attribute_condition is %s for %s; wanted: a condition on the repository", [quoted(condition), oidc.issuer_uri]),
		"path": "attribute_condition",
	}
}

unknown contains finding if {
	input.type == "google_iam_workload_identity_pool_provider"
	terraform.present
	some oidc in input.resource.oidc
	foreign(oidc.issuer_uri)
	terraform.unknown("attribute_condition")
	finding := {"message": "attribute_condition is known only after apply; wanted: a condition on the repository", "path": "attribute_condition"}
}

deny contains finding if {
	input.type in {"google_service_account_iam_member", "google_service_account_iam_binding"}
	terraform.present
	input.resource.role == "roles/iam.workloadIdentityUser"
	some member in members
	regex.match(`^principalSet://.*/workloadIdentityPools/[^/]+/\*$`, member)
	finding := {"message": sprintf("%s may act as the service account; wanted: principalSet://.../attribute.repository/ORG/REPO", [member]), "path": "member"}
}

members contains input.resource.member if is_string(input.resource.member)

members contains member if {
	some member in input.resource.members
	is_string(member)
}

restricts(condition) if {
	regex.match(`(assertion|attribute|google)\.[a-z_.]*(repo|sub|project|namespace|organization|owner|workflow|environment|workspace)`, condition)
	not regex.match(`\|\|\s*(true|1\s*==\s*1)`, condition)
}

quoted("") := "not set"

quoted(text) := sprintf("%q", [text]) if text != ""

# Azure: federated credentials of an identity or an application.

deny contains finding if {
	input.type in {"azurerm_federated_identity_credential", "azuread_application_federated_identity_credential"}
	terraform.present
	some issuer in data.parameters.issuers
	contains(input.resource.issuer, issuer)
	subject := terraform.get(input.resource, "subject", "")
	not pinned(issuer, subject)
	not terraform.unknown("subject")
	finding := {"message": sprintf("subject is %s; wanted: one repository's subject", [quoted(subject)]), "path": "subject"}
}

unknown contains finding if {
	input.type in {"azurerm_federated_identity_credential", "azuread_application_federated_identity_credential"}
	terraform.present
	foreign(input.resource.issuer)
	terraform.unknown("subject")
	finding := {"message": "subject is known only after apply; wanted: one repository's subject", "path": "subject"}
}

foreign(uri) if {
	is_string(uri)
	some issuer in data.parameters.issuers
	contains(uri, issuer)
}
