package plans

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// What an approval was given for is remembered while GitHub does not tell the reviews: a plan that comes meanwhile is not what was approved,
// and the one that was is when it comes again.
func TestAnApprovalIsNotForThePlanOfAnOutage(t *testing.T) {
	s := planSite(t, fromOIDC, map[string]string{".github/gatehouse.yml": strings.Replace(planGate(fromOIDC), "required: 0", "required: 1", 1)})
	pr := s.change("vpn")
	submit := func(story string) {
		t.Helper()
		if status, said := s.Submit(s.Token(s.Job(pr)), "infra/prod", "", bytes.NewReader(site.StoryPlan(t, story))); status != 201 {
			t.Fatalf("%d %s", status, said)
		}
	}
	submit("ssh-vpn")
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	mend := s.GitHub.Fail(githubsim.FaultSpec{Method: "GET", PathPattern: "/repos/acme/infra/pulls/1/reviews", Status: 502, Times: -1})
	submit("database")
	s.Until("the check that says so", func() bool { return strings.HasPrefix(s.State(pr.HeadSHA()), site.CouldNot) })
	mend()
	pr.Comment("ann", "/gatehouse recheck")
	s.Settle()
	s.Says(pr, "mei** approved "+pr.HeadSHA()[:7]+", but since then")
	submit("ssh-vpn")
	s.Merges(pr, site.Clear1)
}
