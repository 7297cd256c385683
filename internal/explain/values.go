package explain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// What a page shows of values, before and after; the decision's page on the dashboard has more.
const (
	maxValues     = 10    // attributes of one resource
	maxValueLines = 8     // lines of one text
	maxValueWidth = 160   // characters of one line
	maxIndent     = 20    // blanks before a line
	valuesRoom    = 15000 // characters of all together: they must not push out what the rules said
)

// values is a code block, in the colours of a diff, with what becomes of a resource's attributes; "" when nothing is known. It is to
// stand in the item of a list. Each of its lines begins with blanks and a sign, so no foreign text can end it.
func (p *page) values(c *gate.Change) string {
	if p.c.Diff == nil {
		return ""
	}
	d, ok := p.c.Diff.Find(c.Kind, c.Resource, c.File, c.Environment)
	if !ok || len(d.Attributes) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("  ```diff\n")
	shown := min(len(d.Attributes), maxValues)
	for i := range d.Attributes[:shown] {
		valueLines(&b, &d.Attributes[i])
	}
	if n := len(d.Attributes) - shown + d.More; n > 0 {
		fmt.Fprintf(&b, "    and %s\n", count(n, "more attribute"))
	}
	b.WriteString("  ```\n")
	if b.Len() > valuesRoom-p.spent {
		return ""
	}
	p.spent += b.Len()
	return b.String()
}

func valueLines(b *strings.Builder, a *diff.Attribute) {
	name := cmp.Or(shorten(a.Attribute, maxValueWidth), "(no name)")
	line := func(sign, text string) { fmt.Fprintf(b, "  %s %s\n", sign, text) }
	note := ""
	if a.Forces {
		note = " # forces replacement"
	}
	before, after := a.Lines(a.Before), a.Lines(a.After)
	if len(before)+len(after) > 0 {
		line(" ", fmt.Sprintf("%s, from line %d:%s", name, a.Line, note))
		textLines("-", before, line)
		textLines("+", after, line)
		return
	}
	if was := a.Text(a.Before); a.Sensitive && was == a.Text(a.After) {
		line("!", name+" = "+shorten(was, maxValueWidth)+", changes"+note)
		return
	}
	one := func(sign string, value json.RawMessage, note string) {
		if text := a.Text(value); text != "" {
			line(sign, name+" = "+shorten(text, maxValueWidth)+note)
		}
	}
	one("-", a.Before, "")
	one("+", a.After, note)
}

func textLines(sign string, lines []string, line func(sign, text string)) {
	for i, l := range lines {
		if i == maxValueLines {
			line(sign, "… "+count(len(lines)-i, "more line"))
			return
		}
		text := strings.TrimLeft(l, " \t") // the indentation of YAML says what belongs to what
		line(sign, "| "+strings.Repeat(" ", min(len(l)-len(text), maxIndent))+shorten(text, maxValueWidth))
	}
}
