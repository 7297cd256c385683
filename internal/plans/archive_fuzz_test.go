package plans

import (
	"errors"
	"io/fs"
	"testing"
)

// FuzzArchive: whatever an archive says of itself, what comes out of it has a path inside of it, stands there once, and is no larger than the
// limits; anything else is a reason that can be shown.
func FuzzArchive(f *testing.F) {
	f.Add([]byte("PK"))
	for _, entries := range [][]entry{{}, {{name: "a/b.json", content: "{}"}}, {{name: "a.json", content: "{}"}, {name: "../b.json"}}, {{name: "d/"}, {name: "c.JSON", mode: fs.ModeSymlink | 0o777}}} {
		f.Add(archived(f, entries...))
	}
	limits := ArchiveLimits{Archive: 1 << 16, Entries: 20, File: 1 << 14, Total: 1 << 15, Ratio: 10}
	f.Fuzz(func(t *testing.T, data []byte) {
		total, seen := int64(0), map[string]bool{}
		err := Archive(data, limits, func(file string, plan []byte) error {
			total += int64(len(plan))
			if !fs.ValidPath(file) || seen[file] || int64(len(plan)) > limits.File || total > limits.Total {
				t.Errorf("%q with %d bytes of %d", file, len(plan), total)
			}
			seen[file] = true
			return nil
		})
		if err != nil && !errors.As(err, new(BadArchive)) {
			t.Errorf("no reason: %v", err)
		}
	})
}
