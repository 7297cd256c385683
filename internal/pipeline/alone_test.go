package pipeline

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// leases is one turn, as the database keeps it.
type leases struct {
	mu    sync.Mutex
	owner string
	until time.Time
	fail  error
}

func (l *leases) Lease(_ context.Context, _, owner string, d time.Duration) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return false, l.fail
	}
	if l.owner != owner && time.Now().Before(l.until) {
		return false, nil
	}
	l.owner, l.until = owner, time.Now().Add(d)
	return true, nil
}

func (l *leases) Release(_ context.Context, _, owner string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owner == owner {
		l.until = time.Time{}
	}
	return nil
}

func (l *leases) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &leases{}
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		p := New(Options{Leases: l, Log: logrus.NewEntry(silent)})
		busy := func(what string) {
			t.Helper()
			if _, _, err := p.alone(t.Context(), "x"); !errors.As(err, new(store.RetryAfter)) {
				t.Errorf("%s: %v", what, err)
			}
		}
		take := func(what string) (context.Context, func()) {
			t.Helper()
			ctx, unlock, err := p.alone(t.Context(), "x")
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			return ctx, unlock
		}

		// A turn outlasts its lease while its process lives, and ends at once when it is over.
		ctx, unlock := take("nobody has the turn")
		time.Sleep(3 * aloneLease)
		busy("the turn is held")
		if ctx.Err() != nil {
			t.Error("the turn was taken away")
		}
		unlock()

		// One that was never given back, for its process was killed, is free within seconds.
		l.set(func() { l.owner, l.until = "gone", time.Now().Add(aloneLease) })
		busy("the turn of a process that is gone")
		time.Sleep(aloneLease)
		ctx, unlock = take("a process that is gone")

		// Whoever cannot keep the turn stops before it is another's.
		l.set(func() { l.fail = errors.New("no database") })
		time.Sleep(aloneLease - time.Second)
		if ctx.Err() == nil {
			t.Error("the work goes on without the turn")
		}
		unlock()
		l.set(func() { l.fail = nil })

		ctx, unlock = take("given back")
		time.Sleep(aloneTime + time.Second)
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("after all its time: %v", ctx.Err())
		}
		unlock()
	})
}
