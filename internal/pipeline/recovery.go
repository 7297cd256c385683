package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// Hooks is what recovery asks of GitHub about the App itself.
type Hooks interface {
	Deliveries(ctx context.Context, since time.Time) ([]forge.Delivery, error)
	Redeliver(ctx context.Context, id int64) error
	Installations(ctx context.Context) ([]int64, error)
}

// Memory keeps where recovery has come to.
type Memory interface {
	Delivered(ctx context.Context, ids []string) (map[string]bool, error)
	Meta(ctx context.Context, key string) (string, error)
	SetMeta(ctx context.Context, key, value string) error
}

const (
	// recoverEvery is the pause between two looks for lost webhooks.
	recoverEvery = 5 * time.Minute
	// lookBack is how far the first look goes: GitHub keeps deliveries for about three days.
	lookBack = 72 * time.Hour
	// overlap is how much of the time before the last look is looked at again: a delivery that was under way then had no
	// result yet.
	overlap = 15 * time.Minute

	recoveredKey = "recovery/deliveries"
)

// Recover brings back what was lost while the server was down or could not store: GitHub redelivers nothing by itself. At the
// start every open pull request whose head was never judged is put in the queue, and from then on, until ctx is done, failed
// deliveries are asked for again. Two replicas may do so at once: what arrives twice is known by its id.
func (p *Pipeline) Recover(ctx context.Context, hooks Hooks, memory Memory) {
	if err := p.unjudged(ctx, hooks); err != nil && ctx.Err() == nil {
		p.Log.WithError(err).Warn("looking for pull requests that were never judged")
	}
	tick := time.NewTicker(recoverEvery)
	defer tick.Stop()
	for {
		if n, err := p.redeliver(ctx, hooks, memory); err != nil && ctx.Err() == nil {
			p.Log.WithError(err).Warn("asking for lost webhooks again")
		} else if n > 0 {
			p.Log.WithField("deliveries", n).Info("asked for lost webhooks again")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// redeliver asks for the deliveries that never arrived, and returns how many those were.
func (p *Pipeline) redeliver(ctx context.Context, hooks Hooks, memory Memory) (int, error) {
	now := p.Clock()
	since := now.Add(-lookBack)
	at, err := memory.Meta(ctx, recoveredKey)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	if last, err := time.Parse(time.RFC3339, at); err == nil && last.Add(-overlap).After(since) {
		since = last.Add(-overlap)
	}
	list, err := hooks.Deliveries(ctx, since)
	if err != nil {
		return 0, err
	}
	lost, err := lostDeliveries(ctx, memory, list)
	if err != nil {
		return 0, err
	}
	for _, d := range lost {
		if err := hooks.Redeliver(ctx, d.ID); err != nil && !errors.As(err, new(forge.NotFound)) {
			return 0, fmt.Errorf("delivery %s: %w", d.GUID, err)
		}
	}
	if len(lost) > 0 {
		return len(lost), nil // looked at again from the same time on, until they have arrived
	}
	return 0, memory.SetMeta(ctx, recoveredKey, now.UTC().Format(time.RFC3339))
}

// lostDeliveries are the newest attempts at events of which no attempt has arrived, oldest first.
func lostDeliveries(ctx context.Context, memory Memory, list []forge.Delivery) ([]forge.Delivery, error) {
	arrived := map[string]bool{}
	newest := map[string]forge.Delivery{}
	var order []string
	for _, d := range list {
		if d.Arrived() || d.Refused() { // which is not to be asked for again and again
			arrived[d.GUID] = true
		} else if _, ok := newest[d.GUID]; !ok {
			newest[d.GUID] = d
			order = append(order, d.GUID)
		}
	}
	stored, err := memory.Delivered(ctx, order)
	if err != nil {
		return nil, err
	}
	var lost []forge.Delivery
	for i := len(order) - 1; i >= 0; i-- {
		if guid := order[i]; !arrived[guid] && !stored[guid] {
			lost = append(lost, newest[guid])
		}
	}
	return lost, nil
}

// unjudged puts every open pull request into the queue whose present head has no published decision.
func (p *Pipeline) unjudged(ctx context.Context, hooks Hooks) error {
	installations, err := hooks.Installations(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, id := range installations {
		targets, err := p.installed(ctx, work.Target{InstallationID: id, Reason: "recovery"})
		if err != nil {
			failed = append(failed, err)
			continue
		}
		for _, target := range targets {
			if err := p.unjudgedIn(ctx, target); err != nil {
				failed = append(failed, err)
			}
		}
	}
	return errors.Join(failed...)
}

func (p *Pipeline) unjudgedIn(ctx context.Context, target work.Target) error {
	heads, err := p.Forge.Repo(target.InstallationID, target.Owner, target.Name).Heads(ctx)
	if err != nil {
		return fmt.Errorf("list the open pull requests of %s/%s: %w", target.Owner, target.Name, err)
	}
	var works []store.Work
	for number, head := range heads {
		told, err := p.Notes.Publication(ctx, target.RepositoryID, number, head)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if told.State != store.Published {
			works = append(works, work.Evaluate{Target: target, Number: number}.Work())
		}
	}
	return p.Recorder.Enqueue(ctx, works...)
}
