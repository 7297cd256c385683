package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/document"
)

// stream is the one file that check is handed as a stream, as a tree: what a chart or an overlay renders to need not become a file first.
// It is nil when no PATH is a stream.
func (w *world) stream(paths []string, f checkFlags) (document.Tree, error) {
	at := slices.IndexFunc(paths, isStream)
	if at < 0 {
		return nil, nil
	}
	name := paths[at]
	switch {
	case len(paths) > 1:
		return nil, fmt.Errorf("%s is read as a stream, which is judged alone: leave the other paths out", name)
	case f.base != "":
		return nil, fmt.Errorf("--base compares files on disk, and %s is a stream: write it to a file first", name)
	}
	data, err := w.readInput(name)
	if err != nil {
		return nil, err
	}
	shown := "stdin"
	if name != "-" {
		shown = filepath.Base(name)
	}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return document.MapTree{shown + ".json": string(data)}, nil
	}
	return document.MapTree{shown + ".yaml": string(data)}, nil
}

// isStream reports whether a PATH is standard input, a pipe or a device. /dev/stdin may lead to a file, but the file's folder is not meant.
func isStream(path string) bool {
	if path == "-" || strings.HasPrefix(filepath.ToSlash(filepath.Clean(path)), "/dev/") {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && !info.Mode().IsRegular()
}
