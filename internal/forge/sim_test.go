package forge

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// world is a simulated GitHub with one pull request by octo, and the App installed.
type world struct {
	gh   *githubsim.Server
	in   *githubsim.Installation
	app  *App
	repo *Repo
	sim  *githubsim.Repo
	sims *githubsim.App
	pr   *githubsim.PR
}

func newWorld(t *testing.T) *world {
	t.Helper()
	gh, err := githubsim.Start(githubsim.Options{Dir: t.TempDir(), Unlimited: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gh.Close)
	for _, login := range []string{"root", "octo", "mei", "sam"} {
		gh.AddUser(login)
	}
	org := gh.AddOrg("acme", "root")
	org.AddMember("mei", "octo")
	org.AddTeam(githubsim.TeamSpec{Name: "dba"}).Add("mei")
	block, _ := pem.Decode(key())
	var private *rsa.PrivateKey
	if private, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
		t.Fatal(err)
	}
	app := gh.AddApp(githubsim.AppSpec{Slug: "gate", Owner: "acme", Key: private, Permissions: map[string]string{
		"checks": "write", "contents": "read", "pull_requests": "write", "issues": "write", "members": "read", "metadata": "read",
	}})
	sim := gh.CreateRepo(githubsim.RepoSpec{Owner: "acme", Name: "shop", Files: map[string]string{"README.md": "hello\n", ".github/gatehouse.yml": "version: 1\n"}})
	sim.AddCollaborator("mei", "maintain")
	sim.AddCollaborator("octo", "push")
	w := &world{gh: gh, in: app.Install("acme"), sim: sim, sims: app}
	sim.Commit("fix", githubsim.CommitSpec{Author: "octo", Files: map[string]string{"main.tf": "a\n"}})
	w.pr = sim.OpenPR(githubsim.PRSpec{By: "octo", Head: "fix", Title: "Fix"})
	w.app, err = New(Options{AppID: app.ID(), PrivateKey: key(), APIURL: gh.URL() + "/api/v3", ServerURL: gh.URL()})
	if err != nil {
		t.Fatal(err)
	}
	w.repo = w.app.Repo(w.in.ID(), "acme", "shop")
	return w
}

func TestGatherFromSimulatedGitHub(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, head := background(), w.pr.HeadSHA()
	w.pr.Approve("mei")

	id, err := w.app.Installation(ctx, "acme", "shop")
	check(t, w.in.ID(), id, err)
	me, err := w.app.Identity(ctx)
	check(t, "gate[bot]", me.Bot(), err)

	repo, pr, err := w.repo.PullRequest(ctx, 1)
	check(t, gate.Repository{ID: w.sim.ID(), Owner: "acme", Name: "shop", DefaultBranch: "main"}, repo, err)
	check(t, gate.PullRequest{
		Number: 1, Title: "Fix", Author: "octo", State: "open", Labels: []string{}, URL: w.gh.URL() + "/acme/shop/pull/1",
		Base: gate.Ref{Branch: "main", SHA: w.sim.Head("main"), Repository: "acme/shop"},
		Head: gate.Ref{Branch: "fix", SHA: head, Repository: "acme/shop"}, Additions: 1,
	}, pr, nil)

	reviews, actors, err := w.repo.Reviews(ctx, 1)
	check(t, []Speaker{{Login: "mei", Type: "User", Insider: true}}, actors, err)
	if len(reviews) != 1 || reviews[0].Login != "mei" || reviews[0].State != gate.ReviewApproved || reviews[0].CommitID != head {
		t.Errorf("reviews: %+v", reviews)
	}

	who := map[string]CommitLogins{head: {Author: "octo", AuthorType: "User", Committer: "octo", CommitterType: "User"}}
	logins, err := w.repo.CommitLogins(ctx, 1, head, 1)
	check(t, who, logins, err)
	logins, err = w.repo.CommitLogins(ctx, 1, head, 251)
	check(t, who[head], logins[head], err)

	for login, want := range map[string]gate.Actor{
		"mei": {Type: "User", Permission: "maintain"}, "octo": {Type: "User", Permission: "write"},
		"root": {Type: "User", Permission: "admin"}, "nobody-there": {Permission: "none"},
	} {
		want.Login, want.Teams = login, []string{}
		got, err := w.repo.Actor(ctx, login)
		check(t, want, got, err)
	}
	for login, want := range map[string]bool{"mei": true, "octo": false} {
		got, err := w.repo.InTeam(ctx, "acme", "dba", login)
		check(t, want, got, err)
	}

	open, err := w.repo.OpenPullRequests(ctx, Filter{Base: "main", HeadSHA: head})
	check(t, []int{1}, open, err)
	of, err := w.repo.PullRequestsOf(ctx, head)
	check(t, []int{1}, of, err)
	file, ok, err := w.repo.File(ctx, ".github/gatehouse.yml", "")
	check(t, "version: 1\n", string(file), err)
	check(t, true, ok, nil)
	_, ok, err = w.repo.File(ctx, "nothing.yml", head)
	check(t, false, ok, err)
	commit, err := w.repo.Commit(ctx, "fix")
	check(t, head, commit, err)

	pusher, err := w.repo.LastPusher(ctx, 1, head)
	check(t, "", pusher, err)
	forced := w.pr.ForcePush(githubsim.CommitSpec{Author: "octo", Pusher: "mei", Files: map[string]string{"main.tf": "b\n"}})
	pusher, err = w.repo.LastPusher(ctx, 1, forced)
	check(t, "mei", pusher, err)
}

func TestPublishToSimulatedGitHub(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, sha := background(), w.pr.HeadSHA()
	run := annotated(120)
	run.HeadSHA, run.Status, run.Conclusion, run.CompletedAt = sha, "in_progress", "", run.StartedAt.AddDate(-100, 0, 0)
	run.StartedAt = run.CompletedAt
	for i := range run.Annotations {
		run.Annotations[i].StartLine, run.Annotations[i].EndLine = i+1, i+1
	}
	// Each write is lost once after it was stored.
	for _, path := range []string{"/repos/acme/shop/check-runs", "/repos/acme/shop/issues/1/comments", "/repos/acme/shop/issues"} {
		w.gh.Fail(githubsim.FaultSpec{Method: http.MethodPost, PathPattern: path, Status: 502, AfterStore: true, Times: 1})
	}
	id := again(t, func() (int64, error) { return w.repo.PutCheckRun(ctx, run) })
	run.ID, run.Status, run.Conclusion = id, "completed", "failure"
	same, err := w.repo.PutCheckRun(ctx, run)
	check(t, id, same, err)
	checks := w.sim.Checks(sha)
	if len(checks) != 1 || len(checks[0].Annotations) != 120 || checks[0].Conclusion != "failure" || checks[0].ID != id {
		t.Errorf("checks: %+v", checks)
	}
	// Back to waiting: whatever GitHub makes of the old run, the latest of the name must not say that it is done.
	run.Status, run.Conclusion, run.Annotations = "in_progress", "", nil
	if _, err := w.repo.PutCheckRun(ctx, run); err != nil {
		t.Fatal(err)
	}
	if checks = w.sim.Checks(sha); len(checks) != 1 || checks[0].Status != "in_progress" || checks[0].Conclusion != "" {
		t.Errorf("checks: %+v", checks)
	}

	comment := again(t, func() (int64, error) { return w.repo.PutComment(ctx, 1, 0, marker, marker+"\none") })
	for _, known := range []int64{comment, 0} {
		got, err := w.repo.PutComment(ctx, 1, known, marker, marker+"\ntwo")
		check(t, comment, got, err)
	}
	for range 2 {
		if err := w.repo.React(ctx, comment, "eyes"); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.pr.View().Comments; len(got) != 1 || got[0].Body != marker+"\ntwo" || !cmp.Equal(got[0].Reactions, []string{"eyes"}) {
		t.Errorf("comments: %+v", got)
	}

	issue := again(t, func() (int, error) { return w.repo.OpenIssue(ctx, "T", "hello", marker) })
	got, err := w.repo.OpenIssue(ctx, "T", "hello", marker)
	check(t, issue, got, err)
	if all := w.sim.Issues(); len(all) != 1 || !strings.HasPrefix(all[0].Body, marker) {
		t.Errorf("issues: %+v", all)
	}
}

// again expects a first answer to be lost, and returns the second.
func again[T any](t *testing.T, put func() (T, error)) T {
	t.Helper()
	if _, err := put(); !errors.As(err, new(Temporary)) {
		t.Fatalf("the first answer was not lost: %v", err)
	}
	got, err := put()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRefusalsOfSimulatedGitHub(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := background()
	w.in.SetPermissions(map[string]string{"metadata": "read", "pull_requests": "read"}, nil)
	run := run()
	run.HeadSHA = w.pr.HeadSHA()
	if _, err := w.repo.PutCheckRun(ctx, run); !errors.As(err, new(MissingPermission)) || !strings.Contains(err.Error(), "checks") {
		t.Errorf("without checks: %v", err)
	}
	if _, _, err := w.repo.PullRequest(ctx, 2); !errors.As(err, new(NotFound)) {
		t.Errorf("a pull request that is not there: %v", err)
	}
	w.in.Suspend()
	if _, _, err := w.repo.PullRequest(ctx, 1); !errors.As(err, new(Unauthorized)) {
		t.Errorf("suspended: %v", err)
	}
	w.in.Uninstall()
	if _, _, err := w.repo.PullRequest(ctx, 1); !errors.As(err, new(Unauthorized)) {
		t.Errorf("uninstalled: %v", err)
	}
	if _, err := w.app.Installation(ctx, "acme", "shop"); !errors.As(err, new(NotFound)) {
		t.Errorf("the installation of an uninstalled App: %v", err)
	}
}
