package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// localSources is what check reads from.
type localSources struct {
	head, base document.Tree // base: nil without --base
	plans      []document.PlanFile
	redactor   *document.Redactor
}

// localFiles reads whole files for conftest's rules, when there are any. What cannot be read goes into the facts.
func (w *world) localFiles(ctx context.Context, e *rules.Engine, paths []string, f checkFlags, from localSources, facts *gate.Facts) ([]rules.File, error) {
	if !e.WantsFiles() {
		return nil, nil
	}
	workers, err := sandbox.New(sandbox.Limits{})
	if err != nil {
		return nil, outside(err)
	}
	reader := formats.New(workers)
	defer reader.Close()
	named := map[string]bool{}
	for _, p := range paths {
		named[filepath.ToSlash(filepath.Clean(p))] = true
		named[filepath.Base(p)] = named[filepath.Base(p)] || !filepath.IsLocal(p) // the tree's root may be its folder
	}
	collected, err := formats.Collect(ctx, reader, formats.Wanted{
		Head: from.head, Base: from.base, Plans: from.plans, Redactor: from.redactor, Parser: f.parser,
		Named: func(path string) bool { return named[path] },
	})
	if err != nil {
		return nil, outside(fmt.Errorf("read the files to judge: %w", err))
	}
	facts.Problems = append(facts.Problems, collected.Problems...)
	facts.Unjudged = append(facts.Unjudged, collected.Unjudged...)
	files := make([]rules.File, len(collected.Files))
	for i, file := range collected.Files {
		files[i] = rules.File(file)
	}
	return files, nil
}

// localData reads what --data names: files, and every JSON and YAML file in folders.
func localData(names []string) ([]rules.Data, error) {
	var out []rules.Data
	for _, name := range names {
		err := filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !slices.Contains([]string{".json", ".yaml", ".yml"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path) //nolint:gosec // the user names it
			if err != nil {
				return err
			}
			d := rules.Data{File: filepath.ToSlash(path), Text: text}
			rel, err := filepath.Rel(name, filepath.Dir(path))
			if err == nil && rel != "." && rel != ".." {
				d.At = strings.Split(filepath.ToSlash(rel), "/")
			}
			out = append(out, d)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("--data %s: %w", name, err)
		}
	}
	if len(names) > 0 && len(out) == 0 {
		return nil, fmt.Errorf("--data %s: no JSON or YAML file is there", strings.Join(names, ", "))
	}
	return out, nil
}
