package shipping

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// A Destination takes entries.
type Destination interface {
	// Name is the destination's address without secrets; the cursor belongs to it.
	Name() string

	// Send returns nil only when the receiver has taken all entries, in their order. After any error it may have taken some of
	// them; they will come again. The error is [Refused] when the receiver would refuse the same entries again.
	Send(ctx context.Context, entries []Entry) error
}

// Refused says that a receiver does not take entries for what they are: too large, most likely.
type Refused struct{ Err error }

func (e Refused) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e Refused) Unwrap() error { return e.Err }

// Log is the audit log and its cursors; see the methods of [store.Store].
type Log interface {
	Checkpoint(ctx context.Context) (store.Position, error)
	Leaves(ctx context.Context, from int64) iter.Seq2[ledger.Entry, error]
	Shipments(ctx context.Context) ([]store.Shipment, error)
	Cursor
}

// Cursor is how far a destination has come.
type Cursor interface {
	StartShipment(ctx context.Context, destination, owner string, d time.Duration) (next int64, ok bool, err error)
	Shipped(ctx context.Context, destination, owner string, next int64, d time.Duration) error
	ShipmentFailed(ctx context.Context, destination, owner, reason string) error
	EndShipment(ctx context.Context, destination, owner string) error
}

// Options of [New].
type Options struct {
	Log          Log
	Destinations []Destination
	Logger       *logrus.Entry

	Every   time.Duration // pause between two looks for new entries; 0: a second
	Longest time.Duration // longest pause after failures; 0: a minute
	Timeout time.Duration // of one batch; 0: 30 seconds
	Batch   int           // entries at a time; 0: 500
}

// maxBatch bounds the entries of one batch together, in bytes; a single larger entry is a batch of its own.
const maxBatch = 1 << 20

// shortest is what an entry that a receiver refuses is cut to.
const shortest = 2048

// Shipper ships the log to its destinations.
type Shipper struct {
	o       Options
	owner   string
	metrics *counters
}

// New makes a shipper. It ships while [Shipper.Run] runs.
func New(o Options) *Shipper {
	if o.Every == 0 {
		o.Every = time.Second
	}
	if o.Longest == 0 {
		o.Longest = time.Minute
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Batch == 0 {
		o.Batch = 500
	}
	return &Shipper{o: o, owner: rand.Text(), metrics: newCounters(o.Log, o.Destinations)}
}

// lease is how long a destination stays with a process that gives no sign of life: longer than a batch can take, with what it is
// divided into.
func (s *Shipper) lease() time.Duration { return 2*s.o.Timeout + 5*time.Second }

// Run ships until ctx is done. A destination that fails keeps none of the others waiting.
func (s *Shipper) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, d := range s.o.Destinations {
		all.Go(func() { s.serve(ctx, d) })
	}
	all.Wait()
}

// serve ships to one destination until ctx is done.
func (s *Shipper) serve(ctx context.Context, d Destination) {
	log := s.o.Logger.WithField("destination", d.Name())
	failures := 0
	for {
		err := s.catchUp(ctx, d)
		pause := s.o.Every
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.metrics.failed(d)
			pause = s.backoff(failures)
			failures++
			log.WithError(err).WithField("again_in", pause.String()).Warn("the audit log could not be shipped; what is new waits in the log")
		case failures > 0:
			failures = 0
			log.Info("the audit log is shipped again")
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// backoff doubles the pause with each failure in a row, up to the longest, and spreads it.
func (s *Shipper) backoff(failures int) time.Duration {
	pause := s.o.Longest
	if failures < 16 {
		pause = min(pause, s.o.Every<<failures)
	}
	return pause/2 + mathrand.N(pause/2+1)
}

// catchUp ships what a destination does not have yet. It does nothing while another replica does so.
func (s *Shipper) catchUp(ctx context.Context, d Destination) error {
	head, err := s.o.Log.Checkpoint(ctx)
	if err != nil {
		return err
	}
	// Looking costs a read; taking the lease would be a write every second for nothing.
	known, err := s.next(ctx, d)
	if err != nil || known == head.Size {
		return err
	}
	next, ok, err := s.o.Log.StartShipment(ctx, d.Name(), s.owner, s.lease())
	if err != nil || !ok {
		return err
	}
	err = s.ship(ctx, d, next, head.Size)
	// Also when the process stops: the next one need not wait for the lease to end.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err == nil || ctx.Err() != nil {
		return errors.Join(err, s.o.Log.EndShipment(ending, d.Name(), s.owner))
	}
	if e := s.o.Log.ShipmentFailed(ending, d.Name(), s.owner, err.Error()); e != nil && !errors.Is(e, store.ErrLeaseLost) {
		err = errors.Join(err, e)
	}
	return err
}

// next is the first entry that a destination does not have, -1 when it was never shipped to.
func (s *Shipper) next(ctx context.Context, d Destination) (int64, error) {
	all, err := s.o.Log.Shipments(ctx)
	if err != nil {
		return 0, err
	}
	for _, p := range all {
		if p.Destination == d.Name() {
			return p.Next, nil
		}
	}
	return -1, nil
}

// ship sends the entries from next on up to the signed head of size entries, batch by batch.
func (s *Shipper) ship(ctx context.Context, d Destination, next, size int64) error {
	if next > size {
		return fmt.Errorf("entries up to %d were shipped, and the log has %d: entries were removed; run `gatehouse audit verify`", next-1, size)
	}
	var batch []Entry
	bytes := 0
	send := func() error {
		if err := s.deliver(ctx, d, batch); err != nil {
			return err
		}
		next += int64(len(batch))
		batch, bytes = nil, 0
		return nil
	}
	for leaf, err := range s.o.Log.Leaves(ctx, next) {
		if err != nil {
			return err
		}
		if leaf.Index >= size {
			break // not covered by the checkpoint that was read; the next look finds it
		}
		if want := next + int64(len(batch)); leaf.Index != want {
			return fmt.Errorf("entry %d of the log is missing; run `gatehouse audit verify`", want)
		}
		e, err := newEntry(leaf)
		if err != nil {
			return err
		}
		if len(batch) > 0 && (len(batch) >= s.o.Batch || bytes+len(e.Line) > maxBatch) {
			if err := send(); err != nil {
				return err
			}
		}
		batch, bytes = append(batch, e), bytes+len(e.Line)
	}
	if next+int64(len(batch)) < size {
		return fmt.Errorf("entry %d of the log is missing; run `gatehouse audit verify`", next+int64(len(batch)))
	}
	if len(batch) == 0 {
		return nil
	}
	return send()
}

// deliver sends entries and moves the cursor behind them. What is refused is sent in halves, so that one entry that a receiver
// does not take holds up no other; alone, it is sent without what may be too large in it.
func (s *Shipper) deliver(ctx context.Context, d Destination, entries []Entry) error {
	sending, cancel := context.WithTimeout(ctx, s.o.Timeout)
	err := d.Send(sending, entries)
	cancel()
	if errors.As(err, new(Refused)) && ctx.Err() == nil {
		if half := len(entries) / 2; half > 0 {
			if err := s.deliver(ctx, d, entries[:half]); err != nil {
				return err
			}
			return s.deliver(ctx, d, entries[half:])
		}
		if short := entries[0].Shorter(shortest); short.Cut && !entries[0].Cut {
			s.o.Logger.WithField("destination", d.Name()).WithField("entry", short.Index).WithError(err).Warn("the receiver refuses an entry; it gets the short form")
			return s.deliver(ctx, d, []Entry{short})
		}
	}
	if err != nil {
		return fmt.Errorf("entries %d to %d: %w", entries[0].Index, entries[len(entries)-1].Index, err)
	}
	s.metrics.sent(d, len(entries))
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // also while the process stops: it was taken
	defer cancel()
	return s.o.Log.Shipped(storing, d.Name(), s.owner, entries[len(entries)-1].Index+1, s.lease())
}
