package document

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlValues reads the YAML documents of a file as kubectl does, which is what sigs.k8s.io/yaml does: YAML 1.1 booleans and
// numbers, keys that are no strings spelled as strings, merge keys. Stricter in one thing: a key that stands twice is an error.
func yamlValues(data []byte, limits Limits) (out []*value, err error) {
	defer func() {
		// The YAML parser has panicked on hostile input before. It must not take the server down.
		if r := recover(); r != nil {
			out, err = nil, &manifestError{line: 1, message: "is not valid YAML: the parser gave up on it", remedy: "Simplify the file."}
		}
	}()
	decoder, bare := yaml.NewDecoder(bytes.NewReader(data)), newBareTags(data)
	for {
		var node yaml.Node
		switch err := decoder.Decode(&node); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, yamlError(data, err)
		}
		if len(out) >= limits.Objects {
			return nil, tooManyObjects(node.Line, limits)
		}
		r := yamlReader{limits: limits, data: data, bare: bare, open: map[*yaml.Node]bool{}}
		v, err := r.read(&node, 0)
		if err != nil {
			return nil, r.explain(&node, err)
		}
		if most := int(4 * limits.Manifest); r.aliases > 0 && jsonSize(v, most) > most {
			return nil, r.explain(&node, &manifestError{
				line: node.Line, limit: true, message: fmt.Sprintf("has more than %d bytes once its aliases are written out, which is the limit", most),
				remedy: "Write the values out.",
			})
		}
		out = append(out, v)
	}
}

// yamlReader makes a value of the nodes of one document.
type yamlReader struct {
	limits  Limits
	data    []byte
	bare    *bareTags
	open    map[*yaml.Node]bool // anchors that are being repeated right now
	aliases int                 // values made below an alias
	inAlias int
}

func (r *yamlReader) read(n *yaml.Node, depth int) (*value, error) {
	if depth > r.limits.Depth {
		return nil, tooDeep(n.Line, r.limits)
	}
	if r.inAlias > 0 {
		if r.aliases++; r.aliases > r.limits.Aliases {
			return nil, &manifestError{
				line: n.Line, limit: true,
				message: fmt.Sprintf("repeats more than %d values through aliases, which is the limit", r.limits.Aliases),
				remedy:  "Write the values out.",
			}
		}
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return r.read(n.Content[0], depth)
	case yaml.AliasNode:
		return r.alias(n, depth)
	case yaml.SequenceNode:
		v := &value{kind: array, line: n.Line}
		for _, child := range n.Content {
			item, err := r.read(child, depth+1)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, item)
		}
		return v, nil
	case yaml.MappingNode:
		return r.mapping(n, depth)
	case yaml.ScalarNode:
		if r.bare.on(n) {
			return &value{kind: stringKind, line: n.Line, text: n.Value}, nil
		}
		return scalar(n)
	}
	return &value{line: n.Line}, nil
}

func (r *yamlReader) alias(n *yaml.Node, depth int) (*value, error) {
	if r.open[n.Alias] {
		return nil, &manifestError{line: n.Line, message: "is not valid YAML: an alias stands inside what it repeats", remedy: "Write the value out."}
	}
	r.open[n.Alias] = true
	r.inAlias++
	defer func() {
		delete(r.open, n.Alias)
		r.inAlias--
	}()
	v, err := r.read(n.Alias, depth+1)
	if err != nil {
		return nil, err
	}
	v.line = n.Line
	return v, nil
}

// keyIndex finds the keys of an object that is being read; at is where a key stands in it, line is 0 for a merged one.
type keyIndex map[string]struct{ at, line int }

// set gives a key its value, be it new or there already.
func (x keyIndex) set(v *value, name string, line int, item *value, merged bool) {
	known, ok := x[name]
	if !ok {
		known.at = len(v.keys)
		v.keys, v.items = append(v.keys, key{}), append(v.items, nil)
	}
	v.keys[known.at], v.items[known.at] = key{name, line}, item
	if !merged {
		known.line = line
	}
	x[name] = known
}

func (r *yamlReader) mapping(n *yaml.Node, depth int) (*value, error) {
	v := &value{kind: objectKind, line: n.Line}
	index := make(keyIndex, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			if err := r.merge(v, index, n.Content[i+1], depth); err != nil {
				return nil, err
			}
			continue
		}
		name, err := r.key(n.Content[i], depth)
		if err != nil {
			return nil, err
		}
		line := n.Content[i].Line
		if first := index[name].line; first > 0 {
			return nil, duplicateKey(name, line, first, "YAML")
		}
		item, err := r.read(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		index.set(v, name, line, item, false)
	}
	return v, nil
}

func isMerge(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "<<" && n.Style&^yaml.TaggedStyle == 0 && (n.Tag == "!!merge" || n.Tag == "")
}

// merge sets the keys of what << refers to. As in the parser that kubectl uses, what comes later in the text wins, also over keys
// that stand before the <<; of a list of mappings, the first wins.
func (r *yamlReader) merge(v *value, index keyIndex, n *yaml.Node, depth int) error {
	target := n
	if n.Kind == yaml.AliasNode {
		target = n.Alias
	}
	var sources []*yaml.Node
	switch {
	case target.Kind == yaml.MappingNode:
		sources = []*yaml.Node{n}
	case n.Kind == yaml.SequenceNode:
		sources = n.Content
	}
	if sources == nil {
		return &manifestError{line: n.Line, message: "is not valid YAML: << merges mappings only", remedy: "Let << refer to a mapping."}
	}
	for i := len(sources) - 1; i >= 0; i-- {
		from, err := r.read(sources[i], depth+1)
		if err != nil {
			return err
		}
		if from.kind != objectKind {
			return &manifestError{line: n.Line, message: "is not valid YAML: << merges mappings only", remedy: "Let << refer to a mapping."}
		}
		for i, key := range from.keys {
			index.set(v, key.name, key.line, from.items[i], true)
		}
	}
	return nil
}

// key is a key as a string.
func (r *yamlReader) key(n *yaml.Node, depth int) (string, error) {
	v, err := r.read(n, depth+1)
	if err != nil {
		return "", err
	}
	switch v.kind {
	case stringKind, boolean:
		return v.text, nil
	case number:
		if _, err := strconv.ParseInt(v.text, 10, 64); err == nil {
			return v.text, nil
		}
		if f, err := strconv.ParseFloat(v.text, 64); err == nil {
			return strconv.FormatFloat(f, 'g', -1, 32), nil
		}
	}
	return "", &manifestError{line: n.Line, message: "is not valid YAML: a key is " + v.kind.String(), remedy: "Use strings as keys."}
}

var yamlFloat = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

// scalar reads a scalar by the rules of YAML 1.1 as far as kubectl follows them.
func scalar(n *yaml.Node) (*value, error) {
	v := &value{kind: stringKind, line: n.Line, text: n.Value}
	tagged := n.Style&yaml.TaggedStyle != 0
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 && !tagged {
		return v, nil
	}
	if !tagged {
		return v, plain(v)
	}
	wrong := &manifestError{line: n.Line, message: "is not valid YAML: a value is not what its tag " + n.Tag + " says", remedy: "Correct the tag."}
	want := map[string]kind{"!!int": number, "!!float": number, "!!bool": boolean, "!!null": null}
	switch n.Tag {
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(n.Value)
		if err != nil {
			return nil, wrong
		}
		v.text = string(data)
	case "!!int", "!!float", "!!bool", "!!null":
		if err := plain(v); err != nil {
			return nil, err
		}
		if v.kind != want[n.Tag] || n.Tag == "!!int" && strings.ContainsAny(v.text, ".e") {
			return nil, wrong
		}
	}
	return v, nil
}

// plain decides what a plain scalar is.
func plain(v *value) error {
	in := v.text
	switch in {
	case "", "~", "null", "Null", "NULL":
		v.kind, v.text = null, ""
		return nil
	case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		v.kind, v.text = boolean, "true"
		return nil
	case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		v.kind, v.text = boolean, "false"
		return nil
	case ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF":
		return &manifestError{line: v.line, message: "holds a number that JSON cannot express (" + in + ")", remedy: "Quote it if it is text."}
	}
	switch c := in[0]; {
	case c == '.':
		if f, err := strconv.ParseFloat(in, 64); err == nil {
			v.kind, v.text = number, floatText(f)
		}
	case c == '+', c == '-', c >= '0' && c <= '9':
		digits := strings.ReplaceAll(in, "_", "")
		if i, err := strconv.ParseInt(digits, 0, 64); err == nil {
			v.kind, v.text = number, strconv.FormatInt(i, 10)
		} else if u, err := strconv.ParseUint(digits, 0, 64); err == nil {
			v.kind, v.text = number, strconv.FormatUint(u, 10)
		} else if yamlFloat.MatchString(digits) {
			if f, err := strconv.ParseFloat(digits, 64); err == nil && !math.IsInf(f, 0) {
				v.kind, v.text = number, floatText(f)
			}
		}
	}
	return nil
}
