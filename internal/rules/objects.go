package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"go.yaml.in/yaml/v3"
	yamljson "sigs.k8s.io/yaml"
)

// object is one YAML or JSON document of a policy folder that Gatekeeper would read.
type object struct {
	file string
	line int
	node *yaml.Node // for lines
	text []byte     // JSON
}

// objects looks through the YAML and JSON files of a folder of rules: Gatekeeper's templates and constraints, and data.json,
// data.yaml for rules of conftest's dialect. Everything else there is examples, tests and other people's, and is passed over.
func (l *loader) objects(d Dir) {
	files := 0
	err := fs.WalkDir(d.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		ext := path.Ext(name)
		if entry.IsDir() || ext != ".yaml" && ext != ".yml" && ext != ".json" || strings.HasSuffix(name, ".examples.yaml") {
			return nil
		}
		if files++; files > maxSourceFiles {
			return fmt.Errorf("more than %d files", maxSourceFiles)
		}
		shown := path.Join(d.Name, name)
		isData := strings.TrimSuffix(path.Base(name), ext) == "data"
		text, err := readCapped(d.FS, name)
		if err != nil {
			if isData {
				l.problem(shown, 0, "the data cannot be read: "+err.Error(), "Make it a regular file of at most 1 MB.")
			}
			return nil //nolint:nilerr // a large file that is neither template nor constraint
		}
		if isData {
			var at []string
			if dir := path.Dir(name); dir != "." {
				at = strings.Split(dir, "/")
			}
			l.data = append(l.data, Data{File: shown, At: at, Text: text})
		} else if bytes.Contains(text, []byte("gatekeeper.sh/")) {
			l.split(d.Name, shown, text)
		}
		return nil
	})
	if err != nil {
		l.problem(d.Name, 0, "the folder cannot be read: "+err.Error(), "Check that the folder exists and can be read.")
	}
}

// split reads the documents of one file and keeps Gatekeeper's.
func (l *loader) split(origin, file string, text []byte) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for range 1000 {
		var node yaml.Node
		err := decoder.Decode(&node)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				l.problem(file, yamlLine(err), "is not YAML: "+strings.TrimPrefix(err.Error(), "yaml: "), "Correct it.")
			}
			return
		}
		var head struct {
			APIVersion string `yaml:"apiVersion"`
			Kind       string `yaml:"kind"`
		}
		if node.Decode(&head) != nil {
			continue // not an object
		}
		group, _, _ := strings.Cut(head.APIVersion, "/")
		if group != templateGroup && group != ConstraintGroup && !(group == expansionGroup && head.Kind == expansionKind) {
			continue
		}
		read := nodeJSON
		if l.plain {
			read = plainJSON
		}
		asJSON, err := read(&node)
		if err != nil {
			l.problem(file, node.Line, "cannot be read: "+err.Error(), "Correct it.")
			continue
		}
		line := node.Line
		if len(node.Content) > 0 {
			line = node.Content[0].Line
		}
		l.found = append(l.found, foundObject{origin, group, head.Kind, object{file, line, &node, asJSON}})
	}
}

// foundObject is an object of Gatekeeper's before it is known to be well made.
type foundObject struct {
	origin, group, kind string
	object
}

// nodeJSON is a document as JSON, read as Kubernetes reads YAML.
func nodeJSON(node *yaml.Node) ([]byte, error) {
	writeNulls(node)
	text, err := yaml.Marshal(node)
	if err != nil {
		return nil, err
	}
	return yamljson.YAMLToJSON(text)
}

// plainJSON is a document as JSON, read as Gatekeeper's own tool reads the files of a suite: yes is a word there, not true.
func plainJSON(node *yaml.Node) ([]byte, error) {
	var value any
	if err := node.Decode(&value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// writeNulls writes out what is empty: within braces, {team: } would be written again as {team: ""}.
func writeNulls(node *yaml.Node) {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" && node.Value == "" {
		node.Value = "null"
	}
	for _, child := range node.Content {
		writeNulls(child)
	}
}

// lineOf is the line of the value at a path of keys and list places; the nearest line above when it is not there.
func (o *object) lineOf(steps ...any) int {
	at := o.node
	if at.Kind == yaml.DocumentNode && len(at.Content) > 0 {
		at = at.Content[0]
	}
	line := o.line
	for _, step := range steps {
		var next *yaml.Node
		switch step := step.(type) {
		case string:
			for i := 0; at.Kind == yaml.MappingNode && i+1 < len(at.Content); i += 2 {
				if at.Content[i].Value == step {
					line, next = at.Content[i].Line, at.Content[i+1]
				}
			}
		case int:
			if at.Kind == yaml.SequenceNode && step < len(at.Content) {
				next = at.Content[step]
				line = next.Line
			}
		}
		if next == nil {
			return line
		}
		at = next
	}
	return line
}

// conftestData is all data as one object.
func (l *loader) conftestData(o *Options) ast.Object {
	root := map[string]any{}
	all := slices.Clone(l.data)
	for _, d := range o.Conftest.Data {
		// Conftest is given a folder of rules as data, too, where it holds some; here it was read already.
		if !slices.ContainsFunc(l.data, func(own Data) bool { return slices.Equal(own.At, d.At) && bytes.Equal(own.Text, d.Text) }) {
			all = append(all, d)
		}
	}
	for _, d := range all {
		text, value, err := d.Text, any(nil), error(nil)
		if !json.Valid(text) { // JSON stays as it is: a reader of YAML rounds its large numbers
			text, err = yamljson.YAMLToJSON(text)
		}
		if err == nil {
			decoder := json.NewDecoder(bytes.NewReader(text))
			decoder.UseNumber()
			err = decoder.Decode(&value)
		}
		object, ok := value.(map[string]any)
		switch {
		case err != nil:
			l.problem(d.File, yamlLine(err), "the data cannot be read: "+err.Error(), "Correct it.")
			continue
		case value == nil:
			continue
		case !ok:
			l.problem(d.File, 0, "the data is no object", "Give it names: \"list: [...]\".")
			continue
		}
		for _, name := range slices.Backward(d.At) {
			object = map[string]any{name: object}
		}
		if where := merge(root, object); where != "" {
			l.problem(d.File, 0, "data."+where+" is also in another data file", "Name it once.")
		}
	}
	value, err := ast.InterfaceToValue(root)
	if err != nil {
		l.problem("", 0, "the data cannot be used: "+err.Error(), "Correct it.")
		return ast.NewObject()
	}
	object, ok := value.(ast.Object)
	if !ok {
		return ast.NewObject()
	}
	return object
}

// merge adds b to a. It gives the path at which both say something, "" when there is none.
func merge(a, b map[string]any) string {
	for _, key := range slices.Sorted(maps.Keys(b)) {
		old, there := a[key]
		if !there {
			a[key] = b[key]
			continue
		}
		left, okLeft := old.(map[string]any)
		right, okRight := b[key].(map[string]any)
		if !okLeft || !okRight {
			return key
		}
		if where := merge(left, right); where != "" {
			return key + "." + where
		}
	}
	return ""
}

var yamlLineText = regexp.MustCompile(`line (\d+)`)

// yamlLine is the line that an error of a YAML reader names, 0 when it names none.
func yamlLine(err error) int {
	if err == nil {
		return 0
	}
	match := yamlLineText.FindStringSubmatch(err.Error())
	if match == nil {
		return 0
	}
	n, err := strconv.Atoi(match[1])
	if err != nil {
		return 0
	}
	return n
}
