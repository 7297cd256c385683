package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// remark looks at a pull request again after a comment, where comments can be approvals. Most repositories do not have that, and
// the last decision's facts tell without asking GitHub.
func (p *Pipeline) remark(ctx context.Context, args work.Evaluate, _ int) error {
	last, err := p.Recorder.Latest(ctx, args.RepositoryID, args.Number)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it has not been evaluated, and will be
	} else if err != nil {
		return fmt.Errorf("read the last decision: %w", err)
	}
	data, err := p.Recorder.Facts(ctx, last.FactsDigest)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read the last facts: %w", err)
	}
	var facts gate.Facts
	// Where it could not be judged, the facts need not hold what the configuration says.
	if json.Unmarshal(data, &facts) != nil || len(facts.Approvals.Comments) == 0 && last.Verdict != string(gate.Error) {
		return nil
	}
	if err := p.Recorder.Enqueue(ctx, args.Work()); err != nil {
		return fmt.Errorf("queue the evaluation: %w", err)
	}
	return nil
}

// asksForReviews reports whether people are to be asked for the approvals that a decision waits for.
func asksForReviews(f gate.Facts, d gate.Decision) bool {
	return f.Approvals.Request != nil && !f.PullRequest.Draft && len(d.Errors) == 0 && len(d.Asks()) > 0
}

// requestReviews asks for the reviews that the decision waits for: nobody twice, and nobody who has reviewed already.
func (p *Pipeline) requestReviews(ctx context.Context, args work.Publication, _ int) error {
	repo, recorded, unread, err := p.current(ctx, args)
	if err != nil || repo == nil {
		return err
	}
	if unread != nil {
		return fmt.Errorf("read the pull request before asking for reviews: %w", p.retryable(unread))
	}
	var facts gate.Facts
	data, err := p.Recorder.Facts(ctx, recorded.FactsDigest)
	if err != nil {
		return fmt.Errorf("read the facts of %s: %w", recorded.ID, err)
	}
	if err := json.Unmarshal(data, &facts); err != nil {
		return store.Permanent{Err: fmt.Errorf("read the facts of %s: %w", recorded.ID, err)}
	}
	decision := gate.Decide(facts)
	if !asksForReviews(facts, decision) {
		return nil
	}
	asked, err := repo.ReviewRequests(ctx, args.Number)
	if err != nil {
		return fmt.Errorf("read who is asked for a review: %w", p.retryable(err))
	}
	var ask forge.Asked
	if facts.Approvals.Request.Teams {
		ask.Teams = teamsToAsk(facts, decision, asked)
	}
	if n := facts.Approvals.Request.People; n > 0 {
		load, err := repo.OpenRequests(ctx)
		if err != nil {
			return fmt.Errorf("read how many reviews people are asked for: %w", p.retryable(err))
		}
		ask.People = peopleToAsk(facts, decision, asked, load, n)
	}
	if len(ask.Teams)+len(ask.People) == 0 {
		return nil
	}
	err = repo.RequestReviews(ctx, args.Number, ask)
	if errors.As(err, new(forge.Unprocessable)) || errors.As(err, new(forge.MissingPermission)) {
		// Somebody who is asked cannot read the repository. The comment names who is asked all the same.
		p.Log.WithField("pull_request", fmt.Sprintf("%s#%d", recorded.Repository, args.Number)).WithError(err).Warn("reviews could not be asked for")
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask for reviews: %w", p.retryable(err))
	}
	return nil
}

// teamsToAsk are the slugs of the teams of this organisation that open requirements name and nobody has asked.
func teamsToAsk(f gate.Facts, d gate.Decision, asked forge.Asked) []string {
	var out []string
	open(d, func(who gate.Who) {
		for _, team := range who.Teams {
			org, slug, _ := strings.Cut(team, "/")
			has := func(list []string) bool {
				return slices.ContainsFunc(list, func(x string) bool { return strings.EqualFold(x, slug) })
			}
			if strings.EqualFold(org, f.Repository.Owner) && !has(asked.Teams) && !has(out) {
				out = append(out, slug)
			}
		}
	})
	return out
}

func open(d gate.Decision, f func(gate.Who)) {
	for i := range d.Requirements {
		if !d.Requirements[i].Met {
			d.Requirements[i].From.Each(f)
		}
	}
}

// peopleToAsk are for each open requirement those who can still approve and have the fewest open requests, so that n are asked.
func peopleToAsk(f gate.Facts, d gate.Decision, asked forge.Asked, load map[string]int, n int) []string {
	var out []string
	for i := range d.Requirements {
		r := &d.Requirements[i]
		if r.Met {
			continue
		}
		can := slices.Clone(r.Can)
		slices.SortStableFunc(can, func(a, b string) int {
			return cmp.Or(cmp.Compare(load[strings.ToLower(a)], load[strings.ToLower(b)]), cmp.Compare(a, b))
		})
		want := n
		for _, login := range can {
			is := func(x string) bool { return strings.EqualFold(x, login) }
			if slices.ContainsFunc(asked.People, is) || slices.ContainsFunc(out, is) {
				want--
			}
		}
		for _, login := range can {
			is := func(x string) bool { return strings.EqualFold(x, login) }
			reviewed := slices.ContainsFunc(f.Reviews, func(v gate.Review) bool { return is(v.Login) })
			if want > 0 && !reviewed && !slices.ContainsFunc(asked.People, is) && !slices.ContainsFunc(out, is) {
				out = append(out, login)
				want--
			}
		}
	}
	return out
}
