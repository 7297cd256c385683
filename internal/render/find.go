package render

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// find lists the roots of a tree, with everything that the worker needs to render them. Those to keep, by kind and directory, are
// roots also when something includes or deploys them. Problems and notes go into out.
func find(ctx context.Context, tree document.Tree, options document.RenderOptions, keep map[string]bool, out *document.Rendered) ([]root, error) {
	shown := tree.Paths()
	kustomizations, charts := named(shown, kustomizationNames...), named(shown, "Chart.yaml")
	if len(kustomizations)+len(charts)+len(options.Helm)+len(options.Kustomize) == 0 {
		return nil, nil
	}
	f, err := newFiles(ctx, tree)
	if err != nil {
		return nil, err
	}
	d := &deployments{}
	if len(options.Kustomize) == 0 || len(options.Helm) == 0 {
		if d, err = findDeployments(ctx, f, shown, options.Repository); err != nil {
			return nil, err
		}
	}
	k, err := findKustomizations(ctx, f)
	if err != nil {
		return nil, err
	}
	roots, problems, err := k.roots(ctx, kustomizations, options.Kustomize, d.found, keep)
	if err != nil {
		return nil, err
	}
	c, err := findCharts(ctx, f)
	if err != nil {
		return nil, err
	}
	more, moreProblems, err := c.roots(ctx, charts, options.Helm, d.found, keep)
	if err != nil {
		return nil, err
	}
	out.Problems, out.Notes = append(problems, moreProblems...), d.notes
	roots = unique(append(append(roots, more...), d.failed...))
	if len(roots) > maxRoots {
		out.Problems = append(out.Problems, gate.Problem{
			Code: "limit", File: roots[maxRoots].file, Message: fmt.Sprintf("is one of %d kustomizations and charts, more than the limit of %d", len(roots), maxRoots),
			Remedy: "Name those that are deployed in kubernetes.kustomize and kubernetes.helm.",
		})
		roots = roots[:maxRoots]
	}
	return roots, nil
}

// topmost are the candidates that nothing visible includes, and of those that only each other, or what is no candidate, include, the
// first: following edges, from what includes to what it includes, from what is returned reaches every candidate. So nothing leaves judgement by
// being included in a circle, or by something that is itself not rendered.
func topmost(candidates, visible map[string]bool, edges map[string][]string) []string {
	included := map[string]bool{}
	for from, targets := range edges {
		for _, target := range targets {
			included[target] = included[target] || visible[from] && from != target
		}
	}
	reached := map[string]bool{}
	var reach func(name string)
	reach = func(name string) {
		if !reached[name] {
			reached[name] = true
			for _, next := range edges[name] {
				reach(next)
			}
		}
	}
	var out []string
	sorted := slices.DeleteFunc(slices.Sorted(maps.Keys(candidates)), func(name string) bool { return !candidates[name] })
	for _, again := range []bool{false, true} {
		for _, name := range sorted {
			if !included[name] && !again || again && !reached[name] {
				out = append(out, name)
				reach(name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// unique sorts roots by name and tells those apart that have the same one.
func unique(roots []root) []root {
	slices.SortStableFunc(roots, func(a, b root) int { return cmp.Compare(a.name, b.name) })
	count := 0
	for i := 1; i < len(roots); i++ {
		if roots[i].name == roots[i-1-count].name {
			count++
			roots[i].name += fmt.Sprintf(" (%d)", count+1)
		} else {
			count = 0
		}
	}
	slices.SortStableFunc(roots, func(a, b root) int { return cmp.Compare(a.name, b.name) })
	return roots
}
