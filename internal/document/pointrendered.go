package document

import (
	"bytes"
	"context"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// SetSource is what a set of rendered objects is made of.
type SetSource struct {
	Inputs []string
	Chart  string   // directory of the chart; "": a kustomization
	Values []string // the value files that the chart is rendered with, in order
}

// sourcePointer finds where the value that a finding names was written: for objects that were rendered, the patch or the setting of a
// kustomization, the template or the value file of a chart; for Terraform resources, the attribute or block of the source.
type sourcePointer struct {
	ctx   context.Context //nolint:containedctx // of one call of PointAt
	head  Tree
	sets  map[string]SetSource
	docs  map[string]*gate.Document
	files map[string][]byte
	read  map[string][]*value
	hcl   map[string]*hclsyntax.Body
	made  map[*gate.Document]*value
	err   error
	left  int // bytes that may still be read
}

// maxPointed is how many bytes are read to find the sources of findings. What lies beyond only costs them their exact line.
const maxPointed = 64 << 20

func newSourcePointer(ctx context.Context, head Tree, built *Result) *sourcePointer {
	p := &sourcePointer{
		ctx: ctx, head: head, docs: map[string]*gate.Document{}, files: map[string][]byte{}, read: map[string][]*value{},
		hcl: map[string]*hclsyntax.Body{}, made: map[*gate.Document]*value{}, left: maxPointed,
	}
	if built == nil {
		return p
	}
	p.sets = built.Sets
	for i := range built.Documents {
		doc := &built.Documents[i]
		_, rendered := p.sets[doc.Set]
		if doc.After != nil && (doc.Kind == gate.KindKubernetes && rendered || doc.Kind == gate.KindTerraform && doc.Line > 0) {
			p.docs[placeKey(doc.Resource, doc.File, doc.Line)] = doc
		}
	}
	return p
}

func placeKey(resource, file string, line int) string {
	return resource + "\x00" + file + "\x00" + string(appendInt(nil, line))
}

// point moves a finding to its source, when that can be told; else ok is false.
func (p *sourcePointer) point(f *gate.Finding, steps []step) (ok bool) {
	doc := p.docs[placeKey(f.Resource, f.File, f.Line)]
	if doc == nil || len(steps) == 0 {
		return false
	}
	w := &wanted{doc: doc, steps: steps, object: p.object(doc)}
	if w.object == nil {
		return false
	}
	w.target = follow(w.object, w.object, steps)
	set := p.sets[doc.Set]
	var found place
	if set.Chart != "" {
		found, ok = p.inChart(set, f, w)
	} else {
		found, ok = p.inKustomization(set, f, w)
	}
	if ok && found.line > 0 {
		f.File, f.Line = found.file, found.line
		return true
	}
	return false
}

// wanted is the value that a finding is about.
type wanted struct {
	doc    *gate.Document
	object *value // as it was rendered
	steps  []step
	target *value // nil: the object leaves it out
}

func (w *wanted) scalar() bool {
	return w.target != nil && w.target.kind != objectKind && w.target.kind != array
}

// same reports whether a value is the one wanted.
func (w *wanted) same(v *value) bool {
	return v != nil && w.target != nil && bytes.Equal(v.appendJSON(nil), w.target.appendJSON(nil))
}

func (p *sourcePointer) object(doc *gate.Document) *value {
	if v, known := p.made[doc]; known {
		return v
	}
	p.made[doc] = nil
	if values, err := jsonValues(doc.After, Limits{}.withDefaults()); err == nil && len(values) == 1 {
		p.made[doc] = values[0]
	}
	return p.made[doc]
}

// content is a file's content, nil when it cannot be had.
func (p *sourcePointer) content(file string) []byte {
	data, known := p.files[file]
	if known || p.err != nil {
		return data
	}
	p.files[file] = nil
	contents, err := p.head.Read(p.ctx, []string{file})
	if err != nil {
		p.err = err
		return nil
	}
	if p.left -= len(contents[file]); p.left >= 0 && len(contents[file]) <= maxText {
		p.files[file] = contents[file]
	}
	return p.files[file]
}

func (p *sourcePointer) documents(file string) []*value {
	documents, known := p.read[file]
	if !known {
		documents = parseForLines(p.content(file))
		p.read[file] = documents
	}
	return documents
}

// follow is the value at steps of v. Where a step is the index of a list in like, whose items have names, the item of that name is taken,
// for patches hold only those that they change.
func follow(v, like *value, steps []step) *value {
	for n := 0; n < len(steps); n++ {
		if v == nil {
			return nil
		}
		if steps[n].name == "" {
			v, like = element(v, like, steps[n].index)
			continue
		}
		name := steps[n].name
		for v.get(name) == nil && n+1 < len(steps) && steps[n+1].name != "" { // a key with dots
			n++
			name += "." + steps[n].name
		}
		v = v.get(name)
		if like != nil {
			like = like.get(name)
		}
	}
	return v
}

func element(v, like *value, index int) (*value, *value) {
	if v.kind != array {
		return nil, nil
	}
	if like == nil || like.kind != array || index >= len(like.items) {
		if index < len(v.items) {
			return v.items[index], nil
		}
		return nil, nil
	}
	wanted := like.items[index]
	for _, key := range []string{"name", "containerPort", "mountPath", "key"} {
		if name := wanted.get(key); name != nil {
			for _, item := range v.items {
				if other := item.get(key); other != nil && other.text == name.text {
					return item, wanted
				}
			}
			return nil, nil
		}
	}
	if index < len(v.items) {
		return v.items[index], wanted
	}
	return nil, nil
}

// lineIn is the line of the last of steps in v.
func lineIn(v, like *value, steps []step) int {
	if len(steps) == 0 {
		return v.line
	}
	last := steps[len(steps)-1]
	parent := follow(v, like, steps[:len(steps)-1])
	if parent == nil {
		return 0
	}
	for i := range parent.keys {
		if parent.keys[i].name == last.name {
			return parent.keys[i].line
		}
	}
	if found := follow(v, like, steps); found != nil {
		return found.line
	}
	return 0
}

// pointer is the JSON pointer of steps, indexes as numbers.
func pointer(steps []step) string {
	var out strings.Builder
	for _, s := range steps {
		out.WriteByte('/')
		if s.name == "" {
			out.Write(appendInt(nil, s.index))
		} else {
			out.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(s.name))
		}
	}
	return out.String()
}
