package gatehouse.gitops.two_reviews_test

import data.gatehouse.gitops.two_reviews as rule
import data.gatehouse.lib.fixture

defaults := {"reviews": 2, "branches": ["main", "master"]}

# verdict is what the rule says about every document that it inspects: [set, address, message].
verdict(items, parameters) := {entry |
	some doc in fixture.terraform(["github_branch_protection", "github_branch_protection_v3", "github_repository_ruleset", "github_organization_ruleset"], items)
	sets := {"deny": rule.deny, "unknown": rule.unknown} with input as doc with data.parameters as parameters
	some set_, findings in sets
	some finding in findings
	entry := [doc.address, set_, message(finding)]
}

message(finding) := object.get(finding, "message", "")

test_good_two_reviews if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"after": {"pattern": "main", "required_pull_request_reviews": [{"required_approving_review_count": 2}]},
		},
	],
	defaults,
) == set()

test_good_a_ruleset_with_two_reviews_beside_one_that_asks_for_signatures if verdict(
	[
		{
			"address": "github_repository_ruleset.reviews",
			"after": {
				"repository": "infra",
				"target": "branch",
				"enforcement": "active",
				"conditions": [{"ref_name": [{"include": ["~DEFAULT_BRANCH"], "exclude": []}]}],
				"rules": [{"pull_request": [{"required_approving_review_count": 2}]}],
			},
		},
		{
			"address": "github_repository_ruleset.signed",
			"after": {
				"repository": "infra",
				"target": "branch",
				"enforcement": "active",
				"conditions": [{"ref_name": [{"include": ["~DEFAULT_BRANCH"], "exclude": []}]}],
				"rules": [{"required_signatures": true, "pull_request": []}],
			},
		},
	],
	defaults,
) == set()

test_bad_one_review if verdict(
	[
		{
			"address": "module.repo[\"infra\"].github_branch_protection.main",
			"after": {"pattern": "main", "required_pull_request_reviews": [{"required_approving_review_count": 1}]},
		},
	],
	defaults,
) == {
	["module.repo[\"infra\"].github_branch_protection.main", "deny", "required_approving_review_count is 1; wanted: at least 2"],
}

test_bad_no_review_by_its_old_type if verdict(
	[
		{
			"address": "github_branch_protection_v3.main",
			"after": {"branch": "master", "required_pull_request_reviews": []},
		},
	],
	defaults,
) == {
	["github_branch_protection_v3.main", "deny", "required_approving_review_count is 0; wanted: at least 2"],
}

test_bad_a_ruleset_without_pull_requests if verdict(
	[
		{
			"address": "github_repository_ruleset.main",
			"after": {
				"repository": "infra",
				"target": "branch",
				"enforcement": "active",
				"conditions": [{"ref_name": [{"include": ["refs/heads/main"], "exclude": []}]}],
				"rules": [{"deletion": true}],
			},
		},
	],
	defaults,
) == {
	["github_repository_ruleset.main", "deny", "required_approving_review_count is 0; wanted: at least 2"],
}

test_edge_other_branches_and_tags_are_not_meant if verdict(
	[
		{
			"address": "github_branch_protection.dev",
			"after": {"pattern": "dev/*", "required_pull_request_reviews": []},
		},
		{
			"address": "github_repository_ruleset.tags",
			"after": {"repository": "infra", "target": "tag", "enforcement": "active", "rules": [{"deletion": true}]},
		},
	],
	defaults,
) == set()

test_edge_a_pattern_for_all_branches if verdict(
	[
		{
			"address": "github_branch_protection.all",
			"after": {"pattern": "*", "required_pull_request_reviews": [{}]},
		},
	],
	defaults,
) == {
	["github_branch_protection.all", "deny", "required_approving_review_count is 1; wanted: at least 2"],
}

test_edge_one_review_is_enough_here if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"after": {"pattern": "main", "required_pull_request_reviews": [{"required_approving_review_count": 1}]},
		},
	],
	object.union(defaults, {"reviews": 1}),
) == set()

test_edge_a_pattern_known_only_after_apply_is_judged_a_number_is_not if verdict(
	[
		{
			"address": "github_branch_protection.a",
			"after": {"required_pull_request_reviews": [{"required_approving_review_count": 1}]},
			"unknown": {"pattern": true},
		},
		{
			"address": "github_branch_protection.b",
			"after": {"pattern": "main", "required_pull_request_reviews": [{}]},
			"unknown": {"required_pull_request_reviews": [{"required_approving_review_count": true}]},
		},
	],
	defaults,
) == {
	["github_branch_protection.a", "deny", "required_approving_review_count is 1; wanted: at least 2"],
	["github_branch_protection.b", "unknown", "required_approving_review_count is known only after apply; wanted: at least 2"],
}

test_edge_a_ruleset_of_another_repository_does_not_help if verdict(
	[
		{
			"address": "github_repository_ruleset.a",
			"after": {"repository": "a", "rules": [{"pull_request": [{"required_approving_review_count": 2}]}]},
		},
		{"address": "github_repository_ruleset.b", "after": {"repository": "b", "rules": [{"pull_request": []}]}},
	],
	defaults,
) == {
	["github_repository_ruleset.b", "deny", "required_approving_review_count is 0; wanted: at least 2"],
}

test_edge_deleted_protection_is_go_04_s if verdict(
	[
		{
			"address": "github_branch_protection.main",
			"before": {"pattern": "main", "required_pull_request_reviews": [{"required_approving_review_count": 2}]},
		},
	],
	defaults,
) == set()
