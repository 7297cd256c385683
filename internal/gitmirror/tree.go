package gitmirror

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mode is what an entry of a tree is, in git's own octal notation.
type Mode string

// The modes that git writes. Others, from old histories, are read as the nearest of these.
const (
	ModeFile       Mode = "100644"
	ModeExecutable Mode = "100755"
	ModeSymlink    Mode = "120000" // the blob holds the target
	ModeSubmodule  Mode = "160000" // Blob is a commit of another repository and cannot be read
)

// Regular reports whether the entry is a file with content of its own.
func (m Mode) Regular() bool { return m == ModeFile || m == ModeExecutable }

// Entry is a file, symbolic link or submodule of a tree.
type Entry struct {
	Path string // with slashes, from the root
	Mode Mode
	Blob string
	// Unsafe says what is wrong with a path that is odd but possible (control characters, not UTF-8); empty for most.
	// Such a file is listed, because tools will read it: whoever judges files must not pass over it, and whoever prints the
	// path must escape it.
	Unsafe string
}

// Tree is everything in a commit, sorted by path (byte by byte). It is shared: do not change it.
type Tree struct {
	Commit  string
	Entries []Entry
}

// Find returns the entry with exactly this path.
func (t *Tree) Find(path string) (Entry, bool) {
	i, ok := slices.BinarySearchFunc(t.Entries, path, func(e Entry, p string) int { return strings.Compare(e.Path, p) })
	if !ok {
		return Entry{}, false
	}
	return t.Entries[i], true
}

// Tree lists a commit's whole tree. A path that cannot be checked out, or a name that stands twice, is a *PathError; more
// entries or a longer path than allowed a *LimitError.
func (m *Mirrors) Tree(ctx context.Context, repo Repo, commit string) (*Tree, error) {
	mi, err := m.mirror(repo)
	if err != nil {
		return nil, err
	}
	key := cacheKey{mi.dir, "tree", commit}
	if v, ok := m.cache.get(key); ok {
		return v.(*Tree), nil
	}
	root, err := m.root(ctx, repo, commit)
	if err != nil {
		return nil, err
	}
	var files []FileChange
	err = m.read(ctx, mi, []string{commit}, func() (err error) {
		files, err = m.compare(ctx, mi, side{}, root)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the files of %s at %s: %w", repo, commit, err)
	}
	tree := &Tree{Commit: commit, Entries: make([]Entry, len(files))}
	bytes := int64(200)
	for i, f := range files {
		tree.Entries[i] = Entry{Path: f.Path, Mode: f.NewMode, Blob: f.NewBlob, Unsafe: f.Unsafe}
		bytes += int64(len(f.Path)) + 120
	}
	m.cache.put(key, tree, bytes)
	return tree, nil
}

// root finds a commit's tree.
func (m *Mirrors) root(ctx context.Context, repo Repo, commit string) (side, error) {
	if err := checkSHA(commit); err != nil {
		return side{}, err
	}
	out, err := m.ask(ctx, repo, []string{commit}, "rev-parse", "--verify", commit+"^{tree}")
	if err != nil {
		return side{}, fmt.Errorf("finding the tree of %s at %s: %w", repo, commit, err)
	}
	tree := strings.TrimSpace(out)
	return side{commit, tree}, checkSHA(tree)
}

func (m *Mirrors) longPath(commit string) error {
	return &LimitError{What: fmt.Sprintf("a path in %s has more bytes", commit), Limit: int64(m.opts.MaxPath)}
}

// checkPath refuses paths that no checkout can have, and says what is odd about others.
func (m *Mirrors) checkPath(commit, path string) (unsafe string, err error) {
	if len(path) > m.opts.MaxPath {
		return "", m.longPath(commit)
	}
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "":
			return "", &PathError{commit, path, "an empty or absolute path"}
		case part == "." || part == "..":
			return "", &PathError{commit, path, "a path that leads elsewhere"}
		case strings.EqualFold(part, ".git"):
			return "", &PathError{commit, path, "git's own directory"}
		}
	}
	switch {
	case !utf8.ValidString(path):
		return "the name is not valid UTF-8", nil
	case strings.ContainsFunc(path, unicode.IsControl):
		return "the name holds control characters", nil
	case strings.ContainsFunc(path, func(r rune) bool { return unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' }):
		return "the name holds invisible characters", nil
	}
	return "", nil
}
