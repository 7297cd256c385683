package rules

import (
	"runtime"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// documentType is what decides which rules look at a document.
type documentType struct {
	kind, typ, group string
	pods             bool
}

func typeOf(d *gate.Document) documentType {
	return documentType{d.Kind, d.Type, d.Group, d.PodPath != nil}
}

// dispatched is which rules the documents at hand need.
type dispatched struct {
	byType  map[documentType][]*source
	sources []*source // all of them, in the order of the catalogue
}

func (e *Engine) dispatch(in *Input) *dispatched {
	d := &dispatched{byType: map[documentType][]*source{}}
	for i := range in.Documents {
		if in.answered(i) {
			continue
		}
		key := typeOf(&in.Documents[i])
		if _, ok := d.byType[key]; ok {
			continue
		}
		var list []*source
		for _, s := range e.rules {
			if s.rule.inspects(key) {
				list = append(list, s)
			}
		}
		d.byType[key] = list
	}
	wanted := map[*source]bool{}
	for _, list := range d.byType {
		for _, s := range list {
			wanted[s] = true
		}
	}
	for _, s := range e.rules {
		if wanted[s] {
			d.sources = append(d.sources, s)
		}
	}
	return d
}

// inspects reports whether the rule looks at documents of a type.
func (r *Rule) inspects(t documentType) bool {
	for _, entry := range r.Inspects[t.kind] {
		switch {
		case entry == "*", entry == t.typ:
			return true
		case t.kind == gate.KindKubernetes && entry == "Pod" && t.pods:
			return true
		case t.kind == gate.KindKubernetes:
			if group, kind, ok := strings.Cut(entry, "/"); ok && group == t.group && kind == t.typ {
				return true
			}
		}
	}
	return false
}

func maxWorkers() int { return runtime.GOMAXPROCS(0) }
