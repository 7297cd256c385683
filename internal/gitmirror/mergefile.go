package gitmirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// MergeFile merges two versions of a file that have a common ancestor, as git does when it merges branches. clean is false when
// both sides changed the same lines, or when the content is binary; then there is no result. It needs no repository and leaves
// nothing behind.
func (m *Mirrors) MergeFile(ctx context.Context, ancestor, ours, theirs []byte) (merged []byte, clean bool, err error) {
	if err := os.MkdirAll(m.opts.Dir, 0o700); err != nil {
		return nil, false, fmt.Errorf("making room for a merge: %w", err)
	}
	dir, err := os.MkdirTemp(m.opts.Dir, "merge-")
	if err != nil {
		return nil, false, fmt.Errorf("making room for a merge: %w", err)
	}
	defer os.RemoveAll(dir)
	names := []string{filepath.Join(dir, "ours"), filepath.Join(dir, "ancestor"), filepath.Join(dir, "theirs")}
	for i, content := range [][]byte{ours, ancestor, theirs} {
		if err := os.WriteFile(names[i], content, 0o600); err != nil {
			return nil, false, fmt.Errorf("writing a file to merge: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, m.opts.ReadTimeout)
	defer cancel()
	// Without -p the result replaces the first file, whatever its size.
	_, err = m.git(ctx, &mirror{}, call{args: append([]string{"merge-file", "-q"}, names...), outside: true})
	var failed *gitError
	if errors.As(err, &failed) && failed.code > 0 {
		return nil, false, nil // the number of conflicts, or 255 for binary content
	}
	if err != nil {
		return nil, false, fmt.Errorf("merging a file: %w", err)
	}
	merged, err = os.ReadFile(names[0])
	return merged, err == nil, err
}
