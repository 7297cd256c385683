# METADATA
# title: Nobody goes around the default branch's protection
# description: >-
#   A protection that administrators or listed actors may skip protects against everyone but those whose accounts are worth
#   stealing. Force pushes and deletion rewrite what was reviewed.
# related_resources:
#   - ref: https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches/about-protected-branches
#     description: About protected branches
# custom:
#   id: GO-02
#   severity: high
#   remedy: 'enforce_admins = true, allows_force_pushes = false, allows_deletions = false, no pull_request_bypassers; in a ruleset enforcement = "active", no bypass_actors, rules { non_fast_forward = true  deletion = true }'
#   inspects: {terraform: [github_branch_protection, github_branch_protection_v3, github_repository_ruleset, github_organization_ruleset]}
#   parameters:
#     branches: {default: [main, master], description: Names of default branches.}
#     bypass: {default: [], description: "Actors that may go around it, as the plan spells them: node ids and names, or for rulesets type and id, for example Integration 12345."}
package gatehouse.gitops.no_bypass

import data.gatehouse.lib.branches
import data.gatehouse.lib.terraform

guarding if {
	terraform.present
	branches.covers(input.type, input.resource, data.parameters.branches)
}

this := branches.protection(input.type, input.resource)

deny contains finding if {
	guarding
	not this.admins
	not terraform.unknown("enforce_admins")
	finding := {"message": "enforce_admins is false; wanted: true", "path": "enforce_admins"}
}

deny contains finding if {
	guarding
	some actor in this.bypass
	not actor in data.parameters.bypass
	finding := {"message": sprintf("%v may go around the protection; wanted: nobody", [actor]), "path": bypass_path}
}

bypass_path := "bypass_actors" if {
	endswith(input.type, "_ruleset")
} else := "required_pull_request_reviews"

deny contains finding if {
	guarding
	this.force_push
	not elsewhere("force_push")
	finding := {"message": sprintf("%s; wanted: no force pushes", [force_words]), "path": force_path}
}

force_words := "non_fast_forward is not set, so that force pushes are allowed" if {
	endswith(input.type, "_ruleset")
} else := "allows_force_pushes is true"

force_path := "rules" if {
	endswith(input.type, "_ruleset")
} else := "allows_force_pushes"

deny contains finding if {
	guarding
	this.deletion
	not elsewhere("deletion")
	finding := {"message": sprintf("%s; wanted: no deletion", [deletion_words]), "path": deletion_path}
}

deletion_words := "deletion is not set, so that the branch can be deleted" if {
	endswith(input.type, "_ruleset")
} else := "allows_deletions is true"

deletion_path := "rules" if {
	endswith(input.type, "_ruleset")
} else := "allows_deletions"

deny contains finding if {
	guarding
	not this.active
	finding := {"message": sprintf("enforcement is %s; wanted: active", [input.resource.enforcement]), "path": "enforcement"}
}

unknown contains finding if {
	guarding
	some attribute in ["enforce_admins", "allows_force_pushes", "allows_deletions", "bypass_actors"]
	terraform.unknown_within(attribute)
	finding := {"message": sprintf("%s is known only after apply; wanted: nobody goes around the protection", [attribute]), "path": attribute}
}

elsewhere(key) if {
	some other in branches.others
	not other[key]
}
