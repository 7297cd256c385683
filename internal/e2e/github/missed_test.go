package github

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// round has the repository looked at as the hourly round does.
func (s *place) round() {
	s.T.Helper()
	look := work.Posture{Target: work.Target{InstallationID: s.Installation.ID(), RepositoryID: s.Repo.ID(), Owner: "acme", Name: "infra", Reason: "hourly"}}
	if err := s.DB.Enqueue(context.Background(), look.Work()); err != nil {
		s.T.Fatal(err)
	}
	s.Settle()
}

// around compares the bypasses on record, in any order: who, which commit, why, and whether it was found by looking.
func (s *place) around(wants ...string) {
	s.T.Helper()
	s.Settle()
	entries := s.Entries(store.EntryBypass)
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%s %.7s %v %v", e.Actor, e.Commit, e.Detail["reason"], e.Detail["found"]))
	}
	slices.Sort(got)
	slices.Sort(wants)
	if diff := cmp.Diff(wants, got); diff != "" {
		s.T.Errorf("what went around the gate (-want +got):\n%s", diff)
	}
}

// What lands while no event arrives, and none is ever redelivered, is found by the next round: each push and each merge without a
// passing decision, by whom, and nothing that was in order.
func TestWhatNoEventTold(t *testing.T) {
	s := watched(t, site.Setup{})
	good := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
	good.Approve("mei")
	s.Shows(good, site.Clear1)
	bad := s.Open("ann", "vendor", site.Story(t, "ssh-open"))
	s.Blocked(bad, site.SSHBlocked)
	s.round() // everything so far is known
	s.around()

	s.GitHub.Hooks().SetFilter(func(githubsim.Delivery) githubsim.Fate { return githubsim.Drop })
	first := s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"a": "1"}})
	second := s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"a": "2"}})
	if _, err := good.Merge("ann", githubsim.MergeOptions{Method: "squash"}); err != nil {
		t.Fatal(err)
	}
	around, err := bad.Merge("vic", githubsim.MergeOptions{Method: "merge"})
	if err != nil {
		t.Fatal(err)
	}
	third := s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{".github/gatehouse.yml": "version: 1\n"}})
	s.Settle()
	s.around() // nobody has told
	s.round()
	want := []string{
		fmt.Sprintf("vic %.7s it was pushed without a pull request true", first),
		fmt.Sprintf("vic %.7s it was pushed without a pull request true", second),
		fmt.Sprintf("vic %.7s the decision was fail true", around),
		fmt.Sprintf("vic %.7s it was pushed without a pull request true", third),
	}
	s.around(want...)
	if n := len(s.Repo.Issues()); n != 4 {
		t.Errorf("%d issues", n)
	}
	if _, _, err := s.DB.Attestation(context.Background(), s.Repo.Head("main"), "acme/infra", nil); err == nil {
		t.Error("what was pushed around the gate is attested")
	}
	changed := 0
	for _, e := range s.Entries(store.EntryConfiguration) {
		if e.Detail["what"] == "repository" && e.Commit == third {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("%d entries about the gate file", changed)
	}

	// The events come in the end, and another round follows: nothing is said twice.
	s.GitHub.Hooks().SetFilter(nil)
	for _, d := range s.GitHub.Hooks().Deliveries() {
		if d.Dropped {
			s.GitHub.Hooks().Redeliver(d.ID)
		}
	}
	s.Settle()
	s.round()
	s.around(want...)
}

func TestAForcePushThatNoEventTold(t *testing.T) {
	s := watched(t, site.Setup{Protection: githubsim.Protection{AllowForcePush: true}})
	s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"a": "1"}})
	before := s.Repo.Head("main")
	s.Settle()
	s.round()
	s.GitHub.Hooks().SetFilter(func(githubsim.Delivery) githubsim.Fate { return githubsim.Drop })
	other := s.Repo.WriteCommit(githubsim.CommitSpec{Author: "vic", Files: map[string]string{"a": "rewritten"}})
	if err := s.Repo.Push("vic", "main", other, true); err != nil {
		t.Fatal(err)
	}
	s.round()
	s.around(fmt.Sprintf("vic %.7s it was pushed without a pull request false", before), fmt.Sprintf("vic %.7s it was a force push true", other))
}

// What lands in order is nobody's bypass, whenever a round looks, and however it was merged.
func TestRoundsBetweenMerges(t *testing.T) {
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.Run(method, func(t *testing.T) {
			s := watched(t, site.Setup{})
			pr := s.Open("ann", "fix", map[string]string{"README.md": "one\n"})
			pr.Push(githubsim.CommitSpec{Files: map[string]string{"a.md": "two\n"}})
			pr.Approve("mei")
			s.Shows(pr, site.Clear1)
			s.GitHub.Hooks().Hold()
			if _, err := pr.Merge("ann", githubsim.MergeOptions{Method: method}); err != nil {
				t.Fatal(err)
			}
			s.round() // before the events
			s.GitHub.Hooks().Release()
			s.Settle()
			s.round()
			s.Unbypassed()
		})
	}
}
