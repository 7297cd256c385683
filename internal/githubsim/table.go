package githubsim

// table is every REST route with who may use it. Order decides where two match.
func (s *Server) table() []route {
	const repo = "/repos/{owner}/{repo}"
	jwt := need{app: needJWT}
	var (
		meta        = need{app: "metadata:read"}
		members     = need{app: "members:read"}
		contents    = need{app: "contents:read"}
		pulls       = need{app: "pull_requests:read"}
		pullsWrite  = need{app: "pull_requests:write"}
		review      = need{app: "pull_requests:write", role: "read"}
		issues      = need{app: "issues:read|pull_requests:read"}
		issuesWrite = need{app: "issues:write|pull_requests:write"}
		triage      = need{app: "issues:write|pull_requests:write", role: "triage"}
		checks      = need{app: "checks:read"}
		checksWrite = need{app: "checks:write", role: "app"}
		statuses    = need{app: "statuses:read"}
		admin       = need{app: "administration:read", role: "admin"}
		adminWrite  = need{app: "administration:write", role: "admin"}
		actions     = need{app: "actions:read"}
		push        = need{app: "contents:write", role: "read"} // merge says itself who may
	)
	return []route{
		rt("GET /rate_limit", need{}, (*call).rateLimit),
		rt("GET /app", jwt, (*call).getApp),
		rt("POST /app-manifests/{code}/conversions", need{app: needNothing}, (*call).convertManifest),
		rt("GET /app/installations", jwt, (*call).listInstallations),
		rt("GET /app/installations/{id}", jwt, (*call).getInstallation),
		rt("POST /app/installations/{id}/access_tokens", jwt, (*call).createToken),
		rt("GET /app/hook/config", jwt, (*call).hookConfig),
		rt("GET /app/hook/deliveries", jwt, (*call).listDeliveries),
		rt("GET /app/hook/deliveries/{id}", jwt, (*call).getDelivery),
		rt("POST /app/hook/deliveries/{id}/attempts", jwt, (*call).redeliver),
		rt("GET /repos/{account}/{name}/installation", jwt, (*call).findInstallation),
		rt("GET /orgs/{account}/installation", jwt, (*call).findInstallation),
		rt("GET /users/{account}/installation", jwt, (*call).findInstallation),
		rt("GET /installation/repositories", meta, (*call).listInstallationRepos),
		rt("DELETE /installation/token", need{}, (*call).revokeToken),

		rt("GET /user", need{}, (*call).getSelf),
		rt("GET /user/orgs", need{}, (*call).listUserOrgs),
		rt("GET /user/memberships/orgs/{own}", need{}, (*call).getOwnMembership),
		rt("GET /user/installations", need{}, (*call).listUserInstallations),
		rt("GET /user/installations/{id}/repositories", need{}, (*call).listUserInstallationRepos),
		rt("GET /users/{user}", need{}, (*call).getUser),
		rt("GET /orgs/{org}", need{}, (*call).getOrg),
		rt("GET /orgs/{org}/teams", members, (*call).listTeams),
		rt("GET /orgs/{org}/teams/{slug}", members, (*call).getTeam),
		rt("GET /orgs/{org}/teams/{slug}/members", members, (*call).listTeamMembers),
		rt("GET /orgs/{org}/teams/{slug}/memberships/{user}", members, (*call).getTeamMembership),
		rt("GET /orgs/{org}/members", members, (*call).listOrgMembers),
		rt("GET /orgs/{org}/members/{user}", members, (*call).checkOrgMember),
		rt("GET /orgs/{org}/memberships/{user}", members, (*call).getOrgMembership),

		rt("GET "+repo, meta, (*call).getRepo),
		rt("GET "+repo+"/properties/values", meta, (*call).listProperties),
		rt("GET "+repo+"/collaborators", meta, (*call).listCollaborators),
		rt("GET "+repo+"/collaborators/{user}", meta, (*call).checkCollaborator),
		rt("GET "+repo+"/collaborators/{user}/permission", meta, (*call).getPermission),
		rt("GET "+repo+"/teams", need{app: "administration:read|metadata:read"}, (*call).listRepoTeams),
		rt("GET "+repo+"/activity", contents, (*call).listActivity),
		rt("GET "+repo+"/branches", contents, (*call).listBranches),
		rt("GET "+repo+"/branches/{branch...}/protection", admin, (*call).getProtection),
		rt("GET "+repo+"/branches/{branch...}", contents, (*call).getBranch),
		rt("GET "+repo+"/rules/branches/{branch...}", meta, (*call).branchRules),
		rt("GET "+repo+"/rulesets", meta, (*call).listRulesets),
		rt("GET "+repo+"/rulesets/{id}", meta, (*call).getRuleset),
		rt("POST "+repo+"/rulesets", adminWrite, (*call).createRuleset),
		rt("PUT "+repo+"/rulesets/{id}", adminWrite, (*call).updateRuleset),
		rt("GET "+repo+"/git/ref/{ref...}", contents, (*call).getRef),
		rt("GET "+repo+"/git/matching-refs/{ref...}", contents, (*call).matchingRefs),
		rt("GET "+repo+"/git/commits/{sha}", contents, (*call).gitCommit),
		rt("GET "+repo+"/contents", contents, (*call).getContents),
		rt("GET "+repo+"/contents/{path...}", contents, (*call).getContents),
		rt("GET "+repo+"/compare/{basehead...}", contents, (*call).compare),

		rt("GET "+repo+"/commits", contents, (*call).listCommits),
		rt("GET "+repo+"/commits/{ref...}/pulls", pulls, (*call).commitPulls),
		rt("GET "+repo+"/commits/{ref...}/check-runs", checks, (*call).listRuns),
		rt("GET "+repo+"/commits/{ref...}/check-suites", checks, (*call).listSuites),
		rt("GET "+repo+"/commits/{ref...}/status", statuses, (*call).combinedStatus),
		rt("GET "+repo+"/commits/{ref...}/statuses", statuses, (*call).listStatuses),
		rt("GET "+repo+"/commits/{ref...}", contents, (*call).getCommit),
		rt("POST "+repo+"/statuses/{sha}", need{app: "statuses:write", role: "write"}, (*call).createStatus),
		rt("POST "+repo+"/check-runs", checksWrite, (*call).createRun),
		rt("GET "+repo+"/check-runs/{id}", checks, (*call).getRun),
		rt("PATCH "+repo+"/check-runs/{id}", checksWrite, (*call).updateRun),
		rt("GET "+repo+"/check-runs/{id}/annotations", checks, (*call).listAnnotations),
		rt("POST "+repo+"/check-runs/{id}/rerequest", need{app: "checks:write", role: "write"}, (*call).rerequestRun),
		rt("GET "+repo+"/check-suites/{id}/check-runs", checks, (*call).listSuiteRuns),

		rt("GET "+repo+"/actions/runs", actions, (*call).listWorkflowRuns),
		rt("POST "+repo+"/actions/runs/{id}/deployment_protection_rule", need{app: "deployments:write", role: "app"}, (*call).reviewDeployment),
		rt("GET "+repo+"/actions/runs/{id}/artifacts", actions, (*call).listArtifacts),
		rt("GET "+repo+"/actions/artifacts/{id}/zip", actions, (*call).downloadArtifact),

		rt("GET "+repo+"/pulls", pulls, (*call).listPulls),
		rt("POST "+repo+"/pulls", pullsWrite, (*call).createPull),
		rt("GET "+repo+"/pulls/{number}", pulls, (*call).getPull),
		rt("PATCH "+repo+"/pulls/{number}", need{app: "pull_requests:write", role: "write"}, (*call).editPull),
		rt("GET "+repo+"/pulls/{number}/files", pulls, (*call).pullFiles),
		rt("GET "+repo+"/pulls/{number}/commits", pulls, (*call).pullCommits),
		rt("GET "+repo+"/pulls/{number}/merge", contents, (*call).isMerged),
		rt("PUT "+repo+"/pulls/{number}/merge", push, (*call).mergePull),
		rt("PUT "+repo+"/pulls/{number}/update-branch", pullsWrite, (*call).updatePullBranch),
		rt("GET "+repo+"/pulls/{number}/reviews", pulls, (*call).listReviews),
		rt("POST "+repo+"/pulls/{number}/reviews", review, (*call).createReview),
		rt("GET "+repo+"/pulls/{number}/reviews/{id}", pulls, (*call).getReview),
		rt("PUT "+repo+"/pulls/{number}/reviews/{id}/dismissals", need{app: "pull_requests:write", role: "write"}, (*call).dismissReview),
		rt("GET "+repo+"/pulls/{number}/requested_reviewers", pulls, (*call).listReviewers),
		rt("POST "+repo+"/pulls/{number}/requested_reviewers", need{app: "pull_requests:write", role: "write"}, (*call).requestReviewers),
		rt("DELETE "+repo+"/pulls/{number}/requested_reviewers", need{app: "pull_requests:write", role: "write"}, (*call).removeReviewers),

		rt("GET "+repo+"/issues", need{app: "issues:read"}, (*call).listIssues),
		rt("POST "+repo+"/issues", need{app: "issues:write"}, (*call).createIssue),
		rt("GET "+repo+"/issues/comments/{id}", issues, (*call).getComment),
		rt("PATCH "+repo+"/issues/comments/{id}", issuesWrite, (*call).editComment),
		rt("DELETE "+repo+"/issues/comments/{id}", issuesWrite, (*call).deleteComment),
		rt("GET "+repo+"/issues/comments/{id}/reactions", issues, (*call).listReactions),
		rt("POST "+repo+"/issues/comments/{id}/reactions", issuesWrite, (*call).createReaction),
		rt("GET "+repo+"/issues/{number}", issues, (*call).getIssue),
		rt("PATCH "+repo+"/issues/{number}", triage, (*call).editIssue),
		rt("GET "+repo+"/issues/{number}/comments", issues, (*call).listComments),
		rt("POST "+repo+"/issues/{number}/comments", issuesWrite, (*call).createComment),
		rt("GET "+repo+"/issues/{number}/labels", issues, (*call).listLabels),
		rt("POST "+repo+"/issues/{number}/labels", triage, (*call).addLabels),
		rt("DELETE "+repo+"/issues/{number}/labels/{label}", triage, (*call).removeLabel),
		rt("GET "+repo+"/issues/{number}/timeline", issues, (*call).timeline),
	}
}
