package pipeline

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/explain"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// maxGroup is how many pull requests of a merge group are judged; GitHub allows as many.
const maxGroup = 100

// mergeGroup judges what a merge queue is about to land: every pull request in it for itself, afresh, and the rules on the tree that they
// make together. The check goes on the group's head. What cannot be told apart into pull requests that were judged does not pass: a
// success unseen would be a way around the gate.
func (p *Pipeline) mergeGroup(ctx context.Context, s work.Sweep, attempt int) error {
	started := p.Clock()
	g := &gatherer{
		Pipeline: p, args: work.Evaluate{Target: s.Target}, forge: p.Forge.Repo(s.InstallationID, s.Owner, s.Name),
		mirror: gitmirror.Repo{Owner: s.Owner, Name: s.Name}, facts: gate.Facts{Version: gate.FactsVersion, Time: p.Clock().UTC()},
	}
	err := g.group(ctx, s)
	if err == nil {
		err = g.again
	}
	if err != nil && !lasting(err) && (ctx.Err() != nil || attempt < patience) {
		return p.retryable(err)
	}
	if err != nil {
		g.problem(gate.Problem{
			Code: "github", Message: "the facts about this merge group could not be gathered: " + err.Error(),
			Remedy: "Queue the pull requests again.",
		})
	}
	return p.recordGroup(ctx, g, s, started)
}

// group gathers the facts.
func (g *gatherer) group(ctx context.Context, s work.Sweep) error {
	g.facts.Repository = gate.Repository{ID: s.RepositoryID, Owner: s.Owner, Name: s.Name}
	g.facts.PullRequest = gate.PullRequest{
		Title: "Merge group into " + s.Branch, Author: s.Actor, State: "open", Labels: []string{}, MergeBase: s.Before,
		Base: gate.Ref{Branch: s.Branch, SHA: s.Before, Repository: s.Owner + "/" + s.Name},
		Head: gate.Ref{Branch: s.Ref, SHA: s.SHA, Repository: s.Owner + "/" + s.Name},
	}
	err := g.Mirror.Sync(ctx, g.mirror, g.forge.Token, []gitmirror.Want{{SHA: s.Before, Ref: "refs/heads/" + s.Branch}, {SHA: s.SHA, Ref: s.Ref}})
	if err != nil {
		return fmt.Errorf("fetch the merge group %s: %w", s.SHA, err)
	}
	for _, t := range []struct {
		into   **tree
		commit string
	}{{&g.base, s.Before}, {&g.old, s.Before}, {&g.head, s.SHA}} {
		if *t.into, err = g.tree(ctx, g.mirror, t.commit); err != nil {
			return err
		}
	}
	if err := g.configuration(ctx); err != nil {
		return err
	}
	if err := g.changes(ctx); err != nil {
		return err
	}
	members, err := g.members(ctx, s)
	if err != nil {
		return err
	}
	if err := g.evaluate(ctx); err != nil {
		return err
	}
	g.groupMissing()
	// Each pull request has been asked for its own approvals; a group cannot be approved. What only the whole demands is said.
	g.facts.Approvals = gate.Approvals{From: gate.Who{Permission: gate.PermissionWrite}, Rules: []gate.ApprovalRule{}}
	for _, r := range g.facts.Evaluation.Requirements {
		asked := slices.ContainsFunc(members, func(m gate.Facts) bool {
			return slices.ContainsFunc(m.Evaluation.Requirements, func(x gate.Requirement) bool { return x.Rule == r.Rule && x.Resource == r.Resource })
		})
		if !asked {
			g.problem(gate.Problem{
				Code: "rules", Message: fmt.Sprintf("%s demands approvals for %s (%s), which none of the pull requests was asked for", r.Rule, r.Resource, r.Reason),
				Remedy: "Merge the pull requests one after the other.",
			})
		}
	}
	g.facts.Evaluation.Requirements = nil
	return nil
}

// members finds the pull requests of the group and judges each afresh, as it lands on those before it. Plans that were handed in for
// them count for the group.
func (g *gatherer) members(ctx context.Context, s work.Sweep) ([]gate.Facts, error) {
	steps, err := g.contained(ctx, s)
	if err != nil {
		return nil, err
	}
	var out []gate.Facts
	for _, step := range steps {
		onto := &queued{commit: step.onto}
		if onto.tree, err = g.tree(ctx, g.mirror, step.onto); err != nil {
			return nil, err
		}
		m, err := g.gather(ctx, work.Evaluate{Target: s.Target, Number: step.number}, onto)
		if errors.Is(err, errNothingToMerge) {
			g.problem(gate.Problem{Code: "git", Message: fmt.Sprintf("#%d has nothing to merge any more", step.number), Remedy: "Queue the others again."})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("judge #%d: %w", step.number, err)
		}
		d := gate.Decide(m.facts)
		member := gate.Member{Number: step.number, Head: m.facts.PullRequest.Head.SHA, Verdict: d.Verdict, Title: d.Title, Files: []string{}, Resources: []string{}}
		if m.facts.PullRequest.State != "open" || m.facts.PullRequest.Draft || m.facts.PullRequest.Base.Branch != s.Branch {
			member.Verdict, member.Title = gate.Wait, "it is not open, or no longer goes into "+s.Branch
		} else if err := g.plansOf(ctx, step, m, &member); err != nil {
			return nil, err
		}
		for _, f := range m.facts.Files {
			member.Files = append(member.Files, f.Path)
		}
		for _, c := range m.facts.Changes {
			member.Resources = append(member.Resources, c.Resource)
		}
		g.facts.Group = append(g.facts.Group, member)
		out = append(out, m.facts)
	}
	return out, nil
}

// lastInGroup reads the number of a merge group's newest pull request from its branch: gh-readonly-queue/main/pr-12-SHA.
var lastInGroup = regexp.MustCompile(`/pr-(\d+)-[0-9a-f]+$`)

// mentioned finds pull requests in the subject of a commit: "Merge pull request #12 from..." and "Title (#12)". Anybody can write such a
// subject, so it is only where to look.
var mentioned = regexp.MustCompile(`#(\d{1,9})\b`)

// step is one pull request of a merge group: the commit it lands on, and the one that it makes there.
type step struct {
	number     int
	onto, made string
}

// contained tells which pull requests make up the group, in the order in which they land. Each step of its history must be exactly what one open pull request makes of
// the step before; what is not ends up as a problem.
func (g *gatherer) contained(ctx context.Context, s work.Sweep) ([]step, error) {
	list, err := g.Mirror.Commits(ctx, g.mirror, s.Before, s.SHA)
	if err != nil {
		return nil, fmt.Errorf("list the commits of the merge group: %w", err)
	}
	commits := map[string]gitmirror.Commit{}
	for _, c := range list {
		commits[c.SHA] = c
	}
	last := 0
	if m := lastInGroup.FindStringSubmatch(s.Ref); m != nil {
		last, _ = strconv.Atoi(m[1])
	}
	if ok, err := g.makes(ctx, last, s.Before, s.SHA); err != nil || ok {
		return []step{{last, s.Before, s.SHA}}, err
	}
	var steps []step
	for at := s.SHA; at != s.Before; {
		c, ok := commits[at]
		if !ok || len(c.Parents) == 0 || len(steps) == maxGroup {
			g.problem(gate.Problem{Code: "git", Message: fmt.Sprintf("the history of the merge group cannot be followed at %.7s", at), Remedy: "Merge the pull requests one by one."})
			return steps, nil
		}
		number := 0
		candidates := mentioned.FindAllStringSubmatch(c.Subject(), 10)
		if at == s.SHA && last > 0 {
			candidates = append(candidates, []string{"", strconv.Itoa(last)})
		}
		for _, m := range candidates {
			n, _ := strconv.Atoi(m[1])
			made, err := g.makes(ctx, n, c.Parents[0], at)
			if err != nil {
				return nil, err
			}
			if made {
				number = n
				break
			}
		}
		if number == 0 {
			g.problem(gate.Problem{
				Code: "git", Message: fmt.Sprintf("commit %.7s of the merge group is not what an open pull request makes of the commit before it", at),
				Remedy: "Merge the pull requests one by one. A queue that rebases cannot be told apart into its pull requests: let it squash or merge, or build groups of one.",
			})
		} else if !slices.ContainsFunc(steps, func(s step) bool { return s.number == number }) {
			steps = append(steps, step{number, c.Parents[0], at})
		}
		at = c.Parents[0]
	}
	slices.Reverse(steps)
	return steps, nil
}

// makes reports whether an open pull request, merged into a commit, gives exactly another one's tree.
func (g *gatherer) makes(ctx context.Context, number int, onto, have string) (bool, error) {
	if number <= 0 {
		return false, nil
	}
	_, pr, err := g.forge.PullRequest(ctx, number)
	if errors.As(err, new(forge.NotFound)) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read #%d: %w", number, err)
	}
	if pr.State != "open" {
		return false, nil
	}
	err = g.Mirror.Sync(ctx, g.mirror, g.forge.Token, []gitmirror.Want{{SHA: pr.Head.SHA, Ref: fmt.Sprintf("refs/pull/%d/head", number)}})
	if err != nil {
		return false, fmt.Errorf("fetch #%d: %w", number, err)
	}
	base, err := g.Mirror.MergeBase(ctx, g.mirror, onto, pr.Head.SHA)
	if errors.Is(err, gitmirror.ErrNoMergeBase) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("find the merge base of #%d: %w", number, err)
	}
	result, differ, err := g.carryOnto(ctx, base, pr.Head.SHA, onto, have)
	return err == nil && result != nil && len(differ) == 0, err
}

// recordGroup decides, records and posts. The record has the number 0: it is about no pull request alone.
func (p *Pipeline) recordGroup(ctx context.Context, g *gatherer, s work.Sweep, started time.Time) error {
	if len(g.facts.Group) == 0 && len(g.facts.Problems) == 0 {
		g.problem(gate.Problem{Code: "git", Message: "no pull request was found in the merge group", Remedy: "Merge the pull requests one by one."})
	}
	kept := g.evidence()
	decision := gate.Decide(g.facts)
	facts, err := ledger.Canonical(g.facts)
	if err != nil {
		return fmt.Errorf("write the facts: %w", err)
	}
	text, err := ledger.Canonical(decision)
	if err != nil {
		return fmt.Errorf("write the decision: %w", err)
	}
	digest := ledger.Digest(facts)
	id := decisionID(digest)
	position, err := p.Recorder.Record(ctx, store.Record{
		ID: id, RepositoryID: s.RepositoryID, Repository: g.facts.Repository.FullName(), Title: g.facts.PullRequest.Title, Author: s.Actor,
		Approvers: []string{}, Base: decision.Base, Head: decision.Head, Verdict: string(decision.Verdict), Time: g.facts.Time,
		Facts: facts, Decision: text, FactsDigest: digest, PolicyDigest: decision.Policy.Digest, Resources: resources(g.facts.Changes),
		Entry: decisionEntry(g.facts, decision, id, digest), Evidence: kept,
	})
	if err != nil {
		return fmt.Errorf("record the decision: %w", err)
	}
	p.Metrics.Decided(decision.Verdict, p.Clock().Sub(started))
	var differences *diff.Changes
	if g.kept != nil {
		differences = g.kept.Differences
	}
	out := explain.Check(&decision, explain.Context{
		DecisionID: id, PolicyDigest: decision.Policy.Digest, LogIndex: position.Index, TreeSize: position.Size, Root: position.Root,
		DecisionURL: p.PublicURL + "/decisions/" + id, HelpURL: "https://github.com/gatehouse-dev/gatehouse/blob/main/docs/README.md", RepoURL: p.ServerURL + "/" + g.facts.Repository.FullName(),
		Changes: g.facts.Changes, Plans: g.facts.Plans, Files: g.facts.Files, Diff: differences,
	})
	check := forge.CheckRun{
		HeadSHA: s.SHA, Name: CheckName, ExternalID: s.SHA, DetailsURL: p.PublicURL + "/decisions/" + id,
		Status: out.Status, Conclusion: out.Conclusion, Title: out.Title, Summary: out.Summary, Text: out.Text, StartedAt: p.Clock().UTC(),
		CompletedAt: p.Clock().UTC(), Before: p.forked(ctx),
	}
	run, err := g.forge.PutCheckRun(ctx, check)
	if err != nil {
		p.Metrics.Published("check", "failed")
		return fmt.Errorf("answer the merge group: %w", p.retryable(err))
	}
	p.Metrics.Published("check", store.Published)
	return p.published(ctx, store.Decision{
		ID: id, Repository: g.facts.Repository.FullName(), Head: decision.Head, Verdict: string(decision.Verdict),
		PolicyDigest: decision.Policy.Digest, FactsDigest: digest,
	}, map[string]any{"what": "check", "check_run": run, "status": check.Status, "conclusion": check.Conclusion, "title": check.Title})
}
