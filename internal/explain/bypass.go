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

// Landed is how a commit that has no attestation came to a protected branch.
type Landed struct {
	Commit string // that somebody asks for
	Final  string // that it came along with; "" when it is what landed itself
	Branch string
	Number int    // of the pull request; 0 for a push
	Bypass bool   // around the gate
	Why    string // with Bypass: a clause
	Entry  int64  // of the log, which says so
}

// Refusal says why the commit is not to be deployed, and what is.
func (l Landed) Refusal() string {
	short := short(l.Commit)
	switch {
	case l.Bypass && l.Final != "":
		return fmt.Sprintf("%s reached a protected branch along with %s, without a passing decision: %s (log entry %d). Revert it, or land it again by a pull request that passes.",
			short, l.Final, shorten(l.Why, maxMessage), l.Entry)
	case l.Bypass:
		return fmt.Sprintf("%s reached a protected branch without a passing decision: %s (log entry %d). Revert it, or land it again by a pull request that passes.",
			short, shorten(l.Why, maxMessage), l.Entry)
	case l.Final != "":
		return fmt.Sprintf("%s is one of the commits with which #%d came to %s, and what it makes by itself was never judged: the state after the last of them was, and that is %s (log entry %d). Deploy that one.",
			short, l.Number, shorten(l.Branch, maxName), l.Final, l.Entry)
	}
	return fmt.Sprintf("%s is not known to have landed on a protected branch with a passing decision: only what did may be deployed. "+
		"Deploy a commit that a pull request brought there, or try again if its merge is minutes old.", short)
}
