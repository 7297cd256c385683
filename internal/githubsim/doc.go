// Package githubsim is a simulated GitHub: real HTTP, real git repositories over the smart protocol, real merge rules, signed
// webhooks. It is good enough to demonstrate and to test a GitHub App against, and it refuses what the real one refuses: bad
// tokens, missing permissions, oversized outputs, merges that protection forbids.
//
// It knows nothing of the rest of Gatehouse and uses no GitHub client library, so a misunderstanding there is not repeated here.
// Status codes, field names and messages follow GitHub's OpenAPI description and recorded webhook payloads.
//
// # Use
//
// Start listens on a free port; the address serves the REST API under / and /api/v3 and git under /OWNER/NAME.git:
//
//	gh, err := githubsim.Start(githubsim.Options{Dir: t.TempDir()})
//	t.Cleanup(gh.Close)
//	gh.AddUser("alice")
//	org := gh.AddOrg("acme", "alice")
//	repo := gh.CreateRepo(githubsim.RepoSpec{Owner: "acme", Name: "infra"})
//	app := gh.AddApp(githubsim.AppSpec{Slug: "gatehouse", Key: key, WebhookURL: url, WebhookSecret: "s3cret",
//		Permissions: map[string]string{"checks": "write", "contents": "read", "pull_requests": "write"},
//		Events: []string{"pull_request", "pull_request_review", "issue_comment", "push"}})
//	app.Install("acme")
//	repo.Protect("main", githubsim.Protection{RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: app.ID()}}})
//	repo.Commit("fix", githubsim.CommitSpec{Author: "bob", Files: map[string]string{"main.tf": "..."}})
//	pr := repo.OpenPR(githubsim.PRSpec{By: "bob", Head: "fix"})
//	err = gh.WaitIdle(ctx)              // the webhooks are delivered
//	check, err := repo.WaitCheck(ctx, pr.HeadSHA(), "gatehouse", nil) // the App under test has answered
//	_, err = pr.Merge("alice", githubsim.MergeOptions{}) // *Refusal 405: Required status check "gatehouse" is expected.
//
// # Errors
//
// Calls that build the world (AddUser, Commit, OpenPR, ...) panic when they are misused or when git itself fails, like
// httptest.NewServer does: there is nothing to do about it. What GitHub may refuse by its rules returns a *Refusal with the status
// and message that REST would answer: TryCommit, Push, DeleteBranch, TryReview, Merge, UpdateBranch, SetStatus.
//
// # Time
//
// All times come from Options.Clock, to the second. Token lifetimes, rate limits and the 14 days of a forgotten check follow it.
// Only Options.WebhookTimeout and FaultSpec.Delay are real time.
//
// # Webhooks
//
// Every change sends its event to each App that is installed, subscribed and permitted. One worker delivers them in order unless
// Options.WebhookWorkers says otherwise. Hooks holds, releases in any order, drops and duplicates them. As on GitHub nothing is
// delivered twice by itself; GET /app/hook/deliveries and POST .../attempts are the way back.
//
// # Differences from GitHub
//
// Merging, mergeability and webhooks are immediate, not eventual (SlowMergeable answers null once). There is no GraphQL, no HTML, no
// code owners, no review threads. Groups of a merge queue are made by hand (Queue). A person's own token has every scope. The login of
// Apps asks nobody: who is signed in (SignIn) agrees, unless DenyLogin says otherwise.
package githubsim
