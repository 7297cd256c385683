package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/web"
)

// maxWhoAttributes is how many attributes the text shows under each line; JSON and CSV have all that are on record.
const maxWhoAttributes = 8

// printWho writes who changed a resource, and what became of its attributes.
func (w *world) printWho(output string, lines []web.WhoLine) error {
	header := []string{"time", "actions", "resource", "repository", "pull_request", "author", "approvers", "merged_by", "verdict", "decision"}
	rows, under := make([][]string, 0, len(lines)), make([][]string, 0, len(lines))
	for i := range lines {
		l := &lines[i]
		row := []string{
			l.Time.UTC().Format(time.RFC3339), strings.Join(l.Actions, "+"), whoAbout(l), l.Repository, number(l.PullRequest), l.Author,
			strings.Join(l.Approvers, " "), l.MergedBy, l.Verdict, l.Decision,
		}
		told := make([]string, 0, len(l.Changes))
		for k := range l.Changes {
			told = append(told, attributeText(&l.Changes[k]))
		}
		if output == "csv" {
			row = append(row, strings.Join(told, "; "))
		}
		more := l.More
		if n := len(told) - maxWhoAttributes; n > 0 {
			told, more = told[:maxWhoAttributes], more+n
		}
		if more > 0 {
			told = append(told, fmt.Sprintf("and %s", plural(more, "more attribute")))
		}
		rows, under = append(rows, row), append(under, told)
	}
	if output != "text" || len(rows) == 0 {
		return w.printTable(output, lines, append(header, "changes"), rows)
	}
	return w.printText(header, rows, under)
}

// attributeText is what becomes of an attribute on one line.
func attributeText(a *diff.Attribute) string {
	value := func(v json.RawMessage) string {
		if text := a.Text(v); text != "" {
			return printableShort(text, 100)
		}
		return "(nothing)"
	}
	s := printableShort(a.Attribute, 120)
	if a.Line > 0 {
		s += fmt.Sprintf(", from line %d", a.Line)
	}
	if before, after := value(a.Before), value(a.After); a.Sensitive && before == after {
		s += ": " + after + ", changes"
	} else {
		s += ": " + before + " → " + after
	}
	if a.Forces {
		s += " (forces replacement)"
	}
	return s
}

// whoAbout is what a line is about: a resource, or the first of several.
func whoAbout(l *web.WhoLine) string {
	if l.Resource != "" {
		return l.Resource
	}
	if len(l.Resources) > 0 {
		return l.Resources[0] + " and others"
	}
	return "(no resource)"
}
