package plans

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// planned opens a pull request and hands in its plan of infra/prod; it passes for itself.
func (s *place) planned(branch string, files map[string]string) *githubsim.PR {
	s.T.Helper()
	pr := s.Open("ann", branch, files)
	s.Settle()
	if status, said := s.Submit(s.Token(s.Job(pr)), "infra/prod", "", bytes.NewReader(site.StoryPlan(s.T, "ssh-vpn"))); status != 201 {
		s.T.Fatalf("%d %s", status, said)
	}
	s.Shows(pr, site.AllClear)
	return pr
}

// groupSays looks for a text in what the check on a merge group says.
func (s *place) groupSays(g *githubsim.MergeGroup, want string) {
	s.T.Helper()
	for _, c := range s.Checks(g.HeadSHA()) {
		if !bytes.Contains([]byte(c.Summary+c.Text), []byte(want)) {
			s.T.Errorf("the check on the group does not say %q:\n%s\n%s", want, c.Summary, c.Text)
		}
	}
}

const lacksAfterLanding = "Once what is queued before it has landed, hand in a new plan and queue it again."

// Two pull requests change one project, each with a plan that knows nothing of the other.
func TestQueuedPlanOvertakenInItsGroup(t *testing.T) {
	for name, squash := range map[string]bool{"merge commits": false, "squashed": true} {
		t.Run(name, func(t *testing.T) {
			s := planSite(t, fromOIDC, nil)
			one := s.planned("one", map[string]string{"infra/prod/one.tf": "locals {\n  one = 1\n}\n"})
			two := s.planned("two", map[string]string{"infra/prod/two.tf": "locals {\n  two = 2\n}\n"})
			g := s.Enqueue(squash, one, two)
			s.Lands(g, fmt.Sprintf("completed/failure: Blocked by #2: Waiting for a plan of infra/prod at %.7s", two.HeadSHA()), false)
			s.groupSays(g, "infra/prod (#2)")
			s.groupSays(g, "on main or queued before it, which changes this project. "+lacksAfterLanding)

			s.Lands(s.Enqueue(squash, one), "completed/success: All clear: #1", true)
			s.waits(two)
			if status, said := s.Submit(s.Token(s.Job(two)), "infra/prod", "", bytes.NewReader(site.StoryPlan(t, "ssh-vpn"))); status != 201 {
				t.Fatalf("%d %s", status, said)
			}
			s.Shows(two, site.AllClear)
			s.Lands(s.Enqueue(squash, two), "completed/success: All clear: #2", true)
		})
	}
}

// The queue makes the next group on the one before, which has not landed yet.
func TestQueuedPlanOvertakenByTheGroupAhead(t *testing.T) {
	s := planSite(t, fromOIDC, nil)
	one := s.planned("one", map[string]string{"infra/prod/one.tf": "locals {\n  one = 1\n}\n"})
	two := s.planned("two", map[string]string{"infra/prod/two.tf": "locals {\n  two = 2\n}\n"})
	other := s.Ready("docs", map[string]string{"docs/a.md": "a\n"})
	first := s.Enqueue(false, one)
	next := func(pr *githubsim.PR) *githubsim.MergeGroup {
		g, err := first.Queue("ann", false, pr)
		if err != nil {
			t.Fatal(err)
		}
		s.Settle()
		return g
	}
	if got, want := s.State(next(two).HeadSHA()), fmt.Sprintf("completed/failure: Blocked by #2: Waiting for a plan of infra/prod at %.7s", two.HeadSHA()); got != want {
		t.Errorf("the group behind says %q, wanted %q", got, want)
	}
	behind := next(other)
	s.Lands(first, "completed/success: All clear: #1", true)
	s.Lands(behind, "completed/success: All clear: #3", true)
}

// Alone neither has anything to do with the other: one brings a module into the project, the other changes the module.
func TestQueuedPlanOfAModuleThatJustCameIn(t *testing.T) {
	s := planSite(t, fromOIDC, map[string]string{"infra/modules/net/main.tf": "locals {\n}\n"})
	one := s.planned("one", map[string]string{"infra/prod/net.tf": "module \"net\" {\n  source = \"../modules/net\"\n}\n"})
	two := s.Ready("two", map[string]string{"infra/modules/net/main.tf": "locals {\n  two = 2\n}\n"})
	g := s.Enqueue(false, one, two)
	s.Lands(g, fmt.Sprintf("completed/failure: Blocked by #2: Waiting for a plan of infra/prod at %.7s", two.HeadSHA()), false)
	s.groupSays(g, "What is queued before it makes this project use what it changes, and no plan was made of the two together. "+lacksAfterLanding)
	s.Lands(s.Enqueue(false, two, one), fmt.Sprintf("completed/failure: Blocked by #1: Waiting for a plan of infra/prod at %.7s", one.HeadSHA()), false)
}

// A plan of a project that nobody changes costs nothing, also where a workflow plans every project of every pull request.
func TestQueuedPlanThatNobodyNeeds(t *testing.T) {
	s := planSite(t, fromOIDC, nil)
	one := s.planned("one", map[string]string{"infra/prod/one.tf": "locals {\n  one = 1\n}\n"})
	two := s.planned("two", map[string]string{"docs/a.md": "a\n"})
	s.Lands(s.Enqueue(false, one, two), "completed/success: All clear: #1 and #2", true)
}

// A plan that stands in the branch was made without what is queued before it, too.
func TestQueuedPlanThatIsCommitted(t *testing.T) {
	s := planSite(t, "    committed: {path: \"**/*.tfplan.json\"}\n", nil)
	one := s.Ready("one", map[string]string{"infra/prod/one.tf": "locals {\n  one = 1\n}\n", "infra/prod/one.tfplan.json": string(site.StoryPlan(t, "ssh-vpn"))})
	two := s.Ready("two", map[string]string{"infra/prod/two.tf": "locals {\n  two = 2\n}\n", "infra/prod/two.tfplan.json": string(site.StoryPlan(t, "ssh-vpn"))})
	g := s.Enqueue(false, one, two)
	s.Lands(g, fmt.Sprintf("completed/failure: Blocked by #2: Waiting for a plan of infra/prod at %.7s", two.HeadSHA()), false)
	s.groupSays(g, "on main or queued before it changes this project and is not in the branch: merge main into it, plan again, and commit `infra/prod/two.tfplan.json`.")
}
