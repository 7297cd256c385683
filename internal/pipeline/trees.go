package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

	odd map[string]gitmirror.Entry // symbolic links and submodules, which are in neither paths nor blobs
}

func (p *Pipeline) tree(ctx context.Context, repo gitmirror.Repo, commit string) (*tree, error) {
	listing, err := p.Mirror.Tree(ctx, repo, commit)
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", commit, err)
	}
	t := &tree{
		mirror: p.Mirror, repo: repo, blobs: map[string]string{}, unsafe: map[string]string{}, odd: map[string]gitmirror.Entry{},
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
		default:
			t.odd[e.Path] = e
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

// folder reads the files of a whole folder, by their paths in it.
func (t *tree) folder(ctx context.Context, dir string, keep func(path string) bool) (map[string][]byte, error) {
	data, err := t.Read(ctx, t.in(dir, keep))
	if err != nil {
		return nil, err
	}
	prefix, files := prefixOf(dir), map[string][]byte{}
	for p, content := range data {
		files[strings.TrimPrefix(p, prefix)] = content
	}
	return files, nil
}
