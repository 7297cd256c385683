package gate

import (
	"fmt"
	"slices"
	"strings"
)

// Member is a pull request in a merge group, with the decision about it.
type Member struct {
	Number    int      `json:"number"`
	Head      string   `json:"head"`
	Verdict   Verdict  `json:"verdict"`
	Title     string   `json:"title"`     // of the decision
	Files     []string `json:"files"`     // that it changes
	Resources []string `json:"resources"` // that it changes
}

// Blame says why a pull request makes its merge group fail.
type Blame struct {
	Number int    `json:"number"`
	Why    string `json:"why"`
}

// judgeGroup takes the members of a merge group into the decision about its tree: each must pass for itself, and nothing may be wrong
// with what they are together. A group cannot wait, for nobody can approve it.
func (d *Decision) judgeGroup(f *Facts) {
	if len(f.Group) == 0 {
		return
	}
	d.Members = f.Group
	for i := range f.Group {
		if m := &f.Group[i]; m.Verdict != Pass {
			d.Blame = append(d.Blame, Blame{m.Number, m.Title})
		}
	}
	for i := range d.Findings {
		x := &d.Findings[i]
		if !x.Blocks() {
			continue
		}
		for _, m := range f.Group {
			mine := slices.Contains(m.Resources, x.Resource) || slices.Contains(m.Files, x.File)
			known := slices.ContainsFunc(d.Blame, func(b Blame) bool { return b.Number == m.Number })
			if mine && !known {
				d.Blame = append(d.Blame, Blame{m.Number, x.Rule + " on " + x.Resource + " as they are together"})
			}
		}
	}
	if d.Verdict == Wait || d.Verdict == Pass && len(d.Blame) > 0 {
		d.Verdict = Fail
	}
	switch {
	case d.Verdict == Pass:
		d.Title = "All clear: " + numbers(f.Group)
	case d.Verdict == Fail && len(d.Blame) > 0:
		b := d.Blame[0]
		d.Title = fmt.Sprintf("Blocked by #%d: %s%s", b.Number, strings.TrimPrefix(b.Why, "Blocked: "), plus(len(d.Blame)-1))
	case d.Verdict == Fail && d.Summary.Deny == 0:
		d.Title = "Blocked: the merge group lacks " + strings.TrimPrefix(d.Title, "Waiting for ")
	}
	d.Title = Shorten(Printable(d.Title), maxTitle)
}

func numbers(members []Member) string {
	var out []string
	for _, m := range members {
		out = append(out, fmt.Sprintf("#%d", m.Number))
	}
	return join(out, "and")
}
