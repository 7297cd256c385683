package document

import (
	"context"
	"crypto/sha256"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Renderer makes manifests of kustomizations and Helm charts.
type Renderer interface {
	// Render renders the roots of each tree; a tree may be nil. The answer has one element for each tree. What is wrong with a root
	// is in its set; the error is a tree's or the context's.
	Render(ctx context.Context, trees []Tree, options RenderOptions) ([]Rendered, error)
}

// RenderOptions say what is rendered.
type RenderOptions struct {
	Kustomize []string      // globs of directories that hold a kustomization; none: those that nothing else includes
	Helm      []HelmRelease // none: every chart that no other chart vendors, with its own values

	// Repository is OWNER/NAME: what Argo CD and Flux deploy from there is rendered as they do it. "": from any address.
	Repository string
}

// HelmRelease is a chart of the tree and what it is installed with.
type HelmRelease struct {
	Chart     string // directory
	Values    []string
	Release   string // "": the chart's name
	Namespace string // "": default
}

// Rendered is what came of one tree.
type Rendered struct {
	Sets []RenderedSet // sorted by name, names differ

	// Problems are about the configuration: a root that it names and that is not there.
	Problems []gate.Problem

	// Notes are about what could not be taken into account; they are shown and do not block.
	Notes []gate.Problem
}

// RenderedSet is what one root makes.
type RenderedSet struct {
	Name       string   // the root: a directory, and for a chart what it is installed as
	Configured bool     // somebody asked for it by name
	Inputs     []string // the files that went into it, sorted
	Chart      string   // the directory of a chart; "": a kustomization
	Values     []string // the files of values that a chart is rendered with, in order
	Namespace  string   // that a chart is installed into: that of its objects that leave it out; "": they have none
	Objects    []RenderedObject
	Problem    *gate.Problem // it could not be rendered; then there are no Objects
}

// RenderedObject is one document that a root made, JSON or YAML, and where in the tree it comes from.
type RenderedObject struct {
	File string
	Line int // 0: not known
	Data []byte
}

// rendered is what the roots of both sides made, as the run needs it.
type rendered struct {
	head, base         []found
	headUsed, baseUsed map[string]bool // files that are parts of a root rather than manifests of their own
}

// render renders both sides.
func (r *kubernetesRun) render(ctx context.Context) rendered {
	out := rendered{headUsed: map[string]bool{}, baseUsed: map[string]bool{}}
	if r.options.Renderer == nil {
		return out
	}
	sides, err := r.options.Renderer.Render(ctx, []Tree{r.head, r.base}, r.options.Kubernetes.Render)
	if err != nil {
		r.failed(err)
		return out
	}
	head, base := sides[0], sides[1]
	before := map[string]*RenderedSet{}
	for i := range base.Sets {
		before[base.Sets[i].Name] = &base.Sets[i]
	}
	if len(base.Problems) > 0 || r.base == nil { // else the pull request removes what is named, and its objects are deleted
		r.problem(head.Problems...)
	}
	r.result.Unjudged = append(r.result.Unjudged, head.Notes...)
	failed := map[string]bool{}
	for i := range head.Sets {
		set := &head.Sets[i]
		strict := set.Configured || r.touched(set) || r.touched(before[set.Name])
		if set.Problem != nil {
			failed[set.Name] = true
			r.report(*set.Problem, strict)
			continue
		}
		for _, file := range set.Inputs {
			out.headUsed[file] = true
		}
		if r.result.Sets == nil {
			r.result.Sets = map[string]SetSource{}
		}
		r.result.Sets[set.Name] = SetSource{Inputs: set.Inputs, Chart: set.Chart, Values: set.Values}
		out.head = append(out.head, r.objects(set, func(p gate.Problem) { r.report(p, strict) })...)
	}
	for i := range base.Sets {
		set := &base.Sets[i]
		if set.Problem != nil {
			continue
		}
		for _, file := range set.Inputs {
			out.baseUsed[file] = true
		}
		if !failed[set.Name] { // else everything would look deleted
			out.base = append(out.base, r.objects(set, func(gate.Problem) {})...)
		}
	}
	return out
}

func (r *kubernetesRun) report(p gate.Problem, strict bool) {
	if strict {
		r.problem(p)
	} else {
		r.result.Unjudged = append(r.result.Unjudged, p)
	}
}

// touched reports whether the pull request changes any file of a set.
func (r *kubernetesRun) touched(set *RenderedSet) bool {
	if set == nil {
		return false
	}
	for _, file := range set.Inputs {
		if r.changed(file) {
			return true
		}
	}
	return false
}

// objects reads what a root made, by the same path as files.
func (r *kubernetesRun) objects(set *RenderedSet, report func(gate.Problem)) []found {
	var out []found
	for i := range set.Objects {
		o := &set.Objects[i]
		sum := sha256.Sum256(o.Data)
		key := "rendered " + string(sum[:])
		m := r.known[key]
		if m == nil {
			m = r.reader.read(o.Data, false, true)
			r.known[key] = m
		}
		if m.err != nil {
			problem := m.err.problem(o.File)
			problem.Line, problem.Message = o.Line, "renders, for "+set.Name+", to text that "+m.err.message
			report(problem)
		}
		for _, s := range m.strange {
			report(gate.Problem{
				Code: "kubernetes", File: o.File, Line: o.Line, Message: "renders, for " + set.Name + ", to what " + s.why,
				Remedy: "Give each document that it makes an apiVersion and a kind.",
			})
		}
		for k := range m.objects {
			object := m.objects[k]
			if strings.HasSuffix(object.group, "kustomize.config.k8s.io") {
				continue
			}
			object.line = o.Line
			out = append(out, found{set: set.Name, file: o.File, kubeObject: &object, release: set.Namespace})
		}
	}
	return out
}
