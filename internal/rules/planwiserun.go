package rules

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
)

// fileInput is one document of a file. A plan's changes are read one by one where rules ask for those of some types, and the whole
// document only for rules that look at all of it.
type fileInput struct {
	text json.RawMessage

	once  sync.Once
	term  *ast.Term
	err   error
	split sync.Once
	plan  *plannedChanges // nil: it is no plan
}

func fileInputs(documents []json.RawMessage) []*fileInput {
	if documents == nil {
		return nil
	}
	out := make([]*fileInput, len(documents))
	for i, document := range documents {
		out[i] = &fileInput{text: document}
	}
	return out
}

// whole is the document.
func (f *fileInput) whole() (*ast.Term, error) {
	f.once.Do(func() { f.term, f.err = newDecoder().decode(f.text) })
	return f.term, f.err
}

// changes are those of a plan; nil when the document is none.
func (f *fileInput) changes() *plannedChanges {
	f.split.Do(func() { f.plan = cutPlan(f.text) })
	return f.plan
}

// plannedChanges are a plan's resource_changes, in their order.
type plannedChanges struct {
	texts [][]byte
	types []string // "" where there is none, or where it is no text
	terms []*ast.Term
}

// cutPlan finds the changes of a plan without reading them; nil when the text has no list of objects under resource_changes.
func cutPlan(text []byte) *plannedChanges {
	var list []byte
	if !eachField(text, func(key, value []byte) {
		if string(key) == "resource_changes" {
			list = value
		}
	}) || len(list) == 0 || list[0] != '[' {
		return nil
	}
	p := &plannedChanges{}
	if !eachItem(list, func(item []byte) { p.texts = append(p.texts, item) }) {
		return nil
	}
	p.types, p.terms = make([]string, len(p.texts)), make([]*ast.Term, len(p.texts))
	parallelChunks(len(p.texts), func(_, i int) {
		ok := eachField(p.texts[i], func(key, value []byte) {
			if string(key) == "type" {
				p.types[i] = ""
				_ = json.Unmarshal(value, &p.types[i]) //nolint:errcheck // no text: no rule's type
			}
		})
		if !ok {
			p.texts[i] = nil
		}
	})
	if slices.ContainsFunc(p.texts, func(text []byte) bool { return text == nil }) {
		return nil
	}
	return p
}

// read decodes the changes of some types; nil: all.
func (p *plannedChanges) read(types []string) error {
	wanted := asSet(types)
	var todo []int
	for i := range p.texts {
		if p.terms[i] == nil && (types == nil || wanted[p.types[i]]) {
			todo = append(todo, i)
		}
	}
	decoders := make([]*decoder, maxWorkers())
	errs := make([]error, len(decoders))
	for i := range decoders {
		decoders[i] = newDecoder()
	}
	parallelChunks(len(todo), func(worker, i int) {
		term, err := decoders[worker].decode(p.texts[todo[i]])
		if err != nil {
			errs[worker] = err
			return
		}
		p.terms[todo[i]] = term
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// inputs are what rules see that look at changes of some types one by one: those, and nothing else.
func (p *plannedChanges) inputs(definitions []planwise) []*ast.Term {
	made, out := map[string]*ast.Term{}, make([]*ast.Term, len(definitions))
	for i, d := range definitions {
		if d.whole {
			continue
		}
		name := "all"
		if d.types != nil {
			name = "of " + strings.Join(d.types, " ")
		}
		if made[name] == nil {
			made[name] = p.input(d.types)
		}
		out[i] = made[name]
	}
	return out
}

func (p *plannedChanges) input(types []string) *ast.Term {
	wanted := asSet(types)
	var list []*ast.Term
	for i, term := range p.terms {
		if types == nil || wanted[p.types[i]] {
			list = append(list, term)
		}
	}
	return ast.ObjectTerm([2]*ast.Term{ast.StringTerm("resource_changes"), ast.ArrayTerm(list...)})
}

func asSet(list []string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, item := range list {
		set[item] = true
	}
	return set
}

// chunk is how many small pieces of work one worker takes at a time.
const chunk = 64

func parallelChunks(n int, do func(worker, i int)) {
	parallel((n+chunk-1)/chunk, func(worker, c int) {
		for i := c * chunk; i < min(n, (c+1)*chunk); i++ {
			do(worker, i)
		}
	})
}

// planned asks the definitions of a rule about a plan, each about the changes that it can say something about.
func (r *foreignRun) planned(rule *conftestRule, store storage.Store, file *fileInput, plan *plannedChanges) (ast.Value, error) {
	types := []string{}
	for _, d := range rule.planwise {
		if !d.whole {
			types = union(types, d.types)
		}
	}
	if err := plan.read(types); err != nil {
		return nil, err
	}
	sets, errs := make([][]*ast.Term, len(rule.planwise)), make([]error, len(rule.planwise))
	stoppers := r.stoppers()
	inputs := plan.inputs(rule.planwise)
	parallel(len(rule.planwise), func(worker, i int) {
		if rule.planwise[i].whole {
			if inputs[i], errs[i] = file.whole(); errs[i] != nil {
				return
			}
		}
		q := foreignQuery{rule.value.compiler, rule.planwise[i].body, rule.value.builtins}
		errs[i] = q.run(r.ctx, store, inputs[i], stoppers[worker], r.limits.RuleTime, func(v ast.Value) { sets[i] = append(sets[i], ast.NewTerm(v)) })
	})
	all := ast.NewSet()
	for i := range sets {
		if errs[i] != nil {
			return nil, errs[i]
		}
		for _, member := range sets[i] {
			all.Add(member)
		}
	}
	return all, nil
}
