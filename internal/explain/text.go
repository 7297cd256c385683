package explain

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Terminal is what Text writes to.
type Terminal struct {
	Color bool
	Width int // columns; 0: 100
}

// The colours: what is wrong, what deserves a look, what is well, and what can be read later.
const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	green  = "\x1b[32m"
	dim    = "\x1b[2m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// Text writes the decision for a person at a terminal: what could not be judged, what is wrong on which resource and what to
// do, who must approve, and the counts. Older and waived findings are only counted. Errors are the writer's.
func Text(w io.Writer, d *gate.Decision, t Terminal) error {
	if t.Width <= 0 {
		t.Width = 100
	}
	p := &printer{w: bufio.NewWriter(w), t: t}
	p.problems(d.Errors)
	p.found(d)
	p.unjudged(d.Unjudged)
	p.asked(d)
	p.counts(d)
	return p.w.Flush()
}

type printer struct {
	w *bufio.Writer // keeps the first error until Flush
	t Terminal
}

func (p *printer) paint(colour, s string) string {
	if !p.t.Color || colour == "" || s == "" {
		return s
	}
	return colour + s + plain
}

func (p *printer) line(s string) {
	_, _ = p.w.WriteString(strings.TrimRight(s, " ") + "\n") // the writer reports its error at the end
}

// paragraph writes text wrapped to the width behind a first and a following indentation.
func (p *printer) paragraph(first, rest, colour, s string) {
	width := max(p.t.Width-utf8.RuneCountInString(rest), 20)
	for i, l := range Wrap(shorten(s, maxMessage), width) {
		indent := rest
		if i == 0 {
			indent = first
		}
		p.line(indent + p.paint(colour, l))
	}
}

// Wrap breaks a text into lines of at most width characters, at spaces; a longer word stays whole, so that it can be copied.
func Wrap(s string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

func (p *printer) problems(errs []gate.Problem) {
	for i := range errs {
		e := &errs[i]
		p.header(cmp.Or(gate.Printable(e.File), "Gatehouse"), "", e.Line)
		p.paragraph("  "+p.paint(red, "✗")+" ", "    ", "", "could not evaluate: "+e.Message)
		if e.Remedy != "" {
			p.paragraph("    → ", "      ", dim, e.Remedy)
		}
		p.line("")
	}
}

// header is what the lines under it are about, with the place at the right edge when there is room.
func (p *printer) header(name, file string, line int) {
	name, file = shorten(name, maxName), shorten(file, maxName)
	if line > 0 {
		at := fmt.Sprintf(":%d", line)
		if file == "" {
			name += at
		} else {
			file += at
		}
	}
	gap := p.t.Width - utf8.RuneCountInString(name) - utf8.RuneCountInString(file)
	switch {
	case file == "":
		p.line(p.paint(bold, name))
	case gap < 2:
		p.line(p.paint(bold, name))
		p.line("  " + p.paint(dim, file))
	default:
		p.line(p.paint(bold, name) + strings.Repeat(" ", gap) + p.paint(dim, file))
	}
}

func (p *printer) found(d *gate.Decision) {
	list := group(pick(d, current))
	for i, f := range list {
		if i == 0 || groupKey(list[i-1]) != groupKey(f) {
			if i > 0 {
				p.line("")
			}
			file := f.File
			if f.Resource == "" {
				file = ""
			}
			p.header(subject(f), file, f.Line)
		}
		mark, colour := "!", yellow
		switch {
		case f.Blocks():
			mark, colour = "✗", red
		case f.Unknown:
			mark, colour = "?", dim
		}
		rule := shorten(f.Rule, maxName)
		severity := shorten(f.Severity, maxName)
		p.line(strings.TrimRight(fmt.Sprintf("  %s %s %-9s %s", p.paint(colour, mark), p.paint(colour, rule), severity,
			shorten(titleOf(f), maxName)), " "))
		message := f.Message
		switch {
		case f.Unknown:
			message += " (" + f.Doubt() + ")"
		case f.Status == gate.StatusWorse:
			message += " (there before, and made worse here)"
		}
		p.paragraph("    ", "    ", "", message)
		if w := f.Waiver; w != nil && w.Expired {
			p.paragraph("    ", "    ", "", "the waiver of "+w.Owner+" ended on "+w.Expires)
		}
		next := i + 1 // one remedy for a row of the same
		if f.Remedy != "" && (next == len(list) || groupKey(list[next]) != groupKey(f) || list[next].Remedy != f.Remedy) {
			p.paragraph("    → ", "      ", dim, f.Remedy)
		}
	}
	if len(list) > 0 {
		p.line("")
	}
}

func (p *printer) unjudged(list []gate.Problem) {
	for i := range list {
		if i == 10 {
			p.line(p.paint(dim, fmt.Sprintf("· and %d more files that nothing judges", len(list)-i)))
			break
		}
		p.paragraph("· ", "  ", dim, "not judged: "+list[i].String())
	}
	if len(list) > 0 {
		p.line("")
	}
}

func (p *printer) asked(d *gate.Decision) {
	for i := range d.Missing {
		m := &d.Missing[i]
		p.paragraph(p.paint(yellow, "…")+" ", "  ", "", strings.TrimSuffix("missing: a "+m.What+" of "+m.For+": "+m.Remedy, ": "))
	}
	for i := range d.Requirements {
		r := &d.Requirements[i]
		if r.Met {
			continue
		}
		why := gate.Ask{Count: r.Missing(), More: len(r.ApprovedBy) > 0, Who: r.From}.String() + " needed: " + r.Reason
		if r.Rule != "" {
			why += " (" + r.Rule + ")"
		}
		p.paragraph(p.paint(yellow, "…")+" ", "  ", "", why)
	}
	for _, x := range d.Discounted {
		p.paragraph(p.paint(dim, "·")+" ", "  ", "", "not counted: "+x.Login+" "+x.Reason)
	}
	if len(d.Missing)+len(d.Requirements)+len(d.Discounted) > 0 && d.Verdict != gate.Pass {
		p.line("")
	}
}

func (p *printer) counts(d *gate.Decision) {
	s := d.Summary
	var parts []string
	add := func(n int, colour, text string) {
		if n > 0 {
			parts = append(parts, p.paint(colour, text))
		}
	}
	add(len(d.Errors), red, count(len(d.Errors), "error"))
	add(s.Deny, red, thousands(s.Deny)+" denied")
	add(s.Warn, yellow, count(s.Warn, "warning"))
	add(s.Waived, dim, thousands(s.Waived)+" waived")
	add(s.Existing, dim, thousands(s.Existing)+" older")
	add(s.Unknown, dim, thousands(s.Unknown)+" "+d.Doubt())
	if len(parts) == 0 {
		parts = []string{p.paint(green, "✓ nothing found")}
	}
	p.line(strings.Join(parts, " · ") + "    " + count(s.Documents, "document") + ", " + count(s.Rules, "rule"))
}
