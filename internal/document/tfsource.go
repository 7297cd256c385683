package document

import (
	"bytes"
	"strings"
)

// sourceBlock is where a Terraform source file declares something.
type sourceBlock struct {
	name   string // resource.TYPE.NAME, data.TYPE.NAME, module.NAME, variable.NAME, output.NAME, provider.NAME
	line   int
	source string // of a module
}

// scanSource finds the top-level blocks of Terraform source. It knows comments, strings and heredocs, which is enough to tell a
// declaration from text that looks like one; it is no parser, and what it does not find only costs a finding its exact line.
func scanSource(data []byte) []sourceBlock {
	s := sourceScanner{data: data, line: 1}
	for s.i < len(s.data) {
		s.step()
	}
	return s.blocks
}

type sourceScanner struct {
	data   []byte
	i      int
	line   int
	depth  int
	words  []string // of the statement so far
	start  int      // line of its first word
	blocks []sourceBlock
}

func (s *sourceScanner) step() {
	c := s.data[s.i]
	switch {
	case c == '\n':
		s.line++
		s.i++
		s.endOfLine()
	case c == '#' || bytes.HasPrefix(s.data[s.i:], []byte("//")):
		s.skipTo("\n")
	case bytes.HasPrefix(s.data[s.i:], []byte("/*")):
		s.i += 2
		s.skipTo("*/")
		s.i = min(s.i+2, len(s.data))
	case bytes.HasPrefix(s.data[s.i:], []byte("<<")):
		s.heredoc()
	case c == '"':
		s.word(s.quoted())
	case c == '{':
		s.open()
		s.depth++
		s.i++
	case c == '}':
		s.endOfLine() // a block may stand on one line
		s.depth = max(0, s.depth-1)
		s.words = nil
		s.i++
	case isWord(c):
		start := s.i
		for s.i < len(s.data) && isWord(s.data[s.i]) {
			s.i++
		}
		s.word(string(s.data[start:s.i]))
	case c == '=':
		s.word("=")
		s.i++
	default:
		s.i++
	}
}

func isWord(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (s *sourceScanner) word(word string) {
	if len(s.words) == 0 {
		s.start = s.line
	}
	if len(s.words) < 8 {
		s.words = append(s.words, word)
	}
}

// endOfLine ends a statement; source = "..." right inside a module block is the one that matters.
func (s *sourceScanner) endOfLine() {
	if s.depth == 1 && len(s.words) == 3 && s.words[0] == "source" && s.words[1] == "=" && len(s.blocks) > 0 {
		if block := &s.blocks[len(s.blocks)-1]; strings.HasPrefix(block.name, "module.") && block.source == "" {
			block.source = s.words[2]
		}
	}
	s.words = nil
}

func (s *sourceScanner) open() {
	words := s.words
	s.words = nil
	if s.depth > 0 || len(words) < 2 {
		return
	}
	switch words[0] {
	case "resource", "data":
		if len(words) == 3 {
			s.blocks = append(s.blocks, sourceBlock{name: strings.Join(words, "."), line: s.start})
		}
	case "module", "variable", "output", "provider":
		if len(words) == 2 {
			s.blocks = append(s.blocks, sourceBlock{name: strings.Join(words, "."), line: s.start})
		}
	}
}

// quoted reads a string, with the expressions ${...} in it, which may hold strings of their own.
func (s *sourceScanner) quoted() string {
	start := s.i
	s.i++
	nested := 0
	for s.i < len(s.data) {
		switch c := s.data[s.i]; {
		case c == '\\':
			s.i++
		case c == '\n':
			return "" // strings do not span lines: not Terraform, or not a string
		case nested == 0 && c == '"':
			s.i++
			return string(s.data[start+1 : s.i-1])
		case c == '{' && (nested > 0 || s.data[s.i-1] == '$' || s.data[s.i-1] == '%'):
			nested++
		case c == '}' && nested > 0:
			nested--
		}
		s.i++
	}
	s.i = min(s.i, len(s.data))
	return ""
}

func (s *sourceScanner) skipTo(end string) {
	n := bytes.Index(s.data[s.i:], []byte(end))
	if n < 0 {
		n = len(s.data) - s.i
	}
	s.line += bytes.Count(s.data[s.i:s.i+n], []byte{'\n'})
	s.i += n
}

// heredoc skips <<WORD or <<-WORD up to the line that holds only WORD.
func (s *sourceScanner) heredoc() {
	s.i += 2
	if s.i < len(s.data) && s.data[s.i] == '-' {
		s.i++
	}
	start := s.i
	for s.i < len(s.data) && isWord(s.data[s.i]) {
		s.i++
	}
	word := s.data[start:s.i]
	if len(word) == 0 {
		return
	}
	for s.i < len(s.data) {
		s.skipTo("\n")
		if s.i >= len(s.data) {
			return
		}
		s.i++
		s.line++
		rest := s.data[s.i:]
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			rest = rest[:end]
		}
		if bytes.Equal(bytes.TrimSpace(rest), word) {
			s.i += len(rest)
			return
		}
	}
}
