package pipeline

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Leases let one process at a time do something, of all replicas.
type Leases interface {
	// Lease makes owner the one who may do what name stands for, for the time d; false while another one may.
	Lease(ctx context.Context, name, owner string, d time.Duration) (ok bool, err error)
	Release(ctx context.Context, name, owner string) error
}

const (
	// aloneTime is how long something that is done alone may take; aloneLease, how long a process that is gone keeps others from it. One
	// that lives asks for more time every aloneRenew.
	aloneTime  = 50 * time.Second
	aloneLease = 15 * time.Second
	aloneRenew = 4 * time.Second
	// aloneAgain is the pause before another attempt when it is somebody else's turn. It blocks no worker.
	aloneAgain = 300 * time.Millisecond
)

var errNotAlone = errors.New("another one is carried out just now")

// alone makes sure that nobody else, in any replica, does what name stands for until unlock is called; the context ends before the right
// to it does. The error is a [store.RetryAfter] when it is somebody else's turn.
func (p *Pipeline) alone(ctx context.Context, name string) (until context.Context, unlock func(), err error) {
	owner := rand.Text()
	ok, err := p.Leases.Lease(ctx, name, owner, aloneLease)
	if err != nil {
		return nil, nil, fmt.Errorf("take the turn: %w", err)
	}
	if !ok {
		return nil, nil, store.RetryAfter{D: aloneAgain, Err: errNotAlone}
	}
	until, cancel := context.WithTimeout(ctx, aloneTime)
	held := make(chan struct{})
	go func() {
		defer close(held)
		defer cancel()
		p.holdTurn(until, name, owner)
	}()
	return until, func() {
		cancel()
		<-held
		// Also when the work was cancelled: the next one need not wait for the lease to end.
		ending, end := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer end()
		if err := p.Leases.Release(ending, name, owner); err != nil {
			p.Log.WithError(err).Warn("ending a turn; the next one begins within seconds")
		}
	}, nil
}

// holdTurn keeps the turn until ctx ends, or until that fails: then whoever has the turn must stop before another one gets it.
func (p *Pipeline) holdTurn(ctx context.Context, name, owner string) {
	renew := time.NewTicker(aloneRenew)
	defer renew.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-renew.C:
		}
		within, cancel := context.WithTimeout(ctx, aloneRenew)
		ok, err := p.Leases.Lease(within, name, owner, aloneLease)
		cancel()
		if err != nil || !ok {
			if ctx.Err() == nil {
				p.Log.WithField("turn", name).WithError(err).Warn("a turn was lost; what was done in it begins again")
			}
			return
		}
	}
}
