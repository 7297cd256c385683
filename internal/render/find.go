package render

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// find lists the roots of a tree, with everything that the worker needs to render them.
func find(ctx context.Context, tree document.Tree, options document.RenderOptions) ([]root, []gate.Problem, error) {
	shown := tree.Paths()
	kustomizations, charts := named(shown, kustomizationNames...), named(shown, "Chart.yaml")
	if len(kustomizations)+len(charts)+len(options.Helm)+len(options.Kustomize) == 0 {
		return nil, nil, nil
	}
	f, err := newFiles(ctx, tree)
	if err != nil {
		return nil, nil, err
	}
	k, err := findKustomizations(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	roots, problems, err := k.roots(ctx, kustomizations, options.Kustomize)
	if err != nil {
		return nil, nil, err
	}
	c, err := findCharts(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	more, moreProblems, err := c.roots(ctx, charts, options.Helm)
	if err != nil {
		return nil, nil, err
	}
	roots, problems = append(roots, more...), append(problems, moreProblems...)
	slices.SortStableFunc(roots, func(a, b root) int { return cmp.Compare(a.name, b.name) })
	if len(roots) > maxRoots {
		problems = append(problems, gate.Problem{
			Code: "limit", File: roots[maxRoots].file, Message: fmt.Sprintf("is one of %d kustomizations and charts, more than the limit of %d", len(roots), maxRoots),
			Remedy: "Name those that are deployed in kubernetes.kustomize and kubernetes.helm.",
		})
		roots = roots[:maxRoots]
	}
	return roots, problems, nil
}
