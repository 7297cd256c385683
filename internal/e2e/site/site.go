// Package site is what the end-to-end tests stand on: a simulated GitHub, and before it the real server, wired as `gatehouse serve`
// wires it. Signed webhooks come in over HTTP, git is fetched over HTTP, and what is looked at is what GitHub holds afterwards: the
// check run, the comments, the issues, and whether it lets the pull request merge.
//
// The tests stand in the folders beside it, by topic. Nothing of this is part of the program.
package site

import (
	"crypto/rand"
	"crypto/rsa"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Root is the repository, from the folder of a package of tests.
const Root = "../../.."

// Secret is the webhook's.
const Secret = "end-to-end-secret"

// Patience is how long a test waits for what must happen, on a busy machine.
const Patience = 60 * time.Second

// AppKey is the App's key of all sites: making one takes longer than most tests.
var AppKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// Setup is what is particular about a site. The zero value is a repository like the demo's.
type Setup struct {
	Files       map[string]string // put over the demo's; "" removes one
	GitHub      githubsim.Options
	Permissions map[string]string // put over the App's; "" removes one
	Protection  githubsim.Protection
	Events      []string // besides the App's
	NoServer    bool     // the test starts it itself
}

// Site is a GitHub with the company acme on it, its repository acme/infra, and a running server. ann, mei and sam may write,
// vic administers, eve may do nothing. mei and sam are the team acme/dba.
type Site struct {
	T            *testing.T
	GitHub       *githubsim.Server
	Org          *githubsim.Org
	DBA          *githubsim.Team
	Repo         *githubsim.Repo
	App          *githubsim.App
	Installation *githubsim.Installation
	Dir          string

	Queue store.Options // Lease and Grace of the server
	Addr  string        // where the server listens; "" before its first start

	URL  string
	DB   *store.Store
	Stop func()
	Log  *Buffer
	More []string // further settings

}

func New(t *testing.T, in Setup) *Site {
	t.Helper()
	t.Parallel()
	s := &Site{T: t, Dir: t.TempDir(), Log: &Buffer{}}
	in.GitHub.Dir = filepath.Join(s.Dir, "github")
	var err error
	if s.GitHub, err = githubsim.Start(in.GitHub); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.GitHub.Close)
	for _, login := range []string{"ann", "mei", "sam", "vic", "eve"} {
		s.GitHub.AddUser(login)
	}
	s.Org = s.GitHub.AddOrg("acme", "vic")
	s.Org.AddMember("ann", "mei", "sam")
	s.DBA = s.Org.AddTeam(githubsim.TeamSpec{Name: "dba"})
	s.DBA.Add("mei", "sam")
	files := Story(t, "main")
	files[".github/gatehouse.yml"] = GateFile("")
	for path, content := range in.Files {
		if files[path] = content; content == "" {
			delete(files, path)
		}
	}
	s.Repo = s.GitHub.CreateRepo(githubsim.RepoSpec{Owner: "acme", Name: "infra", Files: files})
	for _, login := range []string{"ann", "mei", "sam"} {
		s.Repo.AddCollaborator(login, "write")
	}
	s.Repo.AddCollaborator("vic", "admin")
	permissions := map[string]string{
		"actions": "read", "administration": "read", "checks": "write", "contents": "read", "issues": "write", "members": "read",
		"metadata": "read", "pull_requests": "write",
	}
	maps.Copy(permissions, in.Permissions)
	maps.DeleteFunc(permissions, func(_, level string) bool { return level == "" })
	s.App = s.GitHub.AddApp(githubsim.AppSpec{
		Slug: "gatehouse", Key: AppKey(), Permissions: permissions,
		Events: append([]string{"check_run", "check_suite", "issue_comment", "merge_group", "pull_request", "pull_request_review", "push", "workflow_run", "status"}, in.Events...),
	})
	s.Installation = s.App.Install("acme", s.Repo)
	in.Protection.RequirePR = true
	in.Protection.RequiredChecks = []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.App.ID()}}
	s.Repo.Protect("main", in.Protection)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.Log.String())
		}
	})
	if !in.NoServer {
		s.Start()
		s.Looked()
	}
	return s
}

// GateFile is a repository's configuration: the demo's with few packs, so that a new rule elsewhere changes nothing here, and
// with more at its end.
func GateFile(more string) string {
	return `version: 1
terraform:
  projects:
    - {dir: infra/prod, environment: production}
  plans:
    committed: {path: "**/*.tfplan.json"}
policies:
  packs: [immutable, pod-security-baseline]
` + more
}

// Story reads one folder of the demo's story.
func Story(t *testing.T, name string) map[string]string {
	t.Helper()
	out := map[string]string{}
	root := os.DirFS(filepath.Join(Root, "internal", "demo", "story", name))
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, path)
		out[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Open commits files to a new branch as by, and opens a pull request into main.
func (s *Site) Open(by, branch string, files map[string]string) *githubsim.PR {
	s.T.Helper()
	s.Repo.Commit(branch, githubsim.CommitSpec{Author: by, Message: "Change " + branch, Files: files})
	return s.Repo.OpenPR(githubsim.PRSpec{By: by, Title: "Change " + branch, Head: branch})
}
