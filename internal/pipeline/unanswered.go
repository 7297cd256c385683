package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// Told is what webhooks have told about pull requests, and what was decided about those that are open: enough to say that one cannot be
// judged while GitHub does not show it.
type Told interface {
	Told(ctx context.Context, repositoryID int64, pullRequest int) (store.Told, error)
	Standing(ctx context.Context, repositoryID int64, owner string) ([]store.Decision, error)
}

const (
	// patience is how many attempts a pull request is given before people are told that it cannot be judged. The attempts go on.
	patience = 3
	// impatience is that number where a success stands: it must not outlive what it was decided from, and one more attempt, about a second
	// later, is what a hiccup of GitHub's gets.
	impatience = 2
	// brief is how long GitHub may ask to be left alone, and slow how long one attempt may take, for there to be another one first.
	brief = 5 * time.Second
	slow  = 15 * time.Second
)

// known is what there is to know about a pull request without asking GitHub.
type known struct {
	last   lastSeen       // none: Version is 0
	when   store.Decision // that the facts are of; ID is "" when there is none
	head   string         // "": not known
	base   string         // branch; "": as in the last facts
	closed bool
	stands bool // a success on the head, as far as the record knows
}

// unanswered says what becomes of an attempt that failed: a gatherer whose facts are the failure, to be decided and recorded, and the
// error for the queue; a nil gatherer while it is too early for that. An earlier success must not stand for long when nobody can tell
// whether what it was decided from still holds: an approval may have been dismissed, a rule changed, a plan handed in.
func (p *Pipeline) unanswered(ctx context.Context, args work.Evaluate, g *gatherer, err error, attempt int, started time.Time) (*gatherer, error) {
	retry := p.retryable(err)
	if g == nil && attempt >= patience && errors.As(err, new(forge.NotFound)) { // GitHub may tell of one before it can show it
		retry = store.Permanent{Err: fmt.Errorf("%s/%s#%d is gone, or the App may no longer see it: %w", args.Owner, args.Name, args.Number, err)}
	}
	k, failed := p.known(ctx, args)
	if failed != nil {
		return nil, fmt.Errorf("%w, after: %v", failed, err)
	}
	if g != nil {
		k.head = g.facts.PullRequest.Head.SHA // as GitHub shows it
		if k.stands, failed = p.stands(ctx, args, k); failed != nil {
			return nil, fmt.Errorf("%w, after: %v", failed, err)
		}
	}
	var limited store.RetryAfter
	paused := errors.As(retry, &limited)
	if paused && limited.D <= brief { // a hiccup, of which there must not be one after the other
		limited.Failed = true
		paused, retry = false, limited
	}
	// What the base branch contains already cannot be merged, and is called merged in a moment: no success of it does harm.
	stands := k.stands && !errors.Is(err, errNothingToMerge)
	due := attempt >= patience || lasting(err) || stands && (attempt >= impatience || paused || p.Clock().Sub(started) > slow)
	said := k.when.Head == k.head && k.when.Verdict == string(gate.Error) && !lasting(err)
	if !due || g == nil && (k.head == "" || k.closed || said) {
		return nil, retry
	}
	if g == nil {
		g = p.fromMemory(args, k)
	}
	g.keepSeen(k.last)
	g.problem(gate.Problem{
		Code: "github", Message: "the facts about this pull request could not be gathered: " + err.Error(),
		Remedy: "Gatehouse goes on trying; comment `/gatehouse recheck` to try at once.",
	})
	return g, retry
}

// known reads what the record and the webhooks have said.
func (p *Pipeline) known(ctx context.Context, args work.Evaluate) (known, error) {
	var k known
	var err error
	g := &gatherer{Pipeline: p, facts: gate.Facts{Repository: gate.Repository{ID: args.RepositoryID}, PullRequest: gate.PullRequest{Number: args.Number}}}
	if k.when, err = p.Recorder.Latest(ctx, args.RepositoryID, args.Number); err != nil && !errors.Is(err, store.ErrNotFound) {
		return k, fmt.Errorf("read the last decision: %w", err)
	}
	if k.last, err = g.lastSeen(ctx); err != nil {
		return k, err
	}
	k.head = k.when.Head
	told, err := p.Told.Told(ctx, args.RepositoryID, args.Number)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return k, fmt.Errorf("read what was told of the pull request: %w", err)
	}
	// A decision is made from what GitHub showed after its time; what was told before that is older.
	if err == nil && !told.Received.Before(k.when.Time) {
		k.head, k.base, k.closed = told.Head, told.Base, !told.Open
	}
	k.stands, err = p.stands(ctx, args, k)
	return k, err
}

// stands reports whether a success may be seen on the head: this pull request's, from before another head, or another one's that has it.
func (p *Pipeline) stands(ctx context.Context, args work.Evaluate, k known) (bool, error) {
	if k.head == "" || k.when.Head == k.head {
		return k.when.Verdict == string(gate.Pass), nil
	}
	all, err := p.Recorder.LatestForHead(ctx, args.RepositoryID, k.head)
	if err != nil {
		return false, fmt.Errorf("read the decisions for %s: %w", k.head, err)
	}
	for _, d := range all {
		if d.Verdict == string(gate.Pass) {
			return true, nil
		}
	}
	return false, nil
}

// fromMemory makes facts of what is known about a pull request that GitHub does not show: which one it is, and no more.
func (p *Pipeline) fromMemory(args work.Evaluate, k known) *gatherer {
	g := p.gatherer(args, nil)
	g.facts.Repository = k.last.Repository
	g.facts.Repository.ID, g.facts.Repository.Owner, g.facts.Repository.Name = args.RepositoryID, args.Owner, args.Name
	pr := k.last.PullRequest
	full := g.facts.Repository.FullName()
	pr.Number, pr.State = args.Number, "open"
	pr.Title = cmp.Or(pr.Title, fmt.Sprintf("Pull request #%d", args.Number))
	pr.URL = cmp.Or(pr.URL, fmt.Sprintf("%s/%s/pull/%d", p.ServerURL, full, args.Number))
	pr.Head.SHA, pr.Base.Branch, pr.Base.Repository = k.head, cmp.Or(k.base, pr.Base.Branch), full
	if pr.Labels == nil {
		pr.Labels = []string{}
	}
	g.facts.PullRequest = pr
	return g
}
