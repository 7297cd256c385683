package repoconfig

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/spelling"
)

// MaxBytes caps a configuration or waiver file.
const MaxBytes = 1 << 20

// Duration is a time.Duration written as in Go: 1h, 30m.
type Duration time.Duration

// UnmarshalYAML reads the text form.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: a duration is wanted, such as 1h or 30m; found %q", n.Line, n.Value)}}
	}
	*d = Duration(v)
	return nil
}

// Parse reads a gate file strictly. The Config is only good when there are no problems; each names the file, the line, the
// key and what was expected there.
func Parse(file string, data []byte) (Config, []gate.Problem) {
	var c Config
	problems := decode(file, data, &c)
	if len(problems) > 0 {
		return Config{}, problems
	}
	c.fillDefaults()
	if problems := validate(file, data, &c); len(problems) > 0 {
		return Config{}, problems
	}
	return c, nil
}

// decode reads exactly one YAML document into out, refusing unknown and repeated keys.
func decode(file string, data []byte, out any) []gate.Problem {
	if len(data) > MaxBytes {
		return []gate.Problem{problem(file, 0, fmt.Sprintf("is %d bytes long; the limit is %d", len(data), MaxBytes))}
	}
	if line := firstAlias(data); line > 0 {
		return []gate.Problem{problem(file, line, "uses a YAML anchor or alias; write the value out, so that a reviewer sees what is in force")}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	err := dec.Decode(out)
	var typeErr *yaml.TypeError
	switch {
	case errors.Is(err, io.EOF):
		return []gate.Problem{problem(file, 0, "is empty; delete it to use the defaults, or begin with `version: 1`")}
	case errors.As(err, &typeErr):
		var problems []gate.Problem
		for _, e := range typeErr.Errors {
			problems = append(problems, explain(file, e, reflect.TypeOf(out)))
		}
		return problems
	case err != nil:
		return []gate.Problem{explain(file, strings.TrimPrefix(err.Error(), "yaml: "), reflect.TypeOf(out))}
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return []gate.Problem{problem(file, 0, "holds more than one YAML document; only one is allowed")}
	}
	return nil
}

// firstAlias is the line of the first anchor or alias, 0 if there is none or the text is not YAML.
func firstAlias(data []byte) int {
	var root yaml.Node
	if yaml.Unmarshal(data, &root) != nil {
		return 0
	}
	var find func(n *yaml.Node) int
	find = func(n *yaml.Node) int {
		if n.Kind == yaml.AliasNode || n.Anchor != "" {
			return n.Line
		}
		for _, c := range n.Content {
			if line := find(c); line > 0 {
				return line
			}
		}
		return 0
	}
	return find(&root)
}

var (
	lineError    = regexp.MustCompile(`^line (\d+): (.*)$`)
	unknownField = regexp.MustCompile(`^field (.*) not found in type (?:\w+\.)?(\w+)$`)
	wrongType    = regexp.MustCompile("(?s)^cannot unmarshal !!(\\w+)(?: `(.*)`)? into (.*)$")
)

// explain turns the decoder's words into a sentence for people.
func explain(file, text string, root reflect.Type) gate.Problem {
	line := 0
	if m := lineError.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
	}
	if m := unknownField.FindStringSubmatch(text); m != nil {
		known := keysOf(root, m[2])
		p := problem(file, line, fmt.Sprintf("has the unknown key %q", m[1]))
		p.Remedy = "Known here: " + strings.Join(known, ", ") + "."
		if near := spelling.Nearest(m[1], known, 2); near != "" {
			p.Remedy = fmt.Sprintf("Did you mean %q? %s", near, p.Remedy)
		}
		return p
	}
	if m := wrongType.FindStringSubmatch(text); m != nil {
		return problem(file, line, fmt.Sprintf("has %s where %s is wanted", found(m[1], m[2]), wanted(m[3])))
	}
	if strings.Contains(text, "wanted") {
		return problem(file, line, text)
	}
	return problem(file, line, "is not valid YAML: "+text)
}

func problem(file string, line int, message string) gate.Problem {
	return gate.Problem{Code: "config", File: file, Line: line, Message: message}
}

func found(tag, value string) string {
	switch tag {
	case "map":
		return "a mapping"
	case "seq":
		return "a list"
	case "null":
		return "nothing"
	}
	return strconv.Quote(value)
}

func wanted(goType string) string {
	switch {
	case goType == "int":
		return "a whole number"
	case goType == "bool":
		return "true or false"
	case goType == "string":
		return "a text"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	}
	return "a mapping"
}

// keysOf lists the YAML keys of the struct type called name, somewhere below root.
func keysOf(root reflect.Type, name string) []string {
	var keys []string
	seen := map[reflect.Type]bool{}
	var visit func(t reflect.Type)
	visit = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			visit(t.Elem())
		case reflect.Struct:
			if seen[t] {
				return
			}
			seen[t] = true
			for i := range t.NumField() {
				f := t.Field(i)
				if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "" && key != "-" && t.Name() == name {
					keys = append(keys, key)
				}
				visit(f.Type)
			}
		}
	}
	visit(root)
	return keys
}

// lineOf finds the line of a key path such as approvals.rules.0.from, or of the longest part of it that is there.
func lineOf(data []byte, path string) int {
	var root yaml.Node
	if yaml.Unmarshal(data, &root) != nil || len(root.Content) == 0 {
		return 0
	}
	n, line := root.Content[0], root.Content[0].Line
	for _, part := range strings.Split(path, ".") {
		key, value := child(n, part)
		if value == nil {
			break
		}
		n, line = value, cmp.Or(key.Line, value.Line)
	}
	return line
}

func child(n *yaml.Node, part string) (key, value *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == part {
				return n.Content[i], n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(part); err == nil && i < len(n.Content) {
			return n.Content[i], n.Content[i]
		}
	}
	return nil, nil
}

func oneOf(value string, allowed ...string) bool { return slices.Contains(allowed, value) }
