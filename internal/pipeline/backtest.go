package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/backtest"
	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Bounds of the backtest of proposed rules: the pull request waits for it.
const (
	backtestDays  = 90
	backtestPulls = 50
	backtestTime  = 30 * time.Second
)

// backtest judges the repository's last pull requests under the rules that this one proposes.
func (g *gatherer) backtest(ctx context.Context, policies repoconfig.Policies, p rules.Proposal) error {
	now := g.facts.Time
	list, _, err := g.Recorder.Decisions(ctx, store.DecisionFilter{RepositoryID: g.facts.Repository.ID, Since: now.AddDate(0, 0, -backtestDays), Last: true}, "", backtestPulls+1)
	if err != nil {
		return fmt.Errorf("read the pull requests to judge under the proposed rules: %w", err)
	}
	list = slices.DeleteFunc(list, func(d store.Decision) bool { return d.PullRequest == g.facts.PullRequest.Number })
	proposed, err := newProposedRules(g, policies, p)
	if err != nil {
		return err
	}
	known := proposed.policies.Key
	for _, d := range list {
		known += " " + d.ID
	}
	if kept, ok := g.backtests.get(known); ok {
		g.facts.Backtest = &kept
		return nil
	}
	out := gate.Backtest{Days: backtestDays, Different: []gate.Backtested{}}
	if len(list) > backtestPulls {
		list, out.Limit = list[:backtestPulls], fmt.Sprintf("only the last %d are tried", backtestPulls)
	}
	limited, cancel := context.WithTimeout(ctx, backtestTime)
	defer cancel()
	for _, d := range list {
		err := g.backtestOne(limited, proposed, d, &out)
		if err != nil && limited.Err() != nil && ctx.Err() == nil {
			out.Limit = fmt.Sprintf("it was stopped after %s", backtestTime)
			break
		}
		if err != nil {
			return err
		}
		if proposed.died != "" {
			out.Limit = "it was stopped: " + proposed.died
			break
		}
	}
	slices.SortStableFunc(out.Different, func(a, b gate.Backtested) int { return sameVerdict(&a) - sameVerdict(&b) })
	out.Different = out.Different[:min(len(out.Different), gate.MaxBacktested)]
	g.backtests.put(known, out)
	g.facts.Backtest = &out
	return nil
}

func sameVerdict(b *gate.Backtested) int {
	if b.Before == b.After {
		return 1
	}
	return 0
}

func (g *gatherer) backtestOne(ctx context.Context, proposed *proposedRules, d store.Decision, out *gate.Backtest) error {
	recorded := backtest.Recorded{ID: d.ID, Repository: d.Repository, PullRequest: d.PullRequest, FactsDigest: d.FactsDigest}
	diff, err := backtest.Settled(ctx, proposed, recorded, g.Recorder, func(err error) bool { return errors.Is(err, store.ErrNotFound) })
	switch {
	case errors.As(err, new(backtest.NotJudged)):
		if proposed.died == "" {
			out.PullRequests++
			out.NotJudged++
		}
		return nil
	case err != nil:
		return fmt.Errorf("judge #%d under the proposed rules: %w", d.PullRequest, err)
	}
	out.PullRequests++
	switch {
	case !diff.Differs():
		out.Same++
		return nil
	case diff.Before != diff.After:
		out.Verdicts++
	default:
		out.Reasons++
	}
	reasons := backtestReasons(&diff)
	one := gate.Backtested{PullRequest: d.PullRequest, Title: gate.Shorten(d.Title, 200), Before: diff.Before, After: diff.After}
	one.Reasons = reasons[:min(len(reasons), gate.MaxBacktestReasons)]
	one.More = len(reasons) - len(one.Reasons)
	out.Different = append(out.Different, one)
	return nil
}

// backtestReasons puts a difference into words.
func backtestReasons(d *backtest.Difference) []string {
	out := []string{}
	say := func(format string, args ...any) {
		out = append(out, gate.Shorten(gate.Printable(strings.ToValidUTF8(fmt.Sprintf(format, args...), "?")), 300))
	}
	for _, e := range d.Errors {
		say("cannot be judged: %s", e)
	}
	for _, f := range d.New {
		say("%s %s on %s: %s", f.Effect, f.Rule, f.Resource, f.Message)
	}
	for _, f := range d.Gone {
		say("no longer %s %s on %s: %s", f.Effect, f.Rule, f.Resource, f.Message)
	}
	for _, a := range d.Asked {
		say("asks for %d approvals: %s", a.Count, a.Reason)
	}
	for _, a := range d.NotAsked {
		say("no longer asks for %d approvals: %s", a.Count, a.Reason)
	}
	for _, n := range d.Notes {
		say("%s", n)
	}
	return out
}

// proposedRules judge in a worker process: nobody has agreed to them.
type proposedRules struct {
	judges   *judge.Judges
	source   judge.Source
	policies judge.Policies
	died     string // why they cannot go on
}

func newProposedRules(g *gatherer, config repoconfig.Policies, p rules.Proposal) (*proposedRules, error) {
	r := &proposedRules{judges: g.Judges, policies: judge.Policies{Packs: config.Packs, Scope: config.Scope, Rules: p.Rules}}
	r.source.Repository = -g.args.RepositoryID // never a worker that judges the repository's pull requests
	files := map[string]string{}
	var folders []judge.Folder
	for _, d := range p.Dirs {
		folders = append(folders, judge.Folder(d))
		for name, content := range d.Files {
			files[d.Name+"/"+name] = ledger.Digest(content)
		}
	}
	r.source.Folders = func(context.Context) ([]judge.Folder, error) { return folders, nil }
	key, err := ledger.Canonical(map[string]any{"proposed": r.policies, "files": files})
	if err != nil {
		return nil, fmt.Errorf("name the proposed rules: %w", err)
	}
	r.policies.Key = ledger.Digest(key)
	return r, nil
}

// Evaluate implements [backtest.Rules].
func (r *proposedRules) Evaluate(ctx context.Context, pr *gate.PullRequest, saw backtest.Saw) (gate.Evaluation, error) {
	var none gate.Evaluation
	var head evidence.Head
	var blobs [][]byte
	if saw.Digest != "" {
		manifest, err := saw.Read(saw.Digest)
		if err != nil {
			return none, err
		}
		if head, err = evidence.ReadHead(manifest); err != nil {
			return none, err
		}
		if head.Omitted != "" {
			return none, backtest.NotJudged{Reason: head.Omitted}
		}
		blobs = append(blobs, manifest)
		for _, part := range head.Parts {
			data, err := saw.Read(part)
			if err != nil {
				return none, err
			}
			blobs = append(blobs, data)
		}
	}
	found, whole, problems, err := r.judges.Again(ctx, r.source, r.policies, pr, saw.Digest, blobs)
	switch {
	case err != nil:
		return none, err
	case len(problems) > 0:
		r.died = gate.Shorten(problems[0].String(), 300)
		return none, backtest.NotJudged{Reason: r.died}
	case whole && !head.HasFiles && len(head.Parts) > 0:
		return none, backtest.NotJudged{Reason: backtest.NoFiles}
	}
	return found, nil
}

// backtests remembers the last ones: a pull request is evaluated again at every review, and its proposal is still the same.
type backtests struct {
	mu   sync.Mutex
	keys []string // the oldest first
	kept map[string]gate.Backtest
}

const maxBacktests = 32

func (b *backtests) get(key string) (gate.Backtest, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept, ok := b.kept[key]
	return kept, ok
}

func (b *backtests) put(key string, what gate.Backtest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kept == nil {
		b.kept = map[string]gate.Backtest{}
	}
	if _, ok := b.kept[key]; !ok {
		b.keys = append(b.keys, key)
	}
	b.kept[key] = what
	if len(b.keys) > maxBacktests {
		delete(b.kept, b.keys[0])
		b.keys = b.keys[1:]
	}
}
