package rules

import (
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Most rules about companions ask "which bucket policy of the plan is mine?". Looking at every one of them for every bucket makes
// a large plan's work grow with its square, so the engine keeps an index and hands each resource its neighbours: a shortlist
// that leaves out only what certainly is none. What a neighbour means is still up to the rule.

// identities are the attributes by whose value one resource names another. A rule that compares others must look at all.
func identities() []string { return []string{"arn", "bucket", "id", "identifier", "name", "self_link"} }

// neighbourhood is the index of one plan.
type neighbourhood struct {
	once      sync.Once
	referring map[string][]int // configuration address to the documents whose expressions refer to it
	byAddress map[string][]int // configuration address to the documents of it
	holding   map[string][]int // text to the documents that have an attribute of that value
	named     map[string][]int // text to the documents that are identified by it
	loose     map[string]*onceTerm
	mu        sync.Mutex // guards loose
	keys      *ast.Term
}

type onceTerm struct {
	once sync.Once
	term *ast.Term
}

func (e *evaluation) neighbourhood(s *documentSet) *neighbourhood {
	n := &s.neighbours
	n.once.Do(func() {
		n.referring, n.byAddress = map[string][]int{}, map[string][]int{}
		n.holding, n.named = map[string][]int{}, map[string][]int{}
		n.loose = map[string]*onceTerm{}
		keys := identities()
		terms := make([]*ast.Term, len(keys))
		for i, key := range keys {
			terms[i] = ast.StringTerm(key)
		}
		n.keys = ast.ArrayTerm(terms...)
		for _, i := range s.docs {
			if !e.program.uses.reads(&e.docs[i]) || e.values[i].change == nil {
				continue
			}
			v := &e.values[i]
			for address := range references(v.change) {
				n.referring[address] = append(n.referring[address], i)
			}
			if address := configAddress(v.change); address != "" {
				n.byAddress[address] = append(n.byAddress[address], i)
			}
			eachText(v, func(name, text string) {
				n.holding[text] = append(n.holding[text], i)
				if slices.Contains(keys, name) {
					n.named[text] = append(n.named[text], i)
				}
			})
		}
	})
	return n
}

// neighbours is input.neighbours of a document: {related: addresses, loose: {attribute: addresses}, keys: identities}.
func (e *evaluation) neighbours(s *documentSet, doc *gate.Document, v *decoded) *ast.Term {
	n := e.neighbourhood(s)
	found := map[int]bool{}
	add := func(list []int) {
		for _, i := range list {
			found[i] = true
		}
	}
	if address := configAddress(v.change); address != "" {
		add(n.referring[address])
	}
	for address := range references(v.change) {
		add(n.byAddress[address])
	}
	keys := identities()
	eachText(v, func(name, text string) {
		if slices.Contains(keys, name) {
			add(n.holding[text])
		}
		add(n.named[text])
	})
	order := make([]int, 0, len(found))
	for i := range found {
		order = append(order, i)
	}
	slices.Sort(order)
	terms := make([]*ast.Term, len(order))
	for i, at := range order {
		terms[i] = ast.StringTerm(e.docs[at].Resource)
	}
	return ast.ObjectTerm(
		[2]*ast.Term{ast.StringTerm("related"), ast.ArrayTerm(terms...)},
		[2]*ast.Term{ast.StringTerm("loose"), e.loose(n, s, doc.Type)},
		[2]*ast.Term{ast.StringTerm("keys"), n.keys},
	)
}

// loose gives, for each attribute, the companions of which it is known only after apply and whose expression for it leads to no
// resource of the type: nobody can tell whom they mean.
func (e *evaluation) loose(n *neighbourhood, s *documentSet, typ string) *ast.Term {
	n.mu.Lock()
	one := n.loose[typ]
	if one == nil {
		one = &onceTerm{}
		n.loose[typ] = one
	}
	n.mu.Unlock()
	one.once.Do(func() {
		lists := map[string][]*ast.Term{}
		needle := typ + "."
		for _, i := range s.docs {
			v := &e.values[i]
			if v.change == nil || !e.program.uses.reads(&e.docs[i]) {
				continue
			}
			unknown, ok := get(v.change, "unknown").(ast.Object)
			if !ok {
				continue
			}
			named, _ := get(v.change, "references").(ast.Object)
			unknown.Foreach(func(k, mask *ast.Term) {
				attribute, ok := k.Value.(ast.String)
				if !ok || mask.Equal(ast.InternedTerm(false)) || leadsTo(named, k, needle) {
					return
				}
				lists[string(attribute)] = append(lists[string(attribute)], ast.StringTerm(e.docs[i].Resource))
			})
		}
		pairs := make([][2]*ast.Term, 0, len(lists))
		for attribute, terms := range lists {
			pairs = append(pairs, [2]*ast.Term{ast.StringTerm(attribute), ast.ArrayTerm(terms...)})
		}
		one.term = ast.ObjectTerm(pairs...)
	})
	return one.term
}

// leadsTo reports whether the references of an attribute name a resource of the type.
func leadsTo(named ast.Object, attribute *ast.Term, needle string) bool {
	if named == nil {
		return false
	}
	list := named.Get(attribute)
	if list == nil {
		return false
	}
	found := false
	eachString(list.Value, func(address string) { found = found || strings.Contains(address, needle) })
	return found
}

func get(object *ast.Term, key string) ast.Value {
	o, ok := object.Value.(ast.Object)
	if !ok {
		return nil
	}
	if t := o.Get(ast.InternedTerm(key)); t != nil {
		return t.Value
	}
	return nil
}

func configAddress(change *ast.Term) string {
	address, _ := get(change, "config_address").(ast.String)
	return string(address)
}

// references gives every configuration address that a resource's expressions refer to.
func references(change *ast.Term) map[string]bool {
	named, ok := get(change, "references").(ast.Object)
	if !ok {
		return nil
	}
	found := map[string]bool{}
	named.Foreach(func(_, list *ast.Term) {
		eachString(list.Value, func(address string) { found[address] = true })
	})
	return found
}

func eachString(v ast.Value, use func(string)) {
	switch v := v.(type) {
	case ast.String:
		use(string(v))
	case *ast.Array:
		v.Foreach(func(t *ast.Term) {
			if s, ok := t.Value.(ast.String); ok {
				use(string(s))
			}
		})
	}
}

// eachText gives the texts among a resource's own attributes, before and after the change.
func eachText(v *decoded, use func(name, text string)) {
	for i, side := range []*ast.Term{v.after, v.before} {
		object, ok := side.Value.(ast.Object)
		if !ok || i == 1 && v.before == v.after {
			continue
		}
		object.Foreach(func(k, t *ast.Term) {
			name, named := k.Value.(ast.String)
			text, ok := t.Value.(ast.String)
			if named && ok && text != "" {
				use(string(name), string(text))
			}
		})
	}
}
