# METADATA
# title: Reading GitHub branch protection
# description: >-
#   github_branch_protection, github_branch_protection_v3 and rulesets in one form, so that rules can ask what protects a
#   branch and guards can compare before and after.
package gatehouse.lib.branches

import data.gatehouse.lib.terraform

# METADATA
# description: The resource types that protect branches.
types := {"github_branch_protection", "github_branch_protection_v3", "github_repository_ruleset", "github_organization_ruleset"}

# METADATA
# description: >-
#   What the values of a resource of one of the types protect: {reviews (approvals asked for), admins (held to it), bypass
#   (who is not), force_push, deletion (both: allowed), signed, owners (code owners asked), stale (old approvals are
#   dismissed), checks (a set), active}.
protection("github_branch_protection", resource) := object.union(classic(resource), {
	"bypass": ({actor |
		some block in list(resource, "required_pull_request_reviews")
		some actor in list(block, "pull_request_bypassers")
	} | {actor | some actor in list(resource, "force_push_bypassers")}),
	"force_push": terraform.get(resource, "allows_force_pushes", false),
	"deletion": terraform.get(resource, "allows_deletions", false),
})

protection("github_branch_protection_v3", resource) := object.union(classic(resource), {
	"bypass": {actor |
		some block in list(resource, "required_pull_request_reviews")
		some allowance in list(block, "bypass_pull_request_allowances")
		some field in ["users", "teams", "apps"]
		some actor in list(allowance, field)
	},
	"force_push": false,
	"deletion": false,
})

protection(type, resource) := {
	"reviews": max({0} | {terraform.get(block, "required_approving_review_count", 0) | some block in pull_requests}),
	"admins": true,
	"bypass": {sprintf("%s %v", [terraform.get(actor, "actor_type", "actor"), terraform.get(actor, "actor_id", "?")]) | some actor in list(resource, "bypass_actors")},
	"force_push": count([1 | some block in rules; block.non_fast_forward == true]) == 0,
	"deletion": count([1 | some block in rules; block.deletion == true]) == 0,
	"signed": count([1 | some block in rules; block.required_signatures == true]) > 0,
	"owners": count([1 | some block in pull_requests; block.require_code_owner_review == true]) > 0,
	"stale": count([1 | some block in pull_requests; block.dismiss_stale_reviews_on_push == true]) > 0,
	"checks": {check.context |
		some block in rules
		some checks in list(block, "required_status_checks")
		some check in list(checks, "required_check")
	},
	"active": terraform.get(resource, "enforcement", "active") == "active",
} if {
	endswith(type, "_ruleset")
	rules := list(resource, "rules")
	pull_requests := [block | some rule in rules; some block in list(rule, "pull_request")]
}

classic(resource) := {
	"reviews": max({0} | {terraform.get(block, "required_approving_review_count", 1) | some block in blocks}),
	"admins": terraform.get(resource, "enforce_admins", false),
	"signed": terraform.get(resource, "require_signed_commits", false),
	"owners": count([1 | some block in blocks; block.require_code_owner_reviews == true]) > 0,
	"stale": count([1 | some block in blocks; block.dismiss_stale_reviews == true]) > 0,
	"checks": {split(check, ":")[0] |
		some block in list(resource, "required_status_checks")
		some field in ["contexts", "checks"]
		some check in list(block, field)
		is_string(check)
	},
	"active": true,
} if {
	blocks := list(resource, "required_pull_request_reviews")
}

list(object_, key) := terraform.list(object.get(object_, key, null))

# METADATA
# description: >-
#   True when the values are for one of the branches: by their pattern, or by what a ruleset includes. What is known only
#   after apply may be for any of them.
covers(_, resource, branches) if {
	some field in ["pattern", "branch"]
	pattern := resource[field]
	is_string(pattern)
	some branch in branches
	glob.match(pattern, null, branch)
}

covers(type, resource, branches) if {
	endswith(type, "_ruleset")
	terraform.get(resource, "target", "branch") == "branch"
	included := {name |
		some conditions in list(resource, "conditions")
		some ref in list(conditions, "ref_name")
		some name in list(ref, "include")
	}
	reaches(included, branches)
}

covers(type, _, _) if {
	field := {"github_branch_protection": "pattern", "github_branch_protection_v3": "branch"}[type]
	terraform.unknown(field)
}

# A ruleset of a repository without conditions holds for every branch.
reaches(included, _) if count(included) == 0

reaches(included, _) if count(included & {"~DEFAULT_BRANCH", "~ALL"}) > 0

reaches(included, branches) if {
	some pattern in included
	is_string(pattern)
	some branch in branches
	glob.match(trim_prefix(pattern, "refs/heads/"), null, branch)
}

# METADATA
# description: >-
#   The protections by other rulesets of the plan that hold for the same repository, for rulesets add up: what one lacks
#   another may have.
others contains protection(type, other.resource) if {
	endswith(input.type, "_ruleset")
	some [type, entries] in [
		["github_repository_ruleset", repository_rulesets],
		["github_organization_ruleset", organization_rulesets],
	]
	some address, other in entries
	address != input.address
	is_object(other.resource)
	terraform.get(other.resource, "enforcement", "active") == "active"
	object.get(other.resource, "repository", null) in {object.get(input.resource, "repository", null), null}
	same_source(type, other)
}

# A plan without such resources has no key for them.
default repository_rulesets := {}

repository_rulesets := input.plan.github_repository_ruleset

default organization_rulesets := {}

organization_rulesets := input.plan.github_organization_ruleset

# Where the repository is known only after apply, both must refer to the same one.
same_source("github_organization_ruleset", _)

same_source("github_repository_ruleset", other) if is_string(other.resource.repository)

same_source("github_repository_ruleset", other) if {
	not is_string(object.get(other.resource, "repository", null))
	some address in other.change.references.repository
	address in input.change.references.repository
}
