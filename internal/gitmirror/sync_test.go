package gitmirror

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// story is a small repository: main moved on after the pull request branched off.
type story struct {
	fork, base, head string
}

func tell(s *server) story {
	var out story
	out.fork = s.commit("", "start\n", files{"a.txt": "one\n", "old/name.txt": "moved\n", "gone.txt": "gone\n", "run": "file\n"})
	out.base = s.commit("refs/heads/main", "main moves on\n", files{"a.txt": "one\n", "b.txt": "b\n", "old/name.txt": "moved\n", "gone.txt": "gone\n", "run": "file\n"}, out.fork)
	out.head = s.commit("refs/pull/7/head", "the change\n", files{"a.txt": "two\n", "new/name.txt": "moved\n", "run": "link:a.txt", "tool": "exec:x"}, out.fork)
	return out
}

func TestEveryKindOfServer(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]serverKind{
		"protocol 2":                          {},
		"protocol 2, no filter":               {noFilter: true},
		"protocol 0":                          {old: true},
		"protocol 0, no filter":               {old: true, noFilter: true},
		"protocol 0, commits by SHA":          {old: true, anySHA: true},
		"protocol 0, by SHA, without filters": {old: true, anySHA: true, noFilter: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, kind)
			tale := tell(s)
			m := s.mirrors(nil)
			mustSync(t, m, Want{tale.base, "refs/heads/main"}, Want{tale.head, "refs/pull/7/head"})
			checkStory(t, m, s, tale)

			s.requests()
			mustSync(t, m, Want{tale.head, ""}, Want{tale.fork, ""})
			if got := s.requests(); len(got) != 0 {
				t.Errorf("everything is there, but the server was asked: %v", got)
			}
			for path, content := range onDisk(t, m) {
				if strings.Contains(content, testToken) || strings.Contains(content, basic(testToken)) {
					t.Errorf("the token is in %s", path)
				}
				if filepath.Base(path) == "config" && strings.Contains(content, "remote") {
					t.Errorf("a remote is configured on disk: %s", content)
				}
			}
		})
	}
}

// checkStory reads everything there is to read, as whole values.
func checkStory(t *testing.T, m *Mirrors, s *server, tale story) {
	t.Helper()
	ctx := t.Context()
	base, err := m.MergeBase(ctx, acme, tale.base, tale.head)
	if err != nil || base != tale.fork {
		t.Fatalf("merge base %s, error %v; wanted %s", base, err, tale.fork)
	}
	var ancestors []bool
	for _, pair := range [][2]string{{tale.fork, tale.head}, {tale.head, tale.fork}, {tale.base, tale.head}, {tale.head, tale.head}} {
		yes, err := m.IsAncestor(ctx, acme, pair[0], pair[1])
		if err != nil {
			t.Fatal(err)
		}
		ancestors = append(ancestors, yes)
	}
	if diff := cmp.Diff([]bool{true, false, false, true}, ancestors); diff != "" {
		t.Error(diff)
	}
	tree, err := m.Tree(ctx, acme, tale.head)
	if err != nil {
		t.Fatal(err)
	}
	one, two, moved, gone := s.blob("one\n"), s.blob("two\n"), s.blob("moved\n"), s.blob("gone\n")
	link, file, x := s.blob("a.txt"), s.blob("file\n"), s.blob("x")
	wantTree := &Tree{Commit: tale.head, Entries: []Entry{
		{Path: "a.txt", Mode: ModeFile, Blob: two}, {Path: "new/name.txt", Mode: ModeFile, Blob: moved},
		{Path: "run", Mode: ModeSymlink, Blob: link}, {Path: "tool", Mode: ModeExecutable, Blob: x},
	}}
	if diff := cmp.Diff(wantTree, tree); diff != "" {
		t.Error(diff)
	}
	changes, err := m.Diff(ctx, acme, tale.fork, tale.head)
	if err != nil {
		t.Fatal(err)
	}
	wantChanges := []FileChange{
		{Status: Modified, Path: "a.txt", OldMode: ModeFile, NewMode: ModeFile, OldBlob: one, NewBlob: two},
		{Status: Deleted, Path: "gone.txt", OldMode: ModeFile, OldBlob: gone},
		{Status: Renamed, Path: "new/name.txt", OldPath: "old/name.txt", OldMode: ModeFile, NewMode: ModeFile, OldBlob: moved, NewBlob: moved},
		{Status: TypeChanged, Path: "run", OldMode: ModeFile, NewMode: ModeSymlink, OldBlob: file, NewBlob: link},
		{Status: Added, Path: "tool", NewMode: ModeExecutable, NewBlob: x},
	}
	if diff := cmp.Diff(wantChanges, changes); diff != "" {
		t.Error(diff)
	}
	blobs, err := m.Blobs(ctx, acme, []string{two, moved, gone, two}, Limits{PerBlob: 10, Total: 100})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]byte{two: []byte("two\n"), moved: []byte("moved\n"), gone: []byte("gone\n")}, blobs); diff != "" {
		t.Error(diff)
	}
}

func TestMirrorsThatVanishOrBreakComeBack(t *testing.T) {
	t.Parallel()
	each := func(t *testing.T, dir string, do func(path string) error) {
		t.Helper()
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			return do(path)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, spoil := range map[string]func(*testing.T, string){
		"the mirror is deleted":     func(t *testing.T, dir string) { _ = os.RemoveAll(dir) },
		"all mirrors are deleted":   func(t *testing.T, dir string) { _ = os.RemoveAll(filepath.Dir(dir)) },
		"the objects are deleted":   func(t *testing.T, dir string) { _ = os.RemoveAll(filepath.Join(dir, "objects", "pack")) },
		"HEAD is deleted":           func(t *testing.T, dir string) { _ = os.Remove(filepath.Join(dir, "HEAD")) },
		"the configuration is junk": func(t *testing.T, dir string) { _ = os.WriteFile(filepath.Join(dir, "config"), []byte("[[["), 0o600) },
		"files are empty": func(t *testing.T, dir string) {
			each(t, dir, func(path string) error {
				if err := os.Remove(path); err != nil { // git writes packs read-only
					return err
				}
				return os.WriteFile(path, nil, 0o600)
			})
		},
		"packs are cut off": func(t *testing.T, dir string) {
			each(t, filepath.Join(dir, "objects", "pack"), func(path string) error {
				if !strings.HasSuffix(path, ".pack") {
					return nil
				}
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				if err := os.Remove(path); err != nil {
					return err
				}
				return os.WriteFile(path, data[:len(data)/2], 0o600)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, serverKind{})
			tale := tell(s)
			m := s.mirrors(func(o *Options) { o.CacheBytes = 1 }) // everything is read from the mirror
			mi, err := m.mirror(acme)
			if err != nil {
				t.Fatal(err)
			}
			wants := []Want{{tale.base, "refs/heads/main"}, {tale.head, "refs/pull/7/head"}}
			mustSync(t, m, wants...)
			spoil(t, mi.dir)
			checkStory(t, m, s, tale) // reads heal
			spoil(t, mi.dir)
			mustSync(t, m, wants...) // and Sync does
			spoil(t, mi.dir)
			two := s.blob("two\n")
			got, err := m.Blobs(t.Context(), acme, []string{two}, Limits{10, 10})
			if diff := cmp.Diff(map[string][]byte{two: []byte("two\n")}, got); err != nil || diff != "" {
				t.Errorf("blobs, first of all: %v %s", err, diff)
			}
			mustSync(t, m, wants...)
			checkStory(t, m, s, tale)
		})
	}
}

func TestManyAtOnceFetchOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	tale := tell(s)
	wants := []Want{{tale.base, "refs/heads/main"}, {tale.head, "refs/pull/7/head"}}
	mustSync(t, s.mirrors(nil), wants...)
	alone := s.requests()
	m := s.mirrors(nil)
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() { errs[i] = m.Sync(t.Context(), acme, token, wants) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(alone, s.requests()); diff != "" {
		t.Errorf("eight at once asked the server for something else than one alone: %s", diff)
	}
}

func TestCommitsThatAreGone(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]serverKind{"protocol 2": {}, "protocol 0": {old: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, kind)
			tale := tell(s)
			m := s.mirrors(nil)
			absent := strings.Repeat("ab", 20)
			err := m.Sync(t.Context(), acme, token, []Want{{tale.base, "refs/heads/main"}, {absent, "refs/pull/7/head"}, {strings.Repeat("cd", 20), "refs/pull/8/head"}})
			var missing *MissingError
			if !errors.As(err, &missing) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(&MissingError{acme, []string{absent, strings.Repeat("cd", 20)}}, missing); diff != "" {
				t.Error(diff)
			}
			// What could be had was fetched.
			if _, err := m.Tree(t.Context(), acme, tale.base); err != nil {
				t.Error(err)
			}
			_, err = m.Blobs(t.Context(), acme, []string{absent}, Limits{10, 10})
			if !errors.As(err, &missing) {
				t.Errorf("a blob that is nowhere: %v", err)
			}
		})
	}
}

func TestNothingIsReadBeforeSync(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	tale := tell(s)
	m := s.mirrors(nil)
	if _, err := m.Tree(t.Context(), acme, tale.head); err == nil || !strings.Contains(err.Error(), "not synced") {
		t.Errorf("got %v", err)
	}
	if _, err := m.Blobs(t.Context(), acme, []string{tale.head}, Limits{10, 10}); err == nil {
		t.Error("a blob of a repository that was not synced")
	}
	if got := s.requests(); len(got) != 0 {
		t.Errorf("the server was asked: %v", got)
	}
}

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

func TestMirrorOverItsLimit(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	tale := tell(s)
	m := s.mirrors(func(o *Options) { o.MaxMirrorBytes = 100 })
	for _, sha := range []string{tale.head, tale.head} { // trying again must not find it there after all
		var limit *LimitError
		if err := m.Sync(t.Context(), acme, token, []Want{{sha, ""}}); !errors.As(err, &limit) || limit.Limit != 100 {
			t.Errorf("got %v", err)
		}
	}
}

func TestPacksAreJoined(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	m := s.mirrors(func(o *Options) { o.MaxPacks, o.CacheBytes = 3, 1 })
	mi, err := m.mirror(acme)
	if err != nil {
		t.Fatal(err)
	}
	var most int
	head := s.commit("refs/heads/main", "0", files{"f": "0"})
	blobs := map[string][]byte{}
	for i := range 8 {
		head = s.commit("refs/heads/main", fmt.Sprint(i), files{"f": fmt.Sprint(i)}, head)
		mustSync(t, m, Want{head, "refs/heads/main"})
		got, err := m.Blobs(t.Context(), acme, []string{s.blob(fmt.Sprint(i))}, Limits{9, 9})
		if err != nil {
			t.Fatal(err)
		}
		for sha, data := range got {
			blobs[sha] = data
		}
		count, _ := mi.packs()
		most = max(most, count)
	}
	if most > 5 {
		t.Errorf("%d packs at once", most)
	}
	s.requests()
	var shas []string
	for sha := range blobs {
		shas = append(shas, sha)
	}
	got, err := m.Blobs(t.Context(), acme, shas, Limits{9, 99})
	if diff := cmp.Diff(blobs, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if commits, err := m.Commits(t.Context(), acme, s.git("rev-list", "--max-parents=0", head), head); err != nil || len(commits) != 8 {
		t.Errorf("%d commits, error %v", len(commits), err)
	}
	if asked := s.requests(); len(asked) != 0 {
		t.Errorf("joining lost objects: %v", asked)
	}
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
