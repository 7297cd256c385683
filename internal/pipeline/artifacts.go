package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/plans"
)

// trustedRuns finds the runs on the head whose artifacts count, and takes the plans of those that are new. A run counts when the
// pull request cannot have changed what it did: it is of the configured workflow, whose file, and every action and workflow of
// this repository that it uses, are the same on the base branch and at the head.
func (g *gatherer) trustedRuns(ctx context.Context) (map[int64]bool, error) {
	trusted := map[int64]bool{}
	config := g.config.Terraform.Plans.Artifact
	if config == nil {
		return trusted, nil
	}
	all, err := g.forge.Runs(ctx, g.facts.PullRequest.Head.SHA)
	if err != nil {
		return trusted, g.missing(err, "read the workflow runs")
	}
	var runs []forge.Run
	for _, run := range all {
		if run.Path == strings.TrimPrefix(config.Workflow, "./") {
			runs = append(runs, run)
		}
	}
	if len(runs) == 0 {
		return trusted, nil
	}
	differs, err := g.changedWorkflow(ctx, strings.TrimPrefix(config.Workflow, "./"))
	if err != nil {
		return trusted, err
	}
	if differs != "" {
		g.handed.note = fmt.Sprintf("The artifacts of `%s` do not count, because `%s` is not the same here and on %s", config.Workflow, differs, g.facts.PullRequest.Base.Branch)
		return trusted, nil
	}
	for _, run := range runs {
		why, err := g.distrust(ctx, run)
		if err != nil {
			return trusted, err
		}
		if why != "" {
			g.handed.note = fmt.Sprintf("Run %d of `%s` does not count: %s", run.ID, config.Workflow, why)
			continue
		}
		trusted[run.ID] = true
		if err := g.takeArtifacts(ctx, run); err != nil {
			return trusted, err
		}
	}
	return trusted, nil
}

// distrust says why a run of the right workflow does not count, "" when it does.
//
// A run that a push started ran the file as the head has it, which is the same as on the base branch. A run that a pull request
// started ran the file as the test merge had it, and that merge is with whatever base the pull request had then: with a branch
// of the author's making, the file could be the author's. So the head must never have been offered to another base.
func (g *gatherer) distrust(ctx context.Context, run forge.Run) (string, error) {
	pr := &g.facts.PullRequest
	switch {
	case run.Conclusion != "success":
		return "it ended as " + gate.Printable(run.Conclusion), nil
	case run.Event == "push" || run.Event == "workflow_dispatch":
		return "", nil
	case run.Event != "pull_request":
		return fmt.Sprintf("it was started by %s; only push, pull_request and workflow_dispatch run the workflow as this commit has it", gate.Printable(run.Event)), nil
	case run.HeadBranch != pr.Head.Branch || !strings.EqualFold(run.HeadRepo, pr.Head.Repository):
		return "it was for another branch with this commit", nil
	}
	others, err := g.forge.PullsFrom(ctx, pr.Head.Repository, pr.Head.Branch)
	if err != nil {
		return "", fmt.Errorf("list the pull requests from %s: %w", pr.Head.Branch, err)
	}
	for _, other := range others {
		if other.Number != pr.Number && other.Head == pr.Head.SHA {
			return fmt.Sprintf("this commit is the head of pull request %d as well, and it could have been for that one; push a new commit", other.Number), nil
		}
	}
	at, err := g.forge.Retargeted(ctx, pr.Number)
	if err != nil {
		return "", fmt.Errorf("read when the pull request was retargeted: %w", err)
	}
	if !at.IsZero() && !run.Created.After(at) {
		return "it began before the pull request was given another base branch at " + at.UTC().Format(time.RFC3339) + "; push a new commit", nil
	}
	return "", nil
}

// takeArtifacts takes the plans of a run's artifacts that were not seen before.
func (g *gatherer) takeArtifacts(ctx context.Context, run forge.Run) error {
	list, err := g.forge.Artifacts(ctx, run.ID)
	if err != nil {
		return g.missing(err, "read the artifacts of a workflow run")
	}
	head := g.facts.PullRequest.Head.SHA
	records, err := plans.List(ctx, g.Plans, g.facts.Repository.ID, head)
	if err != nil {
		return err
	}
	taker := plans.Taker{Store: g.Plans, Reader: g.Judges, Limit: g.planLimit()}
	for _, a := range list {
		known := slices.ContainsFunc(records, func(r plans.Record) bool { return r.Artifact == a.ID })
		if known || a.Expired || !gate.Match(g.config.Terraform.Plans.Artifact.Name, a.Name) {
			continue
		}
		found := plans.Found{
			Repository: g.facts.Repository.FullName(), RepositoryID: g.facts.Repository.ID, PullRequest: g.facts.PullRequest.Number,
			Head: head, Workflow: run.Path, Run: run.ID, Artifact: a.ID, Name: a.Name,
		}
		if err := taker.Take(ctx, found, func() ([]byte, error) { return g.download(ctx, a) }); err != nil {
			return fmt.Errorf("take in artifact %d: %w", a.ID, err)
		}
	}
	return nil
}

func (g *gatherer) download(ctx context.Context, a forge.Artifact) ([]byte, error) {
	limit := plans.Limits(g.planLimit()).Archive
	if a.Size > limit {
		return nil, plans.BadArchive{Message: fmt.Sprintf("has %d bytes, more than the limit of %d", a.Size, limit)}
	}
	data, err := g.forge.Download(ctx, a.ID, limit)
	var refused forge.Unprocessable
	switch {
	case errors.As(err, &refused):
		return nil, plans.BadArchive{Message: "cannot be downloaded: " + refused.Message}
	case errors.As(err, new(forge.NotFound)):
		return nil, plans.BadArchive{Message: "is gone"}
	}
	return data, err
}

func (p *Pipeline) planLimit() int64 {
	if p.PlanLimit == 0 {
		return plans.DefaultLimit
	}
	return p.PlanLimit
}

// localUse finds the actions and workflows of the same repository that a workflow or an action uses: as they are checked out, with ./, or at
// the commit of the file itself, with $/.
var localUse = regexp.MustCompile(`(?m)uses["']?\s*:\s*["']?[.$]/([^\s"'#]+)`)

// maxUses is how many files of workflows and actions are looked at.
const maxUses = 200

// changedWorkflow names the first file that differs between the base branch and the head among a workflow's own and those of
// the local actions and workflows that it uses, "" when all are the same.
func (g *gatherer) changedWorkflow(ctx context.Context, file string) (string, error) {
	queue, seen := []string{file}, map[string]bool{}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if seen[at] {
			continue
		}
		if seen[at] = true; len(seen) > maxUses {
			return at, nil
		}
		blob := g.base.blobs[at]
		if blob == "" || g.head.blobs[at] != blob {
			return at, nil
		}
		if !strings.HasSuffix(at, ".yml") && !strings.HasSuffix(at, ".yaml") {
			continue
		}
		data, _, err := g.base.readOne(ctx, at)
		if err != nil {
			return "", fmt.Errorf("read %s: %w", at, err)
		}
		for _, use := range localUse.FindAllSubmatch(data, -1) {
			used := path.Clean(string(use[1]))
			if strings.HasSuffix(used, ".yml") || strings.HasSuffix(used, ".yaml") {
				queue = append(queue, used)
				continue
			}
			queue = append(queue, g.below(used)...)
		}
	}
	return "", nil
}

// below is every file below a folder, on the base branch or at the head.
func (g *gatherer) below(dir string) []string {
	var out []string
	for _, t := range []*tree{g.base, g.head} {
		for _, p := range t.paths {
			if strings.HasPrefix(p, dir+"/") {
				out = append(out, p)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
