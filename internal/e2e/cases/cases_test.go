package cases

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

const casesDir = site.Root + "/testdata/cases"

// impossible are the cases whose facts cannot come about on GitHub, and why. All others are staged.
var impossible = map[string]string{
	"a merge group does not wait":                                       "a member that passes has its plans, and those count for the group",
	"an approval that nobody can trace does not count":                  "it takes more than fifty approvals of one pull request",
	"facts of an unknown version are an error":                          "this program writes the facts that it decides",
	"somebody whom GitHub could not name cannot approve":                "whoever reviews is looked up; a failure to do so is a problem of its own",
	"the sighting of a review is not that of a comment with its number": "GitHub chooses the numbers of reviews and comments",
}

// TestCasesComeOutOnGitHubAsInTheCore makes the facts of every case folder come about on the simulated GitHub: an organisation, its
// people and teams, a repository with its configuration, waivers, code owners and rules, commits, plans, checks, reviews, comments,
// merge groups. What the server makes of that must be what Decide says of the facts, and GitHub must merge what passes and nothing else.
// One server judges all of them: the cases go step by step together, and everything that a step leads to has happened before the next.
func TestCasesComeOutOnGitHubAsInTheCore(t *testing.T) {
	s := newPlace(t, site.Setup{GitHub: githubsim.Options{Unlimited: true, WebhookWorkers: 4}, Permissions: map[string]string{"statuses": "read"}})
	dirs, err := filepath.Glob(casesDir + "/*/facts.json")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	cannot := maps.Clone(impossible)
	var scenes []*scene
	all := &cast{made: map[string]bool{}, apps: map[string]*githubsim.App{}}
	for i, file := range dirs {
		name := filepath.Base(filepath.Dir(file))
		if cannot[name] != "" {
			delete(cannot, name)
			continue
		}
		scenes = append(scenes, newScene(s, all, name, i))
	}
	for name := range cannot {
		t.Errorf("there is no case %q; take it off the list of those that cannot be staged", name)
	}
	stage(s, scenes)
	look(s, scenes)
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) { sc.compare(t) })
	}
}

// look notes what came of all scenes. Waivers end with a day: where it has become midnight since a scene was set, so that its waivers mean
// something else, it is staged once more on the new day.
func look(s *place, scenes []*scene) {
	left := map[int]bool{}
	for i := range scenes {
		left[i] = true
	}
	for number := len(scenes) + len(impossible); len(left) > 0; { // the first that no organisation bears
		var again []*scene
		for i := range left {
			sc := scenes[i]
			if sc.look(); len(sc.facts.Waivers) == 0 || sc.day == today() {
				delete(left, i)
				continue
			}
			scenes[i] = newScene(s, sc.cast, sc.name, number)
			again = append(again, scenes[i])
			number++
		}
		if len(again) > 0 {
			s.T.Logf("it has become midnight: %d scenes with waivers are staged once more", len(again))
			stage(s, again)
		}
	}
}

// stage takes all scenes through their steps side by side.
func stage(s *place, scenes []*scene) {
	missed := map[int64]bool{}
	for _, sc := range scenes {
		if sc.world(); sc.pushesAreMissed() {
			missed[sc.Repo.ID()] = true
		}
	}
	s.GitHub.Hooks().SetFilter(func(d githubsim.Delivery) githubsim.Fate {
		if missed[d.RepositoryID] && (d.Event == "push" || d.Action == "synchronize") {
			return githubsim.Hold // what GitHub says that it could not deliver, Gatehouse would ask for again
		}
		return githubsim.Send
	})
	for step := range slices.Max(lengths(scenes)) {
		for some := range slices.Chunk(scenes, 16) { // so that a busy machine is never far behind
			for _, sc := range some {
				if step < len(sc.steps) {
					sc.steps[step]()
				}
			}
			s.Settle()
		}
	}
}

func lengths(scenes []*scene) []int {
	var out []int
	for _, sc := range scenes {
		out = append(out, len(sc.steps))
	}
	return out
}

// outcome is what a decision says, without what only the staging chose: commits, dates, digests, file names of plans.
type outcome struct {
	Verdict      gate.Verdict
	Title        string
	Findings     []string
	Waivers      []string
	Requirements []gate.RequirementResult
	Discounted   []gate.Discounted
	ChangesAsked []string
	Missing      []string
	Members      []string
	Blame        []gate.Blame
	BrokenBy     string
	Instead      gate.Verdict
}

var (
	judged    = regexp.MustCompile(`(?:[0-9]+|N) documents?, (?:[0-9]+|N) rules?|nothing to judge`)
	shortSHA  = regexp.MustCompile(`\b[0-9a-f]{7}\b`)
	untilHour = regexp.MustCompile(`until [0-9:]{5} UTC`)
)

func plain(text string) string {
	text = untilHour.ReplaceAllString(judged.ReplaceAllString(text, "(judged)"), "until (hour)")
	return shortSHA.ReplaceAllString(text, "(commit)")
}

// result reduces a decision. Where the facts of a case are silent about something that a real gathering always finds out, that is left out.
func (sc *scene) result(d gate.Decision) outcome {
	out := outcome{Verdict: d.Verdict, Title: plain(d.Title), ChangesAsked: d.ChangesAsked, Instead: d.Instead}
	if d.Verdict == gate.Error {
		out.Title, _, _ = strings.Cut(d.Title, " ")
		return out // what went wrong is made to go wrong in some other way, and nothing else is certain
	}
	for i := range d.Findings {
		f := &d.Findings[i]
		s := fmt.Sprintf("%s %s %s on %s: %s", f.Status, f.Enforcement, f.Rule, f.Resource, f.Message)
		if f.Waiver != nil {
			s += fmt.Sprintf(" (waiver of %s, %s, expired: %v)", f.Waiver.Owner, f.Waiver.Reason, f.Waiver.Expired)
		}
		out.Findings = append(out.Findings, s)
	}
	for _, w := range d.Waivers {
		out.Waivers = append(out.Waivers, w.Note+" "+w.Rule+" "+w.Resource)
	}
	for _, r := range d.Requirements {
		if r.Reason = plain(r.Reason); len(sc.facts.Teams) == 0 {
			r.Can = nil
		}
		for i, login := range r.ApprovedBy {
			r.ApprovedBy[i] = strings.ToLower(login)
		}
		out.Requirements = append(out.Requirements, r)
	}
	for _, x := range d.Discounted {
		x.Reason = plain(x.Reason)
		if sc.facts.Shown.Digest == "" && strings.HasPrefix(x.Reason, "approved ") {
			x.Reason = "approved something else"
		}
		out.Discounted = append(out.Discounted, x)
	}
	for _, m := range d.Missing {
		out.Missing = append(out.Missing, m.What+" for "+m.For)
	}
	for _, m := range d.Members {
		out.Members = append(out.Members, fmt.Sprintf("#%d: %s", m.Number, m.Verdict))
	}
	for _, b := range d.Blame {
		out.Blame = append(out.Blame, gate.Blame{Number: b.Number, Why: plain(b.Why)})
	}
	if d.BreakGlass != nil {
		out.BrokenBy = fmt.Sprintf("%s, confirmed by %s: %s", d.BreakGlass.By, strings.Join(d.BreakGlass.Confirmed, " and "), d.BreakGlass.Reason)
	}
	return out
}

// seen is what came of a scene.
type seen struct {
	head     string
	decision []byte // nil: there is none
	err      error  // of looking for the decision
	shown    string // on GitHub's check
	merge    error
}

// look notes what was decided, what GitHub shows, and whether it merges.
func (sc *scene) look() {
	number, head := 0, sc.group.HeadSHA
	if sc.pr != nil {
		number, head = sc.pr.Number(), sc.pr.HeadSHA
	}
	sc.seen = seen{head: head(), shown: sc.State(head())}
	list, err := sc.DB.LatestForHead(context.Background(), sc.Repo.ID(), sc.seen.head)
	sc.seen.err = err
	for _, d := range list {
		if d.PullRequest == number {
			sc.seen.decision = d.Decision
		}
	}
	// By somebody who may and has no other part in the case.
	if sc.pr != nil {
		_, sc.seen.merge = sc.pr.Merge(merger, githubsim.MergeOptions{})
	} else {
		sc.seen.merge = sc.group.Land()
	}
}

// compare holds what came of it against the case.
func (sc *scene) compare(t *testing.T) {
	var want, got gate.Decision
	readJSON(t, filepath.Join(casesDir, sc.name, "want.json"), &want)
	if sc.seen.decision == nil {
		t.Fatalf("no decision about %s: %v", sc.seen.head, sc.seen.err)
	}
	if err := json.Unmarshal([]byte(sc.asInTheCase(string(sc.seen.decision))), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sc.result(want), sc.result(got)); diff != "" {
		t.Errorf("the decision, %q (-want +got):\n%s", got.Title, diff)
	}
	shown := map[gate.Verdict]string{
		gate.Pass: "completed/success: ", gate.Wait: "in_progress: ", gate.Fail: "completed/failure: ", gate.Error: "completed/failure: ",
	}[want.Verdict] + judged.ReplaceAllString(got.Title, "(judged)")
	if diff := cmp.Diff(shown, judged.ReplaceAllString(sc.asInTheCase(sc.seen.shown), "(judged)")); diff != "" {
		t.Errorf("the check (-want +got):\n%s", diff)
	}
	merges := want.Verdict == gate.Pass && !sc.facts.PullRequest.Draft
	refused := errors.As(sc.seen.merge, new(*githubsim.Refusal))
	if sc.seen.merge != nil && !refused || refused == merges {
		t.Errorf("GitHub merges: %v; wanted: %v", sc.seen.merge == nil, merges)
	}
}

// asInTheCase takes back the names that the staging gave to the organisation and to rules.
func (sc *scene) asInTheCase(text string) string {
	return strings.NewReplacer(sc.Org.Login()+"/", "acme/", own, "").Replace(text)
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
