package cli

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// planned opens a pull request and hands in its plan of infra/prod; it passes for itself.
func (s *site) planned(branch string, files map[string]string) *githubsim.PR {
	s.t.Helper()
	pr := s.open("ann", branch, files)
	s.settle()
	if status, said := s.post(s.token(s.job(pr)), "infra/prod", "", bytes.NewReader(storyPlan(s.t, "ssh-vpn"))); status != 201 {
		s.t.Fatalf("%d %s", status, said)
	}
	s.shows(pr, allClear)
	return pr
}

// groupSays looks for a text in what the check on a merge group says.
func (s *site) groupSays(g *githubsim.MergeGroup, want string) {
	s.t.Helper()
	for _, c := range s.checks(g.HeadSHA()) {
		if !bytes.Contains([]byte(c.Summary+c.Text), []byte(want)) {
			s.t.Errorf("the check on the group does not say %q:\n%s\n%s", want, c.Summary, c.Text)
		}
	}
}

const lacksAfterLanding = "Once what is queued before it has landed, hand in a new plan and queue it again."

// Two pull requests change one project, each with a plan that knows nothing of the other.
func TestE2EQueuedPlanOvertakenInItsGroup(t *testing.T) {
	for name, squash := range map[string]bool{"merge commits": false, "squashed": true} {
		t.Run(name, func(t *testing.T) {
			s := planSite(t, fromOIDC, nil)
			one := s.planned("one", map[string]string{"infra/prod/one.tf": "locals {\n  one = 1\n}\n"})
			two := s.planned("two", map[string]string{"infra/prod/two.tf": "locals {\n  two = 2\n}\n"})
			g := s.enqueue(squash, one, two)
			s.lands(g, fmt.Sprintf("completed/failure: Blocked by #2: Waiting for a plan of infra/prod at %.7s", two.HeadSHA()), false)
			s.groupSays(g, "infra/prod (#2)")
			s.groupSays(g, "on main or queued before it, which changes this project. "+lacksAfterLanding)

			s.lands(s.enqueue(squash, one), "completed/success: All clear: #1", true)
			s.waits(two)
			if status, said := s.post(s.token(s.job(two)), "infra/prod", "", bytes.NewReader(storyPlan(t, "ssh-vpn"))); status != 201 {
				t.Fatalf("%d %s", status, said)
			}
			s.shows(two, allClear)
			s.lands(s.enqueue(squash, two), "completed/success: All clear: #2", true)
		})
	}
}

// The queue makes the next group on the one before, which has not landed yet.
func TestE2EQueuedPlanOvertakenByTheGroupAhead(t *testing.T) {
	s := planSite(t, fromOIDC, nil)
	one := s.planned("one", map[string]string{"infra/prod/one.tf": "locals {\n  one = 1\n}\n"})
	two := s.planned("two", map[string]string{"infra/prod/two.tf": "locals {\n  two = 2\n}\n"})
	other := s.ready("docs", map[string]string{"docs/a.md": "a\n"})
	first := s.enqueue(false, one)
	next := func(pr *githubsim.PR) *githubsim.MergeGroup {
		g, err := first.Queue("ann", false, pr)
		if err != nil {
			t.Fatal(err)
		}
		s.settle()
		return g
	}
	if got, want := s.state(next(two).HeadSHA()), fmt.Sprintf("completed/failure: Blocked by #2: Waiting for a plan of infra/prod at %.7s", two.HeadSHA()); got != want {
		t.Errorf("the group behind says %q, wanted %q", got, want)
	}
	behind := next(other)
	s.lands(first, "completed/success: All clear: #1", true)
	s.lands(behind, "completed/success: All clear: #3", true)
}

// Alone neither has anything to do with the other: one brings a module into the project, the other changes the module.
func TestE2EQueuedPlanOfAModuleThatJustCameIn(t *testing.T) {
	s := planSite(t, fromOIDC, map[string]string{"infra/modules/net/main.tf": "locals {\n}\n"})
	one := s.planned("one", map[string]string{"infra/prod/net.tf": "module \"net\" {\n  source = \"../modules/net\"\n}\n"})
	two := s.ready("two", map[string]string{"infra/modules/net/main.tf": "locals {\n  two = 2\n}\n"})
	g := s.enqueue(false, one, two)
	s.lands(g, fmt.Sprintf("completed/failure: Blocked by #2: Waiting for a plan of infra/prod at %.7s", two.HeadSHA()), false)
	s.groupSays(g, "What is queued before it makes this project use what it changes, and no plan was made of the two together. "+lacksAfterLanding)
	s.lands(s.enqueue(false, two, one), fmt.Sprintf("completed/failure: Blocked by #1: Waiting for a plan of infra/prod at %.7s", one.HeadSHA()), false)
}

// A plan of a project that nobody changes costs nothing, also where a workflow plans every project of every pull request.
func TestE2EQueuedPlanThatNobodyNeeds(t *testing.T) {
	s := planSite(t, fromOIDC, nil)
	one := s.planned("one", map[string]string{"infra/prod/one.tf": "locals {\n  one = 1\n}\n"})
	two := s.planned("two", map[string]string{"docs/a.md": "a\n"})
	s.lands(s.enqueue(false, one, two), "completed/success: All clear: #1 and #2", true)
}

// A plan that stands in the branch was made without what is queued before it, too.
func TestE2EQueuedPlanThatIsCommitted(t *testing.T) {
	s := planSite(t, "    committed: {path: \"**/*.tfplan.json\"}\n", nil)
	one := s.ready("one", map[string]string{"infra/prod/one.tf": "locals {\n  one = 1\n}\n", "infra/prod/one.tfplan.json": string(storyPlan(t, "ssh-vpn"))})
	two := s.ready("two", map[string]string{"infra/prod/two.tf": "locals {\n  two = 2\n}\n", "infra/prod/two.tfplan.json": string(storyPlan(t, "ssh-vpn"))})
	g := s.enqueue(false, one, two)
	s.lands(g, fmt.Sprintf("completed/failure: Blocked by #2: Waiting for a plan of infra/prod at %.7s", two.HeadSHA()), false)
	s.groupSays(g, "on main or queued before it changes this project and is not in the branch: merge main into it, plan again, and commit `infra/prod/two.tfplan.json`.")
}
