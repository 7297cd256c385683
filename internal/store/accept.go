package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// A Delivery is one webhook that GitHub delivered. Its payload is not kept, only what names it.
type Delivery struct {
	ID             string // X-GitHub-Delivery
	Event          string
	Action         string
	InstallationID int64
	Repository     string // owner/name
	Received       time.Time
	SourceIP       string
	Digest         string          // sha256:HEX of the payload
	Summary        json.RawMessage // the few fields that the receiver read, for looking into trouble; capped by the receiver
	Pushes         []Push          // recorded in the same transaction
	Told           *Told           // likewise; nil: nothing about a pull request
}

// A Push says who made a commit the head of something.
type Push struct {
	RepositoryID int64
	SHA          string
	Login        string
	Time         time.Time
}

// Work is something to do. Waiting works of one Kind and Key fold into one, of which the newest Args win; two of one Kind and
// Key never run at once, in no replica; an event that arrives while one runs leads to exactly one more run.
type Work struct {
	Kind string
	Key  string
	Args json.RawMessage

	// NotBefore delays the work; zero: at once. When works fold, the earliest counts.
	NotBefore time.Time

	// Priority is 1 (first) to 4 (last); 0 means 2. When works fold, the smallest counts: a more urgent one overtakes, because it
	// gets a nudge of its own.
	Priority int
}

// deliveriesKept is how long a delivery's id is known. GitHub can redeliver for about three days.
const deliveriesKept = 30 * 24 * time.Hour

// maxKey bounds the parts of primary keys: PostgreSQL's indexes take up to about 2,700 bytes.
const maxKey = 500

// Accept stores a delivery and the work that it leads to in one transaction; both are durable when it returns nil. A delivery
// that is already known changes nothing and is reported as a duplicate, so after an error the caller may simply try again.
func (s *Store) Accept(ctx context.Context, d Delivery, works []Work) (duplicate bool, err error) {
	if d.ID == "" || len(d.ID) > maxKey {
		return false, fmt.Errorf("accepting a delivery: its id must have 1 to %d bytes", maxKey)
	}
	received := stamp(d.Received)
	if d.Received.IsZero() {
		received = s.now()
	}
	summary := []byte(d.Summary)
	if summary == nil {
		summary = []byte("{}")
	}
	err = s.write(ctx, func(c conn) error {
		n, err := c.exec(ctx, s.sql.insertDelivery, d.ID, clip(d.Event), clip(d.Action), d.InstallationID, clip(d.Repository), received,
			clip(d.SourceIP), d.Digest, summary)
		if err != nil {
			return fmt.Errorf("storing the delivery: %w", err)
		}
		if duplicate = n == 0; duplicate {
			return nil
		}
		if err := s.putPushes(ctx, c, d.Pushes); err != nil {
			return err
		}
		if d.Told != nil {
			if err := s.putTold(ctx, c, *d.Told); err != nil {
				return err
			}
		}
		return s.enqueue(ctx, c, works)
	})
	if err != nil {
		return false, fmt.Errorf("accepting delivery %s: %w", d.ID, err)
	}
	return duplicate, nil
}

// Delivered says which of the delivery ids are known.
func (s *Store) Delivered(ctx context.Context, ids []string) (map[string]bool, error) {
	known := map[string]bool{}
	err := s.engine.read(ctx, func(c conn) error {
		for _, id := range ids {
			found, err := first(ctx, c, s.sql.knownDelivery, []any{id}, new(int64))
			if err != nil {
				return err
			}
			if found {
				known[id] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for deliveries: %w", err)
	}
	return known, nil
}

// Enqueue adds works outside a delivery or a decision; all of them or none.
func (s *Store) Enqueue(ctx context.Context, works ...Work) error {
	if err := s.write(ctx, func(c conn) error { return s.enqueue(ctx, c, works) }); err != nil {
		return fmt.Errorf("storing work: %w", err)
	}
	return nil
}

// enqueue folds works into the waiting ones. Rows are locked in the order of their keys, so that two transactions that want
// the same ones wait for each other instead of deadlocking.
func (s *Store) enqueue(ctx context.Context, c conn, works []Work) error {
	works = slices.Clone(works)
	slices.SortStableFunc(works, func(a, b Work) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Key, b.Key))
	})
	var nudges []nudge
	for _, w := range works {
		if w.Kind == "" || w.Key == "" || len(w.Kind) > maxKey || len(w.Key) > maxKey {
			return fmt.Errorf("work needs a kind and a key of 1 to %d bytes", maxKey)
		}
		args := []byte(w.Args)
		if args == nil {
			args = []byte("null")
		}
		if !json.Valid(args) {
			return errors.New("the arguments of work are not JSON")
		}
		notBefore := stamp(w.NotBefore)
		if w.NotBefore.IsZero() {
			notBefore = time.UnixMicro(0).UTC()
		}
		var due bool
		if _, err := first(ctx, c, s.sql.enqueue, []any{w.Kind, w.Key, args, clampPriority(w.Priority), notBefore}, &due); err != nil {
			return fmt.Errorf("storing work %s %s: %w", w.Kind, w.Key, err)
		}
		if due {
			nudges = append(nudges, nudge{w.Kind, w.Key, clampPriority(w.Priority)})
		}
	}
	return s.sendNudges(ctx, c, nudges)
}

// nudgeLost is after how long a nudge that did not lead to a claim is repeated: a queue that is merely long gets one more job
// a minute, which finds nothing to do.
const nudgeLost = time.Minute

func (s *Store) sendNudges(ctx context.Context, c conn, nudges []nudge) error {
	for _, n := range nudges {
		if _, err := c.exec(ctx, s.sql.nudged, n.WorkKind, n.WorkKey, nudgeLost.Microseconds()); err != nil {
			return fmt.Errorf("marking work %s %s: %w", n.WorkKind, n.WorkKey, err)
		}
	}
	if err := c.nudge(ctx, nudges); err != nil {
		return fmt.Errorf("inserting jobs: %w", err)
	}
	return nil
}

// clip cuts text for a column that is searched; the audit entry's JSON keeps the whole.
func clip(s string) string {
	if len(s) <= maxKey {
		return s
	}
	n := maxKey
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
