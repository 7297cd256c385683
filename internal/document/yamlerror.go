package document

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// yamlSentences explains the parser's words. Everything else that it says is constant text, except the names of anchors.
var yamlSentences = []struct{ found, say, remedy string }{
	{"unknown anchor", "an alias (*name) has no anchor (&name) before it", "Quote the value if it is text that begins with *."},
	{"mapping values are not allowed", "a colon stands where no key can be", "Check the indentation, or quote the text."},
	{"did not find expected key", "a key is expected", "Check the indentation of this line and those before it."},
	{"could not find expected ':'", "a line has no colon where a key is expected", "Check the indentation, and quotes that are not closed."},
	{"block sequence entries are not allowed", "a list item stands where none can be", "Check the indentation."},
	{"cannot start any token", "a value begins with a character that must be quoted", "Quote the value."},
	{"found unexpected end of stream", "a quoted text is not closed", "Close the quotes."},
	{"did not find expected ',' or ']'", "a list [ ] is not closed, or a comma is missing", "Close it."},
	{"did not find expected ',' or '}'", "an object { } is not closed, or a comma is missing", "Close it."},
	{"control characters are not allowed", "it holds a control character", "Remove it."},
	{"found unknown escape character", "a text in double quotes holds an unknown escape", `Write \\ for a backslash, or use single quotes.`},
	{"did not find expected alphabetic or numeric character", "an anchor or an alias has no name", "Quote the value if it is text that begins with * or &."},
	{"exceeded max depth", "it nests too deep", "Make it flatter."},
	{"did not find expected '-' indicator", "a list has a line that is no item of it", "Check the indentation of the list."},
	{"did not find expected node content", "a value is expected", "Check for stray punctuation."},
	{"did not find expected <document start>", "a text follows the end of a document", "Begin each document with a line of three dashes."},
}

// yamlError is the parser's error in words that say what to do.
func yamlError(data []byte, err error) error {
	message := err.Error()
	line := 1
	if found := yamlLine.FindStringSubmatch(message); found != nil {
		message = message[len(found[0]):]
		if n, err := strconv.Atoi(found[1]); err == nil {
			line = n
		}
	}
	if strings.HasPrefix(message, "did not find expected") && !strings.Contains(message, "alphabetic") && !strings.Contains(message, "digit") {
		line++ // the parser, unlike the scanner below it, counts from 0
	}
	// What is missing at the end is reported after it; nothing can be shown on a line that the file does not have.
	line = min(line, 1+bytes.Count(bytes.TrimSuffix(data, []byte{'\n'}), []byte{'\n'}))
	if _, name, ok := strings.Cut(message, "unknown anchor '"); ok {
		line = aliasLine(data, strings.TrimSuffix(name, "' referenced"))
	}
	if at := templateLine(data); at > 0 {
		return template(at)
	}
	if at := tabLine(data, line, strings.Contains(message, "tab") || strings.Contains(message, "cannot start any token")); at > 0 {
		return &manifestError{line: at, message: "is not valid YAML: a tab is used for indentation; use spaces", remedy: "Replace tabs by spaces."}
	}
	for _, sentence := range yamlSentences {
		if strings.Contains(message, sentence.found) {
			return &manifestError{line: line, message: "is not valid YAML: " + sentence.say, remedy: sentence.remedy}
		}
	}
	return &manifestError{line: line, message: "is not valid YAML: " + message, remedy: "Correct the file."}
}

func template(line int) error {
	return &manifestError{
		line: line, message: "is not valid YAML: it holds template syntax ({{ }}), so what will be applied cannot be told",
		remedy: "Commit the rendered manifest, or leave the file out of kubernetes.paths.",
	}
}

// explain adds to an error that came after parsing whether the document was meant to be a Kubernetes object, and finds out
// templates, whose {{ x }} is a mapping with a mapping as key.
func (r *yamlReader) explain(document *yaml.Node, err error) error {
	var found *manifestError
	if !errors.As(err, &found) {
		return err
	}
	if at := templateLine(r.data); at > 0 && !found.limit && !strings.Contains(found.message, "stands twice") {
		found, _ = template(at).(*manifestError)
	}
	found.looks = hasKeys(document)
	return found
}

// hasKeys reports whether a document, or an item of a list in it, has apiVersion and kind at its top.
func hasKeys(n *yaml.Node) bool {
	for n.Kind == yaml.DocumentNode || n.Kind == yaml.AliasNode {
		if n.Kind == yaml.AliasNode {
			return true // nobody writes that by accident
		}
		n = n.Content[0]
	}
	found := 0
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Value == "apiVersion" || key.Value == "kind" || key.Value == "<<" {
			found++
		}
	}
	return found >= 2
}

// templateLine is the first line with {{ outside a comment, 0 for none.
func templateLine(data []byte) int {
	for i, line := range bytes.Split(data, []byte{'\n'}) {
		if at := bytes.Index(line, []byte("{{")); at >= 0 && !bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
			return i + 1
		}
	}
	return 0
}

// aliasLine is the first line that repeats an anchor, 1 when none is found.
func aliasLine(data []byte, name string) int {
	if at := bytes.Index(data, []byte("*"+name)); at >= 0 {
		return lineAt(data, at)
	}
	return 1
}

// tabLine is the line nearest to an error whose indentation holds a tab, 0 for none. anywhere: the parser complains of a
// character, so the first such line of the file is the one.
func tabLine(data []byte, near int, anywhere bool) int {
	first := 0
	for i, line := range bytes.Split(data, []byte{'\n'}) {
		rest := bytes.TrimLeft(line, " \t")
		if len(bytes.TrimSpace(rest)) == 0 || rest[0] == '#' || !bytes.Contains(line[:len(line)-len(rest)], []byte{'\t'}) {
			continue
		}
		if i+1 >= near-1 && i+1 <= near+1 {
			return i + 1
		}
		if first == 0 {
			first = i + 1
		}
	}
	if anywhere {
		return first
	}
	return 0
}
