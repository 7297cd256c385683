package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// A Signer signs the audit log's checkpoints and recognises them, also those of keys that were rotated; see [Key].
type Signer interface {
	// Sign returns the signed text of a checkpoint. The signer names the origin.
	Sign(checkpoint ledger.Checkpoint) (string, error)

	// Open returns what a checkpoint says, or an error when no known key signed it.
	Open(text string) (ledger.Checkpoint, error)
}

// Key makes a Signer of the log's key and of the public keys that it had before. Without a signer it can only Open.
func Key(signer *ledger.Signer, older ...ledger.Verifier) Signer {
	k := key{signer: signer, verifiers: older}
	if signer != nil {
		k.verifiers = append([]ledger.Verifier{signer.Verifier()}, older...)
	}
	return k
}

type key struct {
	signer    *ledger.Signer
	verifiers []ledger.Verifier
}

// Sign implements Signer.
func (k key) Sign(checkpoint ledger.Checkpoint) (string, error) {
	if k.signer == nil {
		return "", errors.New("there is no private key here")
	}
	checkpoint.Origin = k.signer.Origin()
	return ledger.SignCheckpoint(checkpoint, k.signer)
}

// Open implements Signer.
func (k key) Open(text string) (ledger.Checkpoint, error) {
	return ledger.OpenCheckpoint(text, k.verifiers...)
}

// Position says where in the audit log something stands, and the tree that it stands in.
type Position struct {
	Index      int64  // of the entry, from 0
	Size       int64  // of the tree: how many entries it has
	Root       string // hash of the tree, base64 as in the checkpoint
	Checkpoint string // signed, C2SP text
}

// logHead is the row that every append locks.
type logHead struct {
	size       int64
	root       ledger.Hash
	checkpoint string
}

// startLog makes the head of an empty log and looks whether the present one is sound.
func (s *Store) startLog(ctx context.Context) error {
	if !s.options.ReadOnly {
		err := s.write(ctx, func(c conn) error {
			found, err := first(ctx, c, s.sql.logHead, nil, new(int64), new([]byte), new(string))
			if err != nil || found {
				return err
			}
			last, _, err := s.lastEntry(ctx, c)
			if err != nil || last >= 0 {
				return err // entries without a head: checkLog says so
			}
			root, err := ledger.Root(s.reader(ctx, c), 0)
			if err != nil {
				return err
			}
			return s.newHead(ctx, c, root)
		})
		if err != nil {
			return err
		}
	}
	if s.options.Signer == nil {
		return nil
	}
	switch err := s.Appendable(ctx); {
	case Blocks(err):
		s.options.Log.WithError(err).Error("the audit log is not sound; no decision can be recorded")
	case err != nil:
		return err
	}
	return nil
}

// CheckLog compares the log's head with its signed checkpoint, the stored hashes and the last entry. It is quick and cannot see
// a change in the middle of the log; [ledger.VerifyLog] does. The error is [ErrLogMismatch] with what was found.
func (s *Store) CheckLog(ctx context.Context) error {
	return s.engine.read(ctx, func(c conn) error {
		_, err := s.head(ctx, c, s.sql.readHead)
		return err
	})
}

// head reads the head and fails unless the log is the one that was signed.
func (s *Store) head(ctx context.Context, c conn, statement string) (logHead, error) {
	var h logHead
	var root []byte
	found, err := first(ctx, c, statement, nil, &h.size, &root, &h.checkpoint)
	if err != nil {
		return h, fmt.Errorf("reading the log's head: %w", err)
	}
	if !found || len(root) != len(h.root) {
		return h, mismatch("the log's head is missing or damaged")
	}
	copy(h.root[:], root)
	signed, err := s.options.Signer.Open(h.checkpoint)
	if err != nil {
		return h, mismatch("its checkpoint: %v", err)
	}
	if signed.Size != h.size || signed.Root != h.root {
		return h, mismatch("the checkpoint is for %d entries with root %s, the database says %d and %s", signed.Size, signed.Root, h.size, h.root)
	}
	return h, s.checkEnd(ctx, c, h)
}

// checkEnd compares a head with the hashes and the last entry.
func (s *Store) checkEnd(ctx context.Context, c conn, h logHead) error {
	stored := s.reader(ctx, c)
	root, err := ledger.Root(stored, h.size)
	switch {
	case errors.Is(err, ledger.ErrHashMissing):
		return mismatch("%v", err)
	case err != nil:
		return fmt.Errorf("reading the log's hashes: %w", err)
	case root != h.root:
		return mismatch("its stored hashes give the root %s, the checkpoint has %s", root, h.root)
	}
	last, leaf, err := s.lastEntry(ctx, c)
	if err != nil {
		return fmt.Errorf("reading the log's last entry: %w", err)
	}
	if last != h.size-1 {
		return mismatch("it should have %d entries, but the last one has index %d", h.size, last)
	}
	var newest int64
	if _, err := first(ctx, c, "SELECT coalesce(max(size), 0) FROM log_checkpoints", nil, &newest); err != nil {
		return fmt.Errorf("reading the log's newest checkpoint: %w", err)
	}
	if newest > h.size {
		return mismatch("a checkpoint of %d entries was signed, and it has %d: entries were removed", newest, h.size)
	}
	if h.size == 0 {
		return nil
	}
	proof, err := ledger.Inclusion(stored, h.size, last)
	if err != nil {
		return mismatch("%v", err)
	}
	if err := ledger.CheckInclusion(proof, h.size, h.root, last, ledger.Leaf([]byte(leaf))); err != nil {
		return mismatch("its last entry, %d, was changed", last)
	}
	return nil
}

func mismatch(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrLogMismatch, fmt.Sprintf(format, args...))
}

// lastEntry returns -1 for an empty log.
func (s *Store) lastEntry(ctx context.Context, c conn) (index int64, leaf string, err error) {
	found, err := first(ctx, c, s.sql.lastEntry, nil, &index, &leaf)
	if err != nil || !found {
		return -1, "", err
	}
	return index, leaf, nil
}

// newHead makes the head of an empty log, unless another process was quicker.
func (s *Store) newHead(ctx context.Context, c conn, root ledger.Hash) error {
	text, err := s.options.Signer.Sign(ledger.Checkpoint{Root: root})
	if err != nil {
		return fmt.Errorf("signing the log's checkpoint: %w", err)
	}
	if _, err := c.exec(ctx, s.sql.newHead, root[:], text, s.now()); err != nil {
		return fmt.Errorf("storing the log's head: %w", err)
	}
	return nil
}

// putHead signs a tree and makes it the log's head. It returns the checkpoint.
func (s *Store) putHead(ctx context.Context, c conn, size int64, root ledger.Hash) (string, error) {
	text, err := s.options.Signer.Sign(ledger.Checkpoint{Size: size, Root: root})
	if err != nil {
		return "", fmt.Errorf("signing the log's checkpoint: %w", err)
	}
	now := s.now()
	if _, err := c.exec(ctx, s.sql.putHead, size, root[:], text, now); err != nil {
		return "", fmt.Errorf("storing the log's head: %w", err)
	}
	if _, err := c.exec(ctx, s.sql.putCheckpoint, size, text, now); err != nil {
		return "", fmt.Errorf("storing the log's checkpoint: %w", err)
	}
	return text, nil
}

// reader reads stored hashes on c, and remembers them: an append needs the right edge of the tree three times over.
func (s *Store) reader(ctx context.Context, c conn) ledger.HashReader {
	return hashReader{s: s, ctx: ctx, c: c, known: map[int64]ledger.Hash{}}
}

// hashReader holds a context because [ledger.HashReader] takes none; it does not outlive the call that made it.
type hashReader struct {
	s     *Store
	ctx   context.Context
	c     conn
	known map[int64]ledger.Hash // what was read before; nil: nothing is remembered
}

// hashesAtOnce keeps the number of a statement's parameters small.
const hashesAtOnce = 500

// ReadHashes implements ledger.HashReader.
func (r hashReader) ReadHashes(indexes []int64) ([]ledger.Hash, error) {
	known := r.known
	if known == nil {
		known = make(map[int64]ledger.Hash, len(indexes))
	}
	var missing []any
	asked := map[int64]bool{}
	for _, i := range indexes {
		if _, ok := known[i]; !ok && !asked[i] {
			asked[i] = true
			missing = append(missing, i)
		}
	}
	for len(missing) > 0 {
		n := min(len(missing), hashesAtOnce)
		if err := r.read(missing[:n], known); err != nil {
			return nil, err
		}
		missing = missing[n:]
	}
	hashes := make([]ledger.Hash, len(indexes))
	for k, i := range indexes {
		h, ok := known[i]
		if !ok {
			return nil, fmt.Errorf("%w: %d", ledger.ErrHashMissing, i)
		}
		hashes[k] = h
	}
	return hashes, nil
}

func (r hashReader) read(indexes []any, into map[int64]ledger.Hash) error {
	params := make([]string, len(indexes))
	for i := range params {
		params[i] = r.s.sql.param(i + 1)
	}
	rs, err := r.c.query(r.ctx, "SELECT idx, hash FROM log_hashes WHERE idx IN ("+strings.Join(params, ", ")+")", indexes...)
	if err != nil {
		return err
	}
	defer rs.Close()
	for rs.Next() {
		var i int64
		var raw []byte
		if err := rs.Scan(&i, &raw); err != nil {
			return err
		}
		var h ledger.Hash
		if len(raw) == len(h) { // a damaged one counts as missing
			copy(h[:], raw)
			into[i] = h
		}
	}
	return rs.Err()
}

// Checkpoint returns the log's present head; Index is that of the last entry, -1 for an empty log.
func (s *Store) Checkpoint(ctx context.Context) (Position, error) {
	var p Position
	err := s.engine.read(ctx, func(c conn) error {
		var h logHead
		var root []byte
		found, err := first(ctx, c, s.sql.readHead, nil, &h.size, &root, &h.checkpoint)
		if err != nil {
			return err
		}
		if !found || len(root) != len(h.root) {
			return mismatch("the log's head is missing or damaged")
		}
		copy(h.root[:], root)
		p = Position{Index: h.size - 1, Size: h.size, Root: h.root.String(), Checkpoint: h.checkpoint}
		return nil
	})
	if err != nil {
		return Position{}, fmt.Errorf("reading the log's head: %w", err)
	}
	return p, nil
}

// Checkpoints returns every checkpoint that was ever signed, oldest first, as text.
func (s *Store) Checkpoints(ctx context.Context) ([]string, error) {
	var list []string
	err := s.engine.read(ctx, func(c conn) (err error) {
		list, err = collect(ctx, c, func(rs rows) (text string, err error) { return text, rs.Scan(&text) }, s.sql.checkpoints)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the log's checkpoints: %w", err)
	}
	return list, nil
}

// Hashes runs f with a reader of the log's stored hashes, for proofs; the reader is good until f returns.
func (s *Store) Hashes(ctx context.Context, f func(ledger.HashReader) error) error {
	return s.engine.read(ctx, func(c conn) error { return f(s.reader(ctx, c)) })
}

// leavesAtOnce is how many entries are read in one transaction.
const leavesAtOnce = 1000

// Leaves returns the log's entries from an index on, as the bytes that were hashed. It reads in batches, so a log may grow
// meanwhile; entries never change.
func (s *Store) Leaves(ctx context.Context, from int64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for {
			var batch []ledger.Entry
			err := s.engine.read(ctx, func(c conn) (err error) {
				batch, err = collect(ctx, c, func(rs rows) (e ledger.Entry, err error) {
					var leaf string
					err = rs.Scan(&e.Index, &leaf)
					e.Data = []byte(leaf)
					return e, err
				}, s.sql.entryLeaves, from, leavesAtOnce)
				return err
			})
			if err != nil {
				yield(ledger.Entry{}, fmt.Errorf("reading the log's entries from %d: %w", from, err))
				return
			}
			for _, e := range batch {
				if !yield(e, nil) {
					return
				}
				from = e.Index + 1
			}
			if len(batch) < leavesAtOnce {
				return
			}
		}
	}
}
