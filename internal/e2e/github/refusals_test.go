package github

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
)

// Without the permission to write checks nothing merges, and the comment says what is missing. Once an owner has accepted it, the check
// is there and the comment no longer complains.
func TestWithoutThePermissionForChecks(t *testing.T) {
	s := newPlace(t, site.Setup{Permissions: map[string]string{"checks": "read"}})
	pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	pr.Approve("mei")
	complains := func() bool {
		return strings.Contains(s.Comment(pr), "The check could not be posted: the App lacks the permission checks=write")
	}
	s.Until("the comment that says so", complains)
	if got := s.State(pr.HeadSHA()); got != "" {
		t.Errorf("there is a check: %s", got)
	}
	permissions := map[string]string{
		"actions": "read", "administration": "read", "checks": "write", "contents": "read", "issues": "write", "members": "read", "metadata": "read", "pull_requests": "write",
	}
	s.Installation.SetPermissions(permissions, []string{"check_run", "issue_comment", "pull_request", "pull_request_review", "push"})
	pr.Comment("ann", "/gatehouse recheck")
	s.Until("the check and a comment without complaint", func() bool { return s.State(pr.HeadSHA()) == site.Clear1 && !complains() })
	s.Merges(pr, site.Clear1)
}
