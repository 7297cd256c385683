package explain

import (
	"fmt"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// blocking is the findings that make the verdict fail, worst first as the decision has them.
func blocking(d *gate.Decision) []*gate.Finding {
	return pick(d, (*gate.Finding).Blocks)
}

func pick(d *gate.Decision, want func(*gate.Finding) bool) []*gate.Finding {
	var out []*gate.Finding
	for i := range d.Findings {
		if want(&d.Findings[i]) {
			out = append(out, &d.Findings[i])
		}
	}
	return out
}

// subject is what a finding is about: its resource, or the file when the rule judged a whole file.
func subject(f *gate.Finding) string {
	if f.Resource != "" {
		return f.Resource
	}
	return f.File
}

// heading is what a line about a finding begins with. A foreign rule without a title has its name for one; nobody reads it twice.
func heading(f *gate.Finding) string {
	return f.Rule + " " + f.Severity + prefixed(": ", titleOf(f))
}

// titleOf is the finding's title, empty when it only repeats the rule.
func titleOf(f *gate.Finding) string {
	if f.Title == f.Rule {
		return ""
	}
	return f.Title
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func short(sha string) string {
	if len(sha) > 7 {
		return sha[:7]
	}
	return sha
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

// thousands is a number with its thousands set apart: 10,214.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && n > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// join is "a", "a and b", "a, b and c"; with "then": "a, then b, then c".
func join(parts []string, word string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	if word == "then" {
		return strings.Join(parts, ", then ")
	}
	last := len(parts) - 1
	return strings.Join(parts[:last], ", ") + " " + word + " " + parts[last]
}
