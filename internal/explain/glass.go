package explain

import (
	"fmt"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Glass is a broken glass, for the issue that asks for its review.
type Glass struct {
	RepoURL string // https://github.com/acme/shop
	Number  int    // of the pull request
	gate.BreakGlass
	Decision gate.Decision // that it went around
}

// Issue is the body of the issue that asks for the review afterwards.
func (g Glass) Issue() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s let #%d pass at %s, confirmed by %s, until %s. The verdict without it: %s.\n\n> %s\n\n",
		code(g.By), g.Number, link(code(short(g.Head)), g.RepoURL+"/commit/"+g.Head), code(strings.Join(g.Confirmed, ", ")),
		text(g.Until.UTC().Format("2006-01-02 15:04 UTC")), text(string(g.Decision.Verdict)), text(g.Reason))
	all := blocking(&g.Decision)
	s.WriteString(fill(len(all), 30000, func(i int) string {
		return "- **" + brief(all[i].Rule, maxName) + "** " + code(subject(all[i])) + ": " + brief(all[i].Message, 300) + "\n"
	}, func(rest int) string { return fmt.Sprintf("- and %d more\n", rest) }))
	s.WriteString("\nIt stands in the audit log with all findings. Review the change, mend what the gate had found, and close this issue.\n")
	return s.String()
}
