package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// Names in meta. forkedKey holds why the log is not to be continued, continuedKey when a person decided to continue it all the same.
const (
	forkedKey    = "log/forked"
	continuedKey = "log/continued"
)

// clockSkew is how far the clocks of replicas may be apart, and a clock may be set back, before nothing is recorded any more.
const clockSkew = 5 * time.Minute

// Blocks reports whether an error means that nothing can be recorded until a person has looked into it. Nothing may pass then, and
// trying again helps only when they have.
func Blocks(err error) bool {
	return errors.Is(err, ErrLogMismatch) || errors.Is(err, ErrLogForked) || errors.Is(err, ErrClock) || errors.Is(err, ErrDamaged) ||
		errors.Is(err, ErrUnwritable)
}

// Appendable reports, in advance and without writing, whether an entry could be appended: nil, or an error that [Blocks], or
// another one when the database could not be read.
func (s *Store) Appendable(ctx context.Context) error {
	if err := s.Writable(); err != nil {
		return err
	}
	return s.engine.read(ctx, func(c conn) error {
		if _, err := s.head(ctx, c, s.sql.readHead); err != nil {
			return err
		}
		return s.guard(ctx, c)
	})
}

// guard refuses to continue a log that is sound as far as its end shows, and is not to be continued for other reasons.
func (s *Store) guard(ctx context.Context, c conn) error {
	if reason := s.damage.Load(); reason != nil {
		return mismatch("%s", *reason)
	}
	var reason string
	if _, err := first(ctx, c, s.sql.meta, []any{forkedKey}, &reason); err != nil {
		return fmt.Errorf("reading whether the log is forked: %w", err)
	}
	if reason != "" {
		return fmt.Errorf("%w: %s", ErrLogForked, reason)
	}
	var size int64
	var last time.Time
	if _, err := first(ctx, c, "SELECT size, updated FROM log_head WHERE id = 1", nil, &size, &last); err != nil {
		return fmt.Errorf("reading the time of the log's last entry: %w", err)
	}
	if now := s.now(); size > 0 && last.Sub(now) > clockSkew {
		return fmt.Errorf("%w: it is %s here, and the log's last entry is of %s", ErrClock, now.Format(time.RFC3339), last.Format(time.RFC3339))
	}
	return nil
}

// Fork makes every process refuse to continue the log: GitHub knows of another one. Why is told with every refusal, until
// [Store.Continue]. The first reason stays.
func (s *Store) Fork(ctx context.Context, reason string) error {
	err := s.write(ctx, func(c conn) error {
		var known string
		if _, err := first(ctx, c, s.sql.meta, []any{forkedKey}, &known); err != nil || known != "" {
			return err
		}
		_, err := c.exec(ctx, s.sql.putMeta, forkedKey, clip(reason))
		return err
	})
	if err != nil {
		return fmt.Errorf("marking the log as forked: %w", err)
	}
	return nil
}

// Continue is a person's word that the log is to be continued although GitHub knows of another one, or although the clock stands
// before its last entry. Both is recorded, as the next entry. A log that does not match its checkpoint cannot be continued.
func (s *Store) Continue(ctx context.Context, actor, reason string) (Position, error) {
	var p Position
	err := s.write(ctx, func(c conn) error {
		head, err := s.head(ctx, c, s.sql.logHead)
		if err != nil {
			return err
		}
		detail := map[string]any{"what": "continued", "reason": reason}
		if err := s.guard(ctx, c); err != nil {
			if !errors.Is(err, ErrLogForked) && !errors.Is(err, ErrClock) {
				return err
			}
			detail["in_spite_of"] = err.Error()
		}
		for key, value := range map[string]string{forkedKey: "", continuedKey: s.now().Format(time.RFC3339Nano)} {
			if _, err := c.exec(ctx, s.sql.putMeta, key, value); err != nil {
				return err
			}
		}
		p, err = s.extend(ctx, c, head, []Entry{{Type: EntryConfiguration, Actor: actor, Detail: detail}})
		return err
	})
	if err != nil {
		return Position{}, fmt.Errorf("continuing the log: %w", err)
	}
	return p, nil
}

// Continued is when a person last decided to continue the log; zero: never. What GitHub was told before that may be of another log.
func (s *Store) Continued(ctx context.Context) (time.Time, error) {
	text, err := s.Meta(ctx, continuedKey)
	if errors.Is(err, ErrNotFound) {
		return time.Time{}, nil
	} else if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading when the log was continued: %w", err)
	}
	return at, nil
}

// Agrees compares a tree head that somebody outside holds with the log: "" when the log continues it, else what is wrong.
func (s *Store) Agrees(ctx context.Context, size int64, root string) (wrong string, err error) {
	err = s.engine.read(ctx, func(c conn) error {
		h, err := s.head(ctx, c, s.sql.readHead)
		if err != nil {
			return err
		}
		if size > h.size {
			wrong = fmt.Sprintf("it knows of %d entries, and this log has %d", size, h.size)
			return nil
		}
		here, err := ledger.Root(s.reader(ctx, c), size)
		if err != nil {
			return err
		}
		if here.String() != root {
			wrong = fmt.Sprintf("its first %d entries have the root %s, here they have %s", size, root, here)
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("comparing a tree of %d entries with the log: %w", size, err)
	}
	return wrong, nil
}
