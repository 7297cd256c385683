package document

import (
	"strings"
	"unicode/utf8"
)

// groovyStatement is one statement of a Groovy file, as far as a small reader understands it: the words and literals that it is
// made of, and the blocks in braces that follow. "sh 'make'" has the name sh and one text; "stage('x') { ... }" has a block.
type groovyStatement struct {
	name  string // the first word, with its dots: env.X
	texts []groovyText
	words []string // bare words and operators after the name
	body  []*groovyStatement
	block bool
	line  int
}

// groovyText is a string literal.
type groovyText struct {
	text    string
	dynamic bool // it holds $ expressions, which only a run can tell
	line    int
}

// groovyError says why a file cannot be read.
type groovyError struct {
	line int
	what string
}

// maxGroovyDepth is how deep blocks may nest.
const maxGroovyDepth = 100

// readGroovy reads statements. It knows strings of every form, comments, braces, brackets and line ends. It is no Groovy parser:
// what it makes of an expression is a list of words.
func readGroovy(data []byte) ([]*groovyStatement, *groovyError) {
	r := &groovyReader{s: string(data), line: 1}
	out := r.statements(0)
	if r.err == nil && r.i < len(r.s) {
		r.fail("a closing brace has no opening one")
	}
	return out, r.err
}

type groovyReader struct {
	s    string
	i    int
	line int
	err  *groovyError
}

func (r *groovyReader) fail(what string) {
	if r.err == nil {
		r.err = &groovyError{r.line, what}
	}
	r.i = len(r.s)
}

func (r *groovyReader) peek(prefix string) bool { return strings.HasPrefix(r.s[r.i:], prefix) }

// statements reads until the closing brace, which it leaves, or the end.
func (r *groovyReader) statements(depth int) []*groovyStatement {
	if depth > maxGroovyDepth {
		r.fail("blocks nest more than 100 deep")
		return nil
	}
	var out []*groovyStatement
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case c == '\n' || c == ';' || c == ' ' || c == '\t' || c == '\r':
			r.advance(1)
		case r.comment():
		case c == '}':
			return out
		default:
			out = append(out, r.statement(depth))
		}
	}
	return out
}

func (r *groovyReader) advance(n int) {
	r.line += strings.Count(r.s[r.i:r.i+n], "\n")
	r.i += n
}

func (r *groovyReader) comment() bool {
	end := ""
	switch {
	case r.peek("//") || r.peek("#!"):
		end = "\n"
	case r.peek("/*"):
		end = "*/"
	default:
		return false
	}
	at := strings.Index(r.s[r.i:], end)
	switch {
	case at >= 0 && end == "\n":
		r.advance(at)
	case at >= 0:
		r.advance(at + len(end))
	case end == "\n":
		r.i = len(r.s)
	default:
		r.fail("a comment is not closed")
	}
	return true
}

// statement reads one statement: to the end of the line outside brackets, or to the end of its block.
func (r *groovyReader) statement(depth int) *groovyStatement {
	st := &groovyStatement{line: r.line}
	brackets := 0
	for r.i < len(r.s) {
		c := r.s[r.i]
		switch {
		case c == '\n' || c == ';':
			if brackets == 0 && !r.continues(st) {
				return st
			}
			r.advance(1)
		case c == ' ' || c == '\t' || c == '\r':
			r.advance(1)
		case r.comment():
		case c == '\\' && r.peek("\\\n"):
			r.advance(2)
		case c == '\'' || c == '"':
			st.texts = append(st.texts, r.quoted())
			st.words = append(st.words, "''")
		case c == '{':
			r.advance(1)
			body := r.statements(depth + 1)
			st.body, st.block = append(st.body, body...), true
			if r.i < len(r.s) {
				r.advance(1)
			} else {
				r.fail("a block is not closed")
			}
			if brackets == 0 && !r.chained() {
				return st
			}
		case c == '}':
			if brackets > 0 {
				r.fail("a bracket is not closed")
			}
			return st
		case c == '(' || c == '[':
			brackets++
			st.words = append(st.words, string(c))
			r.advance(1)
		case c == ')' || c == ']':
			brackets = max(0, brackets-1)
			st.words = append(st.words, string(c))
			r.advance(1)
		case isGroovyWord(c):
			start := r.i
			for r.i < len(r.s) && (isGroovyWord(r.s[r.i]) || r.s[r.i] == '.' && r.i+1 < len(r.s) && isGroovyWord(r.s[r.i+1])) {
				r.i++
			}
			word := r.s[start:r.i]
			if st.name == "" && len(st.words) == 0 {
				st.name = word
			} else {
				st.words = append(st.words, word)
			}
		default:
			_, size := utf8.DecodeRuneInString(r.s[r.i:])
			st.words = append(st.words, r.s[r.i:r.i+size])
			r.advance(size)
		}
	}
	if brackets > 0 {
		r.fail("a bracket is not closed")
	}
	return st
}

// continues reports whether a statement goes on after the end of its line: after an operator, or when a block opens there.
func (r *groovyReader) continues(st *groovyStatement) bool {
	if n := len(st.words); n > 0 {
		switch st.words[n-1] {
		case "+", ",", "=", "&", "|", "?", ":", ".":
			return true
		}
	}
	rest := strings.TrimLeft(r.s[r.i:], " \t\r\n")
	return strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "+ ") || strings.HasPrefix(rest, "{") && len(st.body) == 0
}

// chained reports whether something belongs to a statement whose block has ended: else, catch, a call on the result.
func (r *groovyReader) chained() bool {
	rest := strings.TrimLeft(r.s[r.i:], " \t\r\n")
	for _, word := range []string{"else", "catch", "finally"} {
		if after, ok := strings.CutPrefix(rest, word); ok && (after == "" || !isGroovyWord(after[0])) {
			return true
		}
	}
	return strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, ",")
}

func isGroovyWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// quoted reads a string in one of the four quotes.
func (r *groovyReader) quoted() groovyText {
	quote := r.s[r.i : r.i+1]
	if r.peek(strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	text := groovyText{line: r.line}
	r.advance(len(quote))
	var out strings.Builder
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case r.peek(quote):
			r.advance(len(quote))
			text.text = out.String()
			return text
		case c == '\\' && r.i+1 < len(r.s):
			r.escape(&out)
		case c == '\n' && len(quote) == 1:
			r.fail("a text is not closed")
		default:
			text.dynamic = text.dynamic || c == '$' && quote[0] == '"'
			out.WriteByte(c)
			r.advance(1)
		}
	}
	r.fail("a text is not closed")
	return text
}

func (r *groovyReader) escape(out *strings.Builder) {
	switch c := r.s[r.i+1]; c {
	case 'n':
		out.WriteByte('\n')
	case 't':
		out.WriteByte('\t')
	case '\n':
	case '\\', '\'', '"', '$':
		out.WriteByte(c)
	default:
		out.WriteString(r.s[r.i : r.i+2])
	}
	r.advance(2)
}
