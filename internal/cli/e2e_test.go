package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// The tests in the e2e files run the real server, wired as `gatehouse serve` wires it, against the simulated GitHub: signed
// webhooks come in over HTTP, git is fetched over HTTP, and what is looked at is what GitHub holds afterwards: the check run,
// the comments, the issues, and whether it lets the pull request merge.

const e2eSecret = "end-to-end-secret"

// patience is how long a test waits for what must happen, on a busy machine.
const e2ePatience = 60 * time.Second

// appKey is the App's key of all sites: making one takes longer than most tests.
var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// setup is what is particular about a site. The zero value is a repository like the demo's.
type setup struct {
	files       map[string]string // put over the demo's; "" removes one
	github      githubsim.Options
	permissions map[string]string // put over the App's; "" removes one
	protection  githubsim.Protection
	events      []string // besides the App's
	noServer    bool     // the test starts it itself
}

// site is a GitHub with the company acme on it, its repository acme/infra, and a running server. ann, mei and sam may write,
// vic administers, eve may do nothing. mei and sam are the team acme/dba.
type site struct {
	t    *testing.T
	gh   *githubsim.Server
	org  *githubsim.Org
	dba  *githubsim.Team
	repo *githubsim.Repo
	app  *githubsim.App
	in   *githubsim.Installation
	dir  string

	queue store.Options // Lease and Grace of the server
	addr  string        // where the server listens; "" before its first start

	url  string
	db   *store.Store
	stop func()
	log  *safeBuffer
	more []string // further settings

	made map[string]bool           // people who were made for a case
	apps map[string]*githubsim.App // of others, by slug
}

// safeBuffer takes the log of a server, which writes from many goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newSite(t *testing.T, in setup) *site {
	t.Helper()
	t.Parallel()
	s := &site{t: t, dir: t.TempDir(), log: &safeBuffer{}, made: map[string]bool{}, apps: map[string]*githubsim.App{}}
	in.github.Dir = filepath.Join(s.dir, "github")
	var err error
	if s.gh, err = githubsim.Start(in.github); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.gh.Close)
	for _, login := range []string{"ann", "mei", "sam", "vic", "eve"} {
		s.gh.AddUser(login)
	}
	s.org = s.gh.AddOrg("acme", "vic")
	s.org.AddMember("ann", "mei", "sam")
	s.dba = s.org.AddTeam(githubsim.TeamSpec{Name: "dba"})
	s.dba.Add("mei", "sam")
	files := story(t, "main")
	files[".github/gatehouse.yml"] = gateFile("")
	for path, content := range in.files {
		if files[path] = content; content == "" {
			delete(files, path)
		}
	}
	s.repo = s.gh.CreateRepo(githubsim.RepoSpec{Owner: "acme", Name: "infra", Files: files})
	for _, login := range []string{"ann", "mei", "sam"} {
		s.repo.AddCollaborator(login, "write")
	}
	s.repo.AddCollaborator("vic", "admin")
	permissions := map[string]string{
		"actions": "read", "administration": "read", "checks": "write", "contents": "read", "issues": "write", "members": "read",
		"metadata": "read", "pull_requests": "write",
	}
	maps.Copy(permissions, in.permissions)
	maps.DeleteFunc(permissions, func(_, level string) bool { return level == "" })
	s.app = s.gh.AddApp(githubsim.AppSpec{
		Slug: "gatehouse", Key: appKey(), Permissions: permissions,
		Events: append([]string{"check_run", "check_suite", "issue_comment", "merge_group", "pull_request", "pull_request_review", "push", "workflow_run", "status"}, in.events...),
	})
	s.in = s.app.Install("acme", s.repo)
	in.protection.RequirePR = true
	in.protection.RequiredChecks = []githubsim.RequiredCheck{{Context: "gatehouse", AppID: s.app.ID()}}
	s.repo.Protect("main", in.protection)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log.String())
		}
	})
	if !in.noServer {
		s.start()
		s.looked()
	}
	return s
}

// gateFile is a repository's configuration: the demo's with few packs, so that a new rule elsewhere changes nothing here, and
// with more at its end.
func gateFile(more string) string {
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

// story reads one folder of the demo's story.
func story(t *testing.T, name string) map[string]string {
	t.Helper()
	out := map[string]string{}
	root := os.DirFS(filepath.Join("..", "demo", "story", name))
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

// environ is the server's environment, the same after each start.
func (s *site) environ() []string {
	return append([]string{
		"GITHUB_APP_ID=" + strconv.FormatInt(s.app.ID(), 10),
		"GITHUB_APP_PRIVATE_KEY=" + string(s.app.PrivateKeyPEM()),
		"GITHUB_WEBHOOK_SECRET=" + e2eSecret,
		"GITHUB_API_URL=" + s.gh.URL() + "/api/v3",
		"GITHUB_SERVER_URL=" + s.gh.URL(),
		"GITHUB_OIDC_ISSUER=" + s.gh.URL() + "/_oidc",
		"GATEHOUSE_ADDR=" + orElse(s.addr, "127.0.0.1:0"),
		"GATEHOUSE_PUBLIC_URL=https://gatehouse.example",
		"GATEHOUSE_DATABASE_URL=sqlite:" + filepath.Join(s.dir, "gatehouse.db"),
		"GATEHOUSE_DATA_DIR=" + filepath.Join(s.dir, "cache"),
		"GATEHOUSE_SIGNING_KEY_FILE=" + filepath.Join(s.dir, "signing.key"),
	}, s.more...)
}

// start runs the server in this process and points the App's webhook at it. stop ends it in order.
func (s *site) start() {
	s.t.Helper()
	settings, err := config.Load(s.environ(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(s.log)
	log.SetFormatter(&logrus.JSONFormatter{})
	w := &world{in: strings.NewReader(""), out: io.Discard, err: s.log, clock: time.Now, queue: s.queue}
	ctx, cancel := context.WithCancel(context.Background())
	built, err := w.build(ctx, settings, logrus.NewEntry(log))
	if err != nil {
		cancel()
		s.t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", settings.Addr)
	if err != nil {
		cancel()
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- built.run(ctx, listener, logrus.NewEntry(log)) }()
	s.db = built.store
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("the server ended with an error: %v", err)
		}
		built.store.Close()
	})
	s.t.Cleanup(s.stop)
	s.addr = listener.Addr().String() // kept over restarts, as a real server's is
	s.listenAt("http://" + s.addr)
}

func (s *site) listenAt(url string) {
	s.url = url
	s.app.SetWebhook(url+"/webhooks/github", e2eSecret)
}

// until waits for something to become true.
func (s *site) until(what string, ok func() bool) {
	s.t.Helper()
	deadline := time.NewTimer(e2ePatience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			s.t.Fatalf("waited %s in vain for %s", e2ePatience, what)
		case <-tick.C:
		}
	}
}

// settle waits until every webhook is delivered and all work that came of it is done. Work comes from deliveries and from other
// work alone: so when nothing was under way, the queue was empty afterwards, and nothing was sent in between, nothing is left.
func (s *site) settle() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), e2ePatience)
	defer cancel()
	s.until("the end of all work", func() bool {
		sent := len(s.gh.Hooks().Deliveries())
		if err := s.gh.WaitIdle(ctx); err != nil {
			s.t.Fatal(err)
		}
		stats, err := s.db.Queue(ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		left := 0
		for _, kind := range stats {
			if kind.Kind == work.KindExpire {
				continue // it waits for its hour
			}
			left += int(kind.Waiting + kind.Running)
		}
		return left == 0 && sent == len(s.gh.Hooks().Deliveries())
	})
}

// open commits files to a new branch as by, and opens a pull request into main.
func (s *site) open(by, branch string, files map[string]string) *githubsim.PR {
	s.t.Helper()
	s.repo.Commit(branch, githubsim.CommitSpec{Author: by, Message: "Change " + branch, Files: files})
	return s.repo.OpenPR(githubsim.PRSpec{By: by, Title: "Change " + branch, Head: branch})
}

// checks are the gate's checks on a commit; there must never be more than one.
func (s *site) checks(sha string) []githubsim.CheckView {
	var out []githubsim.CheckView
	for _, c := range s.repo.Checks(sha) {
		if c.Name == "gatehouse" {
			out = append(out, c)
		}
	}
	return out
}

var counts = regexp.MustCompile(`[0-9]+ documents?, [0-9]+ rules?`)

// state is what GitHub shows of the gate on a commit: STATUS/CONCLUSION and title.
func (s *site) state(sha string) string {
	var all []string
	for _, c := range s.checks(sha) {
		title := counts.ReplaceAllString(c.Title, "N documents, N rules")
		all = append(all, strings.TrimSuffix(c.Status+"/"+c.Conclusion, "/")+": "+title)
	}
	return strings.Join(all, "\n")
}

// shows settles, and compares what GitHub shows on the pull request's head.
func (s *site) shows(pr *githubsim.PR, want string) {
	s.t.Helper()
	s.settle()
	if diff := cmp.Diff(want, s.state(pr.HeadSHA())); diff != "" {
		s.t.Errorf("the check on #%d (-want +got):\n%s", pr.Number(), diff)
	}
}

// blocked is shows, and GitHub does not let the author merge.
func (s *site) blocked(pr *githubsim.PR, want string) {
	s.t.Helper()
	s.shows(pr, want)
	_, err := pr.Merge("ann", githubsim.MergeOptions{})
	var refusal *githubsim.Refusal
	if !errors.As(err, &refusal) {
		s.t.Errorf("#%d merged, or not for GitHub's reasons: %v", pr.Number(), err)
	}
}

// merges is shows, and GitHub merges.
func (s *site) merges(pr *githubsim.PR, want string) {
	s.t.Helper()
	s.shows(pr, want)
	if _, err := pr.Merge("ann", githubsim.MergeOptions{}); err != nil {
		s.t.Errorf("#%d does not merge: %v", pr.Number(), err)
	}
}

// comment is the gate's one comment on a pull request, "" when there is none.
func (s *site) comment(pr *githubsim.PR) string {
	s.t.Helper()
	var ours []string
	for _, c := range pr.View().Comments {
		if c.By == "gatehouse[bot]" {
			ours = append(ours, c.Body)
		}
	}
	if len(ours) > 1 {
		s.t.Fatalf("#%d has %d comments of the gate's:\n%s", pr.Number(), len(ours), strings.Join(ours, "\n=====\n"))
	}
	return strings.Join(ours, "")
}

// says looks for texts in the gate's comment.
func (s *site) says(pr *githubsim.PR, wants ...string) {
	s.t.Helper()
	got := s.comment(pr)
	for _, want := range wants {
		if !strings.Contains(got, want) {
			s.t.Errorf("the comment on #%d does not say %q:\n%s", pr.Number(), want, got)
		}
	}
}

// entries are the audit entries of a type, oldest first.
func (s *site) entries(kind string) []store.Entry {
	s.t.Helper()
	list, _, err := s.db.Entries(context.Background(), store.EntryFilter{Type: kind}, "", 200)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
