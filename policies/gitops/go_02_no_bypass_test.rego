package gatehouse.gitops.no_bypass_test

import data.gatehouse.gitops.no_bypass as rule
import data.gatehouse.lib.fixture

defaults := {"branches": ["main", "master"], "bypass": []}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["github_branch_protection", "github_branch_protection_v3", "github_repository_ruleset", "github_organization_ruleset"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_everyone_is_held_to_it if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"after": {"pattern": "main", "enforce_admins": true, "allows_force_pushes": false, "allows_deletions": false},
		},
	],
	defaults,
) == set()

test_good_a_ruleset if verdict(
	[
		{
			"address": "github_repository_ruleset.main",
			"after": {
				"repository": "infra",
				"enforcement": "active",
				"bypass_actors": [],
				"rules": [{"non_fast_forward": true, "deletion": true}],
			},
		},
	],
	defaults,
) == set()

test_bad_administrators_are_not_held_to_it if verdict([{"address": "github_branch_protection.main[0]", "after": {"pattern": "main", "enforce_admins": false}}], defaults) == {["github_branch_protection.main[0]", "deny", "enforce_admins is false; wanted: true"]}

test_bad_force_pushes_and_deletion if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"after": {"pattern": "main", "enforce_admins": true, "allows_force_pushes": true, "allows_deletions": true},
		},
	],
	defaults,
) == {
	["github_branch_protection.main", "deny", "allows_deletions is true; wanted: no deletion"],
	["github_branch_protection.main", "deny", "allows_force_pushes is true; wanted: no force pushes"],
}

test_bad_a_ruleset_that_somebody_may_go_around if verdict(
	[
		{
			"address": "github_organization_ruleset.main",
			"after": {
				"enforcement": "active",
				"bypass_actors": [{"actor_type": "OrganizationAdmin", "actor_id": 1, "bypass_mode": "always"}],
				"rules": [{"non_fast_forward": true, "deletion": true}],
			},
		},
	],
	defaults,
) == {
	["github_organization_ruleset.main", "deny", "OrganizationAdmin 1 may go around the protection; wanted: nobody"],
}

test_bad_a_ruleset_that_only_watches if verdict(
	[
		{
			"address": "github_repository_ruleset.main",
			"after": {
				"repository": "infra",
				"enforcement": "evaluate",
				"bypass_actors": [],
				"rules": [{"non_fast_forward": true, "deletion": true}],
			},
		},
	],
	defaults,
) == {["github_repository_ruleset.main", "deny", "enforcement is evaluate; wanted: active"]}

test_edge_an_app_that_may_and_one_that_may_not if verdict(
	[
		{
			"address": "github_repository_ruleset.main",
			"after": {
				"repository": "infra",
				"bypass_actors": [{"actor_type": "Integration", "actor_id": 1}, {"actor_type": "Integration", "actor_id": 2}],
				"rules": [{"non_fast_forward": true, "deletion": true}],
			},
		},
	],
	object.union(defaults, {"bypass": ["Integration 1"]}),
) == {
	["github_repository_ruleset.main", "deny", "Integration 2 may go around the protection; wanted: nobody"],
}

test_edge_people_who_may_skip_pull_requests if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"after": {
				"pattern": "main",
				"enforce_admins": true,
				"required_pull_request_reviews": [{"pull_request_bypassers": ["/alice"]}],
			},
		},
		{
			"address": "github_branch_protection_v3.main",
			"after": {
				"branch": "main",
				"enforce_admins": true,
				"required_pull_request_reviews": [{"bypass_pull_request_allowances": [{"users": ["bob"], "teams": [], "apps": []}]}],
			},
		},
	],
	defaults,
) == {
	["github_branch_protection.main", "deny", "/alice may go around the protection; wanted: nobody"],
	["github_branch_protection_v3.main", "deny", "bob may go around the protection; wanted: nobody"],
}

test_edge_what_one_ruleset_lacks_another_has if verdict(
	[
		{
			"address": "github_repository_ruleset.a",
			"after": {"repository": "infra", "rules": [{"non_fast_forward": true}]},
		},
		{
			"address": "github_repository_ruleset.b",
			"after": {"repository": "infra", "rules": [{"deletion": true}]},
		},
	],
	defaults,
) == set()

test_edge_known_only_after_apply if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"after": {"pattern": "main"},
			"unknown": {"enforce_admins": true},
		},
	],
	defaults,
) == {
	["github_branch_protection.main", "unknown", "enforce_admins is known only after apply; wanted: nobody goes around the protection"],
}

test_edge_other_branches_and_deleted_protection if verdict(
	[
		{"address": "github_branch_protection.dev", "after": {"pattern": "dev", "enforce_admins": false}},
		{"address": "github_branch_protection.main", "before": {"pattern": "main", "enforce_admins": true}},
	],
	defaults,
) == set()
