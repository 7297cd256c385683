package github

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// twoCommits is a pull request of two commits that passes.
func (s *place) twoCommits() (pr *githubsim.PR, first string) {
	s.T.Helper()
	pr = s.Open("ann", "change", map[string]string{"one.md": "one\n"})
	first = pr.HeadSHA()
	pr.Push(githubsim.CommitSpec{Files: map[string]string{"two.md": "two\n"}})
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	return pr, first
}

// deploys asks `gatehouse verify` about commits: "" for what may be deployed, else what it says instead.
func (s *place) deploys(want map[string]string) {
	s.T.Helper()
	key := s.PublicKey()
	for commit, says := range want {
		status, said := s.Verified(commit, "--key", key, "--server", s.URL, "--repository", "acme/infra", "--branch", "main")
		if says == "" && status != site.Pass || says != "" && (status != site.Fail || !strings.Contains(said, says)) {
			s.T.Errorf("%s: status %d, wanted %q:\n%s", commit, status, says, said)
		}
	}
}

// However a pull request lands: its final commit is attested, and who asks for one of the others is told which one that is. This is
// the table in docs/deploying.md.
func TestWhatEachWayOfLandingAttests(t *testing.T) {
	along := func(final string) string { return "that is " + final }
	unknown := "is not known to have landed"
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.Run(method, func(t *testing.T) {
			s := newPlace(t, site.Setup{})
			pr, first := s.twoCommits()
			final, err := pr.Merge("ann", githubsim.MergeOptions{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			s.Unbypassed()
			want := map[string]string{final: ""}
			switch method {
			case "merge": // the pull request's own commits are in the branch's history now
				want[first], want[pr.HeadSHA()] = along(final), along(final)
			case "squash": // they are not
				want[first], want[pr.HeadSHA()] = unknown, unknown
			case "rebase": // copies of them are
				want[s.Repo.FirstParents("main", 2)[1]], want[first] = along(final), unknown
			}
			s.deploys(want)

			// Offline, the attestation says the same.
			_, envelope := s.Attestation(final)
			file := s.File("attestation.json", string(envelope))
			for commit, says := range want {
				if says == unknown {
					says = "is for commit " + final
				}
				if status, said := s.Verified(commit, "--key", s.PublicKey(), "--attestation", file); !strings.Contains(said, says) || (status == site.Pass) != (says == "") {
					t.Errorf("offline, %s: status %d, wanted %q:\n%s", commit, status, says, said)
				}
			}
		})
	}
	t.Run("queue", func(t *testing.T) {
		s := newPlace(t, site.Setup{})
		one, first := s.twoCommits()
		two := s.Ready("two", map[string]string{"three.md": "three\n"})
		s.Lands(s.Enqueue(false, one, two), "completed/success: All clear: #1 and #2", true)
		line := s.Repo.FirstParents("main", 2) // the merge of #2, and of #1
		s.deploys(map[string]string{line[0]: "", line[1]: "", first: along(line[1]), one.HeadSHA(): along(line[1]), two.HeadSHA(): along(line[0])})
	})
	t.Run("pushed as it was judged", func(t *testing.T) {
		s := newPlace(t, site.Setup{})
		pr, first := s.twoCommits()
		if err := s.Repo.Push("vic", "main", pr.HeadSHA(), false); err != nil {
			t.Fatal(err)
		}
		s.Unbypassed()
		s.deploys(map[string]string{pr.HeadSHA(): "", first: along(pr.HeadSHA())})
	})
}

// GitHub takes a pull request for merged when a push brings its commits. What else the push brings nobody has judged.
func TestAPushThatBringsMoreThanThePullRequest(t *testing.T) {
	for name, parents := range map[string]func(s *place, pr *githubsim.PR) githubsim.CommitSpec{
		"a commit on top": func(_ *place, pr *githubsim.PR) githubsim.CommitSpec {
			return githubsim.CommitSpec{Parent: pr.HeadSHA()}
		},
		"a merge with a change of its own": func(s *place, pr *githubsim.PR) githubsim.CommitSpec {
			return githubsim.CommitSpec{Parent: s.Repo.Head("main"), MergeParents: []string{pr.HeadSHA()}, Files: map[string]string{"one.md": "one\n", "two.md": "two\n"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPlace(t, site.Setup{})
			pr, _ := s.twoCommits()
			spec := parents(s, pr)
			spec.Author = "vic"
			if spec.Files == nil {
				spec.Files = map[string]string{}
			}
			spec.Files["evil.md"] = "evil\n"
			evil := s.Repo.WriteCommit(spec)
			if err := s.Repo.Push("vic", "main", evil, false); err != nil {
				t.Fatal(err)
			}
			s.Settle()
			s.Bypassed("vic", evil, "it was pushed, and is not what the pull request makes of main")
			if code, _ := s.Attestation(evil); code != http.StatusNotFound {
				t.Errorf("it is attested: status %d", code)
			}
			s.deploys(map[string]string{evil: "without a passing decision: it was pushed"})
		})
	}
}

// Each commit of a push around the gate is answered for.
func TestWhatAPushAroundTheGateBrought(t *testing.T) {
	s := newPlace(t, site.Setup{})
	one := s.Repo.WriteCommit(githubsim.CommitSpec{Parent: s.Repo.Head("main"), Author: "vic", Files: map[string]string{"a": "1"}})
	two := s.Repo.WriteCommit(githubsim.CommitSpec{Parent: one, Author: "vic", Files: map[string]string{"a": "2"}})
	if err := s.Repo.Push("vic", "main", two, false); err != nil {
		t.Fatal(err)
	}
	s.Settle()
	s.Bypassed("vic", two, "pushed without a pull request")
	s.deploys(map[string]string{one: "along with " + two, two: "reached a protected branch without a passing decision"})
}

// Where GitHub does not tell how often somebody pushed, nobody claims to know.
func TestMissedPushesThatNobodyTellsApart(t *testing.T) {
	s := watched(t, site.Setup{})
	s.round()
	s.GitHub.Hooks().SetFilter(func(githubsim.Delivery) githubsim.Fate { return githubsim.Drop })
	first := s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"a": "1"}})
	last := s.Repo.Commit("main", githubsim.CommitSpec{Author: "vic", Files: map[string]string{"a": "2"}})
	s.GitHub.Fail(githubsim.FaultSpec{PathPattern: "/repos/acme/infra/activity", Status: 404, Body: `{"message":"Not Found"}`, Times: -1})
	s.round()
	s.around(fmt.Sprintf("somebody %.7s it was pushed without a pull request, in at least one push: GitHub does not tell how many there were true", last))
	s.deploys(map[string]string{first: "along with " + last})
}
