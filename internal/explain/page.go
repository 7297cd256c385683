package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// maxText is the longest text of a check run that GitHub takes, in characters; a comment may have one more. It is measured here
// in bytes, of which there are never fewer.
const maxText = 65535

// Marker is the first line of the sticky comment: it is how the comment is found again.
const Marker = "<!-- gatehouse:sticky -->"

// maxOpen is how many findings are laid out in full. The reader of more than these needs a list, not prose.
const maxOpen = 25

// page writes one decision as Markdown.
type page struct {
	d            *gate.Decision
	c            *Context
	mentions     bool // mention the people who are asked; else only name them
	environments map[string]string
	spent        int // characters of values so far
}

func newPage(d *gate.Decision, c *Context, mentions bool) *page {
	return &page{d: d, c: c, mentions: mentions, environments: c.environments()}
}

// Silent reports whether there is nothing that a comment would add to the check: a pass without a finding, an objection, or
// anything that was judged. A comment that exists already must still be brought up to date.
func Silent(d *gate.Decision, c Context) bool {
	return (c.Backtest == nil || c.Backtest.PullRequests == 0) && d.Verdict == gate.Pass && d.Summary.Documents == 0 &&
		len(d.Findings)+len(d.Discounted)+len(d.Unjudged)+len(d.Errors)+len(d.Missing) == 0
}

// Comment is the sticky comment, beginning with [Marker], at most 65,536 characters.
func Comment(d *gate.Decision, c Context) string {
	p := newPage(d, &c, true)
	head := Marker + "\n### " + headline(d) + "\n\n" + p.lead()
	return p.assemble(head, maxText)
}

// Markdown is the same text for a job summary or a file: without the marker, and notifying nobody.
func Markdown(d *gate.Decision) string {
	p := newPage(d, &Context{}, false)
	return p.assemble("### "+headline(d)+"\n\n"+p.lead(), maxText)
}

// assemble joins the sections. The room is given out in the order of what the reader must not miss, whatever its place on
// the page: head and foot, errors, who must approve, what blocks, then the rest.
func (p *page) assemble(head string, limit int) string {
	foot := p.foot()
	room := limit - len(head) - len(foot)
	take := func(most int, section func(limit int) string) string {
		s := section(min(room, most))
		room -= len(s)
		return s
	}
	errors := take(12000, p.errors) + take(6000, p.group)
	missing := take(6000, p.missing)
	approvals := take(16000, p.approvals)
	blocking := take(room, p.blocking)
	rest := take(room, p.details)
	return head + errors + blocking + missing + approvals + rest + foot
}

// fill joins n blocks as long as they fit, and says how many did not.
func fill(n, limit int, block func(i int) string, more func(rest int) string) string {
	var b strings.Builder
	for i := range n {
		s, tail := block(i), more(n-i)
		if b.Len()+len(s)+len(tail) > limit {
			if b.Len()+len(tail) <= limit {
				b.WriteString(tail)
			}
			break
		}
		b.WriteString(s)
	}
	return b.String()
}

// andMore is the line that stands for what did not fit.
func (p *page) andMore(list string) func(rest int) string {
	return func(rest int) string {
		where := "the decision page"
		if p.c.DecisionURL != "" {
			where = link(where, p.c.DecisionURL)
		}
		return fmt.Sprintf("%sand %d more, see %s\n", list, rest, where)
	}
}

// headline is the verdict, as a heading.
func headline(d *gate.Decision) string {
	switch d.Verdict {
	case gate.Pass:
		switch {
		case d.BreakGlass != nil:
			return "🚨 Gatehouse: the glass is broken, until " + d.BreakGlass.Until.UTC().Format("15:04 UTC")
		case d.Summary.Warn > 0:
			return "✅ Gatehouse: passed with " + count(d.Summary.Warn, "warning")
		case d.Summary.Unknown > 0:
			return fmt.Sprintf("✅ Gatehouse: passed, %d %s", d.Summary.Unknown, d.Doubt())
		}
		return "✅ Gatehouse: all clear"
	case gate.Wait:
		return "⏳ Gatehouse: waiting for " + waits(d)
	case gate.Fail:
		s := "⛔ Gatehouse: blocked by " + count(len(blocking(d)), "finding")
		if n := approvalsToGo(d); n > 0 {
			s += ", " + count(n, "approval") + " to go"
		}
		return s
	}
	return "⚠️ Gatehouse could not evaluate this pull request"
}

func waits(d *gate.Decision) string {
	var parts []string
	checks := 0
	for _, m := range d.Missing {
		if m.What == gate.MissingCheck {
			checks++
		}
	}
	if n := len(d.Missing) - checks; n > 0 {
		parts = append(parts, count(n, "plan"))
	}
	if checks > 0 {
		parts = append(parts, count(checks, "check"))
	}
	if len(d.ChangesAsked) > 0 {
		parts = append(parts, "the changes that were asked for")
	}
	if n := approvalsToGo(d); n > 0 {
		parts = append(parts, count(n, "approval"))
	}
	if len(parts) == 0 {
		return "approvals"
	}
	return join(parts, "and")
}

// approvalsToGo is how many approvals must still come, at most: one person may answer two asks.
func approvalsToGo(d *gate.Decision) int {
	n := 0
	for _, a := range d.Asks() {
		n += max(a.Count, 1)
	}
	return n
}

// lead is the paragraph under the heading: what to do next, or why there is nothing to do.
func (p *page) lead() string {
	s := ""
	if p.c.Superseded {
		s = "_A newer decision replaces this one._\n\n"
	}
	if p.c.Unposted != "" {
		s += "⚠️ **The check could not be posted: " + text(p.c.Unposted) + ".** An owner of the organisation accepts the App's permissions " +
			"in its installation settings; Gatehouse goes on trying.\n\n"
	}
	if b := p.d.BreakGlass; b != nil {
		var confirmed []string
		for _, login := range b.Confirmed {
			confirmed = append(confirmed, person(login))
		}
		return s + fmt.Sprintf("%s has broken the glass, confirmed by %s: %s\n\nThe verdict without it: **%s**. It ends by itself, and with the next push.\n",
			person(b.By), join(confirmed, "and"), text(b.Reason), text(string(p.d.Instead)))
	}
	if len(p.d.Members) > 0 && p.d.Verdict != gate.Pass {
		return s + "**Next:** mend what is named below in its own pull request, and queue it again.\n"
	}
	if p.d.Verdict == gate.Pass {
		return s + p.judged() + "\n"
	}
	return s + "**Next:** " + p.next() + ".\n"
}

func (p *page) judged() string {
	sum := p.d.Summary
	s := "Nothing here is for the rules to judge."
	if sum.Documents > 0 {
		s = count(sum.Documents, "document") + " judged against " + count(sum.Rules, "rule") + "."
	}
	var by []string
	for _, login := range p.d.Approvers() {
		by = append(by, person(login))
	}
	if len(by) > 20 {
		by = append(by[:20], fmt.Sprintf("%d more", len(by)-20))
	}
	if len(by) > 0 {
		s += " Approved by " + join(by, "and") + "."
	}
	return s
}

// next is what the reader should do, in order.
func (p *page) next() string {
	var steps []string
	if p.d.Verdict != gate.Fail && p.d.Verdict != gate.Wait {
		steps = append(steps, p.nextError())
	}
	switch b := blocking(p.d); {
	case len(b) == 1:
		steps = append(steps, "fix "+code(subject(b[0]))+" ("+brief(b[0].Rule, maxName)+") below")
	case len(b) > 1:
		steps = append(steps, fmt.Sprintf("fix the %d findings below", len(b)))
	}
	switch n := len(p.d.Missing); {
	case n == 1 && p.d.Missing[0].What == gate.MissingCheck:
		steps = append(steps, "get "+code(p.d.Missing[0].For)+" to succeed")
	case n > 1 && !slices.ContainsFunc(p.d.Missing, func(m gate.Missing) bool { return m.What != gate.MissingCheck }):
		steps = append(steps, fmt.Sprintf("get the %d checks below to succeed", n))
	case n > 1 && slices.ContainsFunc(p.d.Missing, func(m gate.Missing) bool { return m.What == gate.MissingCheck }):
		steps = append(steps, fmt.Sprintf("see to the %d missing things below", n))
	case n == 1:
		steps = append(steps, "send a "+brief(p.d.Missing[0].What, maxName)+" of "+code(p.d.Missing[0].For))
	case n > 1:
		steps = append(steps, fmt.Sprintf("send the %d plans below", n))
	}
	if n := len(p.d.ChangesAsked); n > 0 {
		s := "settle the changes that " + person(p.d.ChangesAsked[0])
		if n > 1 {
			s += fmt.Sprintf(" and %d more", n-1)
		}
		steps = append(steps, s+" asked for")
	}
	for i, a := range p.d.Asks() {
		if i == 3 {
			steps = append(steps, "see below for the other approvals")
			break
		}
		steps = append(steps, p.nextAsk(a))
	}
	if len(steps) == 0 {
		return "comment `/gatehouse recheck` to try again"
	}
	return join(steps, "then")
}

func (p *page) nextError() string {
	if len(p.d.Errors) == 0 {
		return "comment `/gatehouse recheck` to try again"
	}
	switch p.d.Errors[0].Code {
	case "git", "github", "internal":
		return "nothing in this pull request is at fault as far as Gatehouse can tell; comment `/gatehouse recheck` to try again"
	}
	if len(p.d.Errors) == 1 {
		return "fix the problem below and push"
	}
	return fmt.Sprintf("fix the %d problems below and push", len(p.d.Errors))
}

func (p *page) nextAsk(a gate.Ask) string {
	who := p.who(a.Who)
	switch {
	case a.Count == 0:
		return "get an approval from the code owners of every changed file"
	case who == "":
		return "get " + count(a.Count, "approval") + " from people with write access"
	}
	return "ask " + who + " for " + count(a.Count, "approval")
}

// who names those who may approve, mentioning them if they should hear of it. "" for anybody who can write.
func (p *page) who(w gate.Who) string { return w.Words(p.names) }

func (p *page) names(w gate.Who) string {
	var parts []string
	for _, name := range append(append([]string{}, w.Teams...), w.Users...) {
		if len(parts) == 10 {
			parts = append(parts, "others")
			break
		}
		if p.mentions {
			parts = append(parts, mention(name))
		} else {
			parts = append(parts, person(name))
		}
	}
	if w.Codeowners {
		parts = append(parts, "the code owners")
	}
	if w.Permission != "" && (len(parts) > 0 || !gate.AtLeast(gate.PermissionWrite, w.Permission)) {
		parts = append(parts, "people with "+text(w.Permission)+" access")
	}
	return join(parts, "or")
}

// foot says where the decision can be found again, and what proves it.
func (p *page) foot() string {
	var parts []string
	if id := p.c.DecisionID; id != "" {
		s := code(id)
		if p.c.DecisionURL != "" {
			s = link(s, p.c.DecisionURL)
		}
		parts = append(parts, "Decision "+s)
	}
	if p.d.Head != "" {
		parts = append(parts, "head "+code(short(p.d.Head)))
	}
	if digest := p.c.policyDigest(p.d); digest != "" {
		parts = append(parts, "policy "+code(digest)+p.bundles())
	}
	if p.c.TreeSize > 0 {
		parts = append(parts, fmt.Sprintf("log entry %d of %d, root %s", p.c.LogIndex, p.c.TreeSize, code(p.c.Root)))
	}
	if p.c.DecisionID != "" {
		parts = append(parts, link("/gatehouse help", p.c.HelpURL))
	}
	if len(parts) == 0 {
		return ""
	}
	return "\n<sub>" + strings.Join(parts, " · ") + "</sub>\n"
}

// maxBundles is how many bundles the foot names.
const maxBundles = 5

// bundles names where rules of the policy came from besides this program and the repository.
func (p *page) bundles() string {
	var names []string
	for i, b := range p.c.Bundles {
		if i == maxBundles {
			names = append(names, fmt.Sprintf("%d more", len(p.c.Bundles)-i))
			break
		}
		name := code(b.Name)
		if version := cmp.Or(short(b.Commit), short(strings.TrimPrefix(b.Digest, "sha256:"))); version != "" {
			name += " at " + code(version)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return ""
	}
	return " with rules from " + strings.Join(names, ", ")
}
