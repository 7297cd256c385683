package explain

import (
	"fmt"
	"strings"
)

// Bypass is a change that reached a protected branch without a passing decision.
type Bypass struct {
	RepoURL string // https://github.com/acme/shop
	Commit  string // SHA
	Branch  string
	Number  int    // of the merged pull request; 0 for a push
	Actor   string // who merged or pushed
	Why     string // a clause: the decision was fail
}

// Issue is the body of the issue that a bypass opens. The actor is named but not called: the issue is for those who watch.
func (b Bypass) Issue() string {
	var s strings.Builder
	commit := link(code(short(b.Commit)), b.RepoURL+"/commit/"+b.Commit)
	from := "a push"
	if b.Number != 0 {
		from = fmt.Sprintf("#%d", b.Number)
	}
	fmt.Fprintf(&s, "%s reached %s by %s without a passing decision: %s.\n\n", commit, code(b.Branch), from, text(b.Why))
	fmt.Fprintf(&s, "- who: %s\n- commit: %s\n- branch: %s\n\n", code(b.Actor), commit, code(b.Branch))
	s.WriteString("It stands in the audit log, where nobody can take it out. Review the change now. To keep this from happening " +
		"again, let the branch's protection include administrators, and remove its bypass actors.\n")
	return s.String()
}
