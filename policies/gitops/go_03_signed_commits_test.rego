package gatehouse.gitops.signed_commits_test

import data.gatehouse.gitops.signed_commits as rule
import data.gatehouse.lib.fixture

defaults := {"branches": ["main", "master"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["github_branch_protection", "github_branch_protection_v3", "github_repository_ruleset", "github_organization_ruleset"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_signatures_are_asked_for if verdict([{"address": "github_branch_protection.main", "after": {"pattern": "main", "require_signed_commits": true}}], defaults) == set()

test_good_a_ruleset_of_the_organisation_asks_for_them if verdict(
	[
		{
			"address": "github_repository_ruleset.main",
			"after": {"repository": "infra", "rules": [{"deletion": true}]},
		},
		{
			"address": "github_organization_ruleset.signed",
			"after": {"enforcement": "active", "rules": [{"required_signatures": true}]},
		},
	],
	defaults,
) == set()

test_bad_anyone_may_say_to_be_anyone if verdict(
	[
		{
			"address": "github_branch_protection.main[\"infra\"]",
			"after": {"pattern": "main", "require_signed_commits": false},
		},
	],
	defaults,
) == {
	["github_branch_protection.main[\"infra\"]", "deny", "require_signed_commits is false; wanted: true"],
}

test_bad_a_ruleset_without if verdict(
	[
		{
			"address": "github_repository_ruleset.main",
			"after": {"repository": "infra", "rules": [{"deletion": true, "required_signatures": null}]},
		},
	],
	defaults,
) == {
	["github_repository_ruleset.main", "deny", "required_signatures is false; wanted: true"],
}

test_edge_known_only_after_apply if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"after": {"pattern": "main"},
			"unknown": {"require_signed_commits": true},
		},
	],
	defaults,
) == {
	["github_branch_protection.main", "unknown", "require_signed_commits is known only after apply; wanted: true"],
}

test_edge_nothing_said_by_its_old_type if verdict([{"address": "github_branch_protection_v3.main", "after": {"branch": "main"}}], defaults) == {
	["github_branch_protection_v3.main", "deny", "require_signed_commits is false; wanted: true"],
}

test_edge_other_branches if verdict([{"address": "github_branch_protection.dev", "after": {"pattern": "dev"}}], defaults) == set()
