package gitmirror

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const testToken = "ghs_SecretSecretSecretSecretSecret01"

var acme = Repo{"acme", "web"}

// serverKind is what a git server offers.
type serverKind struct {
	old      bool // protocol version 0 instead of 2
	noFilter bool
	anySHA   bool // of version 0; version 2 gives any commit by its SHA
}

// server is a real git server over smart HTTP that wants a token.
type server struct {
	*httptest.Server
	t    *testing.T
	root string // of the bare repositories

	mu    sync.Mutex
	log   []string // method and path of each request
	block chan struct{}
}

// newServer serves acme/web, empty.
func newServer(t *testing.T, kind serverKind) *server {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, root: t.TempDir()}
	s.addRepo(acme)
	s.git("config", "uploadpack.allowFilter", fmt.Sprint(!kind.noFilter))
	s.git("config", "uploadpack.allowAnySHA1InWant", fmt.Sprint(kind.anySHA))
	backend := &cgi.Handler{Path: git, Args: []string{"http-backend"}, Stderr: t.Output(),
		Env: []string{"GIT_PROJECT_ROOT=" + s.root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + s.root}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.log = append(s.log, r.Method+" "+r.URL.Path)
		block := s.block
		s.mu.Unlock()
		if block != nil {
			block <- struct{}{}
			<-r.Context().Done()
			block <- struct{}{}
			return
		}
		user, password, _ := r.BasicAuth()
		if user != "x-access-token" || password != testToken {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		if kind.old {
			r.Header.Del("Git-Protocol")
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) addRepo(repo Repo) {
	dir := filepath.Join(s.root, repo.Owner, repo.Name+".git")
	runGit(s.t, s.root, "", "init", "--quiet", "--bare", "--initial-branch=main", dir)
}

// requests returns the log and starts a new one.
func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.log
	s.log = nil
	return log
}

func (s *server) dir() string { return filepath.Join(s.root, "acme", "web.git") }

func (s *server) git(args ...string) string { s.t.Helper(); return runGit(s.t, s.dir(), "", args...) }

func (s *server) gitIn(stdin string, args ...string) string {
	s.t.Helper()
	return runGit(s.t, s.dir(), stdin, args...)
}

// runGit runs git for the test itself, in a bare repository, the same at any time and for anybody.
func runGit(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.org", "GIT_AUTHOR_DATE=1700000000 +0000",
		"GIT_COMMITTER_NAME=Cy", "GIT_COMMITTER_EMAIL=cy@example.org", "GIT_COMMITTER_DATE=1700000000 +0000"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// files is a tree to commit: path to content. A content that begins with "link:" is a symbolic link, "exec:" a program,
// "module:" a submodule.
type files map[string]string

// commit writes a commit with exactly these files and returns its SHA. With a ref, the ref then points to it.
func (s *server) commit(ref, message string, tree files, parents ...string) string {
	s.t.Helper()
	var in strings.Builder
	scratch := "refs/scratch/commit"
	fmt.Fprintf(&in, "commit %s\nauthor Ann <ann@example.org> 1700000000 +0000\ncommitter Cy <cy@example.org> 1700000000 +0000\n", scratch)
	fmt.Fprintf(&in, "data %d\n%s\n", len(message), message)
	for i, p := range parents {
		fmt.Fprintf(&in, "%s %s\n", []string{"from", "merge"}[min(i, 1)], p)
	}
	in.WriteString("deleteall\n")
	for path, content := range tree {
		kind, rest, ok := strings.Cut(content, ":")
		mode := map[string]string{"link": "120000", "exec": "100755", "module": "160000"}[kind]
		switch {
		case !ok || mode == "":
			mode, rest = "100644", content
		case kind == "module":
			fmt.Fprintf(&in, "M 160000 %s %q\n", rest, path)
			continue
		}
		fmt.Fprintf(&in, "M %s inline %q\ndata %d\n%s\n", mode, path, len(rest), rest)
	}
	s.gitIn(in.String(), "fast-import", "--quiet", "--force")
	sha := s.git("rev-parse", scratch)
	s.git("update-ref", "-d", scratch)
	if ref != "" {
		s.git("update-ref", ref, sha)
	}
	return sha
}

func (s *server) blob(content string) string {
	s.t.Helper()
	return s.gitIn(content, "hash-object", "-w", "--stdin")
}

// mirrors are fresh mirrors of the server.
func (s *server) mirrors(change func(*Options)) *Mirrors {
	s.t.Helper()
	opts := Options{Dir: filepath.Join(s.t.TempDir(), "mirrors"), ServerURL: s.URL}
	if change != nil {
		change(&opts)
	}
	m, err := New(opts)
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

func token(context.Context) (string, error) { return testToken, nil }

// sync must succeed.
func mustSync(t *testing.T, m *Mirrors, wants ...Want) {
	t.Helper()
	if err := m.Sync(t.Context(), acme, token, wants); err != nil {
		t.Fatal(err)
	}
}

// onDisk are all files of the mirrors with what they hold.
func onDisk(t *testing.T, m *Mirrors) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(m.opts.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		out[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
