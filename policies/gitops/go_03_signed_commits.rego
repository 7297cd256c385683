# METADATA
# title: The default branch takes signed commits only
# description: >-
#   The name on a commit is whatever its author typed. A signature is the only proof of who wrote it, and the audit trail is
#   worth as much as that proof.
# related_resources:
#   - ref: https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification
#     description: About commit signature verification
# custom:
#   id: GO-03
#   severity: medium
#   remedy: require_signed_commits = true, or in a ruleset rules { required_signatures = true }
#   inspects: {terraform: [github_branch_protection, github_branch_protection_v3, github_repository_ruleset, github_organization_ruleset]}
#   references: [GIT-0004, CKV_GIT_6]
#   parameters:
#     branches: {default: [main, master], description: Names of default branches.}
package gatehouse.gitops.signed_commits

import data.gatehouse.lib.branches
import data.gatehouse.lib.terraform

deny contains finding if {
	terraform.present
	branches.covers(input.type, input.resource, data.parameters.branches)
	not branches.protection(input.type, input.resource).signed
	not terraform.unknown("require_signed_commits")
	not elsewhere
	finding := {"message": sprintf("%s is false; wanted: true", [attribute]), "path": path}
}

unknown contains finding if {
	terraform.present
	terraform.unknown("require_signed_commits")
	finding := {"message": "require_signed_commits is known only after apply; wanted: true", "path": "require_signed_commits"}
}

attribute := "required_signatures" if {
	endswith(input.type, "_ruleset")
} else := "require_signed_commits"

path := "rules" if {
	endswith(input.type, "_ruleset")
} else := "require_signed_commits"

elsewhere if {
	some other in branches.others
	other.signed
}
