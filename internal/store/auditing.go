package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// wholeEvery is how often [Store.Audit] verifies the whole log. In between it verifies what has come since, from the tree that it knows
// to be sound.
const wholeEvery = 24 * time.Hour

const (
	auditedKey = "log/audited" // in meta: the last tree that was verified, signed with the log's key
	auditedAt  = "gatehouse audited, as a whole at "
)

// Audit verifies the log, and lets nothing be appended by this process while it does not verify. A small log, and once a day any log,
// it verifies as a whole, as [Store.Verify] does, and otherwise what was added since the last time, whichever process did that: a whole log of
// a million entries takes minutes. whole says which it was. The error is Verify's.
//
// What was verified stands in the database as a checkpoint of its own kind, signed with the log's key, so that nobody can call a
// log verified who does not have the key.
func (s *Store) Audit(ctx context.Context) (report ledger.Verified, whole bool, err error) {
	began := s.now()
	known, at, err := s.audited(ctx)
	if err != nil {
		return report, false, err
	}
	age := began.Sub(at)
	if whole = known.Size < s.options.WholeBelow || known.Size == 0 || s.damage.Load() != nil || age >= wholeEvery || age < 0; !whole {
		if report, err = s.verifySince(ctx, known); errors.As(err, new(*ledger.Mismatch)) {
			whole = true // which entry it is shows when all are read
		}
	}
	if whole {
		at = began
		report, err = s.Verify(ctx)
	}
	var found *ledger.Mismatch
	switch {
	case err == nil:
		s.damage.Store(nil)
		err = s.putAudited(ctx, report, at)
	case errors.As(err, &found), errors.Is(err, ErrDamaged):
		reason := err.Error()
		s.damage.Store(&reason)
	}
	return report, whole, err
}

// audited is the last tree that was verified, and when the whole of it was; a zero size when nothing of that is known for sure.
func (s *Store) audited(ctx context.Context) (known ledger.Verified, at time.Time, err error) {
	text, err := s.Meta(ctx, auditedKey)
	if errors.Is(err, ErrNotFound) {
		return known, at, nil
	} else if err != nil {
		return known, at, err
	}
	cp, err := s.options.Signer.Open(text)
	if err != nil || len(cp.Extensions) != 1 {
		return known, at, nil //nolint:nilerr // not what this program wrote: everything is verified anew
	}
	when, ok := strings.CutPrefix(cp.Extensions[0], auditedAt)
	if at, err = time.Parse(time.RFC3339, when); err != nil || !ok {
		return known, at, nil //nolint:nilerr // the same
	}
	return ledger.Verified{Size: cp.Size, Root: cp.Root}, at, nil
}

func (s *Store) putAudited(ctx context.Context, report ledger.Verified, at time.Time) error {
	text, err := s.options.Signer.Sign(ledger.Checkpoint{Size: report.Size, Root: report.Root, Extensions: []string{auditedAt + at.Format(time.RFC3339)}})
	if err != nil {
		return fmt.Errorf("signing what was verified: %w", err)
	}
	return s.SetMeta(ctx, auditedKey, text)
}
