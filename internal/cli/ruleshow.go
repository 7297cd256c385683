package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/explain"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// printRule writes a rule for people, as wide as their terminal; where nobody says how wide that is, each thing is one line.
func (w *world) printRule(r rules.Rule) error {
	const margin = 13 // under "enforcement", with two blanks
	var out strings.Builder
	say := func(name, text string) {
		for i, line := range wrapped(text, w.width()-margin) {
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(&out, "%-*s%s\n", margin, name, line)
		}
	}
	fmt.Fprintf(&out, "%s  %s\n\n", r.ID, gate.Printable(r.Title))
	if r.Description != "" {
		fmt.Fprintf(&out, "%s\n\n", strings.Join(wrapped(r.Description, w.width()), "\n"))
	}
	say("pack", r.Pack)
	say("severity", r.Severity)
	say("enforcement", r.Enforcement)
	if r.Off != "" {
		say("off", r.Off)
	}
	for _, kind := range slices.Sorted(maps.Keys(r.Inspects)) {
		say("inspects", kind+": "+strings.Join(r.Inspects[kind], ", "))
	}
	for _, p := range r.Parameters {
		say("parameter", p.Name+": "+p.Description+" ("+defaultOf(p)+")")
	}
	if len(r.References) > 0 {
		say("see also", strings.Join(r.References, ", "))
	}
	for i, l := range r.Related {
		name := ""
		if i == 0 && len(r.References) == 0 {
			name = "see also"
		}
		say(name, l.Ref)
	}
	say("remedy", r.Remedy)
	_, err := io.WriteString(w.out, out.String())
	return err
}

// defaultOf says what a parameter is when nobody sets it, as one would write it in policies.rules.
func defaultOf(p rules.Parameter) string {
	if p.Default == nil {
		if p.Required {
			return "required"
		}
		return "no default"
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(p.Default); err != nil {
		return fmt.Sprintf("default %v", p.Default)
	}
	return "default " + strings.TrimSpace(text.String())
}

// wrapped breaks each line of a text to a width, which is none when it is not positive.
func wrapped(text string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		line = gate.Printable(line)
		if width <= 0 {
			lines = append(lines, line)
			continue
		}
		lines = append(lines, explain.Wrap(line, width)...)
	}
	return lines
}
