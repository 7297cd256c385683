package explain

import (
	"fmt"
	"html"
	"net/url"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// The longest pieces of foreign text, in characters. A piece is shortened before it is escaped, so an escape is never cut.
const (
	maxName    = 200  // resources, paths, logins
	maxMessage = 1000 // messages, remedies, reasons
)

// zeroWidth is put inside what GitHub would turn into a link or a mention in any text, escaped or not. (Printable has taken
// foreign ones out.)
const zeroWidth = "\u200b"

// shorten is foreign text made printable, at most n characters of it. What is far too long is cut before it is looked at.
func shorten(s string, n int) string {
	if most := 10 * n; len(s) > most { // four bytes a character, and room for what is spelled out or folded
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return gate.Shorten(gate.Printable(s), n)
}

// text is foreign text as Markdown that reads the same and does nothing.
func text(s string) string { return brief(s, maxMessage) }

// brief is text of at most n characters, before the escapes. What stands between two backticks stays code, which is the one
// thing that a message may ask for: code can do nothing.
func brief(s string, n int) string {
	s = shorten(s, n)
	var b strings.Builder
	literal := func(s string) { b.WriteString(escape(defuse(s))) }
	for {
		open := strings.IndexByte(s, '`')
		if open < 0 {
			literal(s)
			return b.String()
		}
		inner, rest, closed := strings.Cut(s[open+1:], "`")
		if !closed || inner == "" || inner != strings.TrimSpace(inner) {
			literal(s[:open+1])
			s = s[open+1:]
			continue
		}
		literal(s[:open])
		if strings.HasSuffix(b.String(), "`") { // two fences in a row would be one longer fence
			b.WriteString(zeroWidth)
		}
		b.WriteString("`" + inner + "`")
		s = rest
	}
}

// htmlText is foreign text for the inside of an HTML element, where Markdown has no say.
func htmlText(s string) string {
	return html.EscapeString(defuse(shorten(s, maxName)))
}

// code is a foreign name as a Markdown code span.
func code(s string) string {
	s = shorten(s, maxName)
	if s == "" {
		return "(no name)"
	}
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 { // a space each side is taken off again, and keeps a backtick at the edge from joining the fence
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// defuse breaks mentions, references to issues and bare addresses, which GitHub finds in the rendered text, where no escape
// is left to stop it.
func defuse(s string) string {
	if !strings.ContainsAny(s, "@#:-.") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(s[i])
		rest := s[i+1:]
		switch s[i] {
		case '@':
			if rest != "" && (alphanumeric(rest[0]) || rest[0] == '_' || rest[0] == '-') {
				b.WriteString(zeroWidth)
			}
		case '#':
			if rest != "" && digit(rest[0]) {
				b.WriteString(zeroWidth)
			}
		case ':':
			if strings.HasPrefix(rest, "//") {
				b.WriteString(zeroWidth)
			}
		case '-': // GH-12
			if rest != "" && digit(rest[0]) && i >= 2 && strings.EqualFold(s[i-2:i], "gh") {
				b.WriteString(zeroWidth)
			}
		case 'w', 'W':
			if strings.HasPrefix(rest, ".") && i >= 2 && strings.EqualFold(s[i-2:i], "ww") {
				b.WriteString(zeroWidth)
			}
		}
	}
	return b.String()
}

// escape puts a backslash before what Markdown would act on, and leaves the rest readable: most comments are also read as
// mail.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch c {
		case '\\', '`', '*', '<', '>', '~', '$':
			b.WriteByte('\\')
		case '[', ']':
			if !plainIndex(s, i) {
				b.WriteByte('\\')
			}
		case '_':
			if i == 0 || i == len(s)-1 || !alphanumeric(s[i-1]) || !alphanumeric(s[i+1]) {
				b.WriteByte('\\')
			}
		case '&':
			b.WriteString("&amp;")
			continue
		case '#', '+', '-', '=', ':', '|':
			if i == 0 {
				b.WriteByte('\\')
			}
		case '.', ')': // 1. and 1) begin a list
			if i > 0 && strings.Trim(s[:i], "0123456789") == "" {
				b.WriteByte('\\')
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// plainIndex reports whether the bracket at i belongs to an index such as [0] that cannot be read as a link.
func plainIndex(s string, i int) bool {
	open := strings.LastIndexByte(s[:i+1], '[')
	if open <= 0 || !alphanumeric(s[open-1]) {
		return false
	}
	n := strings.IndexByte(s[open:], ']')
	if n < 2 || open+n < i || strings.Trim(s[open+1:open+n], "0123456789") != "" {
		return false
	}
	after := s[open+n+1:]
	return after == "" || !strings.ContainsRune("([:", rune(after[0]))
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func alphanumeric(c byte) bool {
	return digit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// link is a Markdown link to an address of ours or of a rule's metadata. The label is Markdown already. What is not an
// absolute web address is no link.
func link(label, address string) string {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil {
		return label
	}
	var b strings.Builder
	for _, c := range []byte(u.String()) {
		if alphanumeric(c) || strings.IndexByte("-._~:/?#@!$&'+,;=%", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return "[" + label + "](" + strings.ReplaceAll(b.String(), "&", "&amp;") + ")"
}

// place is a file and line, linked to the commit when it is known where.
func (c *Context) place(head, file string, line int) string {
	name := file
	if line > 0 {
		name = fmt.Sprintf("%s:%d", file, line)
	}
	if address := c.fileURL(head, file, line); address != "" {
		return link(code(name), address)
	}
	return code(name)
}

// fileURL is where a file can be seen at a commit, or "". A path that leaves the repository gets none.
func (c *Context) fileURL(head, file string, line int) string {
	if c.RepoURL == "" || head == "" || strings.Trim(head, "0123456789abcdef") != "" || !inside(file) {
		return ""
	}
	parts := strings.Split(file, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	address := c.RepoURL + "/blob/" + head + "/" + strings.Join(parts, "/")
	if line > 0 {
		address += fmt.Sprintf("#L%d", line)
	}
	return address
}

// inside reports whether a path is one that a repository can hold.
func inside(file string) bool {
	if len(file) > 4096 {
		return false
	}
	for _, part := range strings.Split(file, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// mention is a login or org/team that may be notified: someone whom the configuration asks. What cannot be one is only shown.
func mention(name string) string {
	for i := range len(name) {
		c := name[i]
		if !alphanumeric(c) && (i == 0 || strings.IndexByte("-_./", c) < 0) {
			return "**" + brief(name, maxName) + "**"
		}
	}
	if name == "" || len(name) > 150 || strings.Count(name, "/") > 1 {
		return "**" + brief(name, maxName) + "**"
	}
	return "**@" + strings.ReplaceAll(name, "_", `\_`) + "**"
}

// person is a login that is named and not notified.
func person(login string) string {
	if login == "" {
		return "somebody"
	}
	return "**" + brief(login, maxName) + "**"
}
