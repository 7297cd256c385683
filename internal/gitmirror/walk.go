package gitmirror

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Trees are read as objects and compared here rather than by git diff-tree and ls-tree: git gathers all differences before
// it says the first, so a dozen small objects that spell out 10^12 paths would fill the memory; and its listings do not
// tell a name with a slash in it from a directory.

// maxTreeBytes bounds one tree object; 16 MiB are some 300,000 files in one directory. maxPathBytes bounds what all paths of
// a listing take together, on average for each entry allowed, but never below a mebibyte.
const (
	maxTreeBytes = 16 << 20
	maxPathBytes = 200
)

// treeEntry is one name in a tree object.
type treeEntry struct {
	mode Mode // modeTree for a directory
	sha  string
}

// modeTree never leaves this file: directories have no entries of their own in listings.
const modeTree Mode = "40000"

// side is one of the two trees that are compared. The zero side is an empty tree.
type side struct {
	commit, tree string
}

// folder is a directory that differs, with its tree on both sides; "" where it is not there.
type folder struct {
	path     string // with a slash at the end, unless it is the root
	old, new string
}

// compare lists what differs between two trees, sorted by path and without renames. Only directories that differ are read,
// level by level, so that each level is one run of git.
func (m *Mirrors) compare(ctx context.Context, mi *mirror, from, to side) ([]FileChange, error) {
	w := walk{m: m, from: from, to: to}
	level := []folder{{"", from.tree, to.tree}}
	for len(level) > 0 {
		var shas []string
		for _, f := range level {
			shas = append(shas, f.old, f.new)
		}
		shas = slices.Compact(slices.Sorted(slices.Values(shas)))
		if len(shas) > 0 && shas[0] == "" {
			shas = shas[1:]
		}
		trees := map[string]map[string]treeEntry{"": nil}
		names := 0
		err := m.contents(ctx, mi, shas, "tree", maxTreeBytes, func(sha string, data []byte) error {
			tree, err := parseTree(data)
			if err != nil {
				return &PathError{to.commit, w.pathOf(level, sha), err.Error()}
			}
			trees[sha] = tree
			// Twice, because a small change may sit among many names on both sides.
			if names += len(tree); names > 2*m.opts.MaxEntries {
				return w.tooMany()
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		w.next = nil
		for _, f := range level {
			if err := w.folder(f, trees[f.old], trees[f.new]); err != nil {
				return nil, err
			}
		}
		level = w.next
	}
	slices.SortFunc(w.changes, func(a, b FileChange) int {
		if c := strings.Compare(a.Path, b.Path); c != 0 {
			return c
		}
		return strings.Compare(string(a.Status), string(b.Status))
	})
	return w.changes, nil
}

// walk is a comparison in progress.
type walk struct {
	m        *Mirrors
	from, to side
	next     []folder
	changes  []FileChange
	bytes    int // of all paths noted
}

// folder compares one directory with itself.
func (w *walk) folder(f folder, old, fresh map[string]treeEntry) error {
	for name, o := range old {
		if n := fresh[name]; n != o {
			if err := w.name(f.path+name, o, n, w.from.commit); err != nil {
				return err
			}
		}
	}
	for name, n := range fresh {
		if _, both := old[name]; !both {
			if err := w.name(f.path+name, treeEntry{}, n, w.to.commit); err != nil {
				return err
			}
		}
	}
	return nil
}

// name notes what became of one name; it may have been a file and be a directory now.
func (w *walk) name(path string, old, fresh treeEntry, commit string) error {
	unsafe, err := w.m.checkPath(commit, path)
	if err != nil {
		return err
	}
	var oldTree, newTree string
	if old.mode == modeTree {
		oldTree, old = old.sha, treeEntry{}
	}
	if fresh.mode == modeTree {
		newTree, fresh = fresh.sha, treeEntry{}
	}
	if oldTree != newTree {
		w.next = append(w.next, folder{path + "/", oldTree, newTree})
	}
	if old != fresh {
		w.changes = append(w.changes, FileChange{Status: statusOf(old.mode, fresh.mode), Path: path, Unsafe: unsafe,
			OldMode: old.mode, NewMode: fresh.mode, OldBlob: old.sha, NewBlob: fresh.sha})
	}
	w.bytes += len(path)
	if len(w.changes)+len(w.next) > w.m.opts.MaxEntries {
		return w.tooMany()
	}
	if limit := max(1<<20, maxPathBytes*w.m.opts.MaxEntries); w.bytes > limit {
		return &LimitError{What: fmt.Sprintf("the paths in %s have more bytes together", w.to.commit), Limit: int64(limit)}
	}
	return nil
}

func statusOf(old, fresh Mode) Status {
	switch {
	case old == "":
		return Added
	case fresh == "":
		return Deleted
	case old == fresh || old.Regular() && fresh.Regular():
		return Modified
	default:
		return TypeChanged
	}
}

func (w *walk) tooMany() error {
	what := fmt.Sprintf("the tree of %s has more files", w.to.commit)
	if w.from.tree != "" {
		what = fmt.Sprintf("from %s to %s there are more files", w.from.commit, w.to.commit)
	}
	return &LimitError{What: what, Limit: int64(w.m.opts.MaxEntries)}
}

func (w *walk) pathOf(level []folder, tree string) string {
	for _, f := range level {
		if f.old == tree || f.new == tree {
			return f.path
		}
	}
	return ""
}

// parseTree reads a tree object: "mode name<NUL>" and twenty bytes of hash, again and again. Git would list a name with a
// slash, or one that stands there twice, as something that no checkout has.
func parseTree(data []byte) (map[string]treeEntry, error) {
	tree := make(map[string]treeEntry, len(data)/40)
	for len(data) > 0 {
		meta, rest, ok := bytes.Cut(data, []byte{0})
		digits, name, ok2 := bytes.Cut(meta, []byte{' '})
		if !ok || !ok2 || len(rest) < 20 {
			return nil, fmt.Errorf("its tree object is malformed")
		}
		if bytes.IndexByte(name, '/') >= 0 {
			return nil, fmt.Errorf("the name %.100q in it holds a slash", name)
		}
		if _, twice := tree[string(name)]; twice {
			return nil, fmt.Errorf("the name %.100q stands in it twice", name)
		}
		tree[string(name)] = treeEntry{modeOf(string(digits)), hex.EncodeToString(rest[:20])}
		data = rest[20:]
	}
	return tree, nil
}

// modeOf reads a mode as it stands in a tree object. Some old tools put a zero in front, or made files group-writable.
func modeOf(digits string) Mode {
	switch m := Mode(strings.TrimLeft(digits, "0")); m {
	case modeTree, ModeSymlink, ModeSubmodule, ModeExecutable:
		return m
	default:
		return ModeFile
	}
}
