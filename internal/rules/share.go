package rules

import (
	"encoding/binary"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Most resources of a large plan are alike in what a rule looks at. A rule's answer therefore serves every document that agrees
// with an earlier one on all that the rule reads; see [reads]. What is compared is the text of the values: equal texts are equal
// values.

// A sharePlan says what to look at in a document for the rules of one batch.
type sharePlan struct {
	root   *shareNode
	tokens int     // how many places a document's tokens take
	rules  [][]int // by rule of the batch: which tokens make its key; nil: its answers cannot be shared
}

// shareNode is a node of the rules' reads put together.
type shareNode struct {
	token int // the shape: missing, an object, or a value that is none; the whole value follows at token+1
	whole bool
	keys  map[string]*shareNode
}

func newSharePlan(rules []*compiledRule) *sharePlan {
	p := &sharePlan{rules: make([][]int, len(rules))}
	p.root = p.node()
	any := false
	for i, r := range rules {
		if r.shared() {
			any = true
			p.rules[i] = p.add(p.root, r.reads, []int{})
		}
	}
	if !any {
		return nil
	}
	return p
}

// shared reports whether the rule's answers may serve other documents: it does not look at all of input, nor at the shortlist of
// neighbours, which is each document's own.
func (r *compiledRule) shared() bool {
	return !r.reads.whole && !r.uses.neighbours && len(r.reads.keys) > 0
}

func (p *sharePlan) node() *shareNode {
	p.tokens += 2
	return &shareNode{token: p.tokens - 2}
}

func (p *sharePlan) add(n *shareNode, r *reads, tokens []int) []int {
	if r.whole {
		n.whole = true
		return append(tokens, n.token+1)
	}
	tokens = append(tokens, n.token)
	for _, key := range r.sortedKeys() {
		child := n.keys[key]
		if child == nil {
			if n.keys == nil {
				n.keys = map[string]*shareNode{}
			}
			child = p.node()
			n.keys[key] = child
		}
		tokens = p.add(child, r.keys[key], tokens)
	}
	return tokens
}

// Tokens of shapes; those of values follow.
const (
	tokenMissing = iota
	tokenObject
	tokenFirst
)

// Bounds on what one worker keeps of one batch.
const (
	maxAnswers  = 1 << 16
	maxTokens   = 1 << 17
	triedEnough = 128 // questions after which a rule that hardly ever has an answer already is simply asked
)

// shareMemory is what one worker has learned of one batch on one plan or manifest set.
type shareMemory struct {
	plan    *sharePlan
	ids     map[string]uint32 // token of a value's text
	tokens  []uint32          // of the document at hand
	answers []map[string][]raw
	asked   []int
	hits    []int
	kept    int
	plain   []bool // by rule: asked for each document
	key     []byte
	found   [][]raw

	plainBatch *batch // of the rules that are plain; nil: none are
	plainReads *reads
}

type memoryKey struct {
	batch *batch
	set   *documentSet
}

// memory gives the worker's memory for a batch; nil when nothing can be shared.
func (j *judgement) memory(b *batch) *shareMemory {
	if b.share == nil || j.engine.apart {
		return nil
	}
	key := memoryKey{b, j.set}
	m := j.memories[key]
	if m == nil {
		n := len(b.rules)
		m = &shareMemory{
			plan: b.share, ids: map[string]uint32{}, tokens: make([]uint32, b.share.tokens), answers: make([]map[string][]raw, n),
			asked: make([]int, n), hits: make([]int, n), plain: make([]bool, n), found: make([][]raw, n),
		}
		for i := range m.answers {
			m.answers[i] = map[string][]raw{}
			m.plain[i] = b.share.rules[i] == nil
		}
		j.memories[key] = m
		j.settlePlain(m, b)
	}
	return m
}

// settlePlain puts the rules together that are asked for each document.
func (j *judgement) settlePlain(m *shareMemory, b *batch) {
	var list []*compiledRule
	m.plainReads = &reads{}
	for i, r := range b.rules {
		if m.plain[i] {
			list = append(list, r)
			m.plainReads.add(r.reads)
		}
	}
	m.plainBatch = nil
	if len(list) > 0 {
		var err error
		if m.plainBatch, err = j.program.batch(list); err != nil {
			j.memories[memoryKey{b, j.set}] = nil
		}
	}
}

// sharedQuery answers for the head like query, from answers about documents that are alike where it can. ok is false when it must be
// done the long way, which also tells what failed.
func (j *judgement) sharedQuery(b *batch) (raws []raw, ok bool) {
	m := j.memory(b)
	if m == nil {
		return nil, false
	}
	for _, r := range b.rules {
		if j.dead[r.number].Load() {
			return nil, false
		}
	}
	if m.kept > maxAnswers || len(m.ids) > maxTokens { // tokens mean nothing without those that they were compared with
		clear(m.ids)
		for i := range m.answers {
			clear(m.answers[i])
		}
		m.kept = 0
	}
	clear(m.tokens)
	if !m.look(j.doc) {
		return nil, false
	}
	clear(m.found)
	resettle := false
	for i, r := range b.rules {
		if m.plain[i] {
			continue
		}
		m.key = m.key[:0]
		for _, token := range m.plan.rules[i] {
			m.key = binary.LittleEndian.AppendUint32(m.key, m.tokens[token])
		}
		m.asked[i]++
		if answer, known := m.answers[i][string(m.key)]; known {
			m.hits[i]++
			m.found[i] = answer
			continue
		}
		answer, ok := j.askPart(b.alone[i], r.reads)
		if !ok {
			return nil, false
		}
		m.answers[i][string(m.key)] = answer
		m.kept++
		m.found[i] = answer
		if m.asked[i] >= triedEnough && m.hits[i]*4 < m.asked[i] {
			m.plain[i], resettle = true, true
			clear(m.answers[i])
		}
	}
	if m.plainBatch != nil {
		answers, ok := j.askPart(m.plainBatch, m.plainReads)
		if !ok {
			return nil, false
		}
		raws = append(raws, answers...)
	}
	for _, answers := range m.found {
		raws = append(raws, answers...)
	}
	if resettle {
		j.settlePlain(m, b)
	}
	return raws, true
}

// askPart asks rules that read no more of the document than r says.
func (j *judgement) askPart(b *batch, r *reads) (raws []raw, ok bool) {
	values := *j.values
	if b.uses.neighbours || r.whole || j.doc.Kind != gate.KindTerraform {
		if err := j.names.decode(j.decoder, j.doc, j.values); err != nil {
			return nil, false
		}
		values = *j.values
	} else if err := j.names.decodePart(j.decoder, j.doc, &values, r); err != nil {
		return nil, false
	}
	var context, neighbours *ast.Term
	if b.uses.companions() {
		context = j.view(j.set, head)
	}
	if b.uses.neighbours && j.doc.Kind == gate.KindTerraform {
		neighbours = j.neighbours(j.set, j.doc, j.values)
	}
	raws, err := j.run(b, j.names.input(j.doc, &values, head, context, neighbours, j.pullRequest, r))
	j.outOfTime(b, err)
	return raws, err == nil
}

// look fills in the tokens of a document; false: it is not the JSON that it should be.
func (m *shareMemory) look(doc *gate.Document) bool {
	ok := true
	for name, node := range m.plan.root.keys {
		switch name {
		case "kind":
			m.text(node, doc.Kind)
		case "type":
			m.text(node, doc.Type)
		case "group":
			m.text(node, doc.Group)
		case "name":
			m.text(node, doc.Name)
		case "namespace":
			m.text(node, doc.Namespace)
		case "address":
			m.text(node, doc.Resource)
		case "environment":
			m.text(node, doc.Environment)
		case "file":
			m.text(node, doc.File)
		case "pod_path":
			m.text(node, podPlace(doc))
		case "resource":
			ok = ok && m.value(node, orNull(doc.After))
		case "before":
			ok = ok && m.value(node, orNull(doc.Before))
		case "change":
			ok = ok && m.change(node, doc)
		case "pod":
			ok = ok && m.pod(node, doc)
		}
		// input.plan, input.objects and input.pull_request are the same for all documents of a set; other names are in no input.
	}
	return ok
}

func orNull(text []byte) []byte {
	if len(text) == 0 {
		return []byte("null")
	}
	return text
}

// podPlace tells documents without a Pod template from those that have one, and where.
func podPlace(doc *gate.Document) string {
	if doc.PodPath == nil || doc.After == nil {
		return "none"
	}
	return "at " + strings.Join(doc.PodPath, ".")
}

func (m *shareMemory) text(n *shareNode, text string) {
	m.tokens[n.token] = m.id("\x00", []byte(text))
	m.tokens[n.token+1] = m.tokens[n.token]
}

// id gives equal texts one token. kind keeps texts of different sorts apart.
func (m *shareMemory) id(kind string, text []byte) uint32 {
	if kind != "" {
		text = append([]byte(kind), text...)
	}
	id, ok := m.ids[string(text)]
	if !ok {
		id = uint32(len(m.ids)) + tokenFirst
		m.ids[string(text)] = id
	}
	return id
}

// change looks at input.change: what the document says, and the actions.
func (m *shareMemory) change(n *shareNode, doc *gate.Document) bool {
	text := doc.Change
	if len(text) == 0 {
		text = []byte("{}")
	}
	if !m.value(n, text) {
		return false
	}
	actions := "\x01" + strings.Join(doc.Actions, " ")
	if n.whole {
		m.tokens[n.token+1] = m.id(actions+"\x01", text)
	}
	if own := n.keys["actions"]; own != nil {
		m.text(own, actions)
	}
	return true
}

// pod looks at input.pod, the part of the resource that is its Pod template.
func (m *shareMemory) pod(n *shareNode, doc *gate.Document) bool {
	if doc.PodPath == nil || doc.After == nil {
		return true
	}
	text := []byte(doc.After)
	for _, step := range doc.PodPath {
		var next []byte
		ok := eachField(text, func(key, value []byte) {
			if string(key) == step {
				next = value
			}
		})
		if !ok {
			return false
		}
		if next == nil {
			text = []byte("{}")
			break
		}
		text = next
	}
	return m.value(n, text)
}

// value looks at one value and, where rules look into it, at its fields.
func (m *shareMemory) value(n *shareNode, text []byte) bool {
	if len(text) == 0 {
		return false
	}
	if n.whole {
		m.tokens[n.token+1] = m.id("", text)
	}
	if text[0] != '{' {
		m.tokens[n.token] = m.id("", text)
		return true
	}
	m.tokens[n.token] = tokenObject
	if len(n.keys) == 0 {
		return true
	}
	ok := true
	whole := eachField(text, func(key, value []byte) {
		if child := n.keys[string(key)]; child != nil {
			m.forget(child) // of a key that occurs twice the last value counts
			ok = m.value(child, value) && ok
		}
	})
	return ok && whole
}

func (m *shareMemory) forget(n *shareNode) {
	m.tokens[n.token], m.tokens[n.token+1] = tokenMissing, tokenMissing
	for _, child := range n.keys {
		m.forget(child)
	}
}
