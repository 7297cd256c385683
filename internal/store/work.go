package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	mathrand "math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// A Handler does one piece of work. attempt counts from 1 and goes up with failures in a row.
//
// Nil means done. [RetryAfter] asks for a pause, [Permanent] gives up; any other error, a panic, or the death of the process
// leads to another attempt, after a pause that grows to five minutes, for as long as it takes. A handler must be idempotent, and
// end soon after ctx is done: the process is stopping, or has lost the work to another one ([ErrLeaseLost]).
type Handler func(ctx context.Context, w Work, attempt int) error

// claim is a handler's right to its row of work.
type claim struct{ kind, key, owner string }

type claimKey struct{}

func claimOf(ctx context.Context) (claim, bool) {
	held, ok := ctx.Value(claimKey{}).(claim)
	return held, ok
}

// watchEvery is how often rows are looked for that are due without a nudge: a pause that ended, a lease that ran out.
const watchEvery = 250 * time.Millisecond

// probeEvery is how often it is tried whether a database that takes no writes takes them again.
const probeEvery = 2 * time.Second

// Work runs handlers, by kind of work, until ctx is done. Then it waits for those that run, at most Options.Grace before it
// cancels their contexts; work that was not finished is put back, and is taken up at once by another replica or the next start.
// Work of a kind without a handler stays where it is.
func (s *Store) Work(ctx context.Context, handlers map[string]Handler) error {
	if s.options.ReadOnly {
		return ErrReadOnly
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watch sync.WaitGroup
	watch.Go(func() { s.watch(watching) })
	err := s.engine.work(ctx, func(ctx context.Context, n nudge) error {
		handler, ok := handlers[n.WorkKind]
		if !ok {
			s.options.Log.WithFields(logrus.Fields{"kind": n.WorkKind, "key": n.WorkKey}).Warn("no handler for this kind of work in this process")
			return nil
		}
		return s.runOne(ctx, n, handler)
	})
	stop()
	watch.Wait()
	return err
}

// runOne claims a row and runs its handler, with a heartbeat beside it.
func (s *Store) runOne(ctx context.Context, n nudge, handler Handler) error {
	held := claim{kind: n.WorkKind, key: n.WorkKey, owner: rand.Text()}
	work, failures, ok, err := s.claim(ctx, held)
	if err != nil {
		return fmt.Errorf("claiming work: %w", err)
	}
	if !ok {
		return nil // somebody else has it, or it is done
	}
	log := s.options.Log.WithFields(logrus.Fields{"kind": work.Kind, "key": work.Key, "attempt": failures + 1})

	running, cancel := context.WithCancelCause(context.WithValue(ctx, claimKey{}, held))
	var heart sync.WaitGroup
	heart.Go(func() { s.beat(running, held, cancel) })
	err = call(running, handler, work, failures+1)
	lost := errors.Is(context.Cause(running), ErrLeaseLost)
	cancel(nil)
	heart.Wait()
	if lost {
		log.Warn("another process took this work over")
		return nil
	}

	// The outcome is stored even while the process stops; if it cannot be, the lease runs out and the work is done again.
	ending, release := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer release()
	stopping := ctx.Err() != nil
	if err := s.settle(ending, held, work, failures, err, stopping, log); err != nil {
		log.WithError(err).Error("storing the outcome of work; it will be done again")
	}
	return nil
}

func (s *Store) claim(ctx context.Context, held claim) (work Work, failures int, ok bool, err error) {
	work = Work{Kind: held.kind, Key: held.key}
	err = s.engine.write(ctx, func(c conn) error {
		var args []byte
		var err error
		ok, err = first(ctx, c, s.sql.claim, []any{held.kind, held.key, held.owner, s.options.Lease.Microseconds()},
			&args, &work.Priority, &failures)
		work.Args = json.RawMessage(args)
		return err
	})
	return work, failures, ok, err
}

// call runs a handler and turns a panic into an error.
func call(ctx context.Context, handler Handler, w Work, attempt int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return handler(ctx, w, attempt)
}

// beat keeps the lease and cancels the handler when it is lost, or when it could not be renewed for so long that another
// process may have taken the work.
func (s *Store) beat(ctx context.Context, held claim, cancel context.CancelCauseFunc) {
	renewed := time.Now()
	ticker := time.NewTicker(s.options.Lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var n int64
		err := s.engine.write(ctx, func(c conn) (err error) {
			n, err = c.exec(ctx, s.sql.extend, held.kind, held.key, held.owner, s.options.Lease.Microseconds())
			return err
		})
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && n == 1:
			renewed = time.Now()
		case err == nil, time.Since(renewed) > s.options.Lease*4/5:
			cancel(ErrLeaseLost)
			return
		}
	}
}

// settle stores what became of a claimed row.
func (s *Store) settle(ctx context.Context, held claim, w Work, failures int, result error, stopping bool, log *logrus.Entry) error {
	var pause RetryAfter
	var permanent Permanent
	switch {
	case result == nil:
	case errors.As(result, &permanent):
		log.WithError(result).Error("work given up")
	case errors.As(result, &pause):
		log.WithError(result).Info("work waits")
		failed := 0
		if pause.Failed {
			failed = 1
		}
		return s.putBack(ctx, held, w, failed, true, result, max(pause.D, 0))
	case stopping:
		return s.putBack(ctx, held, w, 0, false, result, 0)
	default:
		wait := backoff(failures)
		log.WithError(result).WithField("again_in", wait.String()).Warn("work failed")
		return s.putBack(ctx, held, w, 1, false, result, wait)
	}
	return s.engine.write(ctx, func(c conn) error {
		n, err := c.exec(ctx, s.sql.finish, held.kind, held.key, held.owner)
		if err != nil || n == 1 {
			return err
		}
		return s.release(ctx, c, w, s.sql.again, held.kind, held.key, held.owner)
	})
}

func (s *Store) putBack(ctx context.Context, held claim, w Work, failures int, hold bool, reason error, pause time.Duration) error {
	return s.engine.write(ctx, func(c conn) error {
		return s.release(ctx, c, w, s.sql.putBack, held.kind, held.key, held.owner, failures, hold, clip(reason.Error()), pause.Microseconds())
	})
}

// release ends a claim with a statement that says whether the row is due again at once.
func (s *Store) release(ctx context.Context, c conn, w Work, statement string, args ...any) error {
	var due bool
	found, err := first(ctx, c, statement, args, &due)
	if err != nil || !found || !due {
		return err
	}
	return s.sendNudges(ctx, c, []nudge{{w.Kind, w.Key, clampPriority(w.Priority)}})
}

// backoff is the pause after so many failures in a row and one more: a second, doubled each time, at most five minutes; then
// between half and all of it, so that what failed together does not come back together.
func backoff(failures int) time.Duration {
	const most = 5 * time.Minute
	pause := most
	if failures < bits.Len(uint(most/time.Second)) {
		pause = min(most, time.Second<<failures)
	}
	return pause/2 + mathrand.N(pause/2)
}

// watch looks after rows whose time has come without anybody being nudged, and throws old deliveries away.
func (s *Store) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	var pruned time.Time
	begun := false
	for {
		if !begun {
			err := s.renudge(ctx)
			if begun = err == nil; !begun && ctx.Err() == nil {
				s.options.Log.WithError(err).Warn("looking for work that an earlier process left")
			}
		}
		if err := s.wake(ctx); err != nil && ctx.Err() == nil {
			s.options.Log.WithError(err).Warn("looking for work that is due")
		}
		if since := time.Since(pruned); since > time.Hour || since > probeEvery && s.Writable() != nil {
			pruned = time.Now()
			if err := s.prune(ctx); err != nil && ctx.Err() == nil {
				s.options.Log.WithError(err).Warn("removing old deliveries")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *Store) prune(ctx context.Context) error {
	return s.engine.write(ctx, func(c conn) error {
		_, err := c.exec(ctx, s.sql.pruneDeliveries, s.now().Add(-deliveriesKept))
		return err
	})
}

// renudge makes all work that nobody has claimed due at once. A process that was killed may have taken a nudge from the queue and not
// yet claimed the work; what a replica is about to claim gets a nudge too many, which does no harm.
func (s *Store) renudge(ctx context.Context) error {
	return s.engine.write(ctx, func(c conn) error {
		_, err := c.exec(ctx, s.sql.renudge)
		return err
	})
}

// wake nudges rows whose pause ended or whose nudge was lost, and frees those whose owner gave no sign of life.
func (s *Store) wake(ctx context.Context) error {
	due := false
	err := s.engine.read(ctx, func(c conn) (err error) {
		due, err = first(ctx, c, s.sql.anything, nil, new(int64))
		return err
	})
	if err != nil || !due {
		return err
	}
	return s.engine.write(ctx, func(c conn) error {
		type row struct {
			claim
			failures, priority int
		}
		found, err := collect(ctx, c, func(rs rows) (r row, err error) {
			return r, rs.Scan(&r.kind, &r.key, &r.owner, &r.failures, &r.priority)
		}, s.sql.expired, 100)
		if err != nil {
			return err
		}
		var nudges []nudge
		for _, r := range found {
			if r.owner == "" {
				nudges = append(nudges, nudge{r.kind, r.key, clampPriority(r.priority)})
				continue
			}
			s.options.Log.WithFields(logrus.Fields{"kind": r.kind, "key": r.key}).Warn("the process that did this work is gone; doing it again")
			var pause time.Duration
			if r.failures >= 3 { // perhaps it is the work that kills
				pause = backoff(r.failures)
			}
			err := s.release(ctx, c, Work{Kind: r.kind, Key: r.key, Priority: r.priority}, s.sql.putBack, r.kind, r.key, r.owner, 1, false, "the process was lost", pause.Microseconds())
			if err != nil {
				return err
			}
		}
		return s.sendNudges(ctx, c, nudges)
	})
}

// QueueStat counts the work of one kind.
type QueueStat struct {
	Kind    string
	Waiting int64
	Running int64
	Failing int64     // of both: those whose last attempt failed
	Oldest  time.Time // when the oldest was first asked for
}

// Queue counts the work that waits or runs, by kind.
func (s *Store) Queue(ctx context.Context) ([]QueueStat, error) {
	var stats []QueueStat
	err := s.engine.read(ctx, func(c conn) (err error) {
		stats, err = collect(ctx, c, func(rs rows) (q QueueStat, err error) {
			return q, rs.Scan(&q.Kind, &q.Waiting, &q.Running, &q.Failing, &q.Oldest)
		}, s.sql.queueStat)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("counting work: %w", err)
	}
	return stats, nil
}
