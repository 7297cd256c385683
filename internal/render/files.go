package render

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/document"
)

// files reads a tree, each file once.
type files struct {
	tree  document.Tree
	paths []string // all of the tree, sorted
	have  map[string][]byte
	large map[string]bool // files over the tree's limit
}

// Part is a tree that shows a part of another one: roots are looked for in the part, and may be made of files of the whole.
type Part interface {
	Whole(ctx context.Context) (document.Tree, error)
}

func newFiles(ctx context.Context, tree document.Tree) (*files, error) {
	if part, ok := tree.(Part); ok {
		whole, err := part.Whole(ctx)
		if err != nil {
			return nil, err
		}
		tree = whole
	}
	return &files{tree: tree, paths: tree.Paths(), have: map[string][]byte{}, large: map[string]bool{}}, nil
}

func (f *files) exists(file string) bool {
	_, found := slices.BinarySearch(f.paths, file)
	return found
}

// load reads files in one batch.
func (f *files) load(ctx context.Context, names []string) error {
	var wanted []string
	for _, name := range names {
		if f.have[name] == nil && !f.large[name] && f.exists(name) {
			wanted = append(wanted, name)
		}
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	for len(wanted) > 0 {
		contents, err := f.tree.Read(ctx, wanted)
		var large *document.TooLargeError
		if errors.As(err, &large) && len(large.Sizes) > 0 {
			before := len(wanted)
			wanted = slices.DeleteFunc(wanted, func(name string) bool {
				_, found := large.Sizes[name]
				f.large[name] = f.large[name] || found
				return found
			})
			if len(wanted) < before {
				continue
			}
		}
		if err != nil {
			return err
		}
		for name, data := range contents {
			if data == nil {
				data = []byte{}
			}
			f.have[name] = data
		}
		return nil
	}
	return nil
}

// below lists the files in and under a directory.
func (f *files) below(dir string) []string {
	if dir == "." {
		return f.paths
	}
	from, _ := slices.BinarySearch(f.paths, dir+"/")
	to := from
	for to < len(f.paths) && strings.HasPrefix(f.paths[to], dir+"/") {
		to++
	}
	return f.paths[from:to]
}

// named are the files of one name, however deep.
func named(paths []string, names ...string) []string {
	var out []string
	for _, file := range paths {
		if slices.Contains(names, path.Base(file)) {
			out = append(out, file)
		}
	}
	return out
}

// inside joins a path that a file in dir names; ok is false when it leads out of the tree.
func inside(dir, name string) (joined string, ok bool) {
	if path.IsAbs(name) {
		return "", false
	}
	joined = path.Join(dir, name)
	return joined, joined != ".." && !strings.HasPrefix(joined, "../")
}
