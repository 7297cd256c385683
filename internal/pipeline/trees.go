package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
)

// Limits on what is read of one commit, in bytes: one file, and all of them together.
const (
	maxFile  = 64 << 20
	maxFiles = 512 << 20
)

// tree shows one commit of a mirror as the snapshot of files that documents are made from.
type tree struct {
	mirror Mirror
	repo   gitmirror.Repo
	limits gitmirror.Limits
	paths  []string
	blobs  map[string]string

	// unsafe says of paths with odd names what is odd. Those that are not valid UTF-8 are unreadable: no record could name
	// them, so they are in neither paths nor blobs, and whoever uses the tree says so.
	unsafe     map[string]string
	unreadable []string
}

func (p *Pipeline) tree(ctx context.Context, repo gitmirror.Repo, commit string) (*tree, error) {
	listing, err := p.Mirror.Tree(ctx, repo, commit)
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", commit, err)
	}
	t := &tree{
		mirror: p.Mirror, repo: repo, blobs: map[string]string{}, unsafe: map[string]string{},
		limits: gitmirror.Limits{PerBlob: maxFile, Total: maxFiles},
	}
	for _, e := range listing.Entries {
		if e.Unsafe != "" {
			t.unsafe[e.Path] = e.Unsafe
		}
		switch {
		case !utf8.ValidString(e.Path):
			t.unreadable = append(t.unreadable, e.Path)
		case e.Mode.Regular():
			t.paths = append(t.paths, e.Path)
			t.blobs[e.Path] = e.Blob
		}
	}
	slices.Sort(t.paths)
	return t, nil
}

func (t *tree) Paths() []string { return t.paths }

func (t *tree) Blob(path string) string { return t.blobs[path] }

// Read fetches all the blobs at once: one round trip to GitHub, however many files there are.
func (t *tree) Read(ctx context.Context, paths []string) (map[string][]byte, error) {
	var shas []string
	for _, p := range paths {
		if sha := t.blobs[p]; sha != "" {
			shas = append(shas, sha)
		}
	}
	slices.Sort(shas)
	data, err := t.mirror.Blobs(ctx, t.repo, slices.Compact(shas), t.limits)
	if err != nil {
		return nil, t.tooLarge(err, paths)
	}
	out := make(map[string][]byte, len(paths))
	for _, p := range paths {
		if content, ok := data[t.blobs[p]]; ok {
			out[p] = content
		}
	}
	return out, nil
}

// tooLarge gives the files that are over the limit their names, which the mirror does not know, so that documents can be made of
// the others.
func (t *tree) tooLarge(err error, paths []string) error {
	var over *gitmirror.BlobLimitError
	if !errors.As(err, &over) || len(over.Blobs) == 0 {
		return err
	}
	named := &document.TooLargeError{Sizes: map[string]int64{}, Limit: over.PerBlob, Err: err}
	for _, p := range paths {
		for _, blob := range over.Blobs {
			if t.blobs[p] == blob.SHA {
				named.Sizes[p] = blob.Size
			}
		}
	}
	return named
}

// readOne reads a single file; ok is false when the tree has none of that name.
func (t *tree) readOne(ctx context.Context, path string) (data []byte, ok bool, err error) {
	if t.blobs[path] == "" {
		return nil, false, nil
	}
	files, err := t.Read(ctx, []string{path})
	return files[path], err == nil, err
}

// sub reads a whole folder into memory, as the file system that rules are loaded from.
func (t *tree) sub(ctx context.Context, dir string, keep func(path string) bool) (fs.FS, int, error) {
	files, err := t.folder(ctx, dir, keep)
	return memFS(files), len(files), err
}

// folder reads the files of a whole folder, by their paths in it.
func (t *tree) folder(ctx context.Context, dir string, keep func(path string) bool) (map[string][]byte, error) {
	prefix := strings.TrimSuffix(path.Clean(dir), "/") + "/"
	if prefix == "./" {
		prefix = ""
	}
	var want []string
	for _, p := range t.paths {
		if strings.HasPrefix(p, prefix) && keep(p) {
			want = append(want, p)
		}
	}
	data, err := t.Read(ctx, want)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for p, content := range data {
		files[strings.TrimPrefix(p, prefix)] = content
	}
	return files, nil
}

// memFS is a read-only file system in memory.
type memFS map[string][]byte

// Open implements fs.FS.
func (m memFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if data, ok := m[name]; ok {
		return &memFile{info: memInfo{name: path.Base(name), size: int64(len(data))}, data: data}, nil
	}
	entries := m.list(name)
	if entries == nil && name != "." {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memFile{info: memInfo{name: path.Base(name), dir: true}, entries: entries}, nil
}

// list is what stands directly in a folder, sorted by name.
func (m memFS) list(dir string) []fs.DirEntry {
	prefix := dir + "/"
	if dir == "." {
		prefix = ""
	}
	seen := map[string]memInfo{}
	for p, data := range m {
		rest, ok := strings.CutPrefix(p, prefix)
		if !ok {
			continue
		}
		name, _, nested := strings.Cut(rest, "/")
		seen[name] = memInfo{name: name, dir: nested, size: int64(len(data))}
	}
	var out []fs.DirEntry
	for _, info := range seen {
		out = append(out, fs.FileInfoToDirEntry(info))
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return out
}

type memInfo struct {
	name string
	size int64
	dir  bool
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return i.dir }
func (i memInfo) Sys() any           { return nil }
func (i memInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

type memFile struct {
	info    memInfo
	data    []byte
	entries []fs.DirEntry
}

func (f *memFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *memFile) Close() error               { return nil }

func (f *memFile) Read(b []byte) (int, error) {
	if f.info.dir {
		return 0, &fs.PathError{Op: "read", Path: f.info.name, Err: fs.ErrInvalid}
	}
	if len(f.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, f.data)
	f.data = f.data[n:]
	return n, nil
}

func (f *memFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(f.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(f.entries) {
		n = len(f.entries)
	}
	out := f.entries[:n]
	f.entries = f.entries[n:]
	return out, nil
}
