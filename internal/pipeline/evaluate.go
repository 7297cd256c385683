package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// evaluate gathers, decides and records one pull request.
func (p *Pipeline) evaluate(ctx context.Context, args work.Evaluate, attempt int) error {
	started := p.Clock()
	g, err := p.gather(ctx, args, nil)
	var retry error
	switch {
	case err == nil && g.facts.PullRequest.State != "open":
		return p.closed(ctx, args, g.facts.PullRequest)
	case err == nil:
		retry = p.retryable(g.again)
	case ctx.Err() != nil:
		return err
	case g != nil && g.hostile(err):
		if err := g.keepLast(ctx); err != nil {
			return err
		}
	default:
		// People see why the gate is shut while the attempts go on, less and less often, until an event or a comment asks.
		if g, retry = p.unanswered(ctx, args, g, err, attempt, started); g == nil {
			return retry
		}
	}
	if err := p.record(ctx, args, g, started); err != nil {
		return err
	}
	return retry
}

// hostile reports whether an error is about what the head commit itself is, so that it is the same for as long as that is the head, and says
// so in place of judging it.
func (g *gatherer) hostile(err error) bool {
	head := g.facts.PullRequest.Head.SHA
	p := gate.Problem{Code: "git", Remedy: "Rewrite the commits of this branch without it, and push that."}
	var path *gitmirror.PathError
	var limit *gitmirror.LimitError
	switch {
	case errors.As(err, &path) && path.Commit == head:
		p.Message = fmt.Sprintf("the head %.7s holds the path %.200q: %s", head, gate.Printable(path.Path), path.Problem)
	case errors.As(err, &limit) && strings.Contains(limit.What, head):
		p.Message = strings.ReplaceAll(limit.Error(), head, head[:7])
	default:
		return false
	}
	g.problem(p)
	return true
}

// lasting reports whether an error will be the same next time, so that people are told at once: the commit itself is the
// trouble, or the App's access.
func lasting(err error) bool {
	return errors.As(err, new(*gitmirror.PathError)) || errors.As(err, new(*gitmirror.LimitError)) ||
		errors.As(err, new(*gitmirror.BlobLimitError)) || errors.As(err, new(*gitmirror.AccessError)) ||
		errors.As(err, new(forge.MissingPermission))
}

// retryable tells the queue how long GitHub wants to be left alone.
func (p *Pipeline) retryable(err error) error {
	var limited forge.RateLimited
	if errors.As(err, &limited) {
		return store.RetryAfter{D: max(limited.Until.Sub(p.Clock()), time.Second), Err: err}
	}
	return err
}

// record decides and makes the decision, its facts, its audit entry and its publication durable together.
func (p *Pipeline) record(ctx context.Context, args work.Evaluate, g *gatherer, started time.Time) error {
	kept := g.evidence()
	facts, err := ledger.Canonical(g.facts)
	if err != nil {
		if facts, err = g.mend(err); err != nil {
			return fmt.Errorf("write the facts: %w", err)
		}
	}
	decision := gate.Decide(g.facts)
	freed, err := p.freed(ctx, args, g.facts.PullRequest.Head.SHA)
	if err != nil {
		return err
	}
	if !args.Again {
		same, err := p.nothingNew(ctx, g.facts, decision)
		if err != nil || same {
			return err
		}
	}
	text, err := ledger.Canonical(decision)
	if err != nil {
		return fmt.Errorf("write the decision: %w", err)
	}
	digest := ledger.Digest(facts)
	id := decisionID(digest)
	if err := p.recordWaivers(ctx, g.facts, decision); err != nil {
		return err
	}
	publication := work.Publication{Evaluate: args, Head: decision.Head, Decision: id}
	works := publication.Works()
	if asksForReviews(g.facts, decision) {
		works = append(works, publication.Request())
	}
	if end := waiversEnd(decision); !end.IsZero() {
		works = append(works, work.Evaluate{Target: args.Target, Number: args.Number}.Expire(end.Add(clocksDiffer)))
	}
	_, err = p.Recorder.Record(ctx, store.Record{
		ID: id, RepositoryID: g.facts.Repository.ID, Repository: g.facts.Repository.FullName(), Supersedes: true,
		Title: g.facts.PullRequest.Title, Author: g.facts.PullRequest.Author, Approvers: approvers(decision),
		PullRequest: args.Number, Base: decision.Base, Head: decision.Head, Verdict: string(decision.Verdict), Time: g.facts.Time,
		Facts: facts, Decision: text, FactsDigest: digest, PolicyDigest: decision.Policy.Digest, Evidence: kept,
		Resources: resources(g.facts.Changes), Terms: terms(g.facts, decision), Waivers: waiverUses(decision),
		Entry:   decisionEntry(g.facts, decision, id, digest),
		Publish: append(works, freed...),
	})
	if err != nil {
		return fmt.Errorf("record the decision: %w", err)
	}
	p.Metrics.Decided(decision.Verdict, p.Clock().Sub(started))
	p.Log.WithField("decision", id).WithField("verdict", decision.Verdict).
		WithField("pull_request", fmt.Sprintf("%s#%d", decision.Repository, decision.PullRequest)).
		WithField("head", decision.Head).WithField("reason", args.Reason).Info("decided")
	return nil
}

// freed is the work for pull requests that shared the head which this one has left: the check on it may have shown this one's
// verdict, and is theirs again.
func (p *Pipeline) freed(ctx context.Context, args work.Evaluate, head string) ([]store.Work, error) {
	last, err := p.Recorder.Latest(ctx, args.RepositoryID, args.Number)
	if errors.Is(err, store.ErrNotFound) || err == nil && last.Head == head {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read the last decision: %w", err)
	}
	sharing, err := p.Recorder.LatestForHead(ctx, args.RepositoryID, last.Head)
	if err != nil {
		return nil, fmt.Errorf("read who shared the head %s: %w", last.Head, err)
	}
	var out []store.Work
	for _, other := range sharing {
		if other.PullRequest != args.Number {
			again := work.Evaluate{Target: args.Target, Number: other.PullRequest, Again: true}
			again.Reason = fmt.Sprintf("#%d has another head now", args.Number)
			out = append(out, again.Work())
		}
	}
	return out, nil
}

// mend makes facts writable that are not: some text in them is no UTF-8, and the record takes nothing else. Another attempt
// would end the same way, so the text is replaced and people are told.
func (g *gatherer) mend(reason error) ([]byte, error) {
	data, err := json.Marshal(g.facts) // replaces what is not UTF-8
	if err != nil {
		return nil, err
	}
	var clean gate.Facts
	if err := json.Unmarshal(data, &clean); err != nil {
		return nil, err
	}
	g.facts = clean
	g.problem(gate.Problem{
		Code: "internal", Message: "the facts about this pull request cannot be recorded as they are: " + strings.ToValidUTF8(reason.Error(), "?"),
		Remedy: "Look for names and texts that are not UTF-8 in what the pull request changes.",
	})
	return ledger.Canonical(g.facts)
}

// decisionID names a decision after its facts: no two decisions share their facts, for the time is one of them.
func decisionID(factsDigest string) string {
	return "d-" + factsDigest[len("sha256:"):][:12]
}

// nothingNew reports whether the last decision about the pull request was made from the same facts, but for the time. GitHub
// limits how often a check may be written, and the record is for what happened. Time alone can change a decision, too: a waiver or a
// broken glass ends.
func (p *Pipeline) nothingNew(ctx context.Context, facts gate.Facts, decision gate.Decision) (bool, error) {
	last, err := p.Recorder.Latest(ctx, facts.Repository.ID, facts.PullRequest.Number)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("read the last decision: %w", err)
	}
	told, err := p.Notes.Publication(ctx, last.RepositoryID, last.PullRequest, last.Head)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, fmt.Errorf("read whether decision %s was published: %w", last.ID, err)
	}
	if told.State == store.Superseded || told.State == store.Failed {
		return false, nil // a pull request that was closed and is open again must be heard of again
	}
	text, err := ledger.Canonical(decision)
	if err != nil {
		return false, fmt.Errorf("write the decision: %w", err)
	}
	if !bytes.Equal(text, last.Decision) {
		return false, nil
	}
	data, err := p.Recorder.Facts(ctx, last.FactsDigest)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil // retention has dropped them
	} else if err != nil {
		return false, fmt.Errorf("read the last facts: %w", err)
	}
	var before gate.Facts
	if err := json.Unmarshal(data, &before); err != nil {
		return false, nil //nolint:nilerr // facts of another version are not these facts
	}
	before.Time = facts.Time
	a, errA := ledger.Canonical(before)
	b, errB := ledger.Canonical(facts)
	return bytes.Equal(a, b), errors.Join(errA, errB)
}

func resources(changes []gate.Change) []store.Resource {
	out := make([]store.Resource, 0, len(changes))
	for _, c := range changes {
		out = append(out, store.Resource{Resource: c.Resource, Actions: c.Actions, Names: c.Names})
	}
	return out
}

// maxEntryResources bounds the list in one audit entry; the facts have them all, and the entry their number.
const maxEntryResources = 1000

func decisionEntry(f gate.Facts, d gate.Decision, id, factsDigest string) store.Entry {
	names := []string{}
	for _, c := range f.Changes {
		names = append(names, c.Resource)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	total := len(names)
	names = names[:min(total, maxEntryResources)]
	return store.Entry{
		Time: f.Time, Type: "decision", Actor: f.PullRequest.Author, Repository: d.Repository, PullRequest: d.PullRequest,
		Commit: d.Head, Resources: names, Verdict: string(d.Verdict), Policy: d.Policy.Digest, Facts: factsDigest,
		Detail: map[string]any{
			"decision": id, "title": d.Title, "base": d.Base, "base_branch": f.PullRequest.Base.Branch, "resources_total": total,
			"deny": d.Summary.Deny, "warn": d.Summary.Warn, "waived": d.Summary.Waived, "approvers": approvers(d),
		},
	}
}

func approvers(d gate.Decision) []string {
	out := d.Approvers()
	if out == nil {
		return []string{}
	}
	return out
}
