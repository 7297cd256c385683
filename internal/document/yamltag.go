package document

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// bareTags finds the tag "!", by which anything plain is a string for kubectl's parser, in the text: the parser used here forgets it.
type bareTags struct{ lines []string }

// newBareTags is nil for a text that certainly has none.
func newBareTags(data []byte) *bareTags {
	if bytes.IndexByte(data, '!') < 0 {
		return nil
	}
	// The parser counts all of these as ends of lines.
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(string(data))
	return &bareTags{strings.Split(text, "\n")}
}

// on reports whether a scalar has that tag.
func (b *bareTags) on(n *yaml.Node) bool {
	if b == nil || n.Kind != yaml.ScalarNode || n.Style != 0 || n.Line < 1 || n.Line > len(b.lines) {
		return false
	}
	line := b.lines[n.Line-1]
	for i := 1; i < n.Column && len(line) > 0; i++ {
		_, size := utf8.DecodeRuneInString(line)
		line = line[size:]
	}
	text := line
	if strings.HasPrefix(text, "&") {
		_, text, _ = strings.Cut(text, " ")
		text = strings.TrimLeft(text, " ")
	}
	rest, ok := strings.CutPrefix(text, "!")
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t' || strings.HasPrefix(rest, "<!>"))
}
