package gitmirror

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPullRequestOfFiveThousandFiles(t *testing.T) {
	t.Parallel()
	const n = 5000
	for name, kind := range map[string]serverKind{"protocol 2": {}, "protocol 0": {old: true, anySHA: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, kind)
			base := s.commit("refs/heads/main", "base", files{"README": "hello"})
			all := files{"README": "hello"}
			for i := range n {
				all[fmt.Sprintf("k8s/%02d/%04d.yaml", i%50, i)] = fmt.Sprintf("number: %d\n", i)
			}
			head := s.commit("refs/pull/1/head", "everything", all, base)
			m := s.mirrors(nil)
			mustSync(t, m, Want{base, "refs/heads/main"}, Want{head, "refs/pull/1/head"})
			changes, err := m.Diff(t.Context(), acme, base, head)
			if err != nil {
				t.Fatal(err)
			}
			if len(changes) != n || !slices.IsSortedFunc(changes, func(a, b FileChange) int { return strings.Compare(a.Path, b.Path) }) {
				t.Errorf("%d changes", len(changes))
			}
			want := map[string][]byte{}
			var shas []string
			for _, c := range changes {
				want[c.NewBlob] = []byte(all[c.Path])
				shas = append(shas, c.NewBlob)
			}
			s.requests()
			got, err := m.Blobs(t.Context(), acme, shas, Limits{PerBlob: 1 << 10, Total: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			var posts int
			log := s.requests()
			for _, r := range log {
				if strings.HasPrefix(r, "POST") {
					posts++
				}
			}
			// Protocol 2 may ask for the refs before it fetches.
			if posts < 1 || posts > 2 || len(log) > 4 {
				t.Errorf("%d files took these requests: %v", n, log)
			}
			if _, err := m.Blobs(t.Context(), acme, shas, Limits{PerBlob: 1 << 10, Total: 1 << 20}); err != nil || len(s.requests()) != 0 {
				t.Errorf("read again: %v", err)
			}
		})
	}
}

func TestCommitsOfARange(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	base := s.commit("refs/heads/main", "base", files{"f": "0"})
	signed := strings.Join([]string{"tree " + s.git("rev-parse", base+"^{tree}"), "parent " + base,
		"author Zoë \x01Evil <zoe@example.org> 1700000001 +0200", "committer GitHub <noreply@github.com> 1700000002 +0000",
		"gpgsig -----BEGIN SSH SIGNATURE-----", " abc", " -----END SSH SIGNATURE-----",
		"", "Signed \x1b[31m\n\nfake\x00author x <x@x> 1 +0000"}, "\n")
	first := s.gitIn(signed, "hash-object", "-t", "commit", "-w", "--stdin", "--literally")
	message := "subject\n\nbody\n\ncO-aUTHORED-bY: Bob B. <bob@example.org>\r\nCo-Authored-By:eve@example.org\n co-authored-by: X\n\nnot: co-authored-by y\n"
	second := s.commit("", message, files{"f": "2"}, first)
	side := s.commit("", "side", files{"g": "1"}, base)
	head := s.commit("refs/pull/1/head", "merge\n", files{"f": "2", "g": "1"}, second, side)
	m := s.mirrors(nil)
	mustSync(t, m, Want{base, "refs/heads/main"}, Want{head, "refs/pull/1/head"})
	got, err := m.Commits(t.Context(), acme, base, head)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(got, func(a, b Commit) int { return len(a.Parents) - len(b.Parents) }) // the merge last, as it is
	ann, cy := Person{"Ann", "ann@example.org"}, Person{"Cy", "cy@example.org"}
	tree := func(sha string) string { return s.git("rev-parse", sha+"^{tree}") }
	want := map[string]Commit{
		first: {SHA: first, Tree: tree(base), Parents: []string{base}, Author: Person{"Zoë Evil", "zoe@example.org"},
			Committer: Person{"GitHub", "noreply@github.com"}, CommittedAt: "1700000002 +0000",
			Message:   "Signed [31m\n\nfakeauthor x <x@x> 1 +0000",
			Signature: "-----BEGIN SSH SIGNATURE-----\nabc\n-----END SSH SIGNATURE-----\n"},
		second: {SHA: second, Tree: tree(second), Parents: []string{first}, Author: ann, Committer: cy, CommittedAt: "1700000000 +0000",
			Message:   strings.ReplaceAll(message, "\r", ""),
			CoAuthors: []Person{{"Bob B.", "bob@example.org"}, {"", "eve@example.org"}, {"X", ""}}},
		side: {SHA: side, Tree: tree(side), Parents: []string{base}, Author: ann, Committer: cy, CommittedAt: "1700000000 +0000", Message: "side"},
		head: {SHA: head, Tree: tree(head), Parents: []string{second, side}, Author: ann, Committer: cy, CommittedAt: "1700000000 +0000", Message: "merge\n"},
	}
	found := map[string]Commit{}
	for _, c := range got {
		found[c.SHA] = c
	}
	if diff := cmp.Diff(want, found); diff != "" || len(got) != 4 || got[3].SHA != head {
		t.Error(diff)
	}
	if got := found[second].Subject(); got != "subject" {
		t.Errorf("subject %q", got)
	}
}

func TestLongPullRequest(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	var in strings.Builder
	for i := range 301 {
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter C <c@example.org> %d +0000\ndata 1\n%d\n", 1700000000+i, i%10)
	}
	s.gitIn(in.String(), "fast-import", "--quiet")
	head, base := s.git("rev-parse", "main"), s.git("rev-list", "--max-parents=0", "main")
	m, tight := s.mirrors(nil), s.mirrors(func(o *Options) { o.MaxCommits = 299 })
	mustSync(t, m, Want{head, "refs/heads/main"})
	mustSync(t, tight, Want{head, "refs/heads/main"})
	commits, err := m.Commits(t.Context(), acme, base, head)
	if err != nil || len(commits) != 300 || commits[0].Parents[0] != base || commits[299].SHA != head {
		t.Errorf("%d commits, error %v", len(commits), err)
	}
	var limit *LimitError
	if _, err := tight.Commits(t.Context(), acme, base, head); !errors.As(err, &limit) || limit.Limit != 299 {
		t.Errorf("got %v", err)
	}
	small := s.mirrors(func(o *Options) { o.MaxCommitBytes = 10 })
	mustSync(t, small, Want{head, "refs/heads/main"})
	if _, err := small.Commits(t.Context(), acme, base, head); !errors.As(err, &limit) || limit.Limit != 10 {
		t.Errorf("got %v", err)
	}
	if none, err := m.Commits(t.Context(), acme, head, base); err != nil || len(none) != 0 {
		t.Errorf("the other way round: %v %v", none, err)
	}
}

func TestNoMergeBase(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	a := s.commit("refs/heads/main", "a", files{"f": "a"})
	b := s.commit("refs/heads/other", "b", files{"f": "b"})
	m := s.mirrors(nil)
	mustSync(t, m, Want{a, ""}, Want{b, ""})
	for range 2 { // the second time from memory
		if base, err := m.MergeBase(t.Context(), acme, a, b); !errors.Is(err, ErrNoMergeBase) {
			t.Errorf("got %s, error %v", base, err)
		}
	}
	absent := strings.Repeat("ab", 20)
	var missing *MissingError
	if base, err := m.MergeBase(t.Context(), acme, a, absent); !errors.As(err, &missing) {
		t.Errorf("got %s, error %v", base, err)
	}
	if yes, err := m.IsAncestor(t.Context(), acme, absent, a); !errors.As(err, &missing) {
		t.Errorf("got %t, error %v", yes, err)
	}
}

// treeOf writes a tree object as given, which git's own tools would not.
func treeOf(t *testing.T, dir string, entries ...string) string {
	t.Helper()
	var raw bytes.Buffer
	for _, e := range entries {
		meta, sha := e[:len(e)-41], e[len(e)-40:] // a tab between
		fmt.Fprintf(&raw, "%s\x00", meta)
		var bin []byte
		if _, err := fmt.Sscanf(sha, "%x", &bin); err != nil {
			t.Fatal(err)
		}
		raw.Write(bin)
	}
	return runGit(t, dir, raw.String(), "hash-object", "-t", "tree", "-w", "--stdin", "--literally")
}

func TestOddPathsAreListedAndFlagged(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	f, sub := s.blob("x\n"), strings.Repeat("12", 20)
	odd := s.git("commit-tree", "-m", "odd", treeOf(t, s.dir(), "100644 Icon\r\t"+f, "100664 a\nb.yaml\t"+f, "160000 module\t"+sub,
		"100644 right\u202eleft\t"+f, "120000 z\xff\t"+f))
	empty := s.git("commit-tree", "-m", "empty", treeOf(t, s.dir()))
	s.git("update-ref", "refs/heads/main", odd)
	s.git("update-ref", "refs/heads/empty", empty)
	m := s.mirrors(nil)
	mustSync(t, m, Want{odd, "refs/heads/main"}, Want{empty, ""})
	got, err := m.Tree(t.Context(), acme, odd)
	if err != nil {
		t.Fatal(err)
	}
	want := &Tree{Commit: odd, Entries: []Entry{
		{Path: "Icon\r", Mode: ModeFile, Blob: f, Unsafe: "the name holds control characters"},
		{Path: "a\nb.yaml", Mode: ModeFile, Blob: f, Unsafe: "the name holds control characters"},
		{Path: "module", Mode: ModeSubmodule, Blob: sub},
		{Path: "right\u202eleft", Mode: ModeFile, Blob: f, Unsafe: "the name holds invisible characters"},
		{Path: "z\xff", Mode: ModeSymlink, Blob: f, Unsafe: "the name is not valid UTF-8"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	changes, err := m.Diff(t.Context(), acme, empty, odd)
	if err != nil {
		t.Fatal(err)
	}
	var wantChanges []FileChange
	for _, e := range want.Entries {
		wantChanges = append(wantChanges, FileChange{Status: Added, Path: e.Path, NewMode: e.Mode, NewBlob: e.Blob, Unsafe: e.Unsafe})
	}
	if diff := cmp.Diff(wantChanges, changes); diff != "" {
		t.Error(diff)
	}
	if e, ok := got.Find("module"); !ok || e != want.Entries[2] {
		t.Errorf("Find: %v %t", e, ok)
	}
	if e, ok := got.Find("modul"); ok {
		t.Errorf("Find: %v", e)
	}
}

func TestHostileTrees(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	f := s.blob("x\n")
	sub := treeOf(t, s.dir(), "100644 f\t"+f)
	good := s.commit("refs/heads/good", "good", files{"f": "x\n"})
	for name, test := range map[string]struct{ tree, problem string }{
		"dot dot":           {treeOf(t, s.dir(), "40000 ..\t"+sub), "a path that leads elsewhere"},
		"dot":               {treeOf(t, s.dir(), "100644 .\t"+f), "a path that leads elsewhere"},
		".git":              {treeOf(t, s.dir(), "40000 .git\t"+sub), "git's own directory"},
		".GIT":              {treeOf(t, s.dir(), "40000 .GIT\t"+sub), "git's own directory"},
		"absolute":          {treeOf(t, s.dir(), "100644 /etc/passwd\t"+f), "the name \"/etc/passwd\" in it holds a slash"},
		"slash in a name":   {treeOf(t, s.dir(), "100644 a/../b\t"+f), "the name \"a/../b\" in it holds a slash"},
		"twice":             {treeOf(t, s.dir(), "100644 a\t"+f, "100755 a\t"+f), "the name \"a\" stands in it twice"},
		"file and folder":   {treeOf(t, s.dir(), "100644 a\t"+f, "100644 a.b\t"+f, "40000 a\t"+sub), "the name \"a\" stands in it twice"},
		"an inner dot dot":  {treeOf(t, s.dir(), "40000 d\t"+treeOf(t, s.dir(), "100644 ..\t"+f)), "a path that leads elsewhere"},
		"an inner git file": {treeOf(t, s.dir(), "40000 d\t"+treeOf(t, s.dir(), "100644 .git\t"+f)), "git's own directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			commit := s.git("commit-tree", "-m", name, test.tree)
			s.git("update-ref", "refs/tags/"+test.tree, commit)
			m := s.mirrors(nil)
			mustSync(t, m, Want{commit, ""}, Want{good, ""})
			want := PathError{Commit: commit, Problem: test.problem}
			var got *PathError
			if _, err := m.Tree(t.Context(), acme, commit); !errors.As(err, &got) {
				t.Fatalf("Tree: %v", err)
			}
			if diff := cmp.Diff(want, PathError{Commit: got.Commit, Problem: got.Problem}); diff != "" {
				t.Error(diff)
			}
			if _, err := m.Diff(t.Context(), acme, good, commit); !errors.As(err, &got) || got.Problem != test.problem {
				t.Errorf("Diff: %v", err)
			}
		})
	}
}

func TestTreeLimits(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	long := strings.Repeat("d/", 100) + "f"
	head := s.commit("refs/heads/main", "m", files{"a": "1", "b": "2", "c": "3"})
	deep := s.commit("refs/heads/deep", "d", files{long: "1"})
	bomb := treeOf(t, s.dir(), "100644 f\t"+s.blob("x"))
	for range 12 { // 10^12 files in 13 objects
		var ten []string
		for i := range 10 {
			ten = append(ten, fmt.Sprintf("40000 %d\t%s", i, bomb))
		}
		bomb = treeOf(t, s.dir(), ten...)
	}
	bomb = s.git("commit-tree", "-m", "bomb", bomb)
	s.git("update-ref", "refs/heads/bomb", bomb)
	m := s.mirrors(func(o *Options) { o.MaxEntries, o.MaxPath = 2, 150 })
	mustSync(t, m, Want{head, ""}, Want{deep, ""}, Want{bomb, ""})
	var limit *LimitError
	for commit, want := range map[string]int64{head: 2, bomb: 2, deep: 150} {
		if tree, err := m.Tree(t.Context(), acme, commit); !errors.As(err, &limit) || limit.Limit != want {
			t.Errorf("Tree: %v, error %v", tree, err)
		}
		other := map[string]string{head: deep, bomb: deep, deep: head}[commit]
		if _, err := m.Diff(t.Context(), acme, other, commit); !errors.As(err, &limit) {
			t.Errorf("Diff: error %v", err)
		}
	}
}

func TestBlobLimits(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverKind{})
	head := s.commit("refs/heads/main", "m", files{"a": "12345", "b": "1234567", "c": "12345678", "d": "1"})
	five, seven, eight, one := s.blob("12345"), s.blob("1234567"), s.blob("12345678"), s.blob("1")
	m := s.mirrors(nil)
	mustSync(t, m, Want{head, ""})
	all := []string{five, seven, eight, one}
	over := []BlobSize{{seven, 7}, {eight, 8}}
	slices.SortFunc(over, func(a, b BlobSize) int { return strings.Compare(a.SHA, b.SHA) })
	for range 2 {
		_, err := m.Blobs(t.Context(), acme, all, Limits{6, 100})
		var got *BlobLimitError
		if !errors.As(err, &got) {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&BlobLimitError{Blobs: over, Total: 21, Limits: Limits{6, 100}}, got); diff != "" {
			t.Error(diff)
		}
		_, err = m.Blobs(t.Context(), acme, all, Limits{10, 20})
		if !errors.As(err, &got) || len(got.Blobs) != 0 || got.Total != 21 {
			t.Errorf("the total: %v", err)
		}
		if blobs, err := m.Blobs(t.Context(), acme, all, Limits{8, 21}); err != nil || len(blobs) != 4 {
			t.Errorf("just within: %v %v", blobs, err)
		}
	}
	for name, shas := range map[string][]string{"a commit": {head}, "no SHA": {"HEAD"}} {
		if got, err := m.Blobs(t.Context(), acme, shas, Limits{10, 10}); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, err := m.Blobs(t.Context(), acme, []string{one}, Limits{}); err == nil {
		t.Error("no limits are no limit")
	}
	if got, err := m.Blobs(t.Context(), acme, nil, Limits{1, 1}); err != nil || len(got) != 0 {
		t.Errorf("nothing: %v %v", got, err)
	}
}
