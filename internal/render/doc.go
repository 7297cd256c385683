// Package render makes Kubernetes manifests of the kustomizations and Helm charts of a tree, in memory. What is rendered, and from
// which files, is found out here; the rendering itself, by the libraries of kustomize and Helm, happens in a worker process (see
// package sandbox), which gets the files of one root and nothing else. Nothing is fetched: what asks for the network, for a program
// or for a cluster is refused, with the file and the line that ask for it.
package render

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// Limits of one rendering.
const (
	maxRoots  = 1000     // of one tree
	maxFile   = 8 << 20  // bytes of one file that is parsed here
	maxInputs = 64 << 20 // bytes of the files of one root
	maxDeaths = 3        // roots of one run that may end the worker; the others are then refused
)

// code is the problem code of everything that is wrong with a root.
const code = "render"

// Renderer implements [document.Renderer].
type Renderer struct{ worker func() sandbox.Caller }

// New makes a renderer whose work happens in the children that workers starts.
func New(workers *sandbox.Workers) *Renderer {
	return With(func() sandbox.Caller { return workers.Session() })
}

// With makes a renderer whose work is done by the workers that it is given: one for each call of Render, which closes it.
func With(worker func() sandbox.Caller) *Renderer { return &Renderer{worker} }

// root is something to render.
type root struct {
	name       string
	file       string // the kustomization or the Chart.yaml, where problems with the whole point
	configured bool
	found      bool // nobody asked for it: it stands on its own, and is rendered as it stands
	inputs     []string
	problem    *gate.Problem
	job        job
}

// job is what the worker gets.
type job struct {
	Kind      string            // kustomize or helm
	Dir       string            // of the kustomization or the chart
	File      string            // that describes it
	Files     map[string][]byte // by path in the tree
	Links     map[string]string `json:",omitempty"` // "CHART NAME" -> directory: dependencies that a chart refers to with file://
	Values    []string          `json:",omitempty"` // paths among Files
	Inline    []byte            `json:",omitempty"` // more values, YAML, over those
	Set       []setting         `json:",omitempty"` // and over those
	Release   string            `json:",omitempty"`
	Namespace string            `json:",omitempty"`

	Overlay    []byte            `json:",omitempty"` // a kustomization on top of that in Dir, seen from a folder beside the tree
	Substitute map[string]string `json:",omitempty"` // ${NAME} in what comes out
}

// reply is what the worker answers.
type reply struct {
	Objects []document.RenderedObject
	Used    []string // the files that were read, as far as the worker knows
	Problem *gate.Problem
}

// run is one call of Render.
type run struct {
	session sandbox.Caller
	done    map[string]*reply // by digest of the job
	deaths  int
}

// Render implements [document.Renderer]. Equal inputs are rendered once, whichever trees they stand in. What stood on its own in a
// tree does so in those before it, whatever includes or deploys it there: a pull request cannot take an overlay out of judgement by
// laying another one, or an Application, on top of it.
func (r *Renderer) Render(ctx context.Context, trees []document.Tree, options document.RenderOptions) ([]document.Rendered, error) {
	out := make([]document.Rendered, len(trees))
	work := &run{session: r.worker(), done: map[string]*reply{}}
	defer work.session.Close()
	keep := map[string]bool{}
	for i, tree := range slices.Backward(trees) {
		if tree == nil {
			continue
		}
		roots, err := find(ctx, tree, options, keep, &out[i])
		if err != nil {
			return nil, err
		}
		for k := range roots {
			set, err := work.render(ctx, &roots[k])
			if err != nil {
				return nil, err
			}
			if roots[k].found && set.Problem == nil {
				keep[roots[k].job.Kind+" "+roots[k].job.Dir] = true
			}
			out[i].Sets = append(out[i].Sets, *set)
		}
	}
	return out, nil
}

func (w *run) render(ctx context.Context, r *root) (*document.RenderedSet, error) {
	set := &document.RenderedSet{Name: r.name, Configured: r.configured, Inputs: r.inputs, Problem: r.problem}
	if r.job.Kind == kindHelm {
		set.Chart, set.Values, set.Namespace = r.job.Dir, r.job.Values, r.job.Namespace
	}
	if r.problem != nil {
		return set, nil
	}
	size := 0
	for _, data := range r.job.Files {
		size += len(data)
	}
	if size > maxInputs {
		set.Problem = &gate.Problem{
			Code: "limit", File: r.file, Message: fmt.Sprintf("is made of %d MiB of files, more than the limit of %d", size>>20, maxInputs>>20),
			Remedy: "Split it, or keep large files outside of it.",
		}
		return set, nil
	}
	request, err := json.Marshal(&r.job)
	if err != nil {
		return nil, fmt.Errorf("write down what to render for %s: %w", r.name, err)
	}
	key := ledger.Digest(request)
	answer := w.done[key]
	if answer == nil {
		if answer, err = w.ask(ctx, r, request); err != nil {
			return nil, err
		}
		w.done[key] = answer
	}
	if set.Problem = answer.Problem; set.Problem != nil {
		return set, nil
	}
	set.Objects = answer.Objects
	if answer.Used != nil {
		set.Inputs = answer.Used
	}
	return set, nil
}

// ask lets the worker render.
func (w *run) ask(ctx context.Context, r *root, request []byte) (*reply, error) {
	failed := func(code, message, remedy string) *reply {
		return &reply{Problem: &gate.Problem{Code: code, File: r.file, Message: message, Remedy: remedy}}
	}
	if w.deaths >= maxDeaths {
		return failed("limit", "was not rendered, because others met the limits of the worker process before it", "Correct those first."), nil
	}
	data, err := w.session.Call(ctx, request)
	var death *sandbox.Death
	switch {
	case errors.As(err, &death) && death.Limit:
		w.deaths++
		return failed("limit", "cannot be rendered: "+death.Error(), "Look for what repeats itself without end or grows without bound, or split it."), nil
	case errors.As(err, &death):
		w.deaths++
		return failed(code, "cannot be rendered: "+death.Error(), "Try to render it on your own machine, and simplify what fails there."), nil
	case err != nil:
		return nil, fmt.Errorf("render %s: %w", r.name, err)
	}
	var answer reply
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("read what came of %s: %w", r.name, err)
	}
	return &answer, nil
}

// Answer is the worker's side: a job comes in, a reply goes out.
func Answer(request []byte) (response []byte) {
	var j job
	var answer reply
	if err := json.Unmarshal(request, &j); err != nil {
		answer.Problem = &gate.Problem{Code: "internal", Message: "The worker process does not understand what it shall render: " + err.Error()}
	} else {
		answer = j.render()
	}
	if answer.Problem != nil {
		answer.Problem.Message = j.withoutSecrets(answer.Problem.Message)
	}
	if answer.Problem == nil && answer.Objects == nil {
		answer.Objects = []document.RenderedObject{}
	}
	out, err := json.Marshal(&answer)
	if err != nil {
		return []byte(`{"Problem":{"code":"internal","message":"The worker process cannot write down what it rendered"}}`)
	}
	return out
}

// render renders. Libraries have panicked on hostile input before.
func (j *job) render() (answer reply) {
	defer func() {
		if r := recover(); r != nil {
			answer = reply{Problem: &gate.Problem{
				Code: code, File: j.File, Message: fmt.Sprintf("cannot be rendered: the program that renders it gave up: %.200v", r),
				Remedy: "Try to render it on your own machine, and simplify what fails there.",
			}}
		}
	}()
	if j.Kind == kindHelm {
		return j.helm()
	}
	return j.kustomize()
}

const (
	kindKustomize = "kustomize"
	kindHelm      = "helm"
)
