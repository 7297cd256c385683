package gatehouse.gitops.protection_weakened_test

import data.gatehouse.gitops.protection_weakened as rule
import data.gatehouse.lib.fixture

defaults := {"branches": ["main", "master"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["github_branch_protection", "github_branch_protection_v3", "github_repository_ruleset", "github_organization_ruleset", "github_repository_file"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_a_protection_becomes_stronger if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"before": {
				"pattern": "main",
				"enforce_admins": false,
				"required_pull_request_reviews": [{"required_approving_review_count": 1}],
				"required_status_checks": [{"contexts": ["ci"]}],
			},
			"after": {
				"pattern": "main",
				"enforce_admins": true,
				"required_pull_request_reviews": [{"required_approving_review_count": 2}],
				"required_status_checks": [{"contexts": ["ci", "gatehouse"]}],
			},
		},
	],
	defaults,
) == set()

test_good_moved_into_a_ruleset_that_asks_for_as_much if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"before": {
				"pattern": "main",
				"repository_id": "R_1",
				"required_pull_request_reviews": [{"required_approving_review_count": 2}],
				"required_status_checks": [{"contexts": ["gatehouse"]}],
			},
		},
		{
			"address": "github_repository.infra",
			"before": {"name": "infra", "node_id": "R_1"},
			"after": {"name": "infra", "node_id": "R_1"},
		},
		{
			"address": "github_repository_ruleset.main",
			"after": {
				"repository": "infra",
				"enforcement": "active",
				"rules": [
					{
						"pull_request": [{"required_approving_review_count": 2}],
						"required_status_checks": [{"required_check": [{"context": "gatehouse"}]}],
					},
				],
			},
		},
	],
	defaults,
) == set()

test_bad_the_protection_is_deleted if verdict(
	[
		{
			"address": "module.repo[\"infra\"].github_branch_protection.main",
			"before": {
				"pattern": "main",
				"required_pull_request_reviews": [{"required_approving_review_count": 2}],
				"required_status_checks": [{"contexts": ["gatehouse"]}],
			},
		},
	],
	defaults,
) == {
	["module.repo[\"infra\"].github_branch_protection.main", "deny", "protection with 2 reviews and 1 required checks is deleted; wanted: kept"],
}

test_bad_a_required_check_and_a_review_are_taken_away if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"before": {
				"pattern": "main",
				"required_pull_request_reviews": [{"required_approving_review_count": 2}],
				"required_status_checks": [{"contexts": ["ci", "gatehouse"]}],
			},
			"after": {
				"pattern": "main",
				"required_pull_request_reviews": [{"required_approving_review_count": 1}],
				"required_status_checks": [{"contexts": ["ci"]}],
			},
		},
	],
	defaults,
) == {
	["github_branch_protection.main", "deny", "required approvals go from 2 to 1; wanted: not fewer"],
	["github_branch_protection.main", "deny", "required check \"gatehouse\" is removed; wanted: kept"],
}

test_bad_a_ruleset_gets_a_way_around_and_only_watches if verdict(
	[
		{
			"address": "github_repository_ruleset.main",
			"before": {
				"repository": "infra",
				"enforcement": "active",
				"bypass_actors": [],
				"rules": [{"non_fast_forward": true, "deletion": true}],
			},
			"after": {
				"repository": "infra",
				"enforcement": "evaluate",
				"bypass_actors": [{"actor_type": "Team", "actor_id": 7}],
				"rules": [{"non_fast_forward": true, "deletion": true}],
			},
		},
	],
	defaults,
) == {
	["github_repository_ruleset.main", "deny", "Team 7 may go around the protection now; wanted: as before"],
	["github_repository_ruleset.main", "deny", "the ruleset is no longer enforced; wanted: as before"],
}

test_bad_a_code_owner_is_removed if verdict(
	[
		{
			"address": "github_repository_file.owners",
			"before": {"file": ".github/CODEOWNERS", "content": "# owners\n/infra/  @acme/platform\n/app/ @acme/app\n"},
			"after": {"file": ".github/CODEOWNERS", "content": "/app/ @acme/app\n"},
		},
	],
	defaults,
) == {
	["github_repository_file.owners", "deny", "CODEOWNERS entry \"/infra/ @acme/platform\" is removed; wanted: kept"],
}

test_edge_every_switch_turned if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"before": {
				"pattern": "main",
				"enforce_admins": true,
				"require_signed_commits": true,
				"required_pull_request_reviews": [{"required_approving_review_count": 2, "require_code_owner_reviews": true}],
			},
			"after": {
				"pattern": "main",
				"enforce_admins": false,
				"require_signed_commits": false,
				"allows_force_pushes": true,
				"allows_deletions": true,
				"required_pull_request_reviews": [{"required_approving_review_count": 2, "require_code_owner_reviews": false}],
			},
		},
	],
	defaults,
) == {
	["github_branch_protection.main", "deny", "administrators are no longer held to the protection; wanted: as before"],
	["github_branch_protection.main", "deny", "code owners are no longer asked; wanted: as before"],
	["github_branch_protection.main", "deny", "force pushes are allowed now; wanted: as before"],
	["github_branch_protection.main", "deny", "signed commits are no longer asked for; wanted: as before"],
	["github_branch_protection.main", "deny", "the branch may be deleted now; wanted: as before"],
}

test_edge_the_pattern_moves_away if verdict([{"address": "github_branch_protection.main", "before": {"pattern": "main"}, "after": {"pattern": "nothing"}}], defaults) == {
	["github_branch_protection.main", "deny", "the protection no longer covers the default branch; wanted: as before"],
}

test_edge_the_checks_are_known_only_after_apply if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"before": {"pattern": "main", "required_status_checks": [{"contexts": ["ci"]}]},
			"after": {"pattern": "main", "required_status_checks": [{}]},
			"unknown": {"required_status_checks": [{"contexts": true}]},
		},
	],
	defaults,
) == {
	["github_branch_protection.main", "unknown", "required_status_checks is known only after apply; wanted: not weaker than before"],
}

test_edge_a_ruleset_that_asks_for_less_is_no_successor if verdict(
	[
		{
			"address": "github_branch_protection_v3.main",
			"before": {
				"branch": "main",
				"repository": "infra",
				"required_pull_request_reviews": [{"required_approving_review_count": 2}],
				"required_status_checks": [{"checks": ["gatehouse:15368"]}],
			},
		},
		{
			"address": "github_repository_ruleset.main",
			"after": {
				"repository": "infra",
				"enforcement": "active",
				"rules": [{"pull_request": [{"required_approving_review_count": 2}]}],
			},
		},
	],
	defaults,
) == {
	["github_branch_protection_v3.main", "deny", "protection with 2 reviews and 1 required checks is deleted; wanted: kept"],
}

test_edge_other_branches_new_protections_and_other_files if verdict(
	[
		{"address": "github_branch_protection.dev", "before": {"pattern": "dev"}},
		{"address": "github_branch_protection.main", "after": {"pattern": "main"}},
		{"address": "github_repository_file.readme", "before": {"file": "README.md", "content": "x"}},
	],
	defaults,
) == set()

test_edge_the_whole_file_of_owners_deleted if verdict(
	[
		{
			"address": "github_repository_file.owners",
			"before": {"file": "CODEOWNERS", "content": "* @acme/platform"},
		},
	],
	defaults,
) == {
	["github_repository_file.owners", "deny", "CODEOWNERS entry \"* @acme/platform\" is removed; wanted: kept"],
}

test_edge_a_ruleset_of_another_repository_is_no_successor if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"before": {
				"pattern": "main",
				"repository_id": "infra",
				"required_pull_request_reviews": [{"required_approving_review_count": 1}],
			},
		},
		{
			"address": "github_repository_ruleset.main",
			"after": {
				"repository": "toy",
				"enforcement": "active",
				"rules": [{"pull_request": [{"required_approving_review_count": 2}]}],
			},
		},
	],
	defaults,
) == {
	["github_branch_protection.main", "deny", "protection with 1 reviews and 0 required checks is deleted; wanted: kept"],
}

test_edge_a_ruleset_of_the_organisation_is_one if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"before": {
				"pattern": "main",
				"repository_id": "infra",
				"required_pull_request_reviews": [{"required_approving_review_count": 1}],
			},
		},
		{
			"address": "github_organization_ruleset.main",
			"after": {"enforcement": "active", "rules": [{"pull_request": [{"required_approving_review_count": 2}]}]},
		},
	],
	defaults,
) == set()

owners(after, before) := {finding.message |
	some finding in rule.deny with input as fixture.file("codeowners", "codeowners", "CODEOWNERS", after, before) with data.parameters as defaults
}

test_code_owners if {
	before := {"entries": [{"pattern": "*", "owners": ["@a"], "line": 1}, {"pattern": "/x/", "owners": [], "line": 2}]}
	owners({"entries": [{"pattern": "*", "owners": ["@a", "@b"], "line": 1}]}, before) == set()
	owners({"entries": [{"pattern": "*", "owners": [], "line": 1}]}, before) == {"CODEOWNERS entry \"* @a\" is removed; wanted: kept"}
	owners(null, before) == {"CODEOWNERS entry \"* @a\" is removed; wanted: kept"}
	owners(before, null) == set()
}
