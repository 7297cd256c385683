package judge

import (
	"context"
	"fmt"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// Given is what a job is done with.
type Given struct {
	Head, Base document.Tree // the change, and the commit that it is held against
	Redactor   *document.Redactor
	Renderer   document.Renderer
	Parser     func() sandbox.Caller // reads files with conftest's parsers

	// Engine gives the compiled rules, or what is wrong with them.
	Engine func(ctx context.Context, p *Policies) (*rules.Engine, []gate.Problem, error)

	// Watch is told what is done.
	Watch Watch
}

// Watch is told what is done, so that work which does not end can be put down to something.
type Watch interface {
	rules.Watcher
	Step(what string)               // the next step of the work begins
	File(name string) (done func()) // a file is about to be read
}

// Judge makes documents of both sides and lets the rules judge them. What is wrong with the input is in the result. The error is of
// whoever gives the files.
func Judge(ctx context.Context, job *Job, given Given) (*Result, error) {
	options := job.Options
	options.Redactor, options.Renderer, options.Doing = given.Redactor, given.Renderer, given.Watch.File
	given.Watch.Step("reading the files to judge")
	built := document.Build(ctx, given.Head, given.Base, options)
	if built.Err != nil {
		return nil, fmt.Errorf("read the files to judge: %w", built.Err)
	}
	r := &Result{
		Documents: built.Documents, Changes: built.Changes, Plans: built.Plans, Missing: built.Missing,
		Problems: built.Problems, Unjudged: built.Unjudged,
	}
	if err := digestChanges(r.Changes, r.Documents); err != nil {
		return nil, err
	}
	if err := r.evaluate(ctx, job, given); err != nil {
		return nil, err
	}
	given.Watch.Step("finding the lines at fault")
	if err := document.PointAt(ctx, given.Head, &built, r.Evaluation.Findings); err != nil {
		return nil, fmt.Errorf("find the lines at fault: %w", err)
	}
	if job.Evidence != nil {
		given.Watch.Step("packing what the rules saw")
		r.keep(job)
	}
	return r, ctx.Err()
}

// evaluate lets the rules judge.
func (r *Result) evaluate(ctx context.Context, job *Job, given Given) error {
	if r.Problems = append(r.Problems, job.Policies.Problems...); len(job.Policies.Problems) > 0 {
		return nil
	}
	given.Watch.Step("compiling the rules")
	engine, problems, err := given.Engine(ctx, &job.Policies)
	if err != nil {
		return err
	}
	r.Problems = append(r.Problems, problems...)
	if engine == nil {
		return nil
	}
	if err := r.wholeFiles(ctx, job, given, engine); err != nil {
		return err
	}
	given.Watch.Step("judging")
	r.Evaluation = engine.Evaluate(ctx, rules.Input{Documents: r.Documents, Files: r.Files, PullRequest: job.PullRequest, Watcher: given.Watch})
	return nil
}

// wholeFiles reads whole files for the rules of conftest's dialect, when there are any: those that the pull request changes, or all of
// them where everything blocks, and the plans that were handed in.
func (r *Result) wholeFiles(ctx context.Context, job *Job, given Given, engine *rules.Engine) error {
	if r.Whole = engine.WantsFiles(); !r.Whole {
		return nil
	}
	given.Watch.Step("reading whole files for the rules of conftest's dialect")
	changed, was := map[string]bool{}, map[string]string{}
	for _, f := range job.Files {
		changed[f.Path] = true
		if f.OldPath != "" {
			was[f.Path] = f.OldPath
		}
	}
	reader := formats.With(given.Parser())
	defer reader.Close()
	wanted := formats.Wanted{Head: given.Head, Base: given.Base, Was: was, Plans: job.Options.Plans, Redactor: given.Redactor}
	if job.Policies.Scope != rules.ScopeAll {
		wanted.Changed = func(path string) bool { return changed[path] }
	}
	collected, err := formats.Collect(ctx, reader, wanted)
	if err != nil {
		return fmt.Errorf("read whole files: %w", err)
	}
	r.Problems = append(r.Problems, collected.Problems...)
	r.Unjudged = append(r.Unjudged, collected.Unjudged...)
	for _, file := range collected.Files {
		r.Files = append(r.Files, rules.File(file))
	}
	return nil
}
