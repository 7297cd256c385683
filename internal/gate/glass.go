package gate

import (
	"fmt"
	"time"
)

// BreakGlass is an emergency: members of the configured team have let one head pass, whatever else is said about it.
type BreakGlass struct {
	By        string    `json:"by"`
	Reason    string    `json:"reason"`
	Confirmed []string  `json:"confirmed_by"` // others of the team
	Head      string    `json:"head"`         // the only commit that it is for
	Branch    string    `json:"branch"`       // the only branch that it may go into
	Until     time.Time `json:"until"`
}

// Emergency says who may break the glass, as the configuration on the base branch has it.
type Emergency struct {
	Teams     []string `json:"teams"`
	Approvals int      `json:"approvals"` // of others, that confirm
}

// open reports whether the glass is broken for what the facts are about.
func (b *BreakGlass) open(f *Facts) bool {
	return b != nil && len(b.Confirmed) > 0 && b.Head == f.PullRequest.Head.SHA && b.Branch == f.PullRequest.Base.Branch && f.Time.Before(b.Until)
}

// breakGlass turns the verdict, and keeps what it would have been.
func (d *Decision) breakGlass(f *Facts) {
	if !f.BreakGlass.open(f) || d.Verdict == Pass {
		return
	}
	d.BreakGlass, d.Instead, d.Verdict = f.BreakGlass, d.Verdict, Pass
	b := d.BreakGlass
	d.Title = Shorten(Printable(fmt.Sprintf("Glass broken by %s, confirmed by %s, until %s: %s",
		b.By, join(b.Confirmed, "and"), b.Until.UTC().Format("15:04 UTC"), b.Reason)), maxTitle)
}
