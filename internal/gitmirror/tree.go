package gitmirror

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// Tree lists a commit's whole tree. A path that cannot be checked out, or a tree out of order, is a *PathError; more
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
	tree := &Tree{Commit: commit}
	err = m.read(ctx, mi, []string{commit}, func() error {
		tree.Entries = nil
		return m.readOnce(ctx, mi, call{
			args: []string{"ls-tree", "-r", "-z", "--full-tree", commit},
			read: func(r io.Reader) error { return m.readTree(r, tree) },
		})
	})
	if err != nil {
		return nil, fmt.Errorf("listing the files of %s at %s: %w", repo, commit, err)
	}
	bytes := int64(200)
	for _, e := range tree.Entries {
		bytes += int64(len(e.Path)) + 120
	}
	m.cache.put(key, tree, bytes)
	return tree, nil
}

// readTree reads "mode type sha<TAB>path<NUL>" again and again.
func (m *Mirrors) readTree(r io.Reader, tree *Tree) error {
	records := m.records(r)
	files := map[string]bool{}
	for records.Scan() {
		meta, path, ok := strings.Cut(records.Text(), "\t")
		fields := strings.Fields(meta)
		if !ok || len(fields) != 3 {
			return fmt.Errorf("git lists a tree as %.100q", records.Text())
		}
		if len(tree.Entries) == m.opts.MaxEntries {
			return &LimitError{What: fmt.Sprintf("the tree of %s has more files", tree.Commit), Limit: int64(m.opts.MaxEntries)}
		}
		unsafe, err := m.checkPath(tree.Commit, path)
		if err != nil {
			return err
		}
		if n := len(tree.Entries); n > 0 && path <= tree.Entries[n-1].Path {
			return &PathError{tree.Commit, path, "the tree is not in order or holds it twice"}
		}
		// Git's order keeps a file a and a directory a apart, with others in between.
		for i := range len(path) {
			if path[i] == '/' && files[path[:i]] {
				return &PathError{tree.Commit, path, "a file and a directory have the same name"}
			}
		}
		files[path] = true
		tree.Entries = append(tree.Entries, Entry{Path: path, Mode: mode(fields[0]), Blob: fields[2], Unsafe: unsafe})
	}
	return m.recordsErr(records, tree.Commit)
}

// records splits git's -z output. A path is the longest record there is.
func (m *Mirrors) records(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 4096), m.opts.MaxPath+256)
	s.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, 0); i >= 0 {
			return i + 1, data[:i], nil
		}
		if atEOF && len(data) > 0 {
			return 0, nil, io.ErrUnexpectedEOF
		}
		return 0, nil, nil
	})
	return s
}

func (m *Mirrors) recordsErr(s *bufio.Scanner, commit string) error {
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return m.longPath(commit)
	}
	return s.Err()
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

// mode reads git's six octal digits; group-writable files of old histories are plain files.
func mode(s string) Mode {
	switch m := Mode(s); {
	case m == ModeSymlink || m == ModeSubmodule || m == ModeExecutable:
		return m
	case s == "000000":
		return "" // in a diff: not there
	default:
		return ModeFile
	}
}
