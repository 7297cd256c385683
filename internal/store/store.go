package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

// Options of [Open].
type Options struct {
	// Clock gives the time of what is recorded; nil: time.Now. Leases and pauses of the queue run on the database's clock.
	Clock func() time.Time

	// Signer is required unless ReadOnly. When a read-only store has one, it is used to check the log.
	Signer Signer

	// Log takes what nobody waits for: failed work, lost leases. Nil: discarded.
	Log *logrus.Entry

	// Workers is how many handlers run at once in this process; 0: 8.
	Workers int

	// ReadOnly opens an existing database, of this program's schema, for reading, also while a server writes to it.
	ReadOnly bool

	// Lease is how long a piece of work stays with a process that gives no sign of life; 0: 15 seconds.
	Lease time.Duration

	// Grace is how long [Store.Work] waits at its end for running handlers before it cancels their contexts; 0: 10 seconds.
	Grace time.Duration

	// Broad is how many rows a search may match before it looks at the newest decisions one by one instead; 0: 2000. Tests make every
	// search broad with -1.
	Broad int

	// WholeBelow is how many entries a log may have that [Store.Audit] verifies as a whole each time; 0: 20,000. Tests make it -1.
	WholeBelow int64

	// Commit, when set, is called instead of every transaction's commit, which it is given. Tests use it to make a write fail
	// before or after it is stored.
	Commit func(ctx context.Context, commit func() error) error
}

// Store is an open database. Its methods may be called from many goroutines.
type Store struct {
	engine  *noting
	sql     *statements
	options Options
	damage  atomic.Pointer[string] // what [Store.Audit] has found; nil: nothing
}

// Open opens the database that url names, creates or updates its tables, and checks the audit log against its checkpoint.
//
// url is "sqlite:PATH", with a relative or an absolute path, or "postgres://...". A log that does not match does not keep the
// store from opening, for it must stay readable; see [Store.CheckLog] and [ErrLogMismatch].
func Open(ctx context.Context, url string, options Options) (*Store, error) {
	if options.Clock == nil {
		options.Clock = time.Now
	}
	if options.Log == nil {
		silent := logrus.New()
		silent.SetOutput(io.Discard)
		options.Log = logrus.NewEntry(silent)
	}
	if options.Workers == 0 {
		options.Workers = 8
	}
	if options.Lease == 0 {
		options.Lease = 15 * time.Second
	}
	if options.Broad == 0 {
		options.Broad = 2000
	}
	if options.WholeBelow == 0 {
		options.WholeBelow = 20_000
	}
	if options.Grace == 0 {
		options.Grace = 10 * time.Second
	}
	if options.Commit == nil {
		options.Commit = func(_ context.Context, commit func() error) error { return commit() }
	}
	if options.Signer == nil && !options.ReadOnly {
		return nil, errors.New("opening the database for writing needs a signing key for the audit log")
	}

	s := &Store{options: options, engine: &noting{}}
	var err error
	switch {
	case strings.HasPrefix(url, "sqlite:"):
		s.sql = sqliteStatements()
		s.engine.engine, err = openSQLite(ctx, strings.TrimPrefix(url, "sqlite:"), options)
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		s.sql = postgresStatements()
		s.engine.engine, err = openPostgres(ctx, url, options)
	default:
		return nil, errors.New("the database URL must begin with sqlite: or postgres://, for example sqlite:gatehouse.db")
	}
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	if err := s.startLog(ctx); err != nil {
		s.engine.close()
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	return s, nil
}

// Close closes the database. No method may be running.
func (s *Store) Close() { s.engine.close() }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	err := s.engine.read(ctx, func(c conn) error {
		_, err := first(ctx, c, "SELECT 1", nil, new(int64))
		return err
	})
	if err != nil {
		return fmt.Errorf("asking the database: %w", err)
	}
	return nil
}

// write runs f in one transaction. When ctx comes from a [Handler]'s call, the transaction is refused with [ErrLeaseLost] if
// another process has taken the work over: two processes that both believe to own a pull request cannot both write. The row is
// looked at last, because a transaction that locks the log's head must not hold a work row while it waits for it.
func (s *Store) write(ctx context.Context, f func(conn) error) error {
	if s.options.ReadOnly {
		return ErrReadOnly
	}
	return s.engine.write(ctx, func(c conn) error {
		if err := f(c); err != nil {
			return err
		}
		held, ok := claimOf(ctx)
		if !ok {
			return nil
		}
		found, err := first(ctx, c, s.sql.held, []any{held.kind, held.key, held.owner}, new(int64))
		if err != nil {
			return fmt.Errorf("checking the lease: %w", err)
		}
		if !found {
			return ErrLeaseLost
		}
		return nil
	})
}

// now is the recorded time: UTC, in microseconds, which both databases keep exactly.
func (s *Store) now() time.Time { return stamp(s.options.Clock()) }

func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
