package rules

import (
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// documentSet is the documents of one plan or one manifest set: each other's companions.
type documentSet struct {
	kind    string
	docs    []int                 // into the evaluation's documents, in order
	changed map[string]bool       // types of which at least one document changes
	views   [2]view               // by side
	digests map[*batch]*onceValue // of the companions that some rules read
	mu      sync.Mutex            // guards digests

	neighbours neighbourhood
}

type onceValue struct {
	once   sync.Once
	digest [32]byte
}

// view is input.plan or input.objects on one side, made when the first rule needs it.
type view struct {
	once sync.Once
	term *ast.Term
}

// noChange reports whether nothing happens to the document. One that does not say counts as changed.
func noChange(d *gate.Document) bool {
	return len(d.Actions) == 1 && d.Actions[0] == "no-op"
}

// reads reports whether rules with these uses read the document as a companion.
func (u *uses) reads(d *gate.Document) bool {
	if d.Kind == gate.KindTerraform {
		return u.planAll || u.plan[d.Type]
	}
	return u.objectsAll || u.objects[d.Type]
}

// companionsChanged reports whether anything that the rule reads beside the document changes.
func (s *documentSet) companionsChanged(u *uses) bool {
	if u.planAll || u.objectsAll {
		return len(s.changed) > 0
	}
	types := u.plan
	if s.kind != gate.KindTerraform {
		types = u.objects
	}
	for t := range types {
		if s.changed[t] {
			return true
		}
	}
	return false
}

// view gives input.plan or input.objects with the types that the program's rules mention; nil when they mention none. Companions
// were decoded before.
func (e *evaluation) view(s *documentSet, of side) *ast.Term {
	if !e.program.uses.companions() {
		return nil
	}
	index := 0
	if of == base {
		index = 1
	}
	v := &s.views[index]
	v.once.Do(func() {
		byType := map[string][][2]*ast.Term{}
		var order []string
		taken := map[string]int{} // by type and key: place among those of the type
		for _, i := range s.docs {
			doc := &e.docs[i]
			if !e.program.uses.reads(doc) {
				continue
			}
			key, value := e.companion(doc, &e.values[i], of)
			if value == nil {
				continue
			}
			if at, ok := taken[doc.Type+"\x00"+key]; ok {
				if nativeGroup(doc) { // it came after a custom resource of the same Kind and name, which must not stand for it
					byType[doc.Type][at][1] = value
				}
				continue
			}
			if byType[doc.Type] == nil {
				order = append(order, doc.Type)
			}
			taken[doc.Type+"\x00"+key] = len(byType[doc.Type])
			byType[doc.Type] = append(byType[doc.Type], [2]*ast.Term{ast.StringTerm(key), value})
		}
		pairs := make([][2]*ast.Term, len(order))
		for i, t := range order {
			pairs[i] = [2]*ast.Term{ast.StringTerm(t), ast.ObjectTerm(byType[t]...)}
		}
		v.term = ast.ObjectTerm(pairs...)
	})
	return v.term
}

// nativeGroup reports whether a Kubernetes object is of one of Kubernetes' own API groups.
func nativeGroup(d *gate.Document) bool {
	return d.Kind == gate.KindKubernetes && (!strings.Contains(d.Group, ".") || strings.HasSuffix(d.Group, ".k8s.io"))
}

// companion gives a document's key and value in the view; nil when it is not there on that side.
func (e *evaluation) companion(doc *gate.Document, v *decoded, of side) (key string, value *ast.Term) {
	n := e.names
	if v.before == nil { // it could not be decoded, which is a problem already
		return "", nil
	}
	if doc.Kind != gate.KindTerraform {
		object := v.after
		if of == base {
			object = v.before
		}
		switch {
		case object.Equal(n.null):
			return "", nil
		case doc.Kind == gate.KindKubernetes:
			return doc.Namespace + "/" + doc.Name, object
		}
		return doc.Resource, object
	}
	resource, change := v.after, v.change
	if of == base {
		if v.before.Equal(n.null) {
			return "", nil
		}
		resource, change = v.before, n.baseChange(v.change)
	}
	return doc.Resource, ast.ObjectTerm(
		[2]*ast.Term{n.resource, resource}, [2]*ast.Term{n.before, v.before}, [2]*ast.Term{n.change, change},
		[2]*ast.Term{n.name, ast.StringTerm(doc.Name)}, [2]*ast.Term{n.address, ast.StringTerm(doc.Resource)})
}

// companionDigest digests all companions that the batch reads, before and after the change.
func (e *evaluation) companionDigest(s *documentSet, b *batch) [32]byte {
	s.mu.Lock()
	value := s.digests[b]
	if value == nil {
		value = &onceValue{}
		s.digests[b] = value
	}
	s.mu.Unlock()
	value.once.Do(func() {
		h := newHasher()
		for _, i := range s.docs {
			if b.uses.reads(&e.docs[i]) {
				h.document(&e.docs[i])
			}
		}
		value.digest = h.sum()
	})
	return value.digest
}

// setsOf gives each document the plan or manifest set that it belongs to.
func setsOf(docs []gate.Document) []*documentSet {
	byName := map[string]*documentSet{}
	of := make([]*documentSet, len(docs))
	var name strings.Builder
	for i := range docs {
		name.Reset()
		name.WriteString(docs[i].Kind)
		name.WriteByte(0)
		name.WriteString(docs[i].Set)
		s := byName[name.String()]
		if s == nil {
			s = &documentSet{kind: docs[i].Kind, changed: map[string]bool{}, digests: map[*batch]*onceValue{}}
			byName[name.String()] = s
		}
		s.docs = append(s.docs, i)
		if !noChange(&docs[i]) {
			s.changed[docs[i].Type] = true
		}
		of[i] = s
	}
	return of
}
