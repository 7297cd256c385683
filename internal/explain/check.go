package explain

import (
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// CheckOutput is a check run as GitHub takes it, but for its name, SHA and ids.
type CheckOutput struct {
	Status     string // completed, or in_progress while something is missing
	Conclusion string // success or failure; "" while in progress. Never neutral or skipped: both count as passing
	Title      string // at most 255 characters
	Summary    string // Markdown, at most 65,535 characters
	Text       string // Markdown, at most 65,535 characters
	// Annotations are in the order of their weight; GitHub takes 50 a request. At most 200.
	Annotations []Annotation
	Actions     []Action
}

// Annotation is a remark on lines of a file at the head. Its texts are shown as they are, not as Markdown.
type Annotation struct {
	Path               string
	StartLine, EndLine int
	Level              string // failure, warning or notice
	Title              string // at most 255 characters
	Message            string
}

// Action is a button on the check run; GitHub allows 20, 40 and 20 characters.
type Action struct {
	Label, Description, Identifier string
}

// RecheckAction identifies the button that asks for a new evaluation.
const RecheckAction = "recheck"

// maxAnnotations keeps a very long list of findings from taking dozens of requests; all of them are in the text's count.
const maxAnnotations = 200

// Check is the check run for a decision. Whatever is not a verdict that lets the change through, or waits, is a failure.
func Check(d *gate.Decision, c Context) CheckOutput {
	out := CheckOutput{
		Status:      "completed",
		Conclusion:  "failure",
		Title:       checkTitle(d),
		Annotations: annotations(d, c.Files),
		Actions: []Action{{
			Label: "Re-evaluate", Description: "Read everything again and decide anew", Identifier: RecheckAction,
		}},
	}
	switch d.Verdict {
	case gate.Pass:
		out.Conclusion = "success"
	case gate.Wait:
		out.Status, out.Conclusion = "in_progress", ""
	}
	p := newPage(d, &c, false)
	out.Summary = p.lead() + "\n" + tallies(d) + "\n"
	out.Text = strings.TrimLeft(p.assemble("", maxText), "\n")
	return out
}

// checkTitle is the decision's title. An error is always called one: tools and people look for these words.
func checkTitle(d *gate.Decision) string {
	const could = "Gatehouse could not evaluate"
	title := gate.Printable(d.Title)
	switch d.Verdict {
	case gate.Pass, gate.Wait, gate.Fail:
	default:
		if !strings.HasPrefix(title, could) {
			title = could + ": " + title
		}
	}
	return gate.Shorten(title, 255)
}

// tallies is the counts on one line.
func tallies(d *gate.Decision) string {
	s := d.Summary
	var parts []string
	for _, x := range []struct {
		n    int
		text string
	}{
		{s.Deny, thousands(s.Deny) + " denied"}, {s.Warn, count(s.Warn, "warning")}, {s.Waived, thousands(s.Waived) + " waived"},
		{s.Existing, thousands(s.Existing) + " older"}, {s.Unknown, thousands(s.Unknown) + " " + d.Doubt()},
		{len(d.Errors), count(len(d.Errors), "error")},
	} {
		if x.n > 0 {
			parts = append(parts, x.text)
		}
	}
	if len(parts) == 0 {
		parts = []string{"no findings"}
	}
	return strings.Join(parts, " · ") + " · " + count(s.Documents, "document") + ", " + count(s.Rules, "rule")
}

// annotations are the lines at fault, worst first. Files that the pull request removes have no lines to point at.
func annotations(d *gate.Decision, files []gate.FileChange) []Annotation {
	removed := map[string]bool{}
	touched := map[string]bool{}
	for _, f := range files {
		removed[f.Path] = f.Status == "removed"
		touched[f.Path] = f.Status != "removed"
	}
	out := []Annotation{}
	add := func(file string, line int, level, title, message string) {
		if line < 1 && touched[file] {
			line = 1 // the whole file: it is shown with the change, so its first line will do
		}
		if line < 1 || removed[file] || !inside(file) || len(out) == maxAnnotations {
			return
		}
		out = append(out, Annotation{
			Path: file, StartLine: line, EndLine: line, Level: level,
			Title: shorten(title, 255), Message: message,
		})
	}
	for i := range d.Errors[:min(len(d.Errors), maxAnnotations)] {
		e := &d.Errors[i]
		add(e.File, e.Line, "failure", "Gatehouse could not evaluate this", sentences(e.Message, e.Remedy))
	}
	for i := range d.Findings {
		f := &d.Findings[i]
		if level := level(f); level != "" && len(out) < maxAnnotations {
			add(f.File, f.Line, level, heading(f),
				shorten(subject(f), maxName)+": "+sentences(f.Message, f.Remedy))
		}
	}
	return out
}

// level is an annotation's weight; "" for a finding that the change did not introduce: an old file is not to blame.
func level(f *gate.Finding) string {
	switch {
	case f.Blocks():
		return "failure"
	case f.Status == gate.StatusExisting:
		return ""
	case f.Status == gate.StatusWaived || f.Unknown:
		return "notice"
	}
	return "warning"
}

// sentences is a message and its remedy in plain text.
func sentences(message, remedy string) string {
	s := shorten(message, maxMessage)
	if remedy != "" {
		s += "\n→ " + shorten(remedy, maxMessage)
	}
	return s
}
