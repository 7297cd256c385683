package document

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"
)

// isJSON is json.Valid, in a third of its time.
func isJSON(data []byte) bool {
	s := scanner{data: data, depth: 10_000}
	end, err := s.value(s.space(0), 0)
	return err == nil && s.space(end) == len(data)
}

// plainEscapes reports whether no character is escaped that need not be; encoding/json and Terraform escape <, > and &, too.
func plainEscapes(data []byte) bool {
	for {
		i := bytes.IndexByte(data, '\\')
		if i < 0 {
			return true
		}
		if data = data[i+1:]; len(data) == 0 {
			return false
		}
		switch data[0] {
		case '/':
			return false
		case 'u':
			if len(data) < 5 || data[1] == '0' && data[2] == '0' && data[3] >= '2' && data[3] <= '7' &&
				!slices.Contains([]string{"3c", "3e", "26"}, strings.ToLower(string(data[3:5]))) {
				return false
			}
		}
		data = data[1:]
	}
}

// quiet reports whether a part of a plan has no secrets in it: it marks nothing as sensitive, and holds no Secret of Kubernetes. It may
// say no of a part that has none.
func quiet(part []byte) bool { return unmarked(part) && withoutObjects(part) }

// unmarked reports whether a part marks nothing as sensitive.
func unmarked(part []byte) bool {
	for rest := part; ; {
		_, after, found := bytes.Cut(rest, []byte("sensitive"))
		if !found {
			break
		}
		rest = after
		// Of sensitive, after_sensitive and sensitive_values the key ends here. Anything else may be in the middle of a text, and what
		// follows its quote (which may be escaped) no JSON.
		if end := bytes.TrimPrefix(after, []byte("_values")); len(end) > 0 && end[0] == '"' && hasTrue(valueAfter(end[1:])) {
			return false
		}
	}
	return true
}

// withoutObjects reports whether a part holds no objects of Kubernetes with secrets in them.
func withoutObjects(part []byte) bool {
	if bytes.Contains(part, []byte(lastApplied)) {
		return false
	}
	for rest := part; ; {
		_, after, found := bytes.Cut(rest, []byte(`"kind"`))
		if !found {
			return true
		}
		kind := text(valueAfter(after))
		if strings.EqualFold(kind, "Secret") || strings.EqualFold(kind, "SecretList") || strings.HasPrefix(kind, "Encryption") {
			return false
		}
		rest = after
	}
}

// valueAfter is the value that follows the end of a key in checked JSON; nil when it was no key.
func valueAfter(rest []byte) []byte {
	i := skipSpace(rest, 0)
	if i >= len(rest) || rest[i] != ':' {
		return nil
	}
	i = skipSpace(rest, i+1)
	return rest[i:skip(rest, i)]
}

// plan is a plan without its secrets. The parts that have none, which is nearly everything of a large plan, stay as they are. ok is false
// when it must be done at once: for what is no object, or has a kind itself.
func (r *Redactor) plan(data []byte) (out []byte, ok bool) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || data[0] != '{' {
		return nil, false
	}
	parts := map[string][]byte{}
	fields(data, func(key, value []byte) { parts[text(key)] = value })
	if parts["kind"] != nil {
		return nil, false
	}
	m := planMasker{redactor: r, secrets: map[string]bool{}}
	lists := map[string][][]byte{}
	for name, part := range parts {
		switch name {
		case "resource_changes", "resource_drift", "deferred_changes":
			lists[name] = m.list(name, part)
		case "variables", "configuration":
		default:
			parts[name] = m.alone(name, part)
		}
	}
	m.variables(parts)
	pieces := [][]byte{{'{'}}
	for i, name := range slices.Sorted(maps.Keys(parts)) {
		if i > 0 {
			pieces = append(pieces, []byte{','})
		}
		pieces = append(pieces, append(appendString(nil, name), ':'))
		if list, ok := lists[name]; ok {
			pieces = append(pieces, list...)
		} else {
			pieces = append(pieces, parts[name])
		}
	}
	return m.join(append(pieces, []byte{'}'})), true
}

// planMasker replaces the secrets of a plan's parts.
type planMasker struct {
	redactor *Redactor
	secrets  map[string]bool // the texts that were replaced
}

// join puts the pieces of a plan together, without the secrets that are also where nothing marks them.
func (m *planMasker) join(pieces [][]byte) []byte {
	if len(m.secrets) > 0 {
		inChunks(len(pieces), 64, func(from, to int) {
			for i := from; i < to; i++ {
				pieces[i] = m.redactor.withoutSpelled(pieces[i], m.secrets)
			}
		})
	}
	size := 0
	for _, piece := range pieces {
		size += len(piece)
	}
	out := make([]byte, 0, size)
	for _, piece := range pieces {
		out = append(out, piece...)
	}
	return out
}

// list goes through a list item by item and gives its pieces.
func (m *planMasker) list(name string, part []byte) [][]byte {
	if len(part) == 0 || part[0] != '[' || quiet(part) {
		return [][]byte{part}
	}
	var items [][]byte
	elements(part, func(item []byte) { items = append(items, item) })
	var mu sync.Mutex
	inChunks(len(items), 64, func(from, to int) {
		found := map[string]bool{}
		for i := from; i < to; i++ {
			items[i] = m.item(name, items[i], found)
		}
		mu.Lock()
		defer mu.Unlock()
		maps.Copy(m.secrets, found)
	})
	out := append(make([][]byte, 0, 2*len(items)+2), []byte{'['})
	for i, item := range items {
		if i > 0 {
			out = append(out, []byte{','})
		}
		out = append(out, item)
	}
	return append(out, []byte{']'})
}

// item masks one item of a list.
func (m *planMasker) item(name string, item []byte, secrets map[string]bool) []byte {
	if quiet(item) {
		return item
	}
	if name == "resource_changes" && withoutObjects(item) {
		if out, ok := m.redactor.marked(item, secrets); ok {
			return out
		}
	}
	one := decodeAny(slices.Concat([]byte{'['}, item, []byte{']'}))
	m.redactor.maskPlan(map[string]any{name: one}, secrets)
	list, ok := one.([]any)
	if !ok || len(list) != 1 {
		return []byte("null")
	}
	return marshal(m.redactor.maskSecrets(list[0]))
}

// marked masks what a resource change marks, in its text. ok is false for what is spelled in an unusual way.
func (r *Redactor) marked(item []byte, secrets map[string]bool) (out []byte, ok bool) {
	if item[0] != '{' {
		return nil, false
	}
	changes := 0
	ok = true
	out = append(make([]byte, 0, len(item)), '{')
	fields(item, func(key, value []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(out, key...), ':')
		switch string(key) {
		case `"resource_change"`:
			ok = false
		case `"change"`:
			changes++
			var plain bool
			out, plain = r.appendMarked(out, value, secrets)
			ok = ok && plain
		default:
			out = append(out, value...)
		}
	})
	return append(out, '}'), ok && changes == 1
}

func (r *Redactor) appendMarked(out, change []byte, secrets map[string]bool) ([]byte, bool) {
	if change[0] != '{' {
		return out, false
	}
	masks, seen := map[string][]byte{}, 0
	fields(change, func(key, value []byte) {
		seen++
		masks[string(key)] = value
	})
	out = append(out, '{')
	first := true
	fields(change, func(key, value []byte) {
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(append(out, key...), ':')
		if mask := masks[`"`+text(key)+`_sensitive"`]; (string(key) == `"before"` || string(key) == `"after"`) && hasTrue(mask) && string(value) != "null" {
			found := map[string]bool{}
			secretStrings(value, mask, found)
			for quoted := range found {
				secrets[string(appendString(nil, text([]byte(quoted))))] = true
			}
			value = r.masked(value, mask)
		}
		out = append(out, value...)
	})
	return append(out, '}'), seen == len(masks)
}

// alone masks a part that needs no other.
func (m *planMasker) alone(name string, part []byte) []byte {
	if quiet(part) {
		return part
	}
	plan := map[string]any{name: decodeAny(part)}
	m.redactor.maskPlan(plan, m.secrets)
	return marshal(m.redactor.maskSecrets(plan[name]))
}

// variables masks the variables, of which the configuration says which are secret; those that it does not know are.
func (m *planMasker) variables(parts map[string][]byte) {
	if parts["variables"] == nil && (parts["configuration"] == nil || quiet(parts["configuration"])) {
		return
	}
	plan := map[string]any{}
	for _, name := range []string{"variables", "configuration"} {
		if parts[name] != nil {
			plan[name] = decodeAny(parts[name])
		}
	}
	m.redactor.maskPlan(plan, m.secrets)
	for name, v := range plan {
		if parts[name] != nil {
			parts[name] = marshal(m.redactor.maskSecrets(v))
		}
	}
}

// withoutSpelled is without for JSON in which one text may be spelled in more than one way.
func (r *Redactor) withoutSpelled(value []byte, secrets map[string]bool) []byte {
	if len(secrets) == 0 {
		return value
	}
	var out []byte
	done := 0
	eachString(value, func(at int, quoted []byte) {
		spelled := quoted
		if bytes.IndexByte(quoted, '\\') >= 0 {
			spelled = appendString(nil, text(quoted))
		}
		if secrets[string(spelled)] {
			out = append(append(out, value[done:at]...), r.Token(spelled)...)
			done = at + len(quoted)
		}
	})
	if done == 0 {
		return value
	}
	return append(out, value[done:]...)
}
