package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// staged are the cases of testdata/cases that are played on the simulated GitHub: those about people. What the other ones hold
// (findings, plans, waivers, rules that fail) comes from the rules and has its own tests here.
var staged = []string{
	"a bot cannot approve",
	"a clean change with one approval passes",
	"a clean change without approval waits",
	"a co-author cannot approve",
	"a comment after an approval leaves it standing",
	"a commit author cannot approve",
	"a dismissed approval does not count and revives no older one",
	"a reader cannot approve",
	"a stranger asking for changes does not block",
	"an approval after asking for changes counts",
	"an unknown contributor is outvoted by one more approval",
	"an unknown contributor raises the count by one",
	"asking for changes after approving takes the approval back",
	"changes requested block until that person approves",
	"no approvals are needed where the configuration asks for none",
	"one approval each even when somebody approves twice",
	"the author cannot approve their own change",
	"the last pusher cannot approve",
}

func TestE2ECasesComeOutOnGitHubAsInTheCore(t *testing.T) {
	for _, name := range staged {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("..", "..", "testdata", "cases", name)
			var facts gate.Facts
			var want gate.Decision
			readJSON(t, filepath.Join(dir, "facts.json"), &facts)
			readJSON(t, filepath.Join(dir, "want.json"), &want)
			pr, s := stage(t, &facts)
			s.settle()
			state := map[gate.Verdict]string{gate.Pass: "completed/success: ", gate.Wait: "in_progress: "}[want.Verdict]
			title := counts.ReplaceAllString(want.Title, "N documents, N rules")
			if diff := gocmp.Diff(state+title, s.state(pr.HeadSHA())); diff != "" {
				t.Errorf("the check (-want +got):\n%s", diff)
			}
			_, err := pr.Merge("vic2", githubsim.MergeOptions{})
			if merged := err == nil; merged != (want.Verdict == gate.Pass) {
				t.Errorf("merged: %v (%v); the verdict is %s", merged, err, want.Verdict)
			}
		})
	}
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// stage makes the people, the configuration, the commits and the reviews of a case happen. vic2 may merge and is nobody else.
func stage(t *testing.T, f *gate.Facts) (*githubsim.PR, *site) {
	t.Helper()
	approvals, err := json.Marshal(f.Approvals)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, setup{files: map[string]string{
		".github/gatehouse.yml": gateFile("approvals: " + strings.ReplaceAll(string(approvals), `"rules":null`, `"rules":[]`) + "\n"),
	}})
	s.gh.AddUser("vic2")
	s.repo.AddCollaborator("vic2", "write")
	known := []string{"ann", "mei", "sam", "vic", "eve"}
	for _, a := range f.Actors {
		switch {
		case slices.Contains(known, a.Login):
		case a.Type == gate.ActorBot:
			s.gh.AddBot(a.Login)
		default:
			s.gh.AddUser(a.Login)
		}
		if a.Permission != gate.PermissionNone {
			s.repo.AddCollaborator(a.Login, a.Permission)
		}
	}
	for i, c := range f.Commits {
		spec := githubsim.CommitSpec{Message: "A change", Files: map[string]string{fmt.Sprintf("docs/%d.md", i): "text\n"}}
		for _, by := range c.Contributors {
			switch by.Role {
			case "author":
				spec.Author = cmp.Or(by.Login, by.Name)
			case "committer":
				if spec.Committer = cmp.Or(by.Login, by.Name); by.Login == "web-flow" {
					spec.Committer = "GitHub <noreply@github.com>"
				}
			case "co-author":
				spec.Message += fmt.Sprintf("\n\nCo-authored-by: %s", cmp.Or(by.Name, by.Login+" <1+"+by.Login+"@users.noreply.github.com>"))
			}
		}
		if spec.Pusher = f.PullRequest.Author; len(f.Pushers) > 0 {
			spec.Pusher = f.Pushers[0]
		}
		s.repo.Commit("web", spec)
	}
	pr := s.repo.OpenPR(githubsim.PRSpec{By: f.PullRequest.Author, Title: f.PullRequest.Title, Head: "web"})
	reviews := slices.Clone(f.Reviews)
	slices.SortStableFunc(reviews, func(a, b gate.Review) int { return a.Time.Compare(b.Time) })
	for _, r := range reviews {
		if r.CommitID != f.PullRequest.Head.SHA {
			t.Fatalf("the review by %s is of an older commit, which is not staged", r.Login)
		}
		spec := githubsim.ReviewSpec{By: r.Login, State: r.State, Body: "because"}
		if r.State == gate.ReviewDismissed {
			spec.State = gate.ReviewApproved
		}
		review, err := pr.TryReview(spec)
		if refused := new(githubsim.Refusal); errors.As(err, &refused) && r.Login == f.PullRequest.Author {
			continue // GitHub does not even take it
		} else if err != nil {
			t.Fatal(err)
		}
		if r.State == gate.ReviewDismissed {
			review.Dismiss("vic", "it is void")
		}
	}
	return pr, s
}
