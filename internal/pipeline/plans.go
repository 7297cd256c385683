package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/plans"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// planKey is one workspace of one project.
type planKey struct{ dir, workspace string }

// handed is what came of the plans that were handed in for the head.
type handed struct {
	files []document.PlanFile
	notes map[planKey]string // why the plan that arrived for a project does not count
	note  string             // why those of a whole workflow do not

	problems []gate.Problem
	missing  []gate.Missing // what the pull requests of a merge group lack
}

// handedIn chooses among the plans that arrived for this head: the last one for each project and workspace, if the
// configuration of today trusts where it is from and the base branch has not overtaken it.
func (g *gatherer) handedIn(ctx context.Context) error {
	g.handed.notes = map[planKey]string{}
	sources := g.config.Terraform.Plans
	if len(g.facts.Problems) > 0 || sources.OIDC == nil && sources.Artifact == nil {
		return nil
	}
	runs, err := g.trustedRuns(ctx)
	if err != nil {
		return err
	}
	records, err := plans.List(ctx, g.Plans, g.facts.Repository.ID, g.facts.PullRequest.Head.SHA)
	if err != nil {
		return err
	}
	newest := map[string]int64{} // artifact of each name
	for _, r := range records {
		if r.Source == document.SourceArtifact && runs[r.Run] {
			newest[r.Name] = max(newest[r.Name], r.Artifact)
		}
	}
	chosen := map[planKey]plans.Record{}
	for _, r := range records {
		switch r.Source {
		case document.SourceOIDC:
			if r.Verdict != plans.Accepted || !plans.Trusted(sources.OIDC, r.Workflow) {
				continue
			}
		case document.SourceArtifact:
			if sources.Artifact == nil || newest[r.Name] != r.Artifact || !gate.Match(sources.Artifact.Name, r.Name) {
				continue
			}
			if r.Verdict != plans.Accepted {
				g.handed.problems = append(g.handed.problems, gate.Problem{
					Code: "terraform", Message: fmt.Sprintf("the artifact %q of run %d %s", gate.Printable(r.Name), r.Run, r.Reason),
					Remedy: "Mend " + r.Workflow + " and run it again on this commit.",
				})
				continue
			}
		default:
			continue
		}
		project, problem := document.ProjectOf(document.PlanFile{File: r.File, Dir: r.Dir, Workspace: r.Workspace}, g.projects())
		if problem != nil {
			g.handed.problems = append(g.handed.problems, *problem)
			continue
		}
		chosen[planKey{project.Dir, project.Workspace}] = r
	}
	return g.fresh(ctx, chosen)
}

func (g *gatherer) projects() []document.Project {
	var out []document.Project
	for _, p := range g.config.Terraform.Projects {
		out = append(out, document.Project(p))
	}
	return out
}

// fresh reads the chosen plans, but for those that the base branch has overtaken.
func (g *gatherer) fresh(ctx context.Context, chosen map[planKey]plans.Record) error {
	keys := make([]planKey, 0, len(chosen))
	for key := range chosen {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b planKey) int {
		return cmp.Or(cmp.Compare(a.dir, b.dir), cmp.Compare(a.workspace, b.workspace))
	})
	for _, key := range keys {
		r := chosen[key]
		// A token for a test merge tells what was planned. Else it was the head alone, which has of the base what it was made from.
		since, err := g.overtaken(ctx, cmp.Or(r.Base, g.facts.PullRequest.MergeBase), key.dir)
		if err != nil {
			return err
		}
		if since != "" {
			g.handed.notes[key] = fmt.Sprintf("The plan that arrived was made before commit `%.10s` on %s, which changes this project", since, g.landing())
			continue
		}
		data, err := g.Plans.Facts(ctx, r.Kept)
		if errors.Is(err, store.ErrNotFound) {
			g.handed.notes[key] = "The plan that arrived is not kept any more"
			continue
		} else if err != nil {
			return fmt.Errorf("read the plan of %s: %w", key.dir, err)
		}
		file := r.File
		if file == "" {
			file = path.Join(key.dir, "tfplan.json")
		}
		g.handed.files = append(g.handed.files, document.PlanFile{
			File: file, Dir: key.dir, Workspace: key.workspace, Source: r.Source, Data: data, Stored: true, Digest: r.Digest,
		})
	}
	return nil
}

// overtaken names the first commit after since that changes the source of the project in dir: its own files, or a local module that
// it uses at the base or at the head. It looks at what the pull request would land on: the base branch, and in a merge queue also
// what is queued before it. "": there is none, and a plan made then is still good.
func (g *gatherer) overtaken(ctx context.Context, since, dir string) (string, error) {
	tip, trees := g.facts.PullRequest.Base.SHA, []*tree{g.base, g.head}
	if g.onto != nil {
		tip, trees = g.onto.commit, []*tree{g.onto.tree, g.head}
	}
	if since == tip {
		return "", nil
	}
	touched, err := g.touchedBetween(ctx, since, tip, dir, trees)
	var missing *gitmirror.MissingError
	if errors.As(err, &missing) {
		return tip, nil // the base branch was pushed over: nobody can tell what has changed
	}
	if err != nil || !touched {
		return "", err
	}
	commits, err := g.Mirror.Commits(ctx, g.mirror, since, tip)
	if err != nil {
		return "", fmt.Errorf("list the commits since %s: %w", since, err)
	}
	for some := range slices.Chunk(commits[max(0, len(commits)-100):], 10) {
		changed := make([][]string, len(some))
		for i, c := range some {
			if len(c.Parents) == 0 {
				continue
			}
			if changed[i], err = g.changedBetween(ctx, c.Parents[0], c.SHA); err != nil && !errors.As(err, &missing) {
				return "", err
			}
		}
		first, err := g.firstTouching(ctx, dir, trees, changed)
		if err != nil {
			return "", err
		}
		if first >= 0 {
			return some[first].SHA, nil
		}
	}
	return tip, nil
}

// landing names what the pull request would land on.
func (g *gatherer) landing() string {
	if g.onto != nil {
		return g.facts.PullRequest.Base.Branch + " or queued before it"
	}
	return g.facts.PullRequest.Base.Branch
}

// touchedBetween reports whether the commits between two change the source of the project in dir, as any of the trees has it.
func (g *gatherer) touchedBetween(ctx context.Context, from, to, dir string, trees []*tree) (bool, error) {
	changed, err := g.changedBetween(ctx, from, to)
	if err != nil {
		return false, err
	}
	first, err := g.firstTouching(ctx, dir, trees, [][]string{changed})
	return first == 0, err
}

// changedBetween lists the paths that differ between two commits.
func (g *gatherer) changedBetween(ctx context.Context, from, to string) ([]string, error) {
	diff, err := g.Mirror.Diff(ctx, g.mirror, from, to)
	if err != nil {
		return nil, fmt.Errorf("compare %s and %s: %w", from, to, err)
	}
	var changed []string
	for _, c := range diff {
		for _, path := range []string{c.Path, c.OldPath} {
			if path != "" && utf8.ValidString(path) { // no tree has the others
				changed = append(changed, path)
			}
		}
	}
	return changed, nil
}

// firstTouching gives the place of the first list of paths that touches the source of the project in dir, -1 when none does.
func (g *gatherer) firstTouching(ctx context.Context, dir string, trees []*tree, changed [][]string) (int, error) {
	if !slices.ContainsFunc(changed, func(list []string) bool { return len(list) > 0 }) {
		return -1, nil
	}
	source := judge.Source{Repository: g.args.RepositoryID, Base: trees[0], Head: trees[1]}
	return g.Judges.Touched(ctx, source, g.projects(), dir, changed)
}

// missing completes what the documents say is missing: how to send a plan here, and what was wrong with the one that came. It
// adds committed plans that the base branch has overtaken.
func (g *gatherer) missingPlans(ctx context.Context, built *judge.Result, changed map[string]bool) error {
	for _, p := range built.Plans {
		if p.Source != document.SourceCommitted || !changed[p.File] {
			continue
		}
		since, err := g.overtaken(ctx, g.facts.PullRequest.MergeBase, p.Dir)
		if err != nil {
			return err
		}
		if since != "" {
			built.Missing = append(built.Missing, gate.Missing{What: "plan", For: p.Dir, Remedy: fmt.Sprintf(
				"Commit `%.10s` on %s changes this project and is not in the branch: merge %s into it, plan again, and commit `%s`.",
				since, g.landing(), g.facts.PullRequest.Base.Branch, p.File)})
		}
	}
	for i := range built.Missing {
		m := &built.Missing[i]
		if m.What != "plan" {
			continue
		}
		var say []string
		for key, note := range g.handed.notes {
			if m.For == key.dir || m.For == fmt.Sprintf("%s (workspace %s)", key.dir, key.workspace) {
				say = append(say, note+".")
			}
		}
		slices.Sort(say)
		if g.handed.note != "" {
			say = append(say, g.handed.note+".")
		}
		if g.onto != nil && len(say) > 0 {
			say = append(say, afterLanding)
		} else if ways := g.ways(m.For); ways != "" {
			say = append(say, ways)
		} else {
			say = append(say, m.Remedy)
		}
		m.Remedy = strings.Join(say, " ")
	}
	return nil
}

// ways says how a plan for a project can be sent, "" when only by committing it.
func (g *gatherer) ways(project string) string {
	dir, _, _ := strings.Cut(project, " (workspace ")
	var out []string
	if c := g.config.Terraform.Plans.OIDC; c != nil {
		out = append(out, fmt.Sprintf("Run the workflow `%s` on this commit, which hands the plan in with `gatehouse plan submit --plan FILE --dir %s`.", c.Workflow, dir))
	}
	if c := g.config.Terraform.Plans.Artifact; c != nil {
		out = append(out, fmt.Sprintf("Run `%s` on this commit, which uploads the output of `terraform show -json` as `%s` in an artifact named `%s`.",
			c.Workflow, path.Join(dir, "tfplan.json"), c.Name))
	}
	if c := g.config.Terraform.Plans.Committed; c != nil && len(out) > 0 {
		out = append(out, fmt.Sprintf("Commit the output of `terraform show -json` to a file that matches `%s`.", c.Path))
	}
	return strings.Join(out, " Or: ")
}
