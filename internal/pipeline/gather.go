package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-dev/gatehouse/internal/bundle"
	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/plans"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// gatherer collects the facts about one pull request. Its steps fill facts in order; a step that cannot do its work for a
// reason that people must know adds a problem, and an outside failure that may pass is an error.
type gatherer struct {
	*Pipeline
	args   work.Evaluate
	forge  *forge.Repo
	mirror gitmirror.Repo
	facts  gate.Facts
	config repoconfig.Config
	base   *tree // at the tip of the base branch: configuration and policies
	old    *tree // at the merge base
	head   *tree
	owners repoconfig.Codeowners
	kept   *judge.Kept // what the rules saw
	ruled  *ruleTexts  // what they were; nil: nothing was judged
	handed handed
	onto   *queued          // in a merge queue; nil: the tip of the base branch
	opened []*bundle.Bundle // of the configuration, one for each entry; nil when one of them is not to be had
	again  error            // what keeps the decision from being a good one, and may pass: it is recorded, and the work is tried again

	insiders   map[string]bool // those who have spoken and whom GitHub calls members or collaborators, in lower case
	remembered bool            // some of what people may do comes from memory
	contents   []string        // commits, oldest first: the last with contents of its own, and the merges of the base branch on it up to the head
}

// queued is the commit that a merge queue puts a pull request on: the base branch and what is queued before.
type queued struct {
	commit string
	tree   *tree
}

// gatherer is one that knows nothing yet.
func (p *Pipeline) gatherer(args work.Evaluate, onto *queued) *gatherer {
	return &gatherer{
		Pipeline: p,
		args:     args,
		forge:    p.Forge.Repo(args.InstallationID, args.Owner, args.Name),
		mirror:   gitmirror.Repo{Owner: args.Owner, Name: args.Name},
		facts:    gate.Facts{Version: gate.FactsVersion, Time: p.Clock().UTC()},
		onto:     onto,
	}
}

// gather reads everything that the decision about a pull request depends on, afresh. onto is where it would land; nil: on the tip of
// its base branch.
func (p *Pipeline) gather(ctx context.Context, args work.Evaluate, onto *queued) (*gatherer, error) {
	g := p.gatherer(args, onto)
	var err error
	g.facts.Repository, g.facts.PullRequest, err = g.forge.PullRequest(ctx, args.Number)
	if err != nil {
		return nil, fmt.Errorf("read the pull request: %w", err)
	}
	if g.facts.PullRequest.State != "open" {
		return g, nil
	}
	for _, step := range []func(context.Context) error{g.git, g.configuration, g.changes, g.handedIn, g.evaluate, g.proposal, g.signals, g.people, g.seen, g.glass, g.candidates} {
		if err := step(ctx); err != nil {
			return g, err
		}
	}
	return g, nil
}

func (g *gatherer) problem(p ...gate.Problem) { g.facts.Problems = append(g.facts.Problems, p...) }

// errNothingToMerge says that the base branch contains the head. GitHub closes such a pull request by itself, a moment later.
var errNothingToMerge = errors.New("the base branch already contains the head, so there is nothing to merge")

// git brings base, head and merge base into the mirror and lists their files.
func (g *gatherer) git(ctx context.Context) error {
	pr := &g.facts.PullRequest
	baseRef := "refs/heads/" + pr.Base.Branch
	tip, err := g.Mirror.Resolve(ctx, g.mirror, g.forge.Token, baseRef)
	if err != nil {
		return fmt.Errorf("find the tip of %s: %w", pr.Base.Branch, err)
	}
	pr.Base.SHA = tip // GitHub's answer may lag behind the branch
	err = g.Mirror.Sync(ctx, g.mirror, g.forge.Token, []gitmirror.Want{
		{SHA: pr.Base.SHA, Ref: baseRef},
		{SHA: pr.Head.SHA, Ref: fmt.Sprintf("refs/pull/%d/head", pr.Number)},
	})
	if err != nil {
		return fmt.Errorf("fetch %s and %s: %w", pr.Base.SHA, pr.Head.SHA, err)
	}
	pr.MergeBase, err = g.Mirror.MergeBase(ctx, g.mirror, pr.Base.SHA, pr.Head.SHA)
	if errors.Is(err, gitmirror.ErrNoMergeBase) {
		g.problem(gate.Problem{
			Code: "git", Message: fmt.Sprintf("the head %s and the base branch %s have no common commit", pr.Head.SHA, pr.Base.Branch),
			Remedy: "Rebase the branch onto " + pr.Base.Branch + ".",
		})
		pr.MergeBase = pr.Base.SHA
	} else if err != nil {
		return fmt.Errorf("find the merge base: %w", err)
	}
	if pr.MergeBase == pr.Head.SHA {
		// The branch holds the head already: the pull request was merged after it was read, and judging it now would find
		// no change and call that a pass.
		return errNothingToMerge
	}
	for _, t := range []struct {
		into   **tree
		commit string
	}{{&g.base, pr.Base.SHA}, {&g.old, pr.MergeBase}, {&g.head, pr.Head.SHA}} {
		if *t.into, err = g.tree(ctx, g.mirror, t.commit); err != nil {
			return err
		}
	}
	return nil
}

// configuration reads the gate file, the waivers and the code owners from the base branch, and from nowhere else: what the
// pull request itself says about its gate does not count.
func (g *gatherer) configuration(ctx context.Context) error {
	g.config = repoconfig.Default()
	data, source, err := g.settingsFile(ctx, repoconfig.Path)
	if err != nil {
		return err
	}
	if data != nil {
		config, problems := repoconfig.Parse(source.Path, data)
		g.problem(problems...)
		if len(problems) == 0 {
			g.config = config
		}
		source.Digest = ledger.Digest(data)
		g.facts.Config = source
	}
	g.facts.Scope = g.config.Policies.Scope
	g.facts.Approvals = g.config.Gate()

	waivers, source, err := g.settingsFile(ctx, repoconfig.WaiversPath)
	if err != nil {
		return err
	}
	if waivers != nil {
		list, problems := repoconfig.ParseWaivers(source.Path, waivers, g.facts.Time)
		g.problem(problems...)
		g.facts.Waivers = list
	}
	for _, path := range repoconfig.CodeownersPaths {
		data, ok, err := g.base.readOne(ctx, path)
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if ok {
			owners, problems := repoconfig.ParseCodeowners(path, data)
			g.owners = owners
			g.facts.Unjudged = append(g.facts.Unjudged, problems...)
			break
		}
	}
	return nil
}

// settingsFile reads a file of the gate from the base branch, else from the organisation's .github repository; nil when
// neither has it.
func (g *gatherer) settingsFile(ctx context.Context, path string) ([]byte, gate.ConfigSource, error) {
	pr, repo := &g.facts.PullRequest, &g.facts.Repository
	data, ok, err := g.base.readOne(ctx, path)
	if err != nil {
		return nil, gate.ConfigSource{}, fmt.Errorf("read %s at %s: %w", path, pr.Base.SHA, err)
	}
	if ok {
		return data, gate.ConfigSource{Repository: repo.FullName(), Path: path, Commit: pr.Base.SHA}, nil
	}
	if repo.Name == ".github" {
		return nil, gate.ConfigSource{}, nil
	}
	data, ok, err = g.Forge.Repo(g.args.InstallationID, repo.Owner, ".github").File(ctx, path, "")
	if err != nil {
		return nil, gate.ConfigSource{}, fmt.Errorf("read %s of %s/.github: %w", path, repo.Owner, err)
	}
	if !ok {
		return nil, gate.ConfigSource{}, nil
	}
	return data, gate.ConfigSource{Repository: repo.Owner + "/.github", Path: path}, nil
}

// changes lists the changed files and who owns them.
func (g *gatherer) changes(ctx context.Context) error {
	diff, err := g.Mirror.Diff(ctx, g.mirror, g.facts.PullRequest.MergeBase, g.facts.PullRequest.Head.SHA)
	if err != nil {
		return fmt.Errorf("compare head and merge base: %w", err)
	}
	for _, c := range diff {
		change := gate.FileChange{Status: status(string(c.Status)), Path: writable(c.Path), OldPath: writable(c.OldPath)}
		if what := g.head.unsafe[c.Path]; what != "" {
			g.problem(gate.Problem{
				Code: "git", Message: fmt.Sprintf("the file %s cannot be judged: %s", strconv.QuoteToASCII(gate.Shorten(c.Path, 200)), what),
				Remedy: "Rename it so that reviewers see the name that tools see, or remove it.",
			})
		}
		for _, path := range []string{c.Path, c.OldPath} {
			if path != "" {
				change.Owners = append(change.Owners, g.owners.Owners(path)...)
			}
		}
		g.facts.Files = append(g.facts.Files, change)
	}
	if err := g.links(ctx, diff); err != nil {
		return err
	}
	if len(g.head.unreadable) > 0 {
		g.facts.Unjudged = append(g.facts.Unjudged, gate.Problem{
			Code: "git", Remedy: "Rename them to names in UTF-8.",
			Message: fmt.Sprintf("nothing judges files whose names are not valid UTF-8; there are %d, the first is %s",
				len(g.head.unreadable), strconv.QuoteToASCII(gate.Shorten(g.head.unreadable[0], 200))),
		})
	}
	return nil
}

// writable is a path as it can stand in the record: as it is, or quoted when it is not valid UTF-8.
func writable(path string) string {
	if utf8.ValidString(path) {
		return path
	}
	return strconv.QuoteToASCII(path)
}

func status(letter string) string {
	switch letter {
	case "A":
		return "added"
	case "D":
		return "removed"
	case "R":
		return "renamed"
	case "T":
		return "changed"
	}
	return "modified"
}

// evaluate has documents made of both sides and judged by the rules, in a worker process.
func (g *gatherer) evaluate(ctx context.Context) error {
	if len(g.facts.Problems) > 0 {
		return nil // the configuration is not known, so neither is what to judge
	}
	policies, folders, err := g.policies(ctx)
	if err != nil {
		return err
	}
	options, settings := g.documentOptions(), policySettings(g.config.Policies)
	result, err := g.Judges.Judge(ctx, judge.Job{
		Options: options, Files: g.facts.Files, PullRequest: &g.facts.PullRequest, Policies: policies, Evidence: &settings,
	}, judge.Source{Repository: g.args.RepositoryID, Head: g.head, Base: g.old, Folders: folders})
	if err != nil {
		return err
	}
	if err := g.missingPlans(ctx, result, options.Changed); err != nil {
		return err
	}
	g.problem(g.handed.problems...)
	g.problem(result.Problems...)
	g.facts.Unjudged = append(g.facts.Unjudged, result.Unjudged...)
	g.facts.Missing = result.Missing
	g.facts.Plans = result.Plans
	g.facts.Changes = result.Changes
	g.facts.Evaluation = result.Evaluation
	if g.kept = result.Kept; g.kept != nil && folders != nil {
		if g.ruled, err = g.ruleTexts(ctx, policies.Key, folders); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (g *gatherer) documentOptions() document.Options {
	changed := map[string]bool{}
	for _, f := range g.facts.Files {
		changed[f.Path] = true
		if f.OldPath != "" {
			changed[f.OldPath] = true
		}
	}
	o := document.Options{
		Named:       true,
		Changed:     changed,
		Kubernetes:  KubernetesOptions(g.config.Kubernetes, g.facts.Repository.FullName()),
		Files:       g.config.Files.ByKind(),
		Plans:       g.handed.files,
		RuleFolders: g.config.Policies.Paths,
		Limits:      document.Limits{Plan: plans.KeptLimit(g.planLimit())},
	}
	for _, p := range g.config.Terraform.Projects {
		o.Terraform.Projects = append(o.Terraform.Projects, document.Project(p))
	}
	if c := g.config.Terraform.Plans.Committed; c != nil {
		o.Terraform.Committed = []string{c.Path}
	}
	return o
}

// teams lists every team that somebody's approval may depend on, without repetition.
func (g *gatherer) teams() []string {
	out := g.config.Teams()
	for _, r := range g.facts.Evaluation.Requirements {
		out = append(out, r.Teams...)
	}
	if asksCodeowners(g.facts.Approvals) {
		out = append(out, g.ownerTeams()...)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return slices.CompactFunc(out, strings.EqualFold)
}

func asksCodeowners(a gate.Approvals) bool {
	asks := false
	look := func(w gate.Who) { asks = asks || w.Codeowners }
	a.From.Each(look)
	for _, r := range a.Rules {
		r.From.Each(look)
	}
	return asks
}
