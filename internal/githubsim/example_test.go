package githubsim_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// A pull request that its required check keeps out, until the App that the check is pinned to says success.
func Example() {
	dir, err := os.MkdirTemp("", "githubsim")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	gh, err := githubsim.Start(githubsim.Options{
		Dir: dir, Clock: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		panic(err)
	}
	defer gh.Close()
	gh.AddUser("alice")
	gh.AddUser("bob")
	gh.AddOrg("acme", "alice").AddMember("bob")
	repo := gh.CreateRepo(githubsim.RepoSpec{Owner: "acme", Name: "infra", Private: true})
	repo.AddCollaborator("bob", "write")
	app := gh.AddApp(githubsim.AppSpec{Slug: "gatehouse", Permissions: map[string]string{"checks": "write", "pull_requests": "write"}})
	app.Install("acme")
	repo.Protect("main", githubsim.Protection{
		RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: app.ID()}}, EnforceAdmins: true,
	})

	repo.Commit("ssh", githubsim.CommitSpec{Author: "bob", Files: map[string]string{"main.tf": "port = 22\n"}})
	pr := repo.OpenPR(githubsim.PRSpec{By: "bob", Title: "Open SSH", Head: "ssh"})
	_, err = pr.Merge("alice", githubsim.MergeOptions{})
	fmt.Println(err)

	app.PostCheck(repo, pr.HeadSHA(), "gatehouse", "success")
	_, err = pr.Merge("alice", githubsim.MergeOptions{})
	fmt.Println(err, pr.View().Merged)
	if err := gh.WaitIdle(context.Background()); err != nil {
		panic(err)
	}
	// Output:
	// 405 Required status check "gatehouse" is expected.
	// <nil> true
}
