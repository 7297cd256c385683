# METADATA
# title: The default branch asks for two reviews
# description: >-
#   What is merged to the default branch reaches production. With one review, two people are enough to get anything in: the
#   author and whoever they ask; with none, one stolen account is. Rulesets of one repository add up.
# related_resources:
#   - ref: https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets
#     description: Available rules for rulesets
# custom:
#   id: GO-01
#   severity: high
#   remedy: 'required_pull_request_reviews { required_approving_review_count = 2  dismiss_stale_reviews = true }, or in a ruleset rules { pull_request { required_approving_review_count = 2 } }'
#   inspects: {terraform: [github_branch_protection, github_branch_protection_v3, github_repository_ruleset, github_organization_ruleset]}
#   references: [CKV_GIT_5]
#   parameters:
#     reviews: {default: 2, description: Fewest approvals that a pull request needs.}
#     branches: {default: [main, master], description: Names of default branches.}
package gatehouse.gitops.two_reviews

import data.gatehouse.lib.branches
import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	branches.covers(input.type, input.resource, data.parameters.branches)
	found := branches.protection(input.type, input.resource).reviews
	found < data.parameters.reviews
	not late
	not elsewhere
	finding := {"message": sprintf("required_approving_review_count is %d; wanted: at least %d", [found, data.parameters.reviews]), "path": path}
}

unknown contains finding if {
	terraform.present
	late
	branches.covers(input.type, input.resource, data.parameters.branches)
	branches.protection(input.type, input.resource).reviews < data.parameters.reviews
	finding := {"message": sprintf("required_approving_review_count is known only after apply; wanted: at least %d", [data.parameters.reviews]), "path": path}
}

path := "rules" if {
	endswith(input.type, "_ruleset")
} else := "required_pull_request_reviews"

late if {
	some i in numbers.range(0, 3)
	terraform.unknown(["required_pull_request_reviews", i, "required_approving_review_count"])
}

late if {
	some j in numbers.range(0, 3)
	terraform.unknown(["rules", 0, "pull_request", j, "required_approving_review_count"])
}

elsewhere if {
	some other in branches.others
	other.reviews >= data.parameters.reviews
}
