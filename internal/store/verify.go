package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// Verify computes the log anew from its entries and holds it against the stored hashes and every checkpoint that was signed;
// then it holds the recorded decisions against their entries. Entries that a running server appends meanwhile are left for the
// next time. The store needs its Signer, also when it is only read.
//
// A log or a decision that does not agree is a *[ledger.Mismatch] or [ErrLogMismatch], files that cannot be read are [ErrDamaged]; any other error means that the record could
// not be read.
func (s *Store) Verify(ctx context.Context) (ledger.Verified, error) {
	if err := s.engine.check(ctx); err != nil {
		return ledger.Verified{}, err
	}
	return s.verifySince(ctx, ledger.Verified{})
}

// verifySince verifies what came after a part of the log that is known to be sound.
func (s *Store) verifySince(ctx context.Context, known ledger.Verified) (ledger.Verified, error) {
	if err := s.CheckLog(ctx); err != nil {
		return ledger.Verified{}, err
	}
	report, dropped, err := s.verify(ctx, known)
	for errors.As(err, new(*ledger.Mismatch)) {
		// What is gone may have been dropped while this was reading, by an entry that it had left for the next time. Each round
		// must find a later one in the signed log; one that is only written beside it does not start another.
		was := dropped
		if before, _, again := s.Retention(ctx); again != nil || !before.After(was) {
			break
		}
		if report, dropped, err = s.verify(ctx, known); !dropped.After(was) {
			break
		}
	}
	return report, err
}

// verify is one reading of the log; dropped is the time before which it says that things are gone.
func (s *Store) verify(ctx context.Context, known ledger.Verified) (report ledger.Verified, dropped time.Time, err error) {
	if known.Size > 0 {
		if dropped, _, err = s.Retention(ctx); err != nil {
			return report, dropped, err
		}
	}
	size, err := s.newestCheckpoint(ctx)
	if err != nil {
		return report, dropped, err
	}
	logged, merges := map[string]decisionEntry{}, []mergeEntry(nil) // by decision; in order
	signed := func(yield func(ledger.Entry, error) bool) {
		for e, err := range s.Leaves(ctx, known.Size) {
			if err == nil && e.Index >= size {
				return
			}
			if err == nil {
				switch d, err := decisionOf(e); {
				case err != nil: // of a type that is of no interest here
				case d.Type == EntryDecision:
					logged[d.Detail.Decision] = d
				case d.Type == EntryMerge:
					merges = append(merges, mergeOf(e.Data))
				case d.Type == EntryRetention && d.Detail.Before.After(dropped):
					dropped = d.Detail.Before
				}
			}
			if !yield(e, err) {
				return
			}
		}
	}
	err = s.engine.read(ctx, func(c conn) (err error) {
		stored := hashReader{s: s, ctx: ctx, c: c} // which remembers nothing: each hash is asked for once, and there may be millions
		report, err = ledger.VerifyFrom(known, signed, stored, s.opened(ctx, known.Size, size))
		return err
	})
	if err != nil {
		return report, dropped, err
	}
	if err := s.verifyEntryRows(ctx, known.Size, size); err != nil {
		return report, dropped, err
	}
	if err := s.verifyMerges(ctx, merges, known.Size == 0); err != nil {
		return report, dropped, err
	}
	return report, dropped, s.verifyDecisions(ctx, logged, known.Size, size, dropped)
}

func (s *Store) newestCheckpoint(ctx context.Context) (size int64, err error) {
	err = s.engine.read(ctx, func(c conn) error {
		_, err := first(ctx, c, "SELECT coalesce(max(size), 0) FROM log_checkpoints", nil, &size)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("reading the log's newest checkpoint: %w", err)
	}
	return size, nil
}

// opened are the signed checkpoints of trees of more than after and at most upTo entries, by size.
func (s *Store) opened(ctx context.Context, after, upTo int64) iter.Seq2[ledger.Checkpoint, error] {
	type row struct {
		size int64
		text string
	}
	return func(yield func(ledger.Checkpoint, error) bool) {
		at := after
		if at == 0 {
			at = math.MinInt64 // whatever stands there: nothing was ever signed for fewer than no entries
		}
		for {
			q := newSelect(s.sql, "SELECT size, checkpoint FROM log_checkpoints", "", "")
			q.where("size > %s", at)
			q.where("size <= %s", upTo)
			list, err := readAll(ctx, s, "the log's checkpoints", q, fmt.Sprintf(" ORDER BY size LIMIT %d", leavesAtOnce), func(rs rows) (r row, err error) {
				return r, rs.Scan(&r.size, &r.text)
			})
			if err != nil {
				yield(ledger.Checkpoint{}, err)
				return
			}
			for _, r := range list {
				cp, err := s.options.Signer.Open(r.text)
				if err == nil && cp.Size != r.size {
					err = fmt.Errorf("it is for %d entries, and stands in the place of %d", cp.Size, r.size)
				}
				if err != nil {
					err = fmt.Errorf("%w: a stored checkpoint: %w", ErrLogMismatch, err)
				}
				if !yield(cp, err) || err != nil {
					return
				}
				at = r.size
			}
			if len(list) < leavesAtOnce {
				return
			}
		}
	}
}

// decisionEntry is what an entry of type decision says of its decision.
type decisionEntry struct {
	Index       int64     `json:"index"`
	Type        string    `json:"type"`
	Repository  string    `json:"repository"`
	PullRequest int       `json:"pull_request"`
	Commit      string    `json:"commit"`
	Verdict     string    `json:"verdict"`
	Policy      string    `json:"policy"`
	Facts       string    `json:"facts"`
	Time        time.Time `json:"time"`
	Actor       string    `json:"actor"`
	Detail      struct {
		Before   time.Time `json:"before"` // of type retention
		Decision string    `json:"decision"`
		Digest   string    `json:"decision_digest"`
		Evidence string    `json:"evidence"`
		Rules    []string  `json:"rules"`

		Title        *string           `json:"pull_request_title"`
		Author       *string           `json:"author"`
		Base         *string           `json:"base"`
		Approvers    []string          `json:"approvers"`
		RepositoryID int64             `json:"repository_id"`
		Rows         map[string]string `json:"rows"` // digests of what it is found by
	} `json:"detail"`
}

// changed says that something of the decision was changed behind the log's back.
func (e decisionEntry) changed(id, what string) error {
	return &ledger.Mismatch{Index: e.Index, End: e.Index + 1, Reason: fmt.Sprintf("what is recorded as the %s of decision %s is not what the log says", what, id)}
}

func decisionOf(leaf ledger.Entry) (decisionEntry, error) {
	var e decisionEntry
	err := json.Unmarshal(leaf.Data, &e)
	return e, err
}

// verifyDecisions compares the recorded decisions from an index on, and the facts behind it, with its entry in the log, which has been proved by
// now. The error is a *ledger.Mismatch at the entry whose decision was edited, removed or slipped in. What decisions before dropped
// were made from may be gone: the log says so.
func (s *Store) verifyDecisions(ctx context.Context, logged map[string]decisionEntry, from, size int64, dropped time.Time) error {
	seen, blobs := 0, map[string]bool{}
	for cursor := ""; ; {
		list, next, err := s.Decisions(ctx, DecisionFilter{}, cursor, 1000)
		if err != nil {
			return err
		}
		var entries []decisionEntry
		for _, d := range list {
			if d.LogIndex >= size {
				continue // appended while we read
			}
			if d.LogIndex < from {
				next = "" // this one and those before it are known
				break
			}
			seen++
			entry, ok := logged[d.ID]
			if !ok || entry.Index != d.LogIndex {
				return &ledger.Mismatch{Index: d.LogIndex, End: d.LogIndex + 1, Reason: fmt.Sprintf("the log knows no decision %s here; its row was slipped in or moved", d.ID)}
			}
			if err := s.verifyDecision(ctx, d.ID, entry, entry.Time.Before(dropped)); err != nil {
				return err
			}
			if err := s.verifyEvidence(ctx, entry, blobs, entry.Time.Before(dropped)); err != nil {
				return fmt.Errorf("%w: %w", entry.changed(d.ID, "evidence"), err)
			}
			entries = append(entries, entry)
		}
		if err := s.verifyFound(ctx, entries); err != nil {
			return err
		}
		if next == "" {
			break
		}
		cursor = next
	}
	if seen == len(logged) {
		return nil
	}
	for id, entry := range logged {
		if _, err := s.Decision(ctx, id); errors.Is(err, ErrNotFound) {
			return &ledger.Mismatch{Index: entry.Index, End: entry.Index + 1, Reason: fmt.Sprintf("decision %s is in the log, and its row is gone", id)}
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) verifyDecision(ctx context.Context, id string, e decisionEntry, mayBeGone bool) error {
	changed := func(what string) error { return e.changed(id, what) }
	d, err := s.Decision(ctx, id)
	if err != nil {
		return fmt.Errorf("%w: %w", changed("text"), err)
	}
	switch {
	case ledger.Digest(d.Decision) != e.Detail.Digest:
		return changed("text")
	case d.Verdict != e.Verdict:
		return changed("verdict")
	case d.Repository != e.Repository || d.PullRequest != e.PullRequest:
		return changed("pull request")
	case d.Head != e.Commit:
		return changed("head")
	case d.FactsDigest != e.Facts:
		return changed("digest of the facts")
	case d.PolicyDigest != e.Policy:
		return changed("policy")
	}
	if err := e.verifyColumns(&d); err != nil {
		return err
	}
	// What is there must have the digest that the log names, which the store checks.
	for what, digest := range map[string]string{"facts": d.FactsDigest, "evidence": e.Detail.Evidence} {
		if digest == "" {
			continue
		}
		_, err := s.Facts(ctx, digest)
		switch {
		case errors.Is(err, ErrNotFound) && mayBeGone:
		case errors.Is(err, ErrNotFound):
			return &ledger.Mismatch{Index: e.Index, End: e.Index + 1, Reason: fmt.Sprintf("decision %s lacks its %s, and no entry says that they were dropped", id, what)}
		case err != nil:
			return fmt.Errorf("%w: %w", changed(what), err)
		}
	}
	return nil
}
