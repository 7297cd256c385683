package formats

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// maxFiles bounds how many files of one evaluation are read.
const maxFiles = 20_000

// batchFiles is how many files are held in memory at once.
const batchFiles = 200

// File is a file as it is on both sides of a change. A side is nil when the file is not there, or when nothing is known of it.
type File struct {
	Path          string
	After, Before []json.RawMessage
}

// Wanted says which files are read.
type Wanted struct {
	Head, Base document.Tree          // Base may be nil: then everything is new
	Changed    func(path string) bool // which files of Head; nil: all of them
	Named      func(path string) bool // files that somebody asked for by name, which must be readable; nil: none
	Was        map[string]string      // names in Base of files that have another name in Head
	Plans      []document.PlanFile    // files from elsewhere
	Parser     string                 // reads all files of the trees, and those named whatever their format; "": by their names
	Redactor   *document.Redactor
}

// Collected is what was read.
type Collected struct {
	Files    []File
	Problems []gate.Problem // each one blocks
	Unjudged []gate.Problem // files of a known format that nobody can read
}

// Collect reads the files that are wanted and whose format is known. A file that cannot be read is a problem when somebody named it or
// when it could be read before the change; otherwise it is one of the many that only look like their format, and is shown. The error
// is the tree's, the worker's or the context's.
func Collect(ctx context.Context, r *Reader, w Wanted) (Collected, error) {
	var out Collected
	for _, plan := range w.Plans {
		file := File{Path: plan.File}
		var err error
		if file.After, err = r.plan(ctx, plan.Data, w.Redactor); err != nil {
			if !out.refused(plan.File, err, true) {
				return out, err
			}
			continue
		}
		out.Files = append(out.Files, file)
	}
	if w.Head == nil {
		return out, nil
	}
	r.parser = w.Parser
	defer func() { r.parser = "" }()
	var paths []string
	for _, p := range w.Head.Paths() {
		known, named := Supported(p), w.Named != nil && w.Named(p)
		if named && !known && w.Parser == "" {
			out.refused(p, &Unreadable{Reason: "its name tells no format that conftest reads; say which one it has with --parser"}, true)
		}
		if (known || named && w.Parser != "") && (w.Changed == nil || w.Changed(p)) && !slices.ContainsFunc(out.Files, func(f File) bool { return f.Path == p }) {
			paths = append(paths, p)
		}
	}
	if len(paths) > maxFiles {
		out.Problems = append(out.Problems, gate.Problem{
			Code: "limit", Message: fmt.Sprintf("there are %d files for the rules of conftest's dialect, more than the limit of %d", len(paths), maxFiles),
			Remedy: "Name the files to judge, or split the change.",
		})
		paths = paths[:maxFiles]
	}
	for batch := range slices.Chunk(paths, batchFiles) {
		if err := out.batch(ctx, r, w, batch); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (c *Collected) batch(ctx context.Context, r *Reader, w Wanted, paths []string) error {
	after, err := c.load(ctx, w.Head, paths)
	if err != nil {
		return err
	}
	before := map[string][]byte{}
	if w.Base != nil {
		var ignored Collected // what is too large at the base cannot be compared with
		if before, err = ignored.load(ctx, w.Base, w.former(paths)); err != nil {
			return err
		}
	}
	for _, p := range paths {
		data, ok := after[p]
		if !ok {
			continue
		}
		file := File{Path: p}
		readable := false
		if old, ok := before[w.was(p)]; ok && !bytes.Equal(old, data) {
			file.Before, err = r.redacted(ctx, p, old, w.Redactor)
			if err != nil && !errors.As(err, new(*Unreadable)) {
				return err
			}
			readable = err == nil
		}
		if file.After, err = r.redacted(ctx, p, data, w.Redactor); err != nil {
			if !c.refused(p, err, readable || w.Named != nil && w.Named(p)) {
				return err
			}
			continue
		}
		if old, ok := before[w.was(p)]; ok && bytes.Equal(old, data) {
			file.Before = file.After
		}
		c.Files = append(c.Files, file)
	}
	r.session.Close() // the next files have a child with a whole ration of time
	return nil
}

// was is the name of a file before the change.
func (w *Wanted) was(path string) string { return cmp.Or(w.Was[path], path) }

func (w *Wanted) former(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = w.was(p)
	}
	return out
}

// load reads files; those that are too large are problems.
func (c *Collected) load(ctx context.Context, tree document.Tree, paths []string) (map[string][]byte, error) {
	for {
		contents, err := tree.Read(ctx, paths)
		var large *document.TooLargeError
		if !errors.As(err, &large) || len(large.Sizes) == 0 {
			return contents, err
		}
		left := slices.DeleteFunc(slices.Clone(paths), func(p string) bool { _, ok := large.Sizes[p]; return ok })
		if len(left) == len(paths) {
			return nil, err
		}
		for p, size := range large.Sizes {
			c.refused(p, &Unreadable{fmt.Sprintf("it has %d MiB, more than the limit of %d", size>>20, large.Limit>>20), true}, true)
		}
		paths = left
	}
}

// refused notes a file that cannot be read; false when the error is another one.
func (c *Collected) refused(file string, err error, blocks bool) bool {
	var unreadable *Unreadable
	if !errors.As(err, &unreadable) {
		return false
	}
	problem := gate.Problem{
		Code: "rules", File: file, Message: "cannot be read for the rules of conftest's dialect: " + gate.Printable(gate.Shorten(unreadable.Reason, 300)),
		Remedy: "Correct the file, or give it a name whose format it has.",
	}
	if blocks || unreadable.Limit {
		c.Problems = append(c.Problems, problem)
	} else {
		c.Unjudged = append(c.Unjudged, problem)
	}
	return true
}

// plan reads a plan without its secrets. Plans are large, and what Terraform writes needs nobody to parse it.
func (r *Reader) plan(ctx context.Context, data []byte, redactor *document.Redactor) ([]json.RawMessage, error) {
	if text := bytes.TrimSpace(data); len(text) > 0 && text[0] == '{' {
		if out, ok := redactor.WholePlain(text); ok {
			return []json.RawMessage{out}, nil
		}
	}
	return r.parsed(ctx, "plan.json", data, redactor)
}

// redacted reads a file without its secrets.
func (r *Reader) redacted(ctx context.Context, file string, data []byte, redactor *document.Redactor) ([]json.RawMessage, error) {
	if r.parser == "" && path.Ext(file) == ".json" && document.IsPlan(data) {
		return r.plan(ctx, data, redactor)
	}
	return r.parsed(ctx, file, data, redactor)
}

func (r *Reader) parsed(ctx context.Context, file string, data []byte, redactor *document.Redactor) ([]json.RawMessage, error) {
	documents, err := r.Read(ctx, file, data)
	for i := range documents {
		documents[i] = redactor.Whole(documents[i])
	}
	return documents, err
}
