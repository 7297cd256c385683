package judge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"

	"github.com/gatehouse-dev/gatehouse/internal/attest"
	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/render"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// Worker is the worker's side. It keeps compiled rules and their answers between requests.
type Worker struct{ engines *engines }

// NewWorker makes a worker that knows the built-in rules; version is the program's, which enters the rules' digest.
func NewWorker(builtin fs.FS, version string) *Worker {
	return &Worker{engines: newEngines(builtin, version)}
}

// Answer does what a request asks. ok is false when the request is for somebody else.
func (w *Worker) Answer(parent *sandbox.Parent, message []byte) (answer []byte, ok bool) {
	message, ok = bytes.CutPrefix(message, []byte(magic))
	if !ok {
		return nil, false
	}
	answer, err := w.answer(parent, message)
	if err != nil {
		return []byte(answerFailed + err.Error()), true
	}
	return append([]byte(answerGood), answer...), true
}

func (w *Worker) answer(parent *sandbox.Parent, message []byte) ([]byte, error) {
	var r request
	parts, err := unpack(message, &r)
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	if len(parts) != len(r.Trees) {
		return nil, errBroken
	}
	debug.SetMemoryLimit(r.Memory)
	job := &running{parent: parent, request: &r, trees: map[string]document.Tree{}, watch: newWatch(parent.Doing)}
	defer job.watch.close()
	for i, name := range r.Trees {
		paths, blobs, err := listed(parts[i])
		if err != nil {
			return nil, fmt.Errorf("read the files of %s: %w", name, err)
		}
		job.trees[name] = &tree{name: name, paths: paths, blobs: blobs, ask: job.ask}
	}
	ctx := context.Background() // the parent's clock ends it
	switch r.Kind {
	case kindJudge:
		return w.judge(ctx, job)
	case kindTouched:
		return job.touched(ctx)
	case kindPlan:
		return job.plan()
	case kindSettings:
		return job.settings()
	case kindSets:
		return job.sets(ctx)
	case kindAgain:
		return w.again(ctx, job)
	}
	return nil, fmt.Errorf("the worker process does not know how to %q", r.Kind)
}

// running is one request that is being answered.
type running struct {
	parent  *sandbox.Parent
	request *request
	trees   map[string]document.Tree
	watch   *watch
}

func (j *running) redactor() *document.Redactor { return document.NewRedactor(j.request.Key) }

// ask asks the parent, which answers with a head and parts.
func (j *running) ask(q question, part []byte, head any) (parts [][]byte, err error) {
	message, err := pack(q, part)
	if err != nil {
		return nil, err
	}
	answer, err := j.parent.Ask(message)
	if err != nil {
		return nil, err
	}
	return unpack(answer, head)
}

// data asks for one of the job's pieces of data.
func (j *running) data(i int) ([]byte, error) {
	var none struct{}
	parts, err := j.ask(question{Data: &i}, nil, &none)
	if err == nil && len(parts) != 1 {
		err = errBroken
	}
	if err != nil {
		return nil, fmt.Errorf("get what is to be read: %w", err)
	}
	return parts[0], nil
}

func (w *Worker) judge(ctx context.Context, j *running) ([]byte, error) {
	job := j.request.Judge
	if job == nil {
		return nil, errBroken
	}
	for i := range job.Options.Plans {
		var err error
		if job.Options.Plans[i].Data, err = j.data(i); err != nil {
			return nil, err
		}
	}
	result, err := Judge(ctx, job, Given{
		Head: j.trees[treeHead], Base: j.trees[treeBase], Redactor: j.redactor(), Renderer: render.With(j.helper), Parser: j.helper,
		Engine: w.engines.with(j), Watch: j.watch,
	})
	if err != nil {
		return nil, err
	}
	return result.encode()
}

func (j *running) touched(ctx context.Context) ([]byte, error) {
	t := j.request.Touched
	if t == nil {
		return nil, errBroken
	}
	j.watch.Step("looking for what the Terraform project in " + t.Dir + " is made of")
	for i, list := range t.Changed {
		changed := map[string]bool{}
		for _, path := range list {
			changed[path] = true
		}
		for _, name := range j.request.Trees {
			touched, err := document.Touched(ctx, j.trees[name], t.Projects, t.Dir, changed)
			if err != nil {
				return nil, err
			}
			if touched {
				return pack(reply{First: i})
			}
		}
	}
	return pack(reply{First: -1})
}

func (j *running) plan() ([]byte, error) {
	p := j.request.Plan
	if p == nil {
		return nil, errBroken
	}
	j.watch.Step("reading the plan " + p.File)
	data, err := j.data(0)
	if err != nil {
		return nil, err
	}
	kept, problem := j.redactor().Plan(data, p.File, p.Limits)
	return pack(reply{Problem: problem}, kept)
}

// settings reads what a gate file says about policies.
func (j *running) settings() ([]byte, error) {
	j.watch.Step("reading " + repoconfig.Path)
	data, err := j.data(0)
	if err != nil {
		return nil, err
	}
	config, problems := repoconfig.Parse(repoconfig.Path, data)
	if len(problems) > 0 {
		return pack(reply{})
	}
	return pack(reply{Settings: &config.Policies})
}

func (j *running) sets(ctx context.Context) ([]byte, error) {
	if j.request.Sets == nil {
		return nil, errBroken
	}
	options := *j.request.Sets
	options.Renderer = render.With(j.helper)
	j.watch.Step("rendering what has landed")
	sets, err := attest.Sets(ctx, j.trees[treeHead], options)
	if err != nil {
		return nil, err
	}
	return pack(reply{Sets: sets})
}

// helper is another worker, which the parent starts for what may end it.
func (j *running) helper() sandbox.Caller { return helper{j} }

type helper struct{ job *running }

// Call implements [sandbox.Caller].
func (h helper) Call(_ context.Context, request []byte) ([]byte, error) {
	var head called
	parts, err := h.job.ask(question{Call: true}, request, &head)
	switch {
	case err != nil:
		return nil, err
	case head.Death != nil:
		return nil, &sandbox.Death{Reason: head.Death.Reason, Limit: head.Death.Limit}
	case len(parts) != 1:
		return nil, errBroken
	}
	return parts[0], nil
}

// Close implements [sandbox.Caller].
func (h helper) Close() {
	var none struct{}
	_, _ = h.job.ask(question{Close: true}, nil, &none) // a parent that is gone has closed it
}

// tree is a snapshot of files that the parent has.
type tree struct {
	name  string
	paths []string
	blobs map[string]string
	ask   func(q question, part []byte, head any) ([][]byte, error)
}

// Paths implements [document.Tree].
func (t *tree) Paths() []string { return t.paths }

// Blob implements [document.Tree].
func (t *tree) Blob(path string) string { return t.blobs[path] }

// Read implements [document.Tree].
func (t *tree) Read(_ context.Context, paths []string) (map[string][]byte, error) {
	if len(paths) == 0 {
		return map[string][]byte{}, nil
	}
	var head found
	parts, err := t.ask(question{Tree: t.name, Paths: paths}, nil, &head)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read files: %w", err)
	case head.Large != nil:
		return nil, &document.TooLargeError{Sizes: head.Large, Limit: head.Limit, Err: errLarge}
	case len(parts) != len(head.Paths):
		return nil, errBroken
	}
	out := make(map[string][]byte, len(parts))
	for i, path := range head.Paths {
		out[path] = parts[i]
	}
	return out, nil
}

var errLarge = errors.New("files are too large")
