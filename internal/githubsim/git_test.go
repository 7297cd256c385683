package githubsim

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// gitIn runs a real git client; it returns what was printed and whether it worked.
func gitIn(t *testing.T, dir string, args ...string) (string, bool) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, gitEnv(
		"GIT_AUTHOR_NAME=wendy", "GIT_AUTHOR_EMAIL=wendy@example.com", "GIT_COMMITTER_NAME=wendy", "GIT_COMMITTER_EMAIL=wendy@example.com",
	)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func mustGitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, worked := gitIn(t, dir, args...)
	if !worked {
		t.Fatalf("git %v: %s", args, out)
	}
	return strings.TrimSpace(out)
}

// cloneURL is the repository's address with a token in it.
func cloneURL(t *testing.T, r *Repo, token string) string {
	t.Helper()
	u, err := url.Parse(r.CloneURL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("x-access-token", token)
	return u.String()
}

func TestCloneNeedsATokenThatMayRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	public := w.CreateRepo(RepoSpec{Owner: "acme", Name: "public"})
	other := w.AddApp(AppSpec{Slug: "other", Key: testKey(), Permissions: map[string]string{"checks": "write"}}).Install("acme")
	for _, tc := range []struct {
		name, url string
		want      bool
	}{
		{"the App", cloneURL(t, w.repo, w.inst.Token()), true},
		{"a member", cloneURL(t, w.repo, w.AddUserToken("rita")), true},
		{"a stranger", cloneURL(t, w.repo, w.AddUserToken("stranger")), false},
		{"an App without contents", cloneURL(t, w.repo, other.Token()), false},
		{"a bad token", cloneURL(t, w.repo, "ghs_nonsense"), false},
		{"nobody", w.repo.CloneURL(), false},
		{"nobody, public", public.CloneURL(), true},
		{"no such repository", cloneURL(t, &Repo{s: w.Server, owner: w.User("acme"), name: "nothing"}, w.inst.Token()), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if out, got := gitIn(t, t.TempDir(), "clone", "--quiet", tc.url, "x"); got != tc.want {
				t.Errorf("cloned = %v: %s", got, out)
			}
		})
	}
}

func TestPartialFetchOfAnyCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	first := p.HeadSHA()
	p.ForcePush(CommitSpec{Message: "rewritten", Files: map[string]string{"main.tf": "a = 9\n"}})
	dir := t.TempDir()
	mustGitIn(t, dir, "init", "--quiet", "--bare", ".")
	mustGitIn(t, dir, "remote", "add", "origin", cloneURL(t, w.repo, w.inst.Token()))
	mustGitIn(t, dir, "fetch", "--quiet", "--filter=blob:none", "origin", first, "refs/pull/1/head", "refs/pull/1/merge", "refs/heads/main")
	missing := mustGitIn(t, dir, "rev-list", "--objects", "--missing=print", first)
	if !strings.Contains(missing, "?") {
		t.Errorf("blobs were sent although they were filtered:\n%s", missing)
	}
	got := mustGitIn(t, dir, "show", first+":main.tf")
	if got != "a = 2" {
		t.Errorf("the replaced head has %q", got)
	}
	refs := mustGitIn(t, dir, "ls-remote", "origin", "refs/pull/1/*")
	if !strings.Contains(refs, p.HeadSHA()+"\trefs/pull/1/head") || !strings.Contains(refs, "refs/pull/1/merge") {
		t.Errorf("refs of the pull request: %s", refs)
	}
}

func TestForkCommitsAreReachableFromTheBase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repo.AddCollaborator("stranger", "read")
	fork := w.repo.Fork("stranger")
	sha := fork.Commit("idea", CommitSpec{Author: "stranger", Files: map[string]string{"new.tf": "b = 1\n"}})
	p := w.repo.OpenPR(PRSpec{By: "stranger", Head: "idea", HeadRepo: fork})
	dir := t.TempDir()
	mustGitIn(t, dir, "clone", "--quiet", cloneURL(t, w.repo, w.inst.Token()), "x")
	mustGitIn(t, filepath.Join(dir, "x"), "fetch", "--quiet", "origin", "refs/pull/1/head", sha)
	got := w.call(w.inst.Token(), "GET", "/repos/acme/infra/pulls/1", nil).object(t)
	head := got["head"].(map[string]any)
	if head["sha"] != sha || head["label"] != "stranger:idea" || head["repo"].(map[string]any)["full_name"] != "stranger/infra" {
		t.Errorf("head is %v %v", head["sha"], head["label"])
	}
	w.settle()
	w.hooks.names()
	p.Push(CommitSpec{Files: map[string]string{"new.tf": "b = 2\n"}})
	w.settle()
	// No check_suite and no push: the App is not on the fork.
	if diff := cmp.Diff([]string{"pull_request.synchronize"}, w.hooks.names()); diff != "" {
		t.Error(diff)
	}
}

func TestPushOverHTTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.openPR()
	dir := t.TempDir()
	mustGitIn(t, dir, "clone", "--quiet", cloneURL(t, w.repo, w.AddUserToken("wendy")), "x")
	x := filepath.Join(dir, "x")
	mustGitIn(t, x, "checkout", "--quiet", "feature")
	// More than git's post buffer of 1 MB, so that the request is chunked.
	if err := os.WriteFile(filepath.Join(x, "big"), []byte(fmt.Sprint(w.clock.now())+strings.Repeat("0123456789abcdef", 200000)), 0o600); err != nil {
		t.Fatal(err)
	}
	mustGitIn(t, x, "add", "big")
	mustGitIn(t, x, "commit", "--quiet", "-m", "big")
	w.settle()
	w.hooks.names()
	mustGitIn(t, x, "-c", "core.compression=0", "push", "--quiet", "origin", "feature", "HEAD:refs/heads/brand-new")
	w.settle()
	want := []string{
		"push", "check_suite.requested", "pull_request.synchronize", // feature
		"create", "push", // a commit that has its suite already
	}
	if diff := cmp.Diff(want, w.hooks.names()); diff != "" {
		t.Error(diff)
	}
	if got := mustGitIn(t, x, "rev-parse", "HEAD"); w.repo.PRs()[0].HeadSHA() != got {
		t.Errorf("the pull request did not follow to %s", got)
	}
}

func TestPushIsRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		by     string
		setup  func(w *world)
		change bool // commit something first
		args   []string
		want   string // part of what git prints; "" when it works
	}{
		{name: "a reader", by: "rita", change: true, args: []string{"push", "origin", "main"}, want: "Permission to acme/infra.git denied to rita."},
		{
			name: "a required check", by: "wendy", change: true, args: []string{"push", "origin", "main"},
			setup: func(w *world) {
				w.repo.Protect("main", Protection{RequiredChecks: []RequiredCheck{{Context: "gatehouse", AppID: w.app.ID()}}})
			},
			want: `Required status check "gatehouse" is expected.`,
		},
		{
			name: "an administrator goes around", by: "olga", change: true, args: []string{"push", "origin", "main"},
			setup: func(w *world) { w.repo.Protect("main", Protection{RequiredReviews: 1}) },
		},
		{
			name: "an administrator is included", by: "olga", change: true, args: []string{"push", "origin", "main"},
			setup: func(w *world) { w.repo.Protect("main", Protection{RequiredReviews: 1, EnforceAdmins: true}) },
			want:  "Changes must be made through a pull request.",
		},
		{
			name: "a force push", by: "wendy", args: []string{"push", "--force", "origin", "HEAD~1:main"},
			setup: func(w *world) { w.repo.Protect("main", Protection{}) }, want: "Cannot force-push to this branch",
		},
		{
			name: "a deletion", by: "wendy", args: []string{"push", "origin", ":main"},
			setup: func(w *world) { w.repo.Protect("main", Protection{}) }, want: "protected branch hook declined",
		},
		{name: "refs/pull", by: "wendy", change: true, args: []string{"push", "origin", "HEAD:refs/pull/7/head"}, want: "deny updating a hidden ref"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.repo.Commit("main", CommitSpec{Author: "olga", Files: map[string]string{"second": "1"}})
			if tc.setup != nil {
				tc.setup(w)
			}
			dir := t.TempDir()
			mustGitIn(t, dir, "clone", "--quiet", cloneURL(t, w.repo, w.AddUserToken(tc.by)), "x")
			x := filepath.Join(dir, "x")
			if tc.change {
				mustGitIn(t, x, "commit", "--quiet", "--allow-empty", "-m", "more")
			}
			before := w.repo.Head("main")
			out, worked := gitIn(t, x, tc.args...)
			if worked != (tc.want == "") || !strings.Contains(out, tc.want) {
				t.Errorf("worked = %v, wanted %q in:\n%s", worked, tc.want, out)
			}
			if moved := w.repo.Head("main") != before; moved != (tc.want == "") {
				t.Errorf("main moved = %v", moved)
			}
		})
	}
}
