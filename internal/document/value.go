package document

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// value is one value of a manifest with the line that it stands on. Manifests are read into values instead of Go maps so that
// findings can point at lines and nothing is lost on the way.
type value struct {
	kind  kind
	line  int
	text  string   // of a string; a number, true or false as JSON spells it
	keys  []key    // of an object, in order
	items []*value // of an array, or of an object beside its keys
}

type key struct {
	name string
	line int
}

type kind byte

const (
	null kind = iota
	boolean
	number
	stringKind
	array
	objectKind
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// get is the value of a key, nil when it is not there or v is no object.
func (v *value) get(name string) *value {
	if v == nil {
		return nil
	}
	for i := range v.keys {
		if v.keys[i].name == name {
			return v.items[i]
		}
	}
	return nil
}

// at follows keys.
func (v *value) at(path ...string) *value {
	for _, name := range path {
		v = v.get(name)
	}
	return v
}

// str is the text of a string, "" of anything else.
func (v *value) str() string {
	if v == nil || v.kind != stringKind {
		return ""
	}
	return v.text
}

// set gives a key another value, or adds it.
func (v *value) set(name string, line int, item *value) {
	for i := range v.keys {
		if v.keys[i].name == name {
			v.keys[i].line, v.items[i] = line, item
			return
		}
	}
	v.keys, v.items = append(v.keys, key{name, line}), append(v.items, item)
}

// with is a shallow copy with a key set, for values may be shared through aliases and must not change.
func (v *value) with(name string, item *value) *value {
	c := *v
	c.keys, c.items = slices.Clone(v.keys), slices.Clone(v.items)
	c.set(name, item.line, item)
	return &c
}

// appendJSON appends the canonical JSON: keys sorted, no white space.
func (v *value) appendJSON(out []byte) []byte {
	switch v.kind {
	case null:
		return append(out, "null"...)
	case boolean, number:
		return append(out, v.text...)
	case stringKind:
		return appendString(out, v.text)
	case array:
		out = append(out, '[')
		for i, item := range v.items {
			if i > 0 {
				out = append(out, ',')
			}
			out = item.appendJSON(out)
		}
		return append(out, ']')
	}
	order := make([]int, len(v.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(v.keys[a].name, v.keys[b].name) })
	out = append(out, '{')
	for i, at := range order {
		if i > 0 {
			out = append(out, ',')
		}
		out = v.items[at].appendJSON(append(appendString(out, v.keys[at].name), ':'))
	}
	return append(out, '}')
}

// manifestError says why a manifest cannot be read. The message follows "FILE:LINE ".
type manifestError struct {
	line    int
	message string
	remedy  string
	limit   bool
	looks   bool // what could be read of it looks like a Kubernetes object
}

func (e *manifestError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.message) }

// jsonValues reads JSON documents that follow each other, as kubectl takes them.
func jsonValues(data []byte, limits Limits) ([]*value, error) {
	s := scanner{data: data, depth: limits.Depth}
	r := jsonReader{data: data, line: 1}
	var out []*value
	for i := s.space(0); i < len(data); i = s.space(i) {
		end, err := s.value(i, 0)
		if err != nil {
			return nil, jsonError(data, err, limits)
		}
		if len(out) >= limits.Objects {
			return nil, tooManyObjects(lineAt(data, i), limits)
		}
		v, _, err := r.read(i)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		i = end
	}
	return out, nil
}

func jsonError(data []byte, err error, limits Limits) error {
	syntax := err.(*syntaxError) //nolint:errorlint // the scanner returns nothing else
	line := lineAt(data, syntax.offset)
	if syntax.depth {
		return tooDeep(line, limits)
	}
	return &manifestError{line: line, message: "is not valid JSON: " + syntax.what, remedy: "Correct the file."}
}

func tooDeep(line int, limits Limits) error {
	return &manifestError{
		line: line, limit: true, message: fmt.Sprintf("nests values more than %d deep, which is the limit", limits.Depth),
		remedy: "Make it flatter; no Kubernetes object needs that depth.",
	}
}

func tooManyObjects(line int, limits Limits) error {
	return &manifestError{
		line: line, limit: true, message: fmt.Sprintf("holds more than %d documents, which is the limit", limits.Objects),
		remedy: "Split the file.",
	}
}

// jsonReader makes values of JSON that was checked.
type jsonReader struct {
	data []byte
	at   int // the offset that line is for
	line int
}

func (r *jsonReader) lineOf(offset int) int {
	for ; r.at < offset; r.at++ {
		if r.data[r.at] == '\n' {
			r.line++
		}
	}
	return r.line
}

// read makes the value at i and returns where it ends.
func (r *jsonReader) read(i int) (v *value, end int, err error) {
	v = &value{line: r.lineOf(i)}
	switch r.data[i] {
	case '[':
		v.kind = array
		for i = skipSpace(r.data, i+1); r.data[i] != ']'; {
			item, end, err := r.read(i)
			if err != nil {
				return nil, end, err
			}
			v.items = append(v.items, item)
			i = r.next(end)
		}
		return v, i + 1, nil
	case '{':
		end, err := r.readObject(v, i)
		return v, end, err
	}
	end = skip(r.data, i)
	switch r.data[i] {
	case '"':
		v.kind, v.text = stringKind, text(r.data[i:end])
	case 't', 'f':
		v.kind, v.text = boolean, string(r.data[i:end])
	case 'n':
	default:
		v.kind, v.text = number, numberText(string(r.data[i:end]))
	}
	return v, end, nil
}

func (r *jsonReader) readObject(v *value, i int) (int, error) {
	v.kind = objectKind
	seen := map[string]int{}
	for i = skipSpace(r.data, i+1); r.data[i] != '}'; {
		end := skipString(r.data, i)
		name, line := text(r.data[i:end]), r.lineOf(i)
		if first, ok := seen[name]; ok {
			return i, duplicateKey(name, line, first, "JSON")
		}
		seen[name] = line
		item, end, err := r.read(skipSpace(r.data, skipSpace(r.data, end)+1))
		if err != nil {
			return end, err
		}
		v.keys, v.items = append(v.keys, key{name, line}), append(v.items, item)
		i = r.next(end)
	}
	return i + 1, nil
}

// next skips to the next element of a list or an object.
func (r *jsonReader) next(i int) int {
	if i = skipSpace(r.data, i); r.data[i] == ',' {
		i = skipSpace(r.data, i+1)
	}
	return i
}

func duplicateKey(name string, line, first int, format string) error {
	if len(name) > 100 {
		name = name[:100]
	}
	return &manifestError{
		line: line, message: fmt.Sprintf("is not valid %s: the key %q stands twice in one object, first on line %d", format, name, first),
		remedy: "Keep the one that is meant.",
	}
}

// numberText is a JSON number as the API server would see it after kubectl has read it: whole numbers as they are, all others in
// the shortest form.
func numberText(literal string) string {
	if !strings.ContainsAny(literal, ".eE") {
		if _, err := strconv.ParseInt(literal, 10, 64); err == nil {
			return literal
		}
		if _, err := strconv.ParseUint(literal, 10, 64); err == nil {
			return literal
		}
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return literal
	}
	return floatText(f)
}

func floatText(f float64) string {
	out, err := json.Marshal(f)
	if err != nil {
		return "null"
	}
	return string(out)
}
