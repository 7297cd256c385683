package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Entry is one record of the log with the index that storage gives it.
type Entry struct {
	Index int64
	Data  []byte
}

// Mismatch says that a log is not what its hashes or checkpoints say. Entries before Index agree with everything that was
// checked; the fault lies in Index..End-1. Where stored hashes still witness each entry, that is exactly one entry; where
// they were rewritten too, it is the span between the last checkpoint that agrees and the first that does not.
type Mismatch struct {
	Index, End int64
	Reason     string
}

func (m *Mismatch) Error() string {
	if m.End <= m.Index+1 {
		return fmt.Sprintf("the log does not verify at entry %d: %s", m.Index, m.Reason)
	}
	return fmt.Sprintf("the log does not verify at entry %d (or another before %d): %s", m.Index, m.End, m.Reason)
}

// Verified is what a log that verifies amounts to.
type Verified struct {
	Size        int64
	Root        Hash
	Checkpoints int // how many checkpoints were compared
}

// VerifyLog recomputes the whole log from its entries, in the order of their indexes, and compares it with the stored
// hashes (none if stored is nil: an exported log has no need of them) and with the checkpoints, whose signatures
// OpenCheckpoint has already checked. Every entry must be covered by a checkpoint. The error is a *Mismatch when the log
// does not agree, and another when entries or hashes could not be read.
func VerifyLog(entries iter.Seq2[Entry, error], stored HashReader, checkpoints []Checkpoint) (Verified, error) {
	sorted := slices.SortedStableFunc(slices.Values(checkpoints), func(a, b Checkpoint) int { return cmp.Compare(a.Size, b.Size) })
	return VerifyFrom(Verified{}, entries, stored, func(yield func(Checkpoint, error) bool) {
		for _, cp := range sorted {
			if !yield(cp, nil) {
				return
			}
		}
	})
}

// VerifyFrom verifies what has been added to a log since it was last verified, as VerifyLog verifies a whole one. known is what that
// amounted to; its root is held against the stored hashes. entries begin at known.Size; checkpoints come by size, those of at most
// known.Size left out.
func VerifyFrom(known Verified, entries iter.Seq2[Entry, error], stored HashReader, checkpoints iter.Seq2[Checkpoint, error]) (Verified, error) {
	next, stop := iter.Pull2(checkpoints)
	defer stop()
	v := &verifier{stored: stored, checkpoints: next, size: known.Size, good: known.Size}
	if err := v.resume(known); err != nil {
		return Verified{}, err
	}
	if err := v.advance(); err != nil {
		return Verified{}, err
	}
	if err := v.compareCheckpoints(); err != nil {
		return Verified{}, err
	}
	for entry, err := range entries {
		if err != nil {
			return Verified{}, fmt.Errorf("reading entry %d of the log: %w", v.size, err)
		}
		if err := v.add(entry); err != nil {
			return Verified{}, err
		}
	}
	if err := v.flush(); err != nil {
		return Verified{}, err
	}
	if v.next != nil {
		end := v.next.Size
		return Verified{}, &Mismatch{Index: v.size, End: end, Reason: fmt.Sprintf(
			"the log ends here, but a signed checkpoint covers %d entries; entries were removed", end)}
	}
	if v.good != v.size {
		return Verified{}, &Mismatch{Index: v.good, End: v.size, Reason: fmt.Sprintf(
			"no signed checkpoint covers it; the last one covers %d entries", v.good)}
	}
	return Verified{Size: v.size, Root: v.root(), Checkpoints: known.Checkpoints + v.compared}, nil
}

// verifyBatch is how many entries are compared with stored hashes at a time: storage answers few questions about many
// hashes far faster than many about few.
const verifyBatch = 256

// verifier walks a log. It keeps only the roots of the complete subtrees so far, so memory does not grow with the log, and
// never trusts a stored hash to compute another.
type verifier struct {
	stored      HashReader
	checkpoints func() (Checkpoint, error, bool) // by size
	next        *Checkpoint                      // first checkpoint not yet compared; nil: none is left
	compared    int                              // checkpoints
	size        int64                            // entries folded into peaks
	good        int64                            // largest size at which a checkpoint agreed
	peaks       []Hash                           // roots of complete subtrees, largest first
	pending     []node                           // computed, not yet compared with stored hashes
}

// node is a computed hash with the entries under it.
type node struct {
	index      int64 // in storage
	hash       Hash
	begin, end int64
}

func (v *verifier) add(entry Entry) error {
	if entry.Index != v.size {
		if err := v.flush(); err != nil {
			return err
		}
		reason := fmt.Sprintf("entry %d is missing; the next one stored is %d", v.size, entry.Index)
		if entry.Index < v.size {
			reason = fmt.Sprintf("entry %d stands here a second time or out of order", entry.Index)
		}
		return &Mismatch{Index: v.size, End: v.size + 1, Reason: reason}
	}
	n := v.size
	h := Leaf(entry.Data)
	v.pending = append(v.pending, node{tlog.StoredHashIndex(0, n), h, n, n + 1})
	// Each trailing one bit of n completes a subtree, exactly as tlog.StoredHashes does it.
	for level := range bits.TrailingZeros64(uint64(n + 1)) {
		h = tlog.NodeHash(v.peaks[len(v.peaks)-1], h)
		v.peaks = v.peaks[:len(v.peaks)-1]
		width := int64(2) << level
		v.pending = append(v.pending, node{tlog.StoredHashIndex(level+1, n>>(level+1)), h, n + 1 - width, n + 1})
	}
	v.peaks = append(v.peaks, h)
	v.size++
	// A checkpoint is compared only after the stored hashes below it, which name a culprit more exactly.
	if len(v.pending) >= verifyBatch || v.next != nil && v.next.Size == v.size {
		if err := v.flush(); err != nil {
			return err
		}
	}
	return v.compareCheckpoints()
}

// resume takes up a log of which the beginning is known: the roots of its complete subtrees must give the root that it had.
func (v *verifier) resume(known Verified) error {
	if known.Size == 0 {
		return nil
	}
	if err := checkSize(known.Size); err != nil {
		return err
	}
	var indexes []int64
	for level, at := bits.Len64(uint64(known.Size))-1, int64(0); level >= 0; level-- {
		if width := int64(1) << level; known.Size&width != 0 {
			indexes = append(indexes, tlog.StoredHashIndex(level, at>>level))
			at += width
		}
	}
	var err error
	if v.peaks, err = readHashes(v.stored, indexes); errors.Is(err, ErrHashMissing) {
		return &Mismatch{Index: 0, End: known.Size, Reason: "a stored hash is missing that was there when it was last verified"}
	} else if err != nil {
		return err
	}
	if root := v.root(); root != known.Root {
		return &Mismatch{Index: 0, End: known.Size, Reason: fmt.Sprintf(
			"its stored hashes give the root %s, and it had %s when it was last verified", root, known.Root)}
	}
	return nil
}

// advance takes the next checkpoint.
func (v *verifier) advance() error {
	cp, err, ok := v.checkpoints()
	if err != nil {
		return fmt.Errorf("reading a checkpoint of the log: %w", err)
	}
	if v.next = nil; ok {
		v.next = &cp
	}
	return nil
}

// compareCheckpoints compares every checkpoint of the current size with the root computed from the entries.
func (v *verifier) compareCheckpoints() error {
	for v.next != nil && v.next.Size <= v.size {
		cp := *v.next
		if root := v.root(); cp.Size < 0 || cp.Root != root {
			end := max(cp.Size, v.good+1)
			return &Mismatch{Index: v.good, End: end, Reason: fmt.Sprintf(
				"the signed checkpoint of size %d has root %s, the entries give %s", cp.Size, cp.Root, root)}
		}
		v.good = v.size
		v.compared++
		if err := v.advance(); err != nil {
			return err
		}
	}
	return nil
}

// flush compares the pending hashes with the stored ones.
func (v *verifier) flush() error {
	pending := v.pending
	v.pending = v.pending[:0]
	if v.stored == nil || len(pending) == 0 {
		return nil
	}
	indexes := make([]int64, len(pending))
	for i, n := range pending {
		indexes[i] = n.index
	}
	hashes, err := readHashes(v.stored, indexes)
	if errors.Is(err, ErrHashMissing) {
		return v.findMissing(pending, err)
	}
	if err != nil {
		return err
	}
	for i, n := range pending {
		if hashes[i] != n.hash {
			return differs(n, hashes[i])
		}
	}
	return nil
}

// findMissing asks for hashes one by one to name the first that is missing or wrong.
func (v *verifier) findMissing(pending []node, all error) error {
	for _, n := range pending {
		hashes, err := readHashes(v.stored, []int64{n.index})
		switch {
		case errors.Is(err, ErrHashMissing):
			return &Mismatch{Index: n.begin, End: n.end, Reason: "its stored hash is missing"}
		case err != nil:
			return err
		case hashes[0] != n.hash:
			return differs(n, hashes[0])
		}
	}
	return fmt.Errorf("the storage says that a hash is missing, and then that none is: %w", all)
}

func differs(n node, stored Hash) *Mismatch {
	what := "the entry"
	if n.end > n.begin+1 {
		what = fmt.Sprintf("the entries %d to %d together", n.begin, n.end-1)
	}
	return &Mismatch{Index: n.begin, End: n.end, Reason: fmt.Sprintf(
		"the stored hash is %s, but %s has %s; it was edited, moved or replaced", stored, what, n.hash)}
}

// root is the root of the entries so far: the peaks joined from the right.
func (v *verifier) root() Hash {
	if len(v.peaks) == 0 {
		empty, _ := tlog.TreeHash(0, nil) // reads nothing, cannot fail
		return empty
	}
	h := v.peaks[len(v.peaks)-1]
	for i := len(v.peaks) - 2; i >= 0; i-- {
		h = tlog.NodeHash(v.peaks[i], h)
	}
	return h
}
