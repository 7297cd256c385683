package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
)

// links says what becomes of changed symbolic links and submodules.
func (g *gatherer) links(ctx context.Context, diff []gitmirror.FileChange) error {
	var changed []gitmirror.Entry
	var blobs []string
	for _, c := range diff {
		if entry, ok := g.head.odd[c.Path]; ok {
			changed = append(changed, entry)
			if entry.Mode == gitmirror.ModeSymlink {
				blobs = append(blobs, entry.Blob)
			}
		}
	}
	if len(changed) == 0 {
		return nil
	}
	slices.Sort(blobs)
	targets, err := g.Mirror.Blobs(ctx, g.mirror, slices.Compact(blobs), gitmirror.Limits{PerBlob: 4096, Total: maxFile})
	if err != nil {
		return fmt.Errorf("read where symbolic links lead: %w", err)
	}
	links := make([]document.Link, 0, len(changed))
	for _, entry := range changed {
		links = append(links, document.Link{
			Path: writable(entry.Path), Target: string(targets[entry.Blob]), Submodule: entry.Mode == gitmirror.ModeSubmodule,
		})
	}
	options := document.Options{Kubernetes: KubernetesOptions(g.config.Kubernetes, ""), Files: g.config.Files.ByKind()}
	problems, unjudged := document.Links(links, options, func(path string) string { return path }, g.head.holds)
	g.problem(problems...)
	g.facts.Unjudged = append(g.facts.Unjudged, unjudged...)
	return nil
}

// holds reports whether a tree has a file of a path, or one below it.
func (t *tree) holds(path string) bool {
	return t.blobs[path] != "" || slices.ContainsFunc(t.paths, func(p string) bool { return strings.HasPrefix(p, path+"/") })
}
