package cases

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// merger may merge in every staged repository, and does nothing else. owner owns every organisation.
const merger, owner = "zed", "vic"

// approving is the comment that is an approval, where a case has approvals by comment.
const approving = "LGTM"

// cast is who has a part in some case: all cases share them.
type cast struct {
	made map[string]bool           // people and bots
	apps map[string]*githubsim.App // of others than the gate, by slug
}

// scene is one case on its way: its own organisation and repository on the site that all cases share.
type scene struct {
	*site.Site
	*cast
	name    string
	facts   gate.Facts
	day     string        // on which it is staged
	changes []gate.Change // that a plan must show; none: no plan is asked for
	before  []gate.Change // that the plan showed before; nil: there was no other plan
	pr      *githubsim.PR
	others  []*githubsim.PR // of a merge group
	group   *githubsim.MergeGroup
	steps   []func()
	seen    seen
}

// today is the day by which waivers end.
func today() string { return time.Now().UTC().Format(time.DateOnly) }

func newScene(s *place, c *cast, name string, number int) *scene {
	own := *s.Site
	sc := &scene{Site: &own, cast: c, name: name, day: today()}
	readJSON(s.T, filepath.Join(casesDir, name, "facts.json"), &sc.facts)
	f := &sc.facts
	if sc.needsPlan() {
		sc.changes = slices.Clone(f.Changes)
		for _, x := range f.Sightings {
			sc.changes = append(sc.changes, x.Changes...)
			if len(x.Changes)+len(x.Dropped) == 0 {
				continue
			}
			sc.before = slices.Clone(f.Changes)
			for _, d := range x.Dropped {
				kind, _, _ := strings.Cut(d, ".")
				sc.before = append(sc.before, gate.Change{Type: kind, Resource: d, Environment: "production", Actions: []string{"update"}})
			}
		}
	}
	sc.ensure("vic", merger)
	sc.Org = s.GitHub.AddOrg(fmt.Sprintf("acme-%d", number), owner)
	switch {
	case len(f.Group) > 0:
		sc.steps = []func(){sc.openGroup, sc.planGroup, sc.approveGroup, sc.queue}
	default:
		sc.steps = []func(){sc.open, sc.firstPlan, sc.early, sc.confirmEarly, sc.move, sc.lastPlan, sc.signals, sc.glass, sc.confirm(0), sc.confirm(1), sc.reviews, sc.expire}
	}
	return sc
}

// mine names the case's own organisation where a text names acme.
func (sc *scene) mine(text string) string {
	return strings.ReplaceAll(text, `"acme/`, `"`+sc.Org.Login()+"/")
}

// needsPlan reports whether anything in the case is about planned resources.
func (sc *scene) needsPlan() bool {
	f := &sc.facts
	planned := len(f.Plans)+len(f.Evaluation.Findings)+len(f.Evaluation.Requirements)+len(f.Evaluation.Problems)+len(f.Missing) > 0
	for _, r := range f.Approvals.Rules {
		for _, w := range []*gate.When{&r.When, r.Unless} {
			planned = planned || w != nil && len(w.Resources)+len(w.Actions)+len(w.Environments) > 0
		}
	}
	for _, x := range f.Sightings {
		planned = planned || len(x.Changes)+len(x.Dropped) > 0
	}
	return planned
}

// ensure makes people and bots who are not there yet. GitHub does not care how a login is written.
func (sc *scene) ensure(logins ...string) {
	for _, login := range logins {
		login = strings.ToLower(login)
		if slices.Contains([]string{"ann", "mei", "sam", "vic", "eve", "web-flow", ""}, login) || sc.made[login] {
			continue
		}
		if sc.made[login] = true; strings.HasSuffix(login, "[bot]") {
			sc.GitHub.AddBot(login)
		} else {
			sc.GitHub.AddUser(login)
		}
	}
}

var teamNames = regexp.MustCompile(`"acme/([a-z]+)"`)

// world makes everything that is there before the pull request.
func (sc *scene) world() {
	f := &sc.facts
	facts, err := json.Marshal(f)
	if err != nil {
		sc.T.Fatal(err)
	}
	teams := map[string]*githubsim.Team{}
	for _, m := range teamNames.FindAllStringSubmatch(string(facts), -1) {
		if name := m[1]; teams[name] == nil && name != f.Repository.Name {
			teams[name] = sc.Org.AddTeam(githubsim.TeamSpec{Name: name})
			if len(f.Teams) == 0 { // the case does not tell who is in it: it is not empty, which would be told
				sc.ensure("bystander")
				teams[name].Add("bystander")
			}
		}
	}
	sc.Repo = sc.GitHub.CreateRepo(githubsim.RepoSpec{Owner: sc.Org.Login(), Name: "infra", Private: f.Repository.Private && !f.PullRequest.Fork, Files: sc.baseFiles()})
	sc.Repo.AddCollaborator(merger, "write")
	for _, a := range f.Actors {
		sc.ensure(a.Login)
		if a.Permission != gate.PermissionNone {
			sc.Repo.AddCollaborator(a.Login, a.Permission)
		}
		for _, team := range a.Teams {
			teams[strings.TrimPrefix(team, "acme/")].Add(a.Login)
		}
	}
	for _, w := range sc.allGroups() {
		sc.ensure(w.Users...)
	}
	for name, values := range f.Properties {
		sc.Repo.SetProperty(name, values...)
	}
	for _, branch := range []string{f.PullRequest.Base.Branch, sc.firstBranch()} {
		if branch != "main" {
			sc.Repo.CreateBranch(owner, branch, "main")
		}
		sc.Repo.Protect(branch, githubsim.Protection{RequirePR: true, RequiredChecks: []githubsim.RequiredCheck{{Context: "gatehouse", AppID: sc.App.ID()}}})
	}
	sc.Installation = sc.App.Install(sc.Org.Login())
}

func (sc *scene) allGroups() []gate.Who {
	var out []gate.Who
	sc.facts.Approvals.From.Each(func(w gate.Who) { out = append(out, w) })
	for _, r := range sc.facts.Approvals.Rules {
		r.From.Each(func(w gate.Who) { out = append(out, w) })
	}
	return out
}

// baseFiles are those of the base branch: configuration, waivers, code owners, rules, and what the pull request changes.
func (sc *scene) baseFiles() map[string]string {
	f := &sc.facts
	out := map[string]string{"README.md": "# infra\n", ".github/gatehouse.yml": sc.configuration()}
	maps.Copy(out, sc.rego())
	var owners strings.Builder
	for _, c := range f.Files {
		if c.Status != "added" {
			out[cmp.Or(c.OldPath, c.Path)] = "old " + cmp.Or(c.OldPath, c.Path) + "\n" + strings.Repeat("an old line\n", max(f.PullRequest.Deletions-1, 0))
		}
		if len(c.Owners) > 0 {
			fmt.Fprintf(&owners, "/%s @%s\n", c.Path, strings.ReplaceAll(strings.Join(c.Owners, " @"), "acme/", sc.Org.Login()+"/"))
		}
	}
	if owners.Len() > 0 {
		out["CODEOWNERS"] = owners.String()
	}
	var waivers []map[string]string
	for _, w := range f.Waivers { // as far from today as in the case
		end, err := time.Parse(time.DateOnly, w.Expires)
		if err != nil {
			sc.T.Fatal(err)
		}
		days := int(end.Sub(f.Time.Truncate(24*time.Hour)).Hours() / 24)
		waivers = append(waivers, map[string]string{"rule": own + w.Rule, "resource": w.Resource, "reason": w.Reason, "owner": w.Owner,
			"expires": time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly)})
	}
	if len(waivers) > 0 {
		out[".github/gatehouse-waivers.yml"] = sc.json(waivers)
	}
	return out
}

func (sc *scene) json(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		sc.T.Fatal(err)
	}
	return string(text)
}

// configuration is the gate file that the case's approvals come from. JSON is YAML.
func (sc *scene) configuration() string {
	f := &sc.facts
	config := map[string]any{"version": 1, "required_checks": orNone(f.Approvals.Checks)}
	policies := map[string]any{"packs": []string{}}
	if len(sc.rego()) > 0 {
		policies["paths"] = []string{"policies"}
	}
	config["policies"] = policies
	if len(sc.changes) > 0 {
		var projects []map[string]string
		for environment, dir := range sc.environments() {
			projects = append(projects, map[string]string{"dir": dir, "environment": environment})
		}
		config["terraform"] = map[string]any{"projects": projects, "plans": map[string]any{"oidc": map[string]string{"workflow": site.TrustedWorkflow}}}
	}
	if len(f.Problems) > 0 {
		config["kubernetes"] = map[string]any{"paths": []string{"k8s/**"}}
	}
	approvals := f.Approvals
	if approvals.Checks, approvals.Rules = nil, orNone(approvals.Rules); slices.ContainsFunc(f.Reviews, sc.byComment) {
		approvals.Comments = []string{approving}
	}
	for _, r := range approvals.Rules {
		if r.When.Findings != nil {
			for i := range r.When.Findings.Rules {
				r.When.Findings.Rules[i] = own + r.When.Findings.Rules[i]
			}
		}
	}
	if len(f.Group) > 0 { // its members have been asked before
		for _, m := range f.Group {
			if m.Verdict == gate.Wait {
				approvals.Required, approvals.From = 1, gate.Who{Teams: []string{"acme/dba"}}
			}
		}
	}
	config["approvals"] = json.RawMessage(sc.mine(sc.json(approvals)))
	if g := f.BreakGlass; g != nil {
		config["break_glass"] = map[string]any{"teams": []string{sc.Org.Login() + "/dba"}, "approvals": max(len(g.Confirmed), 1), "expires": max(g.Until.Sub(f.Time), time.Second).String()}
	}
	return sc.json(config)
}

func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// byComment reports whether an approval is a comment: the author can give no other.
func (sc *scene) byComment(r gate.Review) bool {
	return r.Comment || r.State == gate.ReviewApproved && strings.EqualFold(r.Login, sc.facts.PullRequest.Author)
}

// pushesAreMissed reports whether nobody is to know who pushed.
func (sc *scene) pushesAreMissed() bool { return len(sc.facts.Pushers) == 0 }

// say gives a review or a comment.
func (sc *scene) say(r gate.Review) {
	if sc.byComment(r) {
		sc.pr.Comment(r.Login, approving)
		return
	}
	spec := githubsim.ReviewSpec{By: r.Login, State: r.State, Body: "because"}
	if r.State == gate.ReviewDismissed {
		spec.State = gate.ReviewApproved
	}
	review, err := sc.pr.TryReview(spec)
	if errors.As(err, new(*githubsim.Refusal)) {
		sc.T.Fatalf("%s: GitHub does not take the review of %s: %v", sc.name, r.Login, err)
	}
	if r.State == gate.ReviewDismissed {
		review.Dismiss(owner, "it is void")
	}
}
