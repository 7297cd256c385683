package repoconfig

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// CasesPath is where a repository keeps the cases that `gatehouse config test` runs.
const CasesPath = ".github/gatehouse-tests.yml"

// Case is a pull request, what people said about it, and the verdict that the configuration must give.
type Case struct {
	Name        string            `yaml:"name"`
	PullRequest CasePullRequest   `yaml:"pull_request"`
	People      map[string]Person `yaml:"people"`
	Reviews     []CaseReview      `yaml:"reviews"`
	Checks      map[string]string `yaml:"checks"` // of other Apps: name to conclusion
	Want        CaseWant          `yaml:"want"`
}

// CasePullRequest is a pull request in few words. What is left out is harmless: by ann, from a branch of the same repository into main.
type CasePullRequest struct {
	Author       string              `yaml:"author"`
	Title        string              `yaml:"title"`
	BaseBranch   string              `yaml:"base_branch"`
	HeadBranch   string              `yaml:"head_branch"`
	Labels       []string            `yaml:"labels"`
	Draft        bool                `yaml:"draft"`
	Fork         bool                `yaml:"fork"`
	Files        []CaseFile          `yaml:"files"`
	Changes      []CaseChange        `yaml:"changes"`
	Findings     []CaseFinding       `yaml:"findings"`
	Contributors []string            `yaml:"contributors"` // besides the author; one with a space or @ is unknown to GitHub
	Pushers      []string            `yaml:"pushers"`      // default: the author
	Signed       bool                `yaml:"signed"`
	Additions    int                 `yaml:"additions"`
	Deletions    int                 `yaml:"deletions"`
	Properties   map[string][]string `yaml:"properties"`
}

// CaseFile is a changed file; a path alone stands for one that was modified.
type CaseFile struct {
	Path    string
	OldPath string
	Status  string
	Owners  []string
}

// UnmarshalYAML reads a path, or a mapping with path, old_path, status and owners.
func (f *CaseFile) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		f.Path, f.Status = n.Value, "modified"
		return nil
	}
	wrong := &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: a path is wanted, or {path, old_path, status, owners}", n.Line)}}
	if n.Kind != yaml.MappingNode {
		return wrong
	}
	f.Status = "modified"
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		into := map[string]*string{"path": &f.Path, "old_path": &f.OldPath, "status": &f.Status}[key]
		switch {
		case into != nil && value.Kind == yaml.ScalarNode:
			*into = value.Value
		case key == "owners" && value.Decode(&f.Owners) == nil:
		default:
			return wrong
		}
	}
	return nil
}

// CaseChange is what a plan or manifest does.
type CaseChange struct {
	Resource    string   `yaml:"resource"`
	Actions     []string `yaml:"actions"`
	Environment string   `yaml:"environment"`
}

// CaseFinding is something that a rule says about the change.
type CaseFinding struct {
	Rule        string `yaml:"rule"`
	Severity    string `yaml:"severity"`
	Enforcement string `yaml:"enforcement"` // default: warn, so that it does not decide
	Resource    string `yaml:"resource"`
}

// Person is what somebody may do.
type Person struct {
	Permission string   `yaml:"permission"` // default: write
	Teams      []string `yaml:"teams"`
	Bot        bool     `yaml:"bot"`
}

// CaseReview is one opinion, in the order of the list.
type CaseReview struct {
	By    string `yaml:"by"`
	State string `yaml:"state"` // approved (default), changes_requested, commented, dismissed
	Stale bool   `yaml:"stale"` // of a change that was another one
}

// CaseWant is what must come out. Title and asks are compared when they are given.
type CaseWant struct {
	Verdict string   `yaml:"verdict"`
	Title   string   `yaml:"title"`
	Asks    []string `yaml:"asks"` // names of the requirements that are not met, in any order
}

// ParseCases reads a file of cases strictly.
func ParseCases(file string, data []byte) ([]Case, []gate.Problem) {
	var list []Case
	if problems := decode(file, data, &list); len(problems) > 0 {
		return nil, problems
	}
	v := &validator{file: file, data: data}
	seen := map[string]bool{}
	for i, c := range list {
		key := fmt.Sprint(i)
		if strings.TrimSpace(c.Name) == "" || seen[c.Name] {
			v.add(key, "needs a name of its own")
		}
		seen[c.Name] = true
		v.word(key+".want.verdict", c.Want.Verdict, "pass", "wait", "fail", "error")
		for j, r := range c.Reviews {
			at := fmt.Sprintf("%s.reviews.%d", key, j)
			v.word(at+".state", cmpOr(r.State, "approved"), "approved", "changes_requested", "commented", "dismissed")
			if _, known := c.People[r.By]; !known {
				v.add(at+".by", "%q is not among the case's people", r.By)
			}
		}
		for j, f := range c.PullRequest.Files {
			v.word(fmt.Sprintf("%s.pull_request.files.%d", key, j), f.Status, "added", "modified", "removed", "renamed", "changed")
		}
	}
	if len(v.problems) > 0 {
		return nil, v.problems
	}
	return list, nil
}

func cmpOr(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Facts are those of the case under a configuration.
func (c Case) Facts(config Config, now time.Time) gate.Facts {
	const head, base, old = "8c0ffee000000000000000000000000000000000", "ba5e000000000000000000000000000000000000", "01d0000000000000000000000000000000000000"
	pr := c.PullRequest
	author := cmpOr(pr.Author, "ann")
	f := gate.Facts{
		Version: gate.FactsVersion, Time: now.UTC(), Scope: config.Policies.Scope, Approvals: config.Gate(),
		Repository: gate.Repository{ID: 1, Owner: "owner", Name: "repository", DefaultBranch: "main"},
		PullRequest: gate.PullRequest{
			Number: 1, Title: pr.Title, Author: author, State: "open", Draft: pr.Draft, Labels: pr.Labels, Fork: pr.Fork, MergeBase: base,
			Base: gate.Ref{Branch: cmpOr(pr.BaseBranch, "main"), SHA: base}, Head: gate.Ref{Branch: cmpOr(pr.HeadBranch, "change"), SHA: head},
			Additions: pr.Additions, Deletions: pr.Deletions,
		},
		Pushers: pr.Pushers, Properties: pr.Properties,
	}
	if f.Pushers == nil {
		f.Pushers = []string{author}
	}
	commit := gate.Commit{SHA: head, Verified: pr.Signed, Contributors: []gate.Contributor{{Role: "author", Login: author}}}
	for _, who := range pr.Contributors {
		by := gate.Contributor{Role: "co-author", Login: who}
		if strings.ContainsAny(who, " @") {
			by = gate.Contributor{Role: "co-author", Name: who}
		}
		commit.Contributors = append(commit.Contributors, by)
	}
	f.Commits = []gate.Commit{commit}
	for _, file := range pr.Files {
		f.Files = append(f.Files, gate.FileChange{Status: file.Status, Path: file.Path, OldPath: file.OldPath, Owners: file.Owners})
	}
	for _, x := range pr.Changes {
		f.Changes = append(f.Changes, gate.Change{Resource: x.Resource, Actions: x.Actions, Environment: x.Environment})
	}
	for _, x := range pr.Findings {
		f.Evaluation.Findings = append(f.Evaluation.Findings, gate.Finding{
			Rule: x.Rule, Severity: cmpOr(x.Severity, gate.SeverityHigh), Enforcement: cmpOr(x.Enforcement, gate.EnforceWarn), Status: gate.StatusNew, Resource: x.Resource,
		})
	}
	for _, login := range names(c.People) {
		p := c.People[login]
		actor := gate.Actor{Login: login, Type: gate.ActorUser, Permission: cmpOr(p.Permission, gate.PermissionWrite), Teams: p.Teams}
		if p.Bot {
			actor.Type = gate.ActorBot
		}
		f.Actors = append(f.Actors, actor)
	}
	for i, r := range c.Reviews {
		review := gate.Review{ID: int64(i + 1), Login: r.By, State: strings.ToUpper(cmpOr(r.State, "approved")), CommitID: head, Time: now.Add(time.Duration(i) * time.Second)}
		if r.Stale {
			review.CommitID = old
		}
		f.Reviews = append(f.Reviews, review)
	}
	for _, name := range names(c.Checks) {
		f.Checks = append(f.Checks, gate.Signal{Name: name, App: appOf(config, name), Conclusion: c.Checks[name]})
	}
	return f
}

// appOf is the App that the configuration asks a check of: a case says what the right one concluded.
func appOf(c Config, name string) string {
	for _, r := range c.RequiredChecks {
		if r.Name == name {
			return r.App
		}
	}
	return ""
}

func names[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Check decides the case and says what is not as wanted, one sentence each.
func (c Case) Check(config Config, now time.Time) []string {
	d := gate.Decide(c.Facts(config, now))
	var out []string
	if string(d.Verdict) != c.Want.Verdict {
		out = append(out, fmt.Sprintf("the verdict is %s (%s); wanted: %s", d.Verdict, d.Title, c.Want.Verdict))
	}
	if c.Want.Title != "" && d.Title != c.Want.Title {
		out = append(out, fmt.Sprintf("the title is %q; wanted: %q", d.Title, c.Want.Title))
	}
	if c.Want.Asks != nil {
		asks := []string{}
		for i := range d.Requirements {
			if !d.Requirements[i].Met {
				asks = append(asks, d.Requirements[i].Name)
			}
		}
		want := slices.Clone(c.Want.Asks)
		slices.Sort(asks)
		slices.Sort(want)
		if !slices.Equal(asks, want) {
			out = append(out, fmt.Sprintf("these requirements are not met: %q; wanted: %q", asks, want))
		}
	}
	return out
}
