package cli

import (
	"strings"
	"testing"
)

// Without the permission to write checks nothing merges, and the comment says what is missing. Once an owner has accepted it, the check
// is there and the comment no longer complains.
func TestE2EWithoutThePermissionForChecks(t *testing.T) {
	s := newSite(t, setup{permissions: map[string]string{"checks": "read"}})
	pr := s.open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	complains := func() bool {
		return strings.Contains(s.comment(pr), "The check could not be posted: the App lacks the permission checks=write")
	}
	s.until("the comment that says so", complains)
	if got := s.state(pr.HeadSHA()); got != "" {
		t.Errorf("there is a check: %s", got)
	}
	permissions := map[string]string{
		"actions": "read", "administration": "read", "checks": "write", "contents": "read", "issues": "write", "members": "read", "metadata": "read", "pull_requests": "write",
	}
	s.in.SetPermissions(permissions, []string{"check_run", "issue_comment", "pull_request", "pull_request_review", "push"})
	pr.Comment("ann", "/gatehouse recheck")
	s.until("the check and a comment without complaint", func() bool { return s.state(pr.HeadSHA()) == clear1 && !complains() })
	s.merges(pr, clear1)
}
