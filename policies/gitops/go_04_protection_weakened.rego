# METADATA
# title: Branch protection is not taken away or weakened
# description: >-
#   The gate rests on the default branch's protection. Whoever removes a review, a required check or a code owner opens the
#   way for what comes next, so this change itself must not slip through. Moving a protection into a ruleset of the same plan
#   that asks for as much is accepted.
# related_resources:
#   - ref: https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/about-rulesets
#     description: About rulesets
# custom:
#   id: GO-04
#   severity: critical
#   remedy: Keep the protection as it was; where it must change, let the owners of the repository's settings approve it with a waiver.
#   inspects:
#     terraform: [github_branch_protection, github_branch_protection_v3, github_repository_ruleset, github_organization_ruleset, github_repository_file]
#     codeowners: [codeowners]
#   unknown: deny
#   parameters:
#     branches: {default: [main, master], description: Names of default branches.}
package gatehouse.gitops.protection_weakened

import data.gatehouse.lib.branches
import data.gatehouse.lib.terraform

guarded if {
	input.type in branches.types
	is_object(input.before)
	terraform.managed
	branches.covers(input.type, input.before, data.parameters.branches)
}

was := branches.protection(input.type, input.before)

is := branches.protection(input.type, input.resource)

deny contains finding if {
	guarded
	terraform.removed
	not successor
	finding := {"message": sprintf("protection with %d reviews and %d required checks is deleted; wanted: kept", [was.reviews, count(was.checks)])}
}

# Another resource that is new in this plan and asks for as much.
successor if {
	some [type, entries] in [
		["github_branch_protection", node_type],
		["github_branch_protection_v3", old_type],
		["github_repository_ruleset", repository_rulesets],
		["github_organization_ruleset", organization_rulesets],
	]
	some other in entries
	is_object(other.resource)
	other.before == null
	branches.covers(type, other.resource, data.parameters.branches)
	same_repository(type, other)
	now := branches.protection(type, other.resource)
	now.active
	now.reviews >= was.reviews
	count(was.checks - now.checks) == 0
	count(now.bypass - was.bypass) == 0
}

# A plan without such resources has no key for them.
default node_type := {}

node_type := input.plan.github_branch_protection

default old_type := {}

old_type := input.plan.github_branch_protection_v3

default repository_rulesets := {}

repository_rulesets := input.plan.github_repository_ruleset

default organization_rulesets := {}

organization_rulesets := input.plan.github_organization_ruleset

# A classic protection may name its repository by node id, a ruleset by name; the repository itself tells which is which.
same_repository(_, other) if {
	mine := repository_of(input.before)
	mine != ""
	mine == repository_of(other.resource)
}

same_repository(_, other) if {
	some repository in input.plan.github_repository
	repository_of(input.before) in {repository.resource.node_id, repository.resource.name}
	repository_of(other.resource) in {repository.resource.node_id, repository.resource.name}
}

# A ruleset of the organisation holds for all of them.
same_repository("github_organization_ruleset", _)

repository_of(resource) := name if {
	some field in ["repository", "repository_id"]
	name := resource[field]
	is_string(name)
} else := ""

deny contains finding if {
	guarded
	is_object(input.resource)
	some problem in weaker
	finding := {"message": problem.message, "path": problem.path}
}

weaker contains {"message": sprintf("required approvals go from %d to %d; wanted: not fewer", [was.reviews, is.reviews]), "path": reviews_path} if {
	is.reviews < was.reviews
	not terraform.unknown_within(reviews_path)
}

weaker contains {"message": sprintf("required check %q is removed; wanted: kept", [check]), "path": checks_path} if {
	some check in (was.checks - is.checks)
	not terraform.unknown_within(checks_path)
}

weaker contains {"message": sprintf("%v may go around the protection now; wanted: as before", [actor]), "path": "bypass_actors"} if {
	some actor in (is.bypass - was.bypass)
}

weaker contains {"message": sprintf("%s; wanted: as before", [words]), "path": path} if {
	some key, [words, path] in {
		"admins": ["administrators are no longer held to the protection", "enforce_admins"],
		"signed": ["signed commits are no longer asked for", signed_path],
		"owners": ["code owners are no longer asked", reviews_path],
		"stale": ["old approvals are no longer dismissed by a new push", reviews_path],
		"active": ["the ruleset is no longer enforced", "enforcement"],
	}
	was[key] == true
	is[key] == false
	not terraform.unknown_within(path)
}

weaker contains {"message": sprintf("%s; wanted: as before", [words]), "path": path} if {
	some key, [words, path] in {
		"force_push": ["force pushes are allowed now", "allows_force_pushes"],
		"deletion": ["the branch may be deleted now", "allows_deletions"],
	}
	was[key] == false
	is[key] == true
}

# The pattern now names other branches.
weaker contains {"message": "the protection no longer covers the default branch; wanted: as before", "path": "pattern"} if {
	not branches.covers(input.type, input.resource, data.parameters.branches)
}

unknown contains finding if {
	guarded
	is_object(input.resource)
	some path in ["enforce_admins", "require_signed_commits", "required_pull_request_reviews", "required_status_checks", "rules", "enforcement", "bypass_actors"]
	terraform.unknown_within(path)
	finding := {"message": sprintf("%s is known only after apply; wanted: not weaker than before", [path]), "path": path}
}

reviews_path := "rules" if {
	endswith(input.type, "_ruleset")
} else := "required_pull_request_reviews"

checks_path := "rules" if {
	endswith(input.type, "_ruleset")
} else := "required_status_checks"

signed_path := "rules" if {
	endswith(input.type, "_ruleset")
} else := "require_signed_commits"

# A CODEOWNERS file that Terraform writes.
deny contains finding if {
	input.type == "github_repository_file"
	is_object(input.before)
	regex.match(`(^|/)CODEOWNERS$`, input.before.file)
	some line in owned(input.before)
	not line in owned(input.resource)
	not terraform.unknown("content")
	finding := {"message": sprintf("CODEOWNERS entry %q is removed; wanted: kept", [line]), "path": "content"}
}

owned(null) := set()

owned(resource) := {regex.replace(trim_space(line), `\s+`, " ") |
	is_string(resource.content)
	some line in split(resource.content, "\n")
	trim_space(line) != ""
	not startswith(trim_space(line), "#")
} if {
	is_object(resource)
}

# The repository's own CODEOWNERS: an owner who was asked and is no longer. A line that moves to another pattern with the same
# owners is taken for the same line.
deny contains finding if {
	input.kind == "codeowners"
	some entry in input.before.entries
	count(entry.owners) > 0
	not kept(entry)
	not renamed(entry)
	finding := {"message": sprintf("CODEOWNERS entry %q is removed; wanted: kept", [concat(" ", array.concat([entry.pattern], entry.owners))])}
}

entries := object.get(terraform.get(input, "resource", {}), "entries", [])

kept(entry) if {
	some other in entries
	other.pattern == entry.pattern
	every owner in entry.owners {
		owner in other.owners
	}
}

renamed(entry) if {
	some other in entries
	other.owners == entry.owners
	not other.pattern in {known.pattern | some known in input.before.entries}
}

# A new line that covers everything takes over from all lines before it.
deny contains finding if {
	input.kind == "codeowners"
	is_object(input.before)
	some i, entry in entries
	i > 0
	entry.pattern in {"*", "**", "/**"}
	count([1 | some known in input.before.entries; known.pattern == entry.pattern]) == 0
	finding := {
		"message": sprintf("CODEOWNERS entry %q takes over from the lines above it; wanted: at the top", [concat(" ", array.concat([entry.pattern], entry.owners))]),
		"line": entry.line,
	}
}
