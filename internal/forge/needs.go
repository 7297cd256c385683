package forge

// A Need is a permission of the App's. Name and Level are in GitHub's words.
type Need struct {
	Name, Level string
	Title       string // as GitHub's pages call it
	Why         string
	Events      []string // that come with it
}

// Needs are the permissions that the App asks for, each with why and with the events that it brings: what `gatehouse setup` puts
// into the manifest and `gatehouse doctor` looks for. What comes without asking (installation events, Metadata) is not among the
// events.
// https://docs.github.com/rest/authentication/permissions-required-for-github-apps
func Needs() []Need {
	return []Need{
		{"actions", "read", "Actions: read", "plans that workflows leave as artifacts, and conditions on workflows", []string{"workflow_run"}},
		{"administration", "read", "Administration: read", "how branches are protected",
			[]string{"branch_protection_configuration", "branch_protection_rule", "repository_ruleset"}},
		{"checks", "write", "Checks: write", "the required check", []string{"check_run", "check_suite"}},
		{"contents", "read", "Contents: read", "the git mirror, and the configuration on the base branch", []string{"push"}},
		{"deployments", "write", "Deployments: write", "opening environments to gated commits alone", []string{"deployment_protection_rule"}},
		{"issues", "write", "Issues: write", "the comment's reactions, and the issue after a bypass", []string{"issue_comment"}},
		{"members", "read", "Members: read (of the organisation)", "who is in a team", []string{"member", "membership", "organization", "team", "team_add"}},
		{"merge_queues", "read", "Merge queues: read", "judging what a merge queue is about to merge", []string{"merge_group"}},
		{"metadata", "read", "Metadata: read", "who may write", []string{"repository"}},
		{"organization_custom_properties", "read", "Custom properties: read (of the organisation)", "conditions on a repository's properties",
			[]string{"custom_property_values"}},
		{"pull_requests", "write", "Pull requests: write", "reading pull requests and reviews, the comment, asking for reviews",
			[]string{"pull_request", "pull_request_review"}},
		{"statuses", "read", "Commit statuses: read", "conditions on other checks", []string{"status"}},
	}
}

// Permits reports whether granted, as GitHub lists it, is enough.
func (n Need) Permits(granted map[string]string) bool {
	rank := map[string]int{"read": 1, "write": 2, "admin": 3}
	return rank[granted[n.Name]] >= rank[n.Level]
}
