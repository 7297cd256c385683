package pipeline

import (
	"context"
	"fmt"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// files reads whole files for the rules of conftest's dialect, when the repository has any: those that the pull request changes, or
// all of them where everything blocks, and the plans that were handed in.
func (g *gatherer) files(ctx context.Context, engine *rules.Engine, plans []document.PlanFile) ([]rules.File, error) {
	if !engine.WantsFiles() {
		return nil, nil
	}
	if g.Workers == nil {
		g.problem(gate.Problem{
			Code: "rules", Message: "the rules of conftest's dialect cannot be run here: there are no worker processes to read files in",
			Remedy: "Tell whoever runs Gatehouse.",
		})
		return nil, nil
	}
	changed, was := map[string]bool{}, map[string]string{}
	for _, f := range g.facts.Files {
		changed[f.Path] = true
		if f.OldPath != "" {
			was[f.Path] = f.OldPath
		}
	}
	reader := formats.New(g.Workers)
	defer reader.Close()
	wanted := formats.Wanted{Head: g.head, Base: g.old, Was: was, Plans: plans, Redactor: g.Redactor}
	if g.facts.Scope != rules.ScopeAll {
		wanted.Changed = func(path string) bool { return changed[path] }
	}
	collected, err := formats.Collect(ctx, reader, wanted)
	if err != nil {
		return nil, fmt.Errorf("read whole files: %w", err)
	}
	g.problem(collected.Problems...)
	g.facts.Unjudged = append(g.facts.Unjudged, collected.Unjudged...)
	files := make([]rules.File, len(collected.Files))
	for i, file := range collected.Files {
		files[i] = rules.File(file)
	}
	return files, nil
}
