package gitmirror

import (
	"cmp"
	"context"
	"fmt"
	"path"
)

// Status is what happened to a file.
type Status string

// The statuses of a FileChange.
const (
	Added       Status = "A"
	Modified    Status = "M"
	Deleted     Status = "D"
	Renamed     Status = "R" // with the same content; renamed and edited files are a deletion and an addition
	TypeChanged Status = "T" // file, symbolic link and submodule into one another
)

// FileChange is one file that differs. The old fields are empty for an added file, the new ones for a deleted one.
type FileChange struct {
	Status           Status
	Path             string // after the change; of a deleted file, before it
	OldPath          string // only of a renamed file
	OldMode, NewMode Mode
	OldBlob, NewBlob string
	Unsafe           string // as of Entry, of either path
}

// emptyBlob is the content of every empty file, which says nothing about where a file came from.
const emptyBlob = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

// Diff returns what differs between the trees of two commits, sorted by path. It compares no contents, so it needs no
// blobs: only files moved unchanged are seen as renamed. The result is shared: do not change it.
func (m *Mirrors) Diff(ctx context.Context, repo Repo, base, head string) ([]FileChange, error) {
	mi, err := m.mirror(repo)
	if err != nil {
		return nil, err
	}
	key := cacheKey{mi.dir, "diff", base + ".." + head}
	if v, ok := m.cache.get(key); ok {
		return v.([]FileChange), nil
	}
	from, err := m.root(ctx, repo, base)
	if err != nil {
		return nil, err
	}
	to, err := m.root(ctx, repo, head)
	if err != nil {
		return nil, err
	}
	var changes []FileChange
	err = m.read(ctx, mi, []string{base, head}, func() (err error) {
		changes, err = m.compare(ctx, mi, from, to)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("comparing %s with %s of %s: %w", base, head, repo, err)
	}
	changes = pairRenames(changes)
	bytes := int64(200)
	for _, c := range changes {
		bytes += int64(len(c.Path)+len(c.OldPath)) + 250
	}
	m.cache.put(key, changes, bytes)
	return changes, nil
}

// content is what two files must share to be taken for one that moved: the blob, and the mode of what is no regular file.
// In the first of two rounds they share the base name, too.
type content struct {
	blob string
	mode Mode
	base string
}

func contentOf(blob string, mode Mode, base string) content {
	if mode.Regular() {
		mode = ModeFile
	}
	return content{blob, mode, base}
}

// pairRenames joins each added file with a deleted one of the same content and kind, one to one: a deleted file of the same
// base name first, else the first by path. Git's own detection has limits on the count of files; this has none.
func pairRenames(changes []FileChange) []FileChange {
	gone := make([]bool, len(changes))
	for _, baseOf := range []func(string) string{path.Base, func(string) string { return "" }} {
		deleted := map[content][]int{} // in the order of paths
		for i, c := range changes {
			if c.Status == Deleted && !gone[i] && c.OldBlob != emptyBlob && c.OldMode != ModeSubmodule {
				key := contentOf(c.OldBlob, c.OldMode, baseOf(c.Path))
				deleted[key] = append(deleted[key], i)
			}
		}
		for i := range changes {
			c := &changes[i]
			key := contentOf(c.NewBlob, c.NewMode, baseOf(c.Path))
			if c.Status != Added || len(deleted[key]) == 0 {
				continue
			}
			from := deleted[key][0]
			deleted[key] = deleted[key][1:]
			gone[from] = true
			old := changes[from]
			c.Status, c.OldPath = Renamed, old.Path
			c.OldMode, c.OldBlob = old.OldMode, old.OldBlob
			c.Unsafe = cmp.Or(c.Unsafe, old.Unsafe)
		}
	}
	out := make([]FileChange, 0, len(changes))
	for i, c := range changes {
		if !gone[i] {
			out = append(out, c)
		}
	}
	return out
}
