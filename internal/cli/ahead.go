package cli

import (
	"io"
	"os"
	"path/filepath"

	"github.com/gatehouse-dev/gatehouse/internal/document"
)

// ahead is a plan that is read while the rules are loaded: both take a while, and neither needs the other.
type ahead struct {
	data []byte
	err  error
	read chan struct{}
}

// readAhead begins to read the regular files among the names; others may have nothing to say before somebody else has ended. The
// function that it returns waits until all have been read.
func (w *world) readAhead(names []string) (files map[string]*ahead, wait func()) {
	files = map[string]*ahead{}
	for _, name := range names {
		if info, err := os.Stat(name); name == "-" || files[name] != nil || err != nil || !info.Mode().IsRegular() {
			continue
		}
		a := &ahead{read: make(chan struct{})}
		files[name] = a
		go func() {
			a.data, a.err = w.readInput(name)
			close(a.read)
		}()
	}
	return files, func() {
		for _, a := range files {
			<-a.read
		}
	}
}

// planFile reads a plan, or waits until it has been read.
func (w *world) planFile(name string, files map[string]*ahead) (document.PlanFile, error) {
	plan := document.PlanFile{Source: document.SourceFile}
	var err error
	if a := files[name]; a != nil {
		<-a.read
		plan.Data, err = a.data, a.err
	} else {
		plan.Data, err = w.readInput(name)
	}
	return plan, err
}

// onlyPlan reports whether one plan is all that check was asked to judge, by its path. It may say no of one that is.
func onlyPlan(f checkFlags, paths []string) bool {
	if len(paths) != 1 || len(f.plans) > 0 || f.base != "" || f.parser != "" || f.combine || filepath.Ext(paths[0]) != ".json" {
		return false
	}
	if info, err := os.Lstat(paths[0]); err != nil || !info.Mode().IsRegular() {
		return false
	}
	file, err := os.Open(paths[0])
	if err != nil {
		return false
	}
	defer file.Close() //nolint:errcheck // only read from
	head := make([]byte, 1<<16)
	n, err := io.ReadFull(file, head)
	return (err == nil || n > 0) && document.LooksLikePlan(head[:n])
}

// shownPath is what findings call a file that was named by its path.
func shownPath(path string) string {
	if !filepath.IsLocal(path) {
		path = filepath.Base(path)
	}
	return filepath.ToSlash(filepath.Clean(path))
}
