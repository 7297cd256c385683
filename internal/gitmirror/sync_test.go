package gitmirror

import (
	"errors"
	"fmt"
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

func TestResolve(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	tale := tell(s)
	s.git("update-ref", "refs/heads/x/refs/heads/main", tale.fork)
	m := s.mirrors(nil)
	mi, err := m.mirror(acme)
	if err != nil {
		t.Fatal(err)
	}
	if err := mi.lock(t.Context()); err != nil { // a fetch in progress is not in the way
		t.Fatal(err)
	}
	for ref, want := range map[string]string{"refs/heads/main": tale.base, "refs/pull/7/head": tale.head} {
		if got, err := m.Resolve(t.Context(), acme, token, ref); err != nil || got != want {
			t.Errorf("%s: %s, error %v; wanted %s", ref, got, err, want)
		}
	}
	var missing *MissingError
	if got, err := m.Resolve(t.Context(), acme, token, "refs/heads/mai"); !errors.As(err, &missing) {
		t.Errorf("no such ref: %s, error %v", got, err)
	}
	var access *AccessError
	if got, err := m.Resolve(t.Context(), acme, nil, "refs/heads/main"); !errors.As(err, &access) {
		t.Errorf("no token: %s, error %v", got, err)
	}
	for _, ref := range []string{"", "main", "refs/heads/*", "--upload-pack=x"} {
		if got, err := m.Resolve(t.Context(), acme, token, ref); err == nil {
			t.Errorf("%q: %s", ref, got)
		}
	}
}
