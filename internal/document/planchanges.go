package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/recall"
)

// planReader makes documents of one plan.
type planReader struct {
	plan     *plan
	file     string
	config   *configuration
	redactor *Redactor

	recall   *recall.Memory // whose changes need no values; nil: none
	noted    *recall.Memory // what the next reading can recall; nil: nobody asked
	tagger   *recall.Tagger
	recalled []int // by change: its number in recall, 0 when it has values
}

// rawChange is a resource change as it stands in the plan, cut but not decoded.
type rawChange struct {
	address, previous, module, mode, kind, name, index, provider, deposed, reason []byte

	actions, before, after, unknown, beforeSensitive, afterSensitive, replacePaths []byte
}

func cutChange(raw []byte) rawChange {
	var c rawChange
	fieldsWithin(raw, "change", func(key, value []byte) {
		switch string(key) {
		case `"address"`:
			c.address = value
		case `"previous_address"`:
			c.previous = value
		case `"module_address"`:
			c.module = value
		case `"mode"`:
			c.mode = value
		case `"type"`:
			c.kind = value
		case `"name"`:
			c.name = value
		case `"index"`:
			c.index = value
		case `"provider_name"`:
			c.provider = value
		case `"deposed"`:
			c.deposed = value
		case `"action_reason"`:
			c.reason = value
		}
	}, c.within)
	return c
}

// within takes one field of the change itself. A second change of one resource stands for the first one.
func (c *rawChange) within(key, value []byte) {
	switch string(key) {
	case "":
		c.actions, c.before, c.after, c.unknown, c.beforeSensitive, c.afterSensitive, c.replacePaths = nil, nil, nil, nil, nil, nil, nil
	case `"actions"`:
		c.actions = value
	case `"before"`:
		c.before = value
	case `"after"`:
		c.after = value
	case `"after_unknown"`:
		c.unknown = value
	case `"before_sensitive"`:
		c.beforeSensitive = value
	case `"after_sensitive"`:
		c.afterSensitive = value
	case `"replace_paths"`:
		c.replacePaths = value
	}
}

// spareDocuments is how many documents a plan commonly makes besides those of its resources.
const spareDocuments = 512

// resources are the documents of resource_changes and deferred_changes. Each has the line of its change in the plan.
func (r *planReader) resources() ([]gate.Document, *gate.Problem) {
	items, lines := r.items(r.plan.changed)
	r.resolveReferences(items)
	if r.config.overflow() {
		return nil, &gate.Problem{
			Code: "limit", File: r.file, Remedy: "Split the project into smaller ones.",
			Message: fmt.Sprintf("has references that lead to more than %d addresses, which is the limit", maxResolved),
		}
	}
	docs := make([]gate.Document, len(items), len(items)+len(r.plan.waiting)+spareDocuments)
	var broken atomic.Int64
	parallel(len(items), func(from, to int) {
		for i := from; i < to; i++ {
			if !r.bare(&docs[i], i) && !r.document(&docs[i], items[i], false) {
				broken.CompareAndSwap(0, int64(i)+1)
			}
			docs[i].Line = lines[i]
			r.note(&docs[i], i)
		}
	})
	deferred, deferredLines := r.items(r.plan.waiting)
	for i, item := range deferred {
		var doc gate.Document
		var change []byte
		fields(item, func(key, value []byte) {
			if isKey(key, "resource_change") {
				change = value
			}
		})
		if !r.document(&doc, change, true) {
			return nil, r.broken(deferredLines[i], "deferred_changes", i)
		}
		doc.Line = deferredLines[i]
		docs = append(docs, doc)
	}
	if n := broken.Load(); n > 0 {
		return nil, r.broken(lines[n-1], "resource_changes", int(n-1))
	}
	return docs, nil
}

func (r *planReader) broken(line int, list string, index int) *gate.Problem {
	return &gate.Problem{
		Code: "terraform", File: r.file, Line: line,
		Message: fmt.Sprintf("is not a Terraform plan: %s[%d] is not a resource change", list, index), Remedy: makePlan + r.file,
	}
}

// items are the elements of a list of the plan and the line of each.
func (r *planReader) items(list []span) ([][]byte, []int) {
	items, lines := make([][]byte, len(list)), make([]int, len(list))
	data := r.plan.data
	at, line := 0, 1
	for i, s := range list {
		line += bytes.Count(data[at:s.start], []byte{'\n'})
		at = s.start
		items[i], lines[i] = data[s.start:s.end:s.end], line
		if r.recall != nil && s.recalled > 0 {
			line += r.recall.Changes[s.recalled-1].Lines
			at = s.end
		}
	}
	return items, lines
}

// document fills in the document of one resource change; false: it is not one.
func (r *planReader) document(doc *gate.Document, raw []byte, deferred bool) bool {
	c := cutChange(raw)
	address, kind := text(c.address), text(c.kind)
	actions := actionWords(c.actions)
	if address == "" || kind == "" || actions == nil {
		return false
	}
	doc.Kind, doc.Type, doc.Name, doc.Actions = gate.KindTerraform, kind, text(c.name), actions
	doc.Resource = address
	if deposed := text(c.deposed); deposed != "" {
		// A resource can have a current and deposed objects in one plan; they must not hide each other.
		doc.Resource += " (deposed object " + deposed + ")"
	}
	completeMarks(&c)
	doc.Before, doc.After = r.state(c.before, c.beforeSensitive), r.state(c.after, c.afterSensitive)
	if deferred {
		// Nothing about it is certain: all of it counts as unknown, and it must not look deleted.
		c.unknown = []byte("true")
		if doc.After == nil && !isDelete(actions) {
			doc.After = []byte("{}")
		}
	}
	doc.Change = r.change(c, address)
	return true
}

// completeMarks gives a change its masks, completed, in place of its own.
func completeMarks(c *rawChange) {
	if text(c.kind) == "kubernetes_manifest" {
		c.beforeSensitive, c.afterSensitive = manifestMask(c.before, c.beforeSensitive), manifestMask(c.after, c.afterSensitive)
	}
	c.beforeSensitive, c.afterSensitive = marks(c)
}

// marks are the masks of a change, completed: what one side marks is secret on the other, too, and so is whatever repeats or holds a marked text
// anywhere else in the resource. All of that is marked for the rules as well. A rule that saw a token without a mark would take it for a value,
// and whoever marks "0.0.0.0/0" in a description could hide it in a rule of a firewall.
func marks(c *rawChange) (before, after []byte) {
	before, after = unionMask(c.beforeSensitive, c.afterSensitive), unionMask(c.afterSensitive, c.beforeSensitive)
	if !hasTrue(before) && !hasTrue(after) {
		return before, after
	}
	secrets := map[string]bool{}
	secretStrings(c.before, before, secrets)
	secretStrings(c.after, after, secrets)
	before, after = spread(c.before, before, secrets), spread(c.after, after, secrets)
	before, after = unionMask(before, after), unionMask(after, before)
	if len(c.after) == 0 || c.after[0] == 'n' {
		after = c.afterSensitive // there is nothing that could be secret
	}
	return before, after
}

// manifestMask also marks the data of a Secret that is written as a kubernetes_manifest, which the provider does not.
func manifestMask(value, mask []byte) []byte {
	parts := byName(value)
	for _, part := range []string{"manifest", "object"} {
		if kind := byName(parts[part])["kind"]; len(kind) > 0 && strings.EqualFold(text(kind), "Secret") {
			return unionMask(orElse(mask, "{}"), []byte(`{"manifest":{"data":true,"stringData":true},"object":{"data":true,"stringData":true}}`))
		}
	}
	return mask
}

func isDelete(actions []string) bool { return len(actions) == 1 && actions[0] == "delete" }

func (r *planReader) state(value, mask []byte) []byte {
	if len(value) == 0 || value[0] == 'n' {
		return nil
	}
	return r.redactor.masked(value, mask)
}

// actionWords reads the list of actions; nil when it is none.
func actionWords(raw []byte) []string {
	switch string(raw) {
	case `["create"]`:
		return []string{"create"}
	case `["no-op"]`:
		return []string{"no-op"}
	case `["update"]`:
		return []string{"update"}
	}
	var words []string
	if len(raw) == 0 || !isStrings(raw) {
		return nil
	}
	elements(raw, func(value []byte) { words = append(words, text(value)) })
	return words
}

// change is the JSON of input.change.
func (r *planReader) change(c rawChange, address string) []byte {
	config := withoutIndexes(address)
	references, provisioners, configured := []byte("{}"), []byte("[]"), []byte("[]")
	if resource := r.config.resources[config]; resource != nil {
		references, configured = resource.references, resource.configured
		if len(resource.provisioners) > 0 {
			provisioners = r.provisioners(resource)
		}
	}
	out := make([]byte, 0, 256+len(c.unknown)+len(c.afterSensitive)+len(references)+len(provisioners)+2*len(address))
	out = append(append(out, `{"actions":`...), c.actions...)
	out = append(append(out, `,"unknown":`...), mask(uncertain(c.unknown, c.afterSensitive))...)
	out = append(append(out, `,"sensitive":`...), mask(c.afterSensitive)...)
	out = append(append(out, `,"mode":`...), orElse(c.mode, `"managed"`)...)
	out = append(append(out, `,"module":`...), orElse(c.module, `""`)...)
	out = appendString(append(out, `,"config_address":`...), config)
	out = append(append(out, `,"references":`...), references...)
	out = append(append(out, `,"configured":`...), configured...)
	out = append(append(out, `,"provisioners":`...), provisioners...)
	out = append(append(out, `,"replace_paths":`...), orElse(c.replacePaths, `[]`)...)
	for _, optional := range []struct {
		key   string
		value []byte
	}{
		{`,"previous_address":`, c.previous}, {`,"reason":`, c.reason}, {`,"provider":`, c.provider},
		{`,"index":`, c.index}, {`,"deposed":`, c.deposed},
	} {
		if len(optional.value) > 0 && optional.value[0] != 'n' {
			out = append(append(out, optional.key...), optional.value...)
		}
	}
	return append(out, '}')
}

// mask is a mask as rules see it: an object, or true for all of it.
func mask(raw []byte) []byte {
	if len(raw) == 0 || raw[0] == 'f' || raw[0] == 'n' {
		return []byte("{}")
	}
	return raw
}

func orElse(raw []byte, other string) []byte {
	if len(raw) == 0 || raw[0] == 'n' {
		return []byte(other)
	}
	return raw
}

// unionMask is the mask own with what other marks besides. A secret may be marked only on one side of a change, when a variable
// is declared sensitive by it, and is the same secret on the other. Lists keep their own length.
func unionMask(own, other []byte) []byte {
	if len(own) == 0 {
		return other
	}
	if !hasTrue(other) || bytes.Equal(own, other) {
		return own
	}
	if own[0] != '{' && own[0] != '[' || own[0] != other[0] {
		if string(own) == "true" {
			return own
		}
		if hasTrue(own) {
			return []byte("true")
		}
		return other
	}
	if own[0] == '[' {
		var others [][]byte
		elements(other, func(value []byte) { others = append(others, value) })
		out, i := []byte{'['}, 0
		elements(own, func(value []byte) {
			if i > 0 {
				out = append(out, ',')
			}
			if i < len(others) {
				value = unionMask(value, others[i])
			}
			out = append(out, value...)
			i++
		})
		return append(out, ']')
	}
	merged := byName(own)
	for key, value := range byName(other) {
		merged[key] = unionMask(merged[key], value)
	}
	out := []byte{'{'}
	for key, value := range sorted(merged) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(appendString(out, key), ':'), value...)
	}
	return append(out, '}')
}

// uncertain marks what either mask marks. A sensitive value is a token by the time a rule sees it, so nobody can tell what it is:
// it counts as unknown. Else an author could hide an open port from the rules by calling it sensitive.
func uncertain(unknown, sensitive []byte) []byte {
	if !hasTrue(sensitive) {
		return unknown
	}
	var a, b any
	if len(unknown) > 0 && json.Unmarshal(unknown, &a) != nil || json.Unmarshal(sensitive, &b) != nil {
		return []byte("true") // masks that cannot be read: nothing about the resource is certain
	}
	merged, err := json.Marshal(unionOf(a, b))
	if err != nil {
		return []byte("true")
	}
	return merged
}

func unionOf(a, b any) any {
	switch x := a.(type) {
	case bool:
		if x {
			return true
		}
		return b
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			return orTrue(b, a)
		}
		for key, value := range y {
			x[key] = unionOf(x[key], value)
		}
		return x
	case []any:
		y, ok := b.([]any)
		if !ok {
			return orTrue(b, a)
		}
		for i, value := range y {
			if i < len(x) {
				x[i] = unionOf(x[i], value)
			} else {
				x = append(x, value)
			}
		}
		return x
	}
	return b
}

// orTrue is true when mask is, and else the other.
func orTrue(mask, other any) any {
	if mask == true {
		return true
	}
	return other
}
