package gitmirror

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestTokenIsRefusedAndNeverShown(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	tale := tell(s)
	const wrong = "ghs_WrongWrongWrong"
	bad := func(context.Context) (string, error) { return wrong, nil }
	for name, source := range map[string]TokenSource{"a wrong token": bad, "no token": nil} {
		m := s.mirrors(nil)
		err := m.Sync(t.Context(), acme, source, []Want{{tale.head, "refs/pull/7/head"}})
		var access *AccessError
		if !errors.As(err, &access) || access.Repo != acme {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(err.Error(), wrong) || strings.Contains(err.Error(), basic(wrong)) {
			t.Errorf("%s is in the error: %v", name, err)
		}
	}
	m := s.mirrors(nil)
	var access *AccessError
	if err := m.Sync(t.Context(), Repo{"acme", "other"}, token, []Want{{tale.head, ""}}); !errors.As(err, &access) {
		t.Errorf("a repository that is not there: %v", err)
	}
	broken := errors.New("no key")
	if err := m.Sync(t.Context(), acme, func(context.Context) (string, error) { return "", broken }, []Want{{tale.head, ""}}); !errors.Is(err, broken) {
		t.Errorf("a source that fails: %v", err)
	}
	injected := func(context.Context) (string, error) { return "a\r\nHost: evil", nil }
	if err := m.Sync(t.Context(), acme, injected, []Want{{tale.head, ""}}); err == nil || strings.Contains(err.Error(), "evil") {
		t.Errorf("a token with a line end: %v", err)
	}
}

func TestServerThatEchoesTheToken(t *testing.T) {
	t.Parallel()
	encoded := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + testToken))
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		line := "ERR \x1b[31mwhat about " + testToken + " or " + encoded + "\n"
		_, _ = fmt.Fprintf(w, "001e# service=git-upload-pack\n0000%04x%s", len(line)+4, line)
	}))
	t.Cleanup(evil.Close)
	m, err := New(Options{Dir: t.TempDir(), ServerURL: evil.URL})
	if err != nil {
		t.Fatal(err)
	}
	err = m.Sync(t.Context(), acme, token, []Want{{strings.Repeat("ab", 20), ""}})
	if err == nil || !strings.Contains(err.Error(), "what about [token] or [token]") || strings.ContainsAny(err.Error(), "\x00\x1b\n") {
		t.Errorf("got %q", err)
	}
}

func TestRedirectDoesNotCarryTheTokenAway(t *testing.T) {
	t.Parallel()
	var thief, asked sync.Map
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { thief.Store(r.URL.Path, r.Header) }))
	t.Cleanup(elsewhere.Close)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.Path, true)
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(front.Close)
	m, err := New(Options{Dir: t.TempDir(), ServerURL: front.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Sync(t.Context(), acme, token, []Want{{strings.Repeat("ab", 20), ""}}); err == nil {
		t.Error("synced from nowhere")
	}
	if _, ok := asked.Load("/acme/web.git/info/refs"); !ok {
		t.Error("the server was not asked at all")
	}
	thief.Range(func(path, header any) bool {
		t.Errorf("the redirect was followed to %v with %v", path, header)
		return true
	})
}

func TestCancelEndsGitAndItsHelpers(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	tale := tell(s)
	m := s.mirrors(nil)
	wants := []Want{{tale.head, "refs/pull/7/head"}}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Sync(done, acme, token, wants); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}

	s.requests()
	s.mu.Lock()
	s.block = make(chan struct{})
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- m.Sync(ctx, acme, token, wants) }()
	<-s.block // the request has arrived and hangs
	waiting := make(chan error, 1)
	second, cancelSecond := context.WithCancel(t.Context())
	go func() { waiting <- m.Sync(second, acme, token, wants) }()
	cancelSecond()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while another fetches: %v", err)
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while fetching: %v", err)
	}
	<-s.block // the connection is closed: git-remote-http has ended
	s.mu.Lock()
	s.block = nil
	s.mu.Unlock()
	mustSync(t, m, wants...)
}

func TestNamesFromOutside(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	m := s.mirrors(nil)
	sha := strings.Repeat("ab", 20)
	for _, repo := range []Repo{{"", "web"}, {"acme", ""}, {"..", "web"}, {"acme", ".."}, {"a/b", "c"}, {"acme", "we b"}, {"acme", "w\x00"}, {"acme", strings.Repeat("x", 101)}, {"acmé", "web"}} {
		if err := m.Sync(t.Context(), repo, token, []Want{{sha, ""}}); err == nil || len(s.requests()) != 0 {
			t.Errorf("%q: %v", repo, err)
		}
	}
	for _, want := range []Want{{"HEAD", ""}, {"", ""}, {strings.ToUpper(sha), ""}, {sha + "0", ""}, {"--upload-pack=x" + sha[:25], ""},
		{sha, "main"}, {sha, "--upload-pack=x"}, {sha, "refs/heads/a:refs/heads/b"}, {sha, "refs/heads/*"}, {sha, "refs/heads/a b"},
		{sha, "refs/heads/a\n"}, {sha, "refs/heads/../x"}, {sha, "refs//x"}, {sha, "refs/x.lock"}, {sha, "refs/a@{1}"}} {
		if err := m.Sync(t.Context(), acme, token, []Want{want}); err == nil || len(s.requests()) != 0 {
			t.Errorf("%q: %v", want, err)
		}
	}
	same := map[string]bool{}
	for _, repo := range []Repo{{"a", "b_c"}, {"a_b", "c"}, {"A", "B_C"}, {"a", ".github"}} {
		mi, err := m.mirror(repo)
		if err != nil {
			t.Fatal(err)
		}
		same[mi.dir] = true
		if filepath.Dir(mi.dir) != m.opts.Dir {
			t.Errorf("%s is kept in %s", repo, mi.dir)
		}
	}
	if len(same) != 3 {
		t.Errorf("directories: %v", same)
	}
	for _, url := range []string{"", "ssh://host", "file:///etc", "https://user:pw@host", "https://host?x", "host", "ext::sh -c x"} {
		if _, err := New(Options{Dir: t.TempDir(), ServerURL: url}); err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
