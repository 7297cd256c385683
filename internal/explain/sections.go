package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// errors says why the pull request could not be evaluated.
func (p *page) errors(limit int) string {
	if len(p.d.Errors) == 0 {
		return ""
	}
	return "\n" + fill(len(p.d.Errors), limit-1, func(i int) string {
		e := &p.d.Errors[i]
		s := "- "
		if e.File != "" {
			s += p.c.place(p.d.Head, e.File, e.Line) + " "
		}
		s += text(e.Message)
		if e.Remedy != "" {
			s += "\\\n  → " + text(e.Remedy)
		}
		return s + "\n"
	}, p.andMore("- "))
}

// blocking lays out what makes the verdict fail, grouped by resource, and the rest of a long list one line each.
func (p *page) blocking(limit int) string {
	all := group(blocking(p.d))
	if len(all) == 0 {
		return ""
	}
	const waive = "\n<sub>A finding that must stay can be waived in `.github/gatehouse-waivers.yml` on the base branch, with a reason, an owner and a date.</sub>\n"
	open := all[:min(len(all), maxOpen)]
	s := p.findings(open, limit-len(waive))
	if rest := all[len(open):]; len(rest) > 0 {
		s += p.folded(count(len(rest), "more finding")+" to fix", len(rest), limit-len(s)-len(waive), func(i int) string {
			return p.oneLine(rest[i])
		})
	}
	return s + waive
}

// group brings the findings on one resource together where the worst of them stands.
func group(in []*gate.Finding) []*gate.Finding {
	order := map[string]int{}
	for _, f := range in {
		if _, ok := order[groupKey(f)]; !ok {
			order[groupKey(f)] = len(order)
		}
	}
	out := slices.Clone(in)
	slices.SortStableFunc(out, func(a, b *gate.Finding) int { return cmp.Compare(order[groupKey(a)], order[groupKey(b)]) })
	return out
}

func groupKey(f *gate.Finding) string { return f.Resource + "\x00" + f.File }

func (p *page) findings(list []*gate.Finding, limit int) string {
	return fill(len(list), limit, func(i int) string {
		f, s, at := list[i], "", 0
		first := i == 0 || groupKey(list[i-1]) != groupKey(f)
		if first {
			s = "\n" + p.heading(f) + "\n"
			at = f.Line
		} else {
			at = list[i-1].Line
		}
		s += "- **" + brief(f.Rule, maxName) + "** " + text(f.Severity) + ": " + text(f.Message) + p.aside(f)
		if f.Line > 0 && f.Line != at {
			s += fmt.Sprintf(" · %s", p.line(f))
		}
		if first || f.Rule != list[i-1].Rule || f.Remedy != list[i-1].Remedy { // said once is enough
			s += remedy(f)
		}
		return s + "\n"
	}, p.andMore("\n"))
}

// remedy is the line under a finding: what to do, and where to read why.
func remedy(f *gate.Finding) string {
	var parts []string
	if f.Remedy != "" {
		parts = append(parts, text(f.Remedy))
	}
	const label = "Why this rule"
	if why := link(label, f.Docs); why != label && len(f.Docs) < 2000 {
		parts = append(parts, why)
	}
	if len(parts) == 0 {
		return ""
	}
	return "\\\n  → " + strings.Join(parts, " ")
}

// heading names what the findings under it are about.
func (p *page) heading(f *gate.Finding) string {
	parts := []string{"**" + code(subject(f)) + "**"}
	if env := p.environments[f.Kind+"\x00"+f.Resource]; env != "" {
		parts = append(parts, brief(env, maxName))
	}
	if f.File != "" && (f.Resource != "" || f.Line > 0) {
		parts = append(parts, p.c.place(p.d.Head, f.File, f.Line))
	}
	return strings.Join(parts, " · ")
}

func (p *page) line(f *gate.Finding) string {
	s := fmt.Sprintf("line %d", f.Line)
	if address := p.c.fileURL(p.d.Head, f.File, f.Line); address != "" {
		return link(s, address)
	}
	return s
}

// aside is what the reader must know of a finding besides its message.
func (p *page) aside(f *gate.Finding) string {
	s := ""
	if f.Unknown && f.Blocks() {
		s += " (" + f.Doubt() + ")"
	}
	if f.Status == gate.StatusWorse {
		s += " (there before, and made worse here)"
	}
	if w := f.Waiver; w != nil && w.Expired {
		s += " (the waiver of " + brief(w.Owner, maxName) + " ended on " + text(w.Expires) + ")"
	}
	return s
}

// oneLine is a finding in a list.
func (p *page) oneLine(f *gate.Finding) string {
	s := "- **" + brief(f.Rule, maxName) + "** " + code(subject(f))
	if f.File != "" && f.Resource != "" {
		s += " " + p.c.place(p.d.Head, f.File, f.Line)
	}
	s += ": " + brief(f.Message, 300)
	if w := f.Waiver; w != nil && !w.Expired {
		s += " (waived by " + brief(w.Owner, maxName) + " until " + text(w.Expires) + ": " + brief(w.Reason, 300) + ")"
	}
	return s + p.aside(f) + "\n"
}

// missing says what must still be sent, and how.
func (p *page) missing(limit int) string {
	if len(p.d.Missing) == 0 {
		return ""
	}
	const head = "\n**Missing**\n"
	return head + fill(len(p.d.Missing), limit-len(head), func(i int) string {
		m := &p.d.Missing[i]
		s := "- ✗ a " + brief(m.What, maxName) + " of " + code(m.For)
		if p.d.Head != "" {
			s += " at " + code(short(p.d.Head))
		}
		if m.Remedy != "" {
			s += ": " + text(m.Remedy)
		}
		return s + "\n"
	}, p.andMore("- "))
}

// approvals says who must agree, who has, and why somebody's approval does not count. A demand that is met is said too: who
// let it through is what the reader of a merged pull request looks for.
func (p *page) approvals(limit int) string {
	reqs, asked, not := p.d.Requirements, p.d.ChangesAsked, p.d.Discounted
	n := len(reqs) + len(asked) + len(not)
	if n == 0 || p.d.Verdict == gate.Pass && len(not) == 0 && onlyFloor(p.d) {
		return ""
	}
	const head = "\n**Approvals**\n"
	return head + fill(n, limit-len(head), func(i int) string {
		switch {
		case i < len(reqs):
			return p.requirement(&reqs[i])
		case i < len(reqs)+len(asked):
			return "- ✗ " + person(asked[i-len(reqs)]) + " asked for changes\n"
		}
		x := &not[i-len(reqs)-len(asked)]
		return "- ✗ not counted: " + person(x.Login) + " " + text(x.Reason) + "\n"
	}, p.andMore("- "))
}

// onlyFloor reports whether nothing but the approval that every change needs was asked; a pass says who gave it already.
func onlyFloor(d *gate.Decision) bool {
	return len(d.Requirements) == 0 || len(d.Requirements) == 1 && d.Requirements[0].Rule == "" && d.Requirements[0].Reason == everyChange
}

const everyChange = "every change needs it" // as gate.Decide puts it

func (p *page) requirement(r *gate.RequirementResult) string {
	mark, who := "⏳", p.who(r.From)
	if r.Met {
		mark = "✓"
		who = newPage(p.d, p.c, false).who(r.From) // they have answered: no need to call them again
	}
	s := fmt.Sprintf("- %s **%d of %d**", mark, len(r.ApprovedBy), r.Count+r.Extra)
	if who != "" {
		s += " from " + who
	} else {
		s += " from people with write access"
	}
	why := text(r.Reason)
	switch {
	case r.Rule != "":
		why += " (" + brief(r.Rule, maxName) + ")"
	case r.Name != "" && r.Reason != everyChange:
		why += " (" + brief(r.Name, maxName) + ")"
	}
	s += ": " + why
	if r.Extra > 0 {
		s += fmt.Sprintf("; %d more than asked, because GitHub does not know who wrote some of the commits", r.Extra)
	}
	if !r.Met && r.Missing() == 0 {
		s += "; the owners of some changed files have not approved"
	}
	for i := range r.Absent {
		a := &r.Absent[i]
		s += " · ⚠️ " + code(a.Name) + " " + text(a.Why) + ": " + text(a.Remedy)
	}
	if len(r.Can) > 0 {
		var can []string
		for _, login := range r.Can {
			can = append(can, person(login))
		}
		s += " · can approve: " + join(can, "or")
	}
	if len(r.ApprovedBy) > 0 {
		var by []string
		for _, login := range r.ApprovedBy[:min(len(r.ApprovedBy), 20)] {
			by = append(by, person(login))
		}
		s += " · approved by " + join(by, "and")
	}
	return s + "\n"
}

// details is what the reader may want to unfold.
func (p *page) details(limit int) string {
	var b strings.Builder
	b.WriteString(p.backtest(min(limit, 12000)))
	b.WriteString(p.plans(limit - b.Len()))
	lists := []struct {
		one, many string
		list      []*gate.Finding
	}{
		{"1 warning, which does not block", "%s warnings, which do not block", pick(p.d, func(f *gate.Finding) bool {
			return current(f) && !f.Blocks() && !f.Unknown
		})},
		{"1 value that is " + p.d.Doubt(), "%s values that are " + p.d.Doubt(), pick(p.d, func(f *gate.Finding) bool {
			return current(f) && !f.Blocks() && f.Unknown
		})},
		{"1 waived finding", "%s waived findings", pick(p.d, func(f *gate.Finding) bool { return f.Status == gate.StatusWaived })},
		{"1 older finding that this pull request did not introduce", "%s older findings that this pull request did not introduce",
			pick(p.d, func(f *gate.Finding) bool { return f.Status == gate.StatusExisting })},
	}
	for _, l := range lists {
		title := l.one
		if len(l.list) != 1 {
			title = fmt.Sprintf(l.many, thousands(len(l.list)))
		}
		b.WriteString(p.folded(title, len(l.list), limit-b.Len(), func(i int) string { return p.oneLine(l.list[i]) }))
	}
	b.WriteString(p.waivers(limit - b.Len()))
	title := "1 file that nothing judges"
	if n := len(p.d.Unjudged); n != 1 {
		title = thousands(n) + " files that nothing judges"
	}
	b.WriteString(p.folded(title, len(p.d.Unjudged), limit-b.Len(), func(i int) string {
		u := &p.d.Unjudged[i]
		s := "- "
		if u.File != "" {
			s += p.c.place(p.d.Head, u.File, u.Line) + " "
		}
		return s + text(u.Message) + "\n"
	}))
	return b.String()
}

// waivers lists those that somebody should look at.
func (p *page) waivers(limit int) string {
	title := "1 waiver to look at"
	if n := len(p.d.Waivers); n != 1 {
		title = thousands(n) + " waivers to look at"
	}
	return p.folded(title, len(p.d.Waivers), limit, func(i int) string {
		w := &p.d.Waivers[i]
		s := "- **" + brief(w.Rule, maxName) + "** " + code(w.Resource) + " (" + brief(w.Owner, maxName) + "): "
		switch w.Note {
		case gate.WaiverEnds:
			s += "ends on " + text(w.Expires)
		case gate.WaiverEnded:
			s += "ended on " + text(w.Expires)
		default:
			s += "matches nothing that was judged here; delete it, or mend its rule or resource"
		}
		return s + "\n"
	})
}

// current reports whether a finding is about what the change does: neither waived nor older. A status that nobody knows is:
// it must not drop out of the text.
func current(f *gate.Finding) bool {
	return f.Status != gate.StatusWaived && f.Status != gate.StatusExisting
}

// folded is a list behind its title, which is HTML already; "" when it is empty or when not even its first line fits.
func (p *page) folded(title string, n, limit int, item func(i int) string) string {
	head, foot := "\n<details><summary>"+title+"</summary>\n\n", "\n</details>\n"
	room := limit - len(head) - len(foot)
	if n == 0 || room < 0 {
		return ""
	}
	body := fill(n, room, item, p.andMore("- "))
	if body == "" {
		return ""
	}
	return head + body + foot
}
