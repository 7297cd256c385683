package backtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Recorded is a decision on record.
type Recorded struct {
	ID          string    `json:"decision"`
	Repository  string    `json:"repository"`
	PullRequest int       `json:"pull_request"`
	Title       string    `json:"title"`
	Head        string    `json:"head"`
	Time        time.Time `json:"time"`
	FactsDigest string    `json:"-"`
}

// Outcome is what becomes of one decision.
type Outcome struct {
	Recorded
	Difference
}

// Left is a decision that cannot be judged again.
type Left struct {
	Recorded
	Reason string `json:"reason"`
}

// Report is what becomes of all of them.
type Report struct {
	PullRequests int       `json:"pull_requests"`
	Same         int       `json:"same"`
	Different    []Outcome `json:"different"` // those with another verdict first, otherwise in the order in which they were given
	NotJudged    []Left    `json:"not_judged"`
}

// Verdicts counts the decisions with another verdict.
func (r *Report) Verdicts() int {
	n := 0
	for i := range r.Different {
		if r.Different[i].Before != r.Different[i].After {
			n++
		}
	}
	return n
}

// One judges one decision again. The error is a [NotJudged] when that cannot be done.
func One(ctx context.Context, r Rules, d Recorded, blobs Blobs, gone func(error) bool) (Difference, gate.Facts, error) {
	facts, saw, err := load(ctx, blobs, d.FactsDigest, gone)
	if err != nil {
		return Difference{}, facts, err
	}
	recorded := gate.Decide(facts)
	before := facts.Evaluation.Requirements
	facts, err = again(ctx, r, facts, saw)
	if err != nil {
		return Difference{}, facts, err
	}
	now := gate.Decide(facts)
	diff := Compare(&recorded, &now)
	for _, team := range strangers(&facts, before) {
		diff.Notes = append(diff.Notes, "who is in "+team+" is not on record, so its approvals count as missing")
	}
	return diff, facts, nil
}

// Run judges decisions again, several at a time. done is called after each, one call at a time. The error is of whoever reads the
// record; a decision that cannot be judged is in the report.
func Run(ctx context.Context, r Rules, list []Recorded, blobs Blobs, gone func(error) bool, done func()) (Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	outcomes, reasons := make([]*Difference, len(list)), make([]string, len(list))
	next := make(chan int)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range min(len(list), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				diff, err := Settled(ctx, r, list[i], blobs, gone)
				var not NotJudged
				switch {
				case errors.As(err, &not):
					reasons[i] = not.Reason
				case err != nil:
					cancel(fmt.Errorf("judge %s#%d again: %w", list[i].Repository, list[i].PullRequest, err))
				default:
					outcomes[i] = &diff
				}
				mu.Lock()
				done()
				mu.Unlock()
			}
		})
	}
	for i := range list {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return Report{}, err
	}
	return report(list, outcomes, reasons), nil
}

// Settled is One, and refuses what no rule could change.
func Settled(ctx context.Context, r Rules, d Recorded, blobs Blobs, gone func(error) bool) (Difference, error) {
	diff, facts, err := One(ctx, r, d, blobs, gone)
	if err == nil && len(facts.Problems) > 0 {
		return diff, NotJudged{"it could not be evaluated then: " + gate.Shorten(facts.Problems[0].String(), 200)}
	}
	return diff, err
}

func report(list []Recorded, outcomes []*Difference, reasons []string) Report {
	r := Report{PullRequests: len(list), Different: []Outcome{}, NotJudged: []Left{}}
	for i, d := range list {
		switch {
		case outcomes[i] == nil:
			r.NotJudged = append(r.NotJudged, Left{d, reasons[i]})
		case outcomes[i].Differs():
			r.Different = append(r.Different, Outcome{d, *outcomes[i]})
		default:
			r.Same++
		}
	}
	slices.SortStableFunc(r.Different, func(a, b Outcome) int { return rank(&a) - rank(&b) })
	return r
}

// rank puts what would have been let through, or blocked, before what only looks different.
func rank(o *Outcome) int {
	if o.Before != o.After {
		return 0
	}
	return 1
}
