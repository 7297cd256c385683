package document

import "strings"

// quoted reads a string in one of the four quotes.
func (r *groovyReader) quoted() groovyToken {
	quote := r.s[r.i : r.i+1]
	if r.peek(strings.Repeat(quote, 3)) {
		quote = strings.Repeat(quote, 3)
	}
	text := groovyToken{kind: groovyText, line: r.line}
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
		case quote[0] == '"' && r.peek("${"):
			text.dynamic = true
			n := expression(r.s[r.i:])
			out.WriteString(r.s[r.i : r.i+n])
			r.advance(n)
		default:
			text.dynamic = text.dynamic || c == '$' && quote[0] == '"'
			out.WriteByte(c)
			r.advance(1)
		}
	}
	r.fail("a text is not closed")
	return text
}

// expression is the length of the ${...} that s begins with, in which quotes and braces may stand; of its first two bytes when it does not
// end on its line.
func expression(s string) int {
	depth, quote := 0, byte(0)
	for i := 1; i < len(s) && s[i] != '\n'; i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 2
}

// slashy reads /.../ on one line; ok is false when it does not end there, and the / is an operator.
func (r *groovyReader) slashy() (text groovyToken, ok bool) {
	var out strings.Builder
	for i := r.i + 1; i < len(r.s) && r.s[i] != '\n'; i++ {
		switch c := r.s[i]; {
		case c == '\\' && i+1 < len(r.s) && r.s[i+1] == '/':
			out.WriteByte('/')
			i++
		case c == '/' && out.Len() > 0:
			text = groovyToken{kind: groovyText, text: out.String(), dynamic: strings.Contains(out.String(), "${"), line: r.line}
			r.i = i + 1
			return text, true
		case c == '/':
			return groovyToken{}, false
		default:
			out.WriteByte(c)
		}
	}
	return groovyToken{}, false
}

// dollarSlashy reads $/.../$, which may have many lines.
func (r *groovyReader) dollarSlashy() groovyToken {
	text := groovyToken{kind: groovyText, line: r.line}
	end := strings.Index(r.s[r.i+2:], "/$")
	if end < 0 {
		r.fail("a text is not closed")
		return text
	}
	text.text = r.s[r.i+2 : r.i+2+end]
	text.dynamic = strings.Contains(text.text, "$")
	r.advance(end + 4)
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
