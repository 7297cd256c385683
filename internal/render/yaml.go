package render

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// nodes reads the YAML documents of a file; the YAML parser has panicked on hostile input before.
func nodes(data []byte) (out []*yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("the parser gave up on it")
		}
	}()
	if len(data) > maxFile {
		return nil, errors.New("it is too large")
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var node yaml.Node
		if err := decoder.Decode(&node); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, err
		}
		if len(node.Content) == 1 {
			out = append(out, node.Content[0])
		}
	}
}

var yamlLine = regexp.MustCompile(`^yaml: (?:unmarshal errors:\n\s*)?line (\d+): `)

// syntax takes the line out of a YAML error.
func syntax(err error) (line int, message string) {
	message = err.Error()
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
	}
	return line, strings.TrimPrefix(message, "yaml: ")
}

// field is the value of a key of a mapping; nil when there is none.
func field(n *yaml.Node, names ...string) *yaml.Node {
	for _, name := range names {
		if n != nil && n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		var found *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				found = n.Content[i+1]
			}
		}
		n = found
	}
	return n
}

// text is the text of a scalar, "" for anything else.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// ref is a text in a YAML file and where it stands.
type ref struct {
	top, key string // the outermost and the innermost key that hold it
	value    string
	line     int
}

// refs visits every text of a value. Aliases are not followed: what they repeat is visited where it stands.
func refs(top, key string, n *yaml.Node, visit func(ref)) {
	switch n.Kind {
	case yaml.ScalarNode:
		visit(ref{top, key, n.Value, n.Line})
	case yaml.SequenceNode:
		for _, item := range n.Content {
			refs(top, key, item, visit)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			if top == "" {
				refs(name, name, n.Content[i+1], visit)
			} else {
				refs(top, name, n.Content[i+1], visit)
			}
		}
	}
}
