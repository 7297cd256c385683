package web

import (
	"encoding/json"
	"html/template"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// valueRow is what becomes of one attribute, as a page shows it.
type valueRow struct {
	diff.Attribute
	Was, Is shownValue
}

// shownValue is one side of it.
type shownValue struct {
	Text  string   // "": nothing is there
	Lines []string // of a text of several lines, instead
	Word  bool     // Text is not the value but a word for it
}

// valueRows are the first attributes of a list, and how many are left out.
func valueRows(list []diff.Attribute, more, most int) ([]valueRow, int) {
	rows := make([]valueRow, 0, min(len(list), most))
	for i := range list {
		if i == most {
			return rows, more + len(list) - most
		}
		a := &list[i]
		rows = append(rows, valueRow{*a, shown(a, a.Before), shown(a, a.After)})
	}
	return rows, more
}

func shown(a *diff.Attribute, value json.RawMessage) shownValue {
	text := a.Text(value)
	return shownValue{Text: text, Lines: a.Lines(value), Word: text == diff.Sensitive || text == diff.Unknown}
}

// indented is a stranger's line of text, harmless, with the blanks at its beginning: in YAML they say what belongs to what.
func indented(line string) string {
	text := strings.TrimLeft(line, " \t")
	return strings.Repeat(" ", min(len(line)-len(text), 40)) + clean(text)
}

// entryKind is an entry's type, as people say it: of a publication what was published, of a change of configuration what changed.
func entryKind(e store.Entry) string {
	what, _ := e.Detail["what"].(string)
	switch {
	case what == "" || e.Type != store.EntryPublication && e.Type != store.EntryConfiguration:
		return clean(e.Type)
	case what == "check":
		return "check run"
	case e.Type == store.EntryConfiguration:
		return "configuration: " + clean(what)
	}
	return clean(what)
}

// ticks is a sentence of our own in which commands stand between backticks, as code.
func ticks(s string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(s, "`") {
		part = template.HTMLEscapeString(clean(part))
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) //nolint:gosec // escaped above
}
