package document

import (
	"context"
	"crypto/sha256"
	hexcode "encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Tree is a snapshot of files: a git tree or a directory.
type Tree interface {
	// Paths are the regular files, sorted, separated by slashes.
	Paths() []string

	// Read returns the content of files in one batch; a path that is not there is absent. Files that are larger than the tree
	// hands out end it with a [TooLargeError] that names them all.
	Read(ctx context.Context, paths []string) (map[string][]byte, error)

	// Blob is the identity of a file's content, "" when it is not known: equal identities mean equal content.
	Blob(path string) string
}

// TooLargeError is a Tree's refusal to read files of more bytes than its limit.
type TooLargeError struct {
	Sizes map[string]int64 // bytes by path
	Limit int64
	Err   error // what the tree's own source said, if anything
}

// Unwrap gives the source's error.
func (e *TooLargeError) Unwrap() error { return e.Err }

// Error names the first of the files.
func (e *TooLargeError) Error() string {
	for file, size := range sorted(e.Sizes) {
		return fmt.Sprintf("%s has %d bytes, more than the limit of %d", file, size, e.Limit)
	}
	return "files are too large"
}

// sizer is a Tree that knows the size of its files, so that a file over the limit is not even read.
type sizer interface {
	Size(path string) (bytes int64, known bool)
}

// MapTree is a Tree in memory: path to content.
type MapTree map[string]string

// Paths implements [Tree].
func (t MapTree) Paths() []string { return slices.Sorted(maps.Keys(t)) }

// Read implements [Tree].
func (t MapTree) Read(_ context.Context, paths []string) (map[string][]byte, error) {
	found := map[string][]byte{}
	for _, path := range paths {
		if content, ok := t[path]; ok {
			found[path] = []byte(content)
		}
	}
	return found, nil
}

// Blob implements [Tree].
func (t MapTree) Blob(path string) string {
	content, ok := t[path]
	if !ok {
		return ""
	}
	sum := sha256.Sum256([]byte(content))
	return hexcode.EncodeToString(sum[:])
}

// dirTree is a directory on disk. Every read goes through os.Root, so that nothing outside is reached.
type dirTree struct {
	path  string
	files []string
	sizes map[string]int64
	links map[string]Link
}

// Dir is a directory on disk as a Tree, listed once. Symbolic links are not followed, and .git, .terraform and node_modules are
// not entered, nor are submodules. With only, paths below the directory, just these files and what lies below these folders are listed.
func Dir(path string, only ...string) (Tree, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open the directory %s: %w", path, err)
	}
	defer root.Close() //nolint:errcheck // only read from
	t := &dirTree{path: path, sizes: map[string]int64{}, links: map[string]Link{}}
	if len(only) == 0 {
		only = []string{"."}
	}
	for _, start := range only {
		if err := t.list(root, start); err != nil {
			return nil, fmt.Errorf("list the files of %s: %w", path, err)
		}
	}
	t.files = slices.Sorted(maps.Keys(t.sizes))
	return t, nil
}

func (t *dirTree) list(root *os.Root, start string) error {
	return fs.WalkDir(root.FS(), start, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			target, err := root.Readlink(path)
			t.links[path] = Link{Path: path, Target: filepath.ToSlash(target)}
			return err
		}
		if entry.IsDir() && path != start {
			switch entry.Name() {
			case ".git", ".terraform", "node_modules":
				return fs.SkipDir
			}
			if info, err := root.Lstat(path + "/.git"); err == nil && info.Mode().IsRegular() { // it says where the submodule's repository is
				t.links[path] = Link{Path: path, Submodule: true}
				return fs.SkipDir
			}
		}
		if entry.Type().IsRegular() {
			info, err := entry.Info()
			if err != nil {
				return err
			}
			t.sizes[path] = info.Size()
		}
		return nil
	})
}

func (t *dirTree) Paths() []string { return t.files }

// Links are the symbolic links and submodules that were passed over, by path.
func (t *dirTree) Links(context.Context) (map[string]Link, error) { return t.links, nil }

func (t *dirTree) Blob(string) string { return "" }

func (t *dirTree) Size(path string) (int64, bool) {
	size, ok := t.sizes[path]
	return size, ok
}

func (t *dirTree) Read(ctx context.Context, paths []string) (map[string][]byte, error) {
	root, err := os.OpenRoot(t.path)
	if err != nil {
		return nil, fmt.Errorf("open the directory %s: %w", t.path, err)
	}
	defer root.Close() //nolint:errcheck // only read from
	found := make(map[string][]byte, len(paths))
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		size, ok := t.sizes[path]
		if !ok {
			continue
		}
		data, err := readAtMost(root, path, size)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		found[path] = data
	}
	return found, nil
}

// readAtMost refuses a file that grew after it was listed, so that the size checked is the size read.
func readAtMost(root *os.Root, path string, size int64) ([]byte, error) {
	file, err := root.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read from
	data := make([]byte, size)
	n, err := io.ReadFull(file, data)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, err
	}
	if more, _ := file.Read(make([]byte, 1)); more > 0 {
		return nil, fmt.Errorf("it is being written to")
	}
	return data[:n], nil
}

// under reports whether a path lies in a directory, "" or "." being the root.
func under(dir, path string) bool {
	return dir == "" || dir == "." || path == dir || strings.HasPrefix(path, dir+"/")
}
