package rules

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
)

// fileInput is one document of a file. A plan's changes are read one by one where rules ask for those of some types, and the whole
// document only for rules that look at all of it.
type fileInput struct {
	name string // of the file
	text json.RawMessage

	once  sync.Once
	term  *ast.Term
	err   error
	split sync.Once
	plan  *plannedChanges // nil: it is no plan
}

func fileInputs(name string, documents []json.RawMessage) []*fileInput {
	if documents == nil {
		return nil
	}
	out := make([]*fileInput, len(documents))
	for i, document := range documents {
		out[i] = &fileInput{name: name, text: document}
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
	texts   [][]byte
	types   []string // "" where there is none, or where it is no text
	all     []int    // the number of each
	byType  map[string][]int
	terms   []*ast.Term
	reads   map[string]*reads // of a change, by type
	answers map[*conftestRule]planAnswer
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
	p.all, p.byType = make([]int, len(p.types)), map[string][]int{}
	for i, kind := range p.types {
		p.all[i] = i
		p.byType[kind] = append(p.byType[kind], i)
	}
	return p
}

// prepare forgets what was decoded for others.
func (p *plannedChanges) prepare(all []*inquiry) {
	clear(p.terms)
	p.reads = map[string]*reads{}
	for kind := range p.byType {
		p.reads[kind] = &reads{}
		for _, a := range all {
			switch {
			case a.whole || a.types != nil && !slices.Contains(a.types, kind):
			case a.planwise.reads == nil:
				p.reads[kind].whole = true
			default:
				p.reads[kind].add(a.planwise.reads)
			}
		}
	}
}

// read decodes some changes, as far as anybody reads them.
func (p *plannedChanges) read(wanted []bool) error {
	var todo []int
	for i := range p.texts {
		if wanted[i] && p.terms[i] == nil {
			todo = append(todo, i)
		}
	}
	decoders := make([]*decoder, maxWorkers())
	errs := make([]error, len(decoders))
	for i := range decoders {
		decoders[i] = newDecoder()
	}
	parallelChunks(len(todo), func(worker, i int) {
		n := todo[i]
		term, err := decoders[worker].part(p.texts[n], p.reads[p.types[n]])
		if err != nil {
			errs[worker] = err
			return
		}
		p.terms[n] = term
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// of are the changes of some types; nil: all.
func (p *plannedChanges) of(types []string) []int {
	if types == nil {
		return p.all
	}
	var list []int
	for _, kind := range types {
		list = append(list, p.byType[kind]...)
	}
	return list
}

// input is a plan with some changes and nothing else.
func (p *plannedChanges) input(changes []int) *ast.Term {
	list := make([]*ast.Term, len(changes))
	for i, n := range changes {
		list[i] = p.terms[n]
	}
	return ast.ObjectTerm([2]*ast.Term{ast.StringTerm("resource_changes"), ast.ArrayTerm(list...)})
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
