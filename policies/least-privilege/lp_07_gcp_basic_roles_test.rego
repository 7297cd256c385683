package gatehouse.least_privilege.gcp_basic_roles_test

import data.gatehouse.least_privilege.gcp_basic_roles as rule
import data.gatehouse.lib.fixture

defaults := {"roles": ["roles/owner", "roles/editor", "roles/viewer"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["google_project_iam_member", "google_project_iam_binding", "google_project_iam_policy", "google_folder_iam_member", "google_folder_iam_binding", "google_folder_iam_policy", "google_organization_iam_member", "google_organization_iam_binding", "google_organization_iam_policy"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_predefined_role if verdict(
	[
		{
			"address": "google_project_iam_member.app",
			"after": {
				"project": "acme",
				"role": "roles/storage.objectViewer",
				"member": "serviceAccount:app@acme.iam.gserviceaccount.com",
			},
		},
	],
	defaults,
) == set()

test_bad_an_editor_of_the_project if verdict(
	[
		{
			"address": "module.iam.google_project_iam_member.ci[\"eu\"]",
			"after": {
				"project": "acme",
				"role": "roles/editor",
				"member": "serviceAccount:ci@acme.iam.gserviceaccount.com",
			},
		},
	],
	defaults,
) == {
	["module.iam.google_project_iam_member.ci[\"eu\"]", "deny", "roles/editor is given to serviceAccount:ci@acme.iam.gserviceaccount.com; wanted: a predefined role"],
}

test_bad_owners_of_the_organisation_as_a_policy if verdict(
	[
		{
			"address": "google_organization_iam_policy.root",
			"after": {
				"policy_data": "{\"bindings\":[{\"role\":\"roles/owner\",\"members\":[\"group:admins@acme.com\"]},{\"role\":\"roles/browser\",\"members\":[\"group:all@acme.com\"]}]}",
			},
		},
	],
	defaults,
) == {
	["google_organization_iam_policy.root", "deny", "roles/owner is given to group:admins@acme.com; wanted: a predefined role"],
}

test_edge_members_of_a_binding if verdict(
	[
		{
			"address": "google_folder_iam_binding.x",
			"after": {
				"role": "roles/viewer",
				"members": ["user:a@acme.com", "user:b@acme.com", "user:c@acme.com", "user:d@acme.com"],
			},
		},
	],
	defaults,
) == {
	["google_folder_iam_binding.x", "deny", "roles/viewer is given to user:a@acme.com, user:b@acme.com, user:c@acme.com and 1 more; wanted: a predefined role"],
}

test_edge_viewers_are_accepted_here if verdict(
	[
		{
			"address": "google_folder_iam_binding.x",
			"after": {"role": "roles/viewer", "members": ["user:a@acme.com"]},
		},
	],
	object.union(defaults, {"roles": ["roles/owner", "roles/editor"]}),
) == set()

test_edge_known_only_after_apply if verdict(
	[
		{
			"address": "google_project_iam_member.x",
			"after": {"member": "user:a@acme.com"},
			"unknown": {"role": true},
		},
		{"address": "google_project_iam_policy.x", "after": {}, "unknown": {"policy_data": true}},
	],
	defaults,
) == {
	["google_project_iam_member.x", "unknown", "role is known only after apply; wanted: no basic role"],
	["google_project_iam_policy.x", "unknown", "policy_data is known only after apply; wanted: no basic role"],
}

test_edge_a_policy_that_cannot_be_read_and_a_deleted_one if verdict(
	[
		{"address": "google_project_iam_policy.x", "after": {"policy_data": "token:1"}},
		{"address": "google_project_iam_member.x", "before": {"role": "roles/owner", "member": "user:a@acme.com"}},
	],
	defaults,
) == set()
