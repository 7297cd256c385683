package gatehouse.least_privilege.ci_federation_test

import data.gatehouse.least_privilege.ci_federation as rule
import data.gatehouse.lib.fixture

defaults := {"issuers": ["token.actions.githubusercontent.com", "gitlab.com", "app.terraform.io"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["aws_iam_role", "google_iam_workload_identity_pool_provider", "google_service_account_iam_member", "google_service_account_iam_binding", "azurerm_federated_identity_credential", "azuread_application_federated_identity_credential"], items)
	sets := {"deny": rule.deny, "warn": rule.warn, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_one_environment_of_one_repository if verdict(
	[
		{
			"address": "aws_iam_role.ci",
			"after": {
				"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRoleWithWebIdentity\",\"Principal\":{\"Federated\":\"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com\"},\"Condition\":{\"StringEquals\":{\"token.actions.githubusercontent.com:aud\":\"sts.amazonaws.com\",\"token.actions.githubusercontent.com:sub\":\"repo:acme/infra:environment:production\"}}}]}",
			},
		},
	],
	defaults,
) == set()

test_good_a_google_pool_for_one_repository if verdict(
	[
		{
			"address": "google_iam_workload_identity_pool_provider.github",
			"after": {
				"attribute_condition": "assertion.repository == 'acme/infra'",
				"oidc": [{"issuer_uri": "https://token.actions.githubusercontent.com"}],
			},
		},
	],
	defaults,
) == set()

test_good_an_azure_credential_for_one_branch if verdict(
	[
		{
			"address": "azurerm_federated_identity_credential.github",
			"after": {
				"issuer": "https://token.actions.githubusercontent.com",
				"subject": "repo:acme/infra:ref:refs/heads/main",
			},
		},
	],
	defaults,
) == set()

test_bad_every_repository_of_the_world if verdict(
	[
		{
			"address": "module.ci.aws_iam_role.ci[0]",
			"after": {
				"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRoleWithWebIdentity\",\"Principal\":{\"Federated\":\"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com\"},\"Condition\":{\"StringEquals\":{\"token.actions.githubusercontent.com:aud\":\"sts.amazonaws.com\"}}}]}",
			},
		},
	],
	defaults,
) == {
	["module.ci.aws_iam_role.ci[0]", "deny", "statement 0 trusts token.actions.githubusercontent.com without a condition on token.actions.githubusercontent.com:sub; wanted: one repository's subject"],
}

test_bad_a_name_that_others_can_begin_theirs_with if verdict(
	[
		{
			"address": "aws_iam_role.ci",
			"after": {
				"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRoleWithWebIdentity\",\"Principal\":{\"Federated\":\"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com\"},\"Condition\":{\"StringLike\":{\"token.actions.githubusercontent.com:sub\":\"repo:acme*\"}}}]}",
			},
		},
	],
	defaults,
) == {
	["aws_iam_role.ci", "deny", "statement 0 trusts the subject repo:acme*; wanted: one repository's subject"],
}

test_bad_a_google_pool_without_a_condition if verdict(
	[
		{
			"address": "google_iam_workload_identity_pool_provider.github",
			"after": {"attribute_condition": null, "oidc": [{"issuer_uri": "https://token.actions.githubusercontent.com"}]},
		},
	],
	defaults,
) == {
	["google_iam_workload_identity_pool_provider.github", "deny", "attribute_condition is not set for https://token.actions.githubusercontent.com; wanted: a condition on the repository"],
}

test_bad_a_whole_pool_may_act_as_the_account if verdict(
	[
		{
			"address": "google_service_account_iam_member.ci",
			"after": {
				"role": "roles/iam.workloadIdentityUser",
				"member": "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/github/*",
			},
		},
	],
	defaults,
) == {
	["google_service_account_iam_member.ci", "deny", "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/github/* may act as the service account; wanted: principalSet://.../attribute.repository/ORG/REPO"],
}

test_edge_every_ref_of_one_repository_is_warned_about if verdict(
	[
		{
			"address": "aws_iam_role.ci",
			"after": {
				"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRoleWithWebIdentity\",\"Principal\":{\"Federated\":\"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com\"},\"Condition\":{\"StringLike\":{\"token.actions.githubusercontent.com:sub\":[\"repo:acme/infra:*\"]}}}]}",
			},
		},
	],
	defaults,
) == {
	["aws_iam_role.ci", "warn", "statement 0 trusts every ref of repo:acme/infra; wanted: a branch or an environment"],
}

test_edge_conditions_that_an_absent_or_empty_key_passes if verdict(
	[
		{
			"address": "aws_iam_role.a",
			"after": {
				"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRoleWithWebIdentity\",\"Principal\":{\"Federated\":\"arn:aws:iam::123456789012:oidc-provider/gitlab.com\"},\"Condition\":{\"StringEqualsIfExists\":{\"gitlab.com:sub\":\"project_path:acme/infra:ref_type:branch:ref:main\"}}}]}",
			},
		},
		{
			"address": "aws_iam_role.b",
			"after": {
				"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:*\",\"Principal\":{\"Federated\":\"arn:aws:iam::123456789012:oidc-provider/gitlab.com\"},\"Condition\":{\"ForAllValues:StringEquals\":{\"gitlab.com:sub\":\"project_path:acme/infra:ref_type:branch:ref:main\"}}}]}",
			},
		},
	],
	defaults,
) == {
	["aws_iam_role.a", "deny", "statement 0 trusts gitlab.com without a condition on gitlab.com:sub; wanted: one repository's subject"],
	["aws_iam_role.b", "deny", "statement 0 trusts gitlab.com without a condition on gitlab.com:sub; wanted: one repository's subject"],
}

test_edge_a_provider_of_a_cluster_is_no_ci if verdict(
	[
		{
			"address": "aws_iam_role.irsa",
			"after": {
				"assume_role_policy": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRoleWithWebIdentity\",\"Principal\":{\"Federated\":\"arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/X\"}}]}",
			},
		},
	],
	defaults,
) == set()

test_edge_a_document_whose_provider_is_made_in_the_same_plan if verdict(
	[
		{
			"address": "data.aws_iam_policy_document.trust",
			"after": {
				"statement": [
					{
						"effect": "Allow",
						"actions": ["sts:AssumeRoleWithWebIdentity"],
						"principals": [{"type": "Federated", "identifiers": [null]}],
						"condition": [
							{
								"test": "StringLike",
								"variable": "token.actions.githubusercontent.com:sub",
								"values": ["*"],
							},
						],
					},
				],
			},
			"unknown": {"statement": [{"principals": [{"identifiers": [true]}]}]},
		},
		{
			"address": "aws_iam_role.ci",
			"after": {"name": "ci"},
			"unknown": {"assume_role_policy": true},
			"references": {"assume_role_policy": ["data.aws_iam_policy_document.trust"]},
		},
	],
	defaults,
) == {
	["aws_iam_role.ci", "deny", "statement 0 trusts the subject *; wanted: one repository's subject"],
}

test_edge_known_only_after_apply if verdict(
	[
		{
			"address": "aws_iam_role.ci",
			"after": {"name": "ci"},
			"unknown": {"assume_role_policy": true},
			"references": {"assume_role_policy": ["aws_iam_openid_connect_provider.github"]},
		},
		{
			"address": "google_iam_workload_identity_pool_provider.github",
			"after": {"oidc": [{"issuer_uri": "https://gitlab.com"}]},
			"unknown": {"attribute_condition": true},
		},
		{
			"address": "azuread_application_federated_identity_credential.github",
			"after": {"issuer": "https://token.actions.githubusercontent.com"},
			"unknown": {"subject": true},
		},
	],
	defaults,
) == {
	["aws_iam_role.ci", "unknown", "the subject that assume_role_policy trusts is known only after apply; wanted: one repository's subject"],
	["google_iam_workload_identity_pool_provider.github", "unknown", "attribute_condition is known only after apply; wanted: a condition on the repository"],
	["azuread_application_federated_identity_credential.github", "unknown", "subject is known only after apply; wanted: one repository's subject"],
}

test_edge_a_condition_that_is_always_true if verdict(
	[
		{
			"address": "google_iam_workload_identity_pool_provider.github",
			"after": {
				"attribute_condition": "assertion.repository != '' || true",
				"oidc": [{"issuer_uri": "https://token.actions.githubusercontent.com"}],
			},
		},
	],
	defaults,
) == {
	["google_iam_workload_identity_pool_provider.github", "deny", "attribute_condition is \"assertion.repository != '' || true\" for https://token.actions.githubusercontent.com; wanted: a condition on the repository"],
}

test_edge_an_azure_subject_without_a_repository if verdict(
	[
		{
			"address": "azuread_application_federated_identity_credential.github",
			"after": {"issuer": "https://token.actions.githubusercontent.com", "subject": "repo:acme/*"},
		},
	],
	defaults,
) == {
	["azuread_application_federated_identity_credential.github", "deny", "subject is \"repo:acme/*\"; wanted: one repository's subject"],
}
