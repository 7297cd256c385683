package explain

import (
	"fmt"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// GitHub is the decision as workflow commands, which GitHub Actions turns into annotations. Actions shows ten of each kind a
// step, so the worst come first.
func GitHub(d *gate.Decision) string {
	var b strings.Builder
	for i := range d.Errors {
		e := &d.Errors[i]
		b.WriteString(command("error", e.File, e.Line, "Gatehouse could not evaluate this", sentences(e.Message, e.Remedy)))
	}
	for i := range d.Findings {
		f := &d.Findings[i]
		kind := map[string]string{"failure": "error", "warning": "warning", "notice": "notice"}[level(f)]
		if kind == "" {
			continue
		}
		b.WriteString(command(kind, f.File, f.Line, heading(f),
			shorten(subject(f), maxName)+": "+sentences(f.Message, f.Remedy)))
	}
	for i := range d.Requirements {
		if r := &d.Requirements[i]; !r.Met {
			ask := gate.Ask{Count: r.Missing(), More: len(r.ApprovedBy) > 0, Who: r.From}
			b.WriteString(command("notice", "", 0, "Approvals", gate.Printable(ask.String()+": "+r.Reason)))
		}
	}
	return b.String()
}

// command is one workflow command. What could end it, or begin another one, is escaped as GitHub's toolkit does it.
func command(kind, file string, line int, title, message string) string {
	var props []string
	if file != "" {
		props = append(props, "file="+property(file))
		if line > 0 {
			props = append(props, fmt.Sprintf("line=%d", line))
		}
	}
	props = append(props, "title="+property(shorten(title, 255)))
	return "::" + kind + " " + strings.Join(props, ",") + "::" + data(message) + "\n"
}

func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
