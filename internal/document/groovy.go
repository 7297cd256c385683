package document

import (
	"strings"
	"unicode/utf8"
)

// groovyStatement is one statement of a Groovy file, as far as a small reader understands it: its words, literals, operators and the
// blocks in braces, in order. "sh 'make'" is a word and a text; "stage('x') { ... }" ends in a block.
type groovyStatement struct {
	tokens []groovyToken
	line   int

	header int  // index of the bracket that closes the first one
	block  bool // there is a block outside brackets
}

// groovyToken is one of them.
type groovyToken struct {
	kind    groovyKind
	text    string             // of a word with its dots, env.X; of a literal; an operator's one character
	dynamic bool               // of a literal: it holds $ expressions, which only a run can tell
	body    []*groovyStatement // of a block
	line    int
}

type groovyKind byte

const (
	groovyWord groovyKind = iota
	groovyText
	groovyOperator
	groovyBlock
)

func (t *groovyToken) is(operator string) bool { return t.kind == groovyOperator && t.text == operator }

func (t *groovyToken) word(words ...string) bool {
	for _, w := range words {
		if t.kind == groovyWord && t.text == w {
			return true
		}
	}
	return false
}

// name is the first word, "" when the statement begins with something else.
func (st *groovyStatement) name() string {
	if len(st.tokens) > 0 && st.tokens[0].kind == groovyWord {
		return st.tokens[0].text
	}
	return ""
}

// body is the body of the first block that stands in no brackets; ok is false when there is none.
func (st *groovyStatement) body() (body []*groovyStatement, ok bool) {
	if !st.block {
		return nil, false
	}
	depth := 0
	for i := range st.tokens {
		switch t := &st.tokens[i]; {
		case t.is("("), t.is("["):
			depth++
		case t.is(")"), t.is("]"):
			depth--
		case t.kind == groovyBlock && depth == 0:
			return t.body, true
		}
	}
	return nil, false
}

// texts are the literals outside blocks.
func (st *groovyStatement) texts() []groovyToken { return groovyTexts(st.tokens) }

func groovyTexts(tokens []groovyToken) []groovyToken {
	var out []groovyToken
	for _, t := range tokens {
		if t.kind == groovyText {
			out = append(out, t)
		}
	}
	return out
}

// groovyError says why a file cannot be read.
type groovyError struct {
	line int
	what string
}

// How deep blocks and brackets may nest.
const (
	maxGroovyDepth    = 100
	maxGroovyBrackets = 200
)

// readGroovy reads statements. It knows strings of every form, comments, braces, brackets and line ends. It is no Groovy parser:
// what it makes of an expression is a list of tokens.
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
			if st := r.statement(depth); len(st.tokens) > 0 {
				out = append(out, st)
			}
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
			if brackets == 0 && !r.continues(st, c) {
				return st
			}
			r.advance(len(r.s[r.i:]) - len(strings.TrimLeft(r.s[r.i:], " \t\r\n;")))
		case c == ' ' || c == '\t' || c == '\r':
			r.advance(1)
		case r.comment():
		case c == '\\' && (r.peek("\\\n") || r.peek("\\\r\n")):
			r.advance(2)
		case c == '{':
			st.block = st.block || brackets == 0
			if !r.braces(st, depth) || brackets == 0 && !r.chained(st) {
				return st
			}
		case c == '}':
			if brackets > 0 {
				r.fail("a bracket is not closed")
			}
			return st
		default:
			before := brackets
			if brackets = max(0, brackets+r.token(st)); brackets > maxGroovyBrackets {
				r.fail("brackets nest more than 200 deep")
			}
			if before > brackets && brackets == 0 && st.header == 0 {
				st.header = len(st.tokens) - 1
			}
		}
	}
	if brackets > 0 {
		r.fail("a bracket is not closed")
	}
	return st
}

// braces reads a block; ok is false when it does not end.
func (r *groovyReader) braces(st *groovyStatement, depth int) (ok bool) {
	line := r.line
	r.advance(1)
	body := r.statements(depth + 1)
	st.tokens = append(st.tokens, groovyToken{kind: groovyBlock, body: body, line: line})
	if r.i >= len(r.s) {
		r.fail("a block is not closed")
		return false
	}
	r.advance(1)
	return true
}

// token reads a word, a literal or an operator, and returns by how much the brackets deepen.
func (r *groovyReader) token(st *groovyStatement) int {
	line, c := r.line, r.s[r.i]
	switch {
	case c == '\'' || c == '"':
		st.tokens = append(st.tokens, r.quoted())
		return 0
	case r.peek("$/"):
		st.tokens = append(st.tokens, r.dollarSlashy())
		return 0
	case c == '/' && st.expectsValue():
		if text, ok := r.slashy(); ok {
			st.tokens = append(st.tokens, text)
			return 0
		}
	case isGroovyWord(c):
		start := r.i
		for r.i < len(r.s) && (isGroovyWord(r.s[r.i]) || r.s[r.i] == '.' && r.i+1 < len(r.s) && isGroovyWord(r.s[r.i+1])) {
			r.i++
		}
		st.tokens = append(st.tokens, groovyToken{kind: groovyWord, text: r.s[start:r.i], line: line})
		return 0
	}
	_, size := utf8.DecodeRuneInString(r.s[r.i:])
	st.tokens = append(st.tokens, groovyToken{kind: groovyOperator, text: r.s[r.i : r.i+size], line: line})
	r.advance(size)
	switch c {
	case '(', '[':
		return 1
	case ')', ']':
		return -1
	}
	return 0
}

// expectsValue reports whether a / that comes next begins a literal: nothing stands before it that it could divide.
func (st *groovyStatement) expectsValue() bool {
	if len(st.tokens) == 0 {
		return false
	}
	last := &st.tokens[len(st.tokens)-1]
	return last.kind == groovyOperator && last.text != ")" && last.text != "]" || last.word("return", "in")
}

// continues reports whether a statement goes on after the end of its line: after an operator, or when a block, an operator or an else
// comes next. A semicolon ends everything but an if that an else follows.
func (r *groovyReader) continues(st *groovyStatement, end byte) bool {
	rest := strings.TrimLeft(r.s[r.i+1:], " \t\r\n;")
	if len(st.tokens) > 0 && st.tokens[0].word("if") && startsWithWord(rest, "else") {
		return true
	}
	if end == ';' {
		return false
	}
	if n := len(st.tokens); n > 0 && st.tokens[n-1].kind == groovyOperator {
		switch st.tokens[n-1].text {
		case "+", ",", "=", "&", "|", "?", ":", ".":
			return true
		case ")":
			if st.tokens[0].word("if", "for", "while") && st.headerOnly() && !strings.HasPrefix(rest, "}") {
				return true // its one statement stands on the next line
			}
		}
	}
	if n := len(st.tokens); n > 0 && st.tokens[n-1].word("else") {
		return true
	}
	return strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "+ ") || strings.HasPrefix(rest, "&&") || strings.HasPrefix(rest, "||") ||
		strings.HasPrefix(rest, "?") || strings.HasPrefix(rest, "{") && !st.block
}

// headerOnly reports whether nothing follows the brackets that an if begins with.
func (st *groovyStatement) headerOnly() bool {
	return len(st.tokens) > 1 && st.tokens[1].is("(") && st.header == len(st.tokens)-1
}

// closing is the index of the bracket that closes the one at i, the last index when none does.
func closing(tokens []groovyToken, i int) int {
	depth := 0
	for at := i; at < len(tokens); at++ {
		switch t := &tokens[at]; {
		case t.is("("), t.is("["):
			depth++
		case t.is(")"), t.is("]"):
			if depth--; depth == 0 {
				return at
			}
		}
	}
	return len(tokens) - 1
}

func startsWithWord(s, word string) bool {
	after, ok := strings.CutPrefix(s, word)
	return ok && (after == "" || !isGroovyWord(after[0]))
}

// chained reports whether something belongs to a statement whose block has ended: else, catch, a call on the result.
func (r *groovyReader) chained(st *groovyStatement) bool {
	rest := strings.TrimLeft(r.s[r.i:], " \t\r\n")
	if st.tokens[0].word("if", "try") {
		for _, word := range []string{"else", "catch", "finally"} {
			if startsWithWord(rest, word) {
				return true
			}
		}
	}
	return strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, ",")
}

func isGroovyWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
