package gate

import (
	"fmt"
	"slices"
	"strings"
)

// maxTitle is the longest title, in characters, and maxName the longest name of a resource or file within it, so that what
// comes after a very long name can still be read.
const (
	maxTitle = 255
	maxName  = 120
)

// title is the decision in one line: what is wrong, or what is missing. It is the check run's title.
func title(d *Decision) string {
	var s string
	switch d.Verdict {
	case Pass:
		s = passTitle(d)
	case Wait:
		s = "Waiting for " + waitTitle(d)
	case Fail:
		s = failTitle(d)
	default:
		s = errorTitle(d)
	}
	return Shorten(Printable(s), maxTitle)
}

func passTitle(d *Decision) string {
	parts := []string{"nothing to judge"}
	if d.Summary.Documents > 0 {
		parts = []string{count(d.Summary.Documents, "document"), count(d.Summary.Rules, "rule")}
	}
	if n := len(d.Approvers()); n > 0 {
		parts = append(parts, count(n, "approval"))
	}
	lead := "All clear: "
	switch warn, unknown := d.Summary.Warn, d.Summary.Unknown; {
	case warn > 0:
		lead = "Passed with " + count(warn, "warning") + ": "
	case unknown > 0:
		lead = fmt.Sprintf("Passed, %d %s: ", unknown, d.Doubt())
	}
	return lead + strings.Join(parts, ", ")
}

func failTitle(d *Decision) string {
	first, more := -1, 0
	for i := range d.Findings {
		switch {
		case !d.Findings[i].Blocks():
		case first < 0:
			first = i
		default:
			more++
		}
	}
	if first < 0 { // Decide never makes one; a verdict of fail must not read as anything else
		return "Blocked"
	}
	f := &d.Findings[first]
	s := "Blocked: " + f.Rule
	if on := f.Resource; on != "" {
		s += " on " + Shorten(Printable(on), maxName)
	} else if f.File != "" {
		s += " in " + Shorten(Printable(f.File), maxName)
	}
	return s + plus(more)
}

func errorTitle(d *Decision) string {
	const lead = "Gatehouse could not evaluate"
	if len(d.Errors) == 0 {
		return lead + " this pull request"
	}
	p := d.Errors[0]
	p.File = Shorten(Printable(p.File), maxName)
	p.Message = Shorten(Printable(p.Message), maxName)
	return lead + ": " + p.String() + plus(len(d.Errors)-1)
}

func waitTitle(d *Decision) string {
	var parts []string
	for i, m := range d.Missing {
		if i == 2 {
			parts = append(parts, fmt.Sprintf("%d more", len(d.Missing)-i))
			break
		}
		s := "a " + m.What
		if m.For != "" {
			s += " of " + Shorten(Printable(m.For), maxName/2)
		}
		if i == len(d.Missing)-1 && d.Head != "" {
			s += " at " + short(d.Head)
		}
		parts = append(parts, s)
	}
	if n := len(d.ChangesAsked); n > 0 {
		s := d.ChangesAsked[0]
		if n > 1 {
			s += fmt.Sprintf(" and %d more", n-1)
		}
		parts = append(parts, s+", who asked for changes")
	}
	for _, a := range d.Asks() {
		parts = append(parts, a.String())
	}
	if len(parts) == 0 {
		return "approvals"
	}
	return join(parts, "and") + inVain(d)
}

// inVain names the first of those who are asked and cannot answer, where nobody else is known who could: waiting would have no end.
func inVain(d *Decision) string {
	var all []Absent
	for i := range d.Requirements {
		for _, a := range d.Requirements[i].Absent {
			if len(d.Requirements[i].Can) == 0 && !missing(all, a.Name) {
				all = append(all, a)
			}
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "; " + Shorten(Printable(all[0].Name), maxName) + " " + all[0].Why + plus(len(all)-1)
}

// An Ask is a number of approvals that must still come, and of whom.
type Ask struct {
	Count int  // 0: not more of them, but of other code owners
	More  bool // some have come already
	Who   Who
}

// String is the ask as the object of a sentence: "1 more approval from acme/dba".
func (a Ask) String() string {
	if a.Count == 0 {
		return "an approval from the code owners of every changed file"
	}
	noun := "approval"
	if a.More {
		noun = "more approval"
	}
	s := count(a.Count, noun)
	if who := a.Who.String(); who != "" {
		s += " from " + who
	}
	return s
}

// general reports whether anybody who may review at all may answer the ask, so that the approvals of other asks answer it too.
func (a Ask) general() bool {
	return !a.Who.Nested() && len(a.Who.Users)+len(a.Who.Teams) == 0 && !a.Who.Codeowners && (a.Who.Permission == "" || AtLeast(PermissionWrite, a.Who.Permission))
}

// String names who may approve: "acme/dba, acme/sre or mei"; "" when anybody who can write to the repository may.
func (w Who) String() string {
	if w.Nested() {
		return w.groups(Who.String)
	}
	parts := append(slices.Clone(w.Teams), w.Users...)
	if w.Codeowners {
		parts = append(parts, "the code owners")
	}
	if w.Permission != "" && (len(parts) > 0 || !AtLeast(PermissionWrite, w.Permission)) {
		parts = append(parts, "people with "+w.Permission+" access")
	}
	return join(parts, "or")
}

// groups words a nested Who; leaf words its groups.
func (w Who) groups(leaf func(Who) string) string {
	var parts []string
	word, list := "and", w.And
	if len(w.Or) > 0 {
		word, list = "or", w.Or
	}
	for _, g := range list {
		s := g.Words(leaf)
		if s == "" {
			s = "people with write access"
		}
		switch {
		case g.Nested():
			s = "(" + s + ")"
		case g.Required > 0:
			s = fmt.Sprintf("%d of %s", g.Required, s)
		}
		parts = append(parts, s)
	}
	return join(parts, word)
}

// Words names who may approve, with leaf's words for those that are not made of groups.
func (w Who) Words(leaf func(Who) string) string {
	if w.Nested() {
		return w.groups(leaf)
	}
	return leaf(w)
}

// Asks is what approvals must still come, the same people asked once: requirements overlap, and one approval may answer
// several of them. Empty when every requirement is met.
func (d *Decision) Asks() []Ask {
	var out []Ask
	for i := range d.Requirements {
		r := &d.Requirements[i]
		if r.Met {
			continue
		}
		a := Ask{Count: r.Missing(), More: len(r.ApprovedBy) > 0, Who: r.From}
		same := func(o Ask) bool { return o.Who.String() == a.Who.String() }
		if j := slices.IndexFunc(out, same); j >= 0 {
			if a.Count > out[j].Count {
				out[j] = a
			}
			continue
		}
		out = append(out, a)
	}
	specific := 0
	for _, a := range out {
		if !a.general() {
			specific += a.Count
		}
	}
	return slices.DeleteFunc(out, func(a Ask) bool { return a.general() && a.Count <= specific })
}

// Approvers are those whose approval counts towards something, each once, in the order of the requirements.
func (d *Decision) Approvers() []string {
	out := []string{}
	for i := range d.Requirements {
		for _, login := range d.Requirements[i].ApprovedBy {
			if !containsFold(out, login) {
				out = append(out, login)
			}
		}
	}
	return out
}

func plus(more int) string {
	if more < 1 {
		return ""
	}
	return fmt.Sprintf(" (+%d)", more)
}

// count is "1 rule", "2 rules".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// join is "a", "a or b", "a, b or c".
func join(parts []string, word string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	last := len(parts) - 1
	return strings.Join(parts[:last], ", ") + " " + word + " " + parts[last]
}
