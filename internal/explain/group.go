package explain

import (
	"fmt"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// group lists the pull requests of a merge group, and which of them make it fail.
func (p *page) group(limit int) string {
	if len(p.d.Members) == 0 {
		return ""
	}
	const head = "\n**In this merge group**\n"
	return head + fill(len(p.d.Members), limit-len(head), func(i int) string {
		m := &p.d.Members[i]
		at := slices.IndexFunc(p.d.Blame, func(b gate.Blame) bool { return b.Number == m.Number })
		if at < 0 {
			return fmt.Sprintf("- ✓ #%d at %s\n", m.Number, code(short(m.Head)))
		}
		return fmt.Sprintf("- ✗ #%d at %s: %s\n", m.Number, code(short(m.Head)), text(p.d.Blame[at].Why))
	}, p.andMore("- "))
}
