// Package ledger is the arithmetic of the audit log: an append-only Merkle tree (RFC 6962) over canonical JSON entries,
// signed checkpoints in the C2SP tlog-checkpoint format, inclusion and consistency proofs, and a check of a whole log
// that names the first entry which does not agree.
//
// It does no input or output. Where hashes are kept is the store's business: everything here reads them through
// HashReader, so that leaf, hashes and checkpoint can be committed in the transaction of the decision they witness.
package ledger

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash of a leaf, an inner node or a whole tree. Its String is base64, as in a checkpoint.
type Hash = tlog.Hash

// HashReader reads stored hashes by their index (see StoredHash). It returns as many hashes as indexes, in their order,
// or an error; an error that wraps ErrHashMissing means "not stored", any other one that the storage failed.
type HashReader = tlog.HashReader

// ErrHashMissing is what a HashReader's error wraps when a hash is not stored, so that VerifyLog can tell a log with a
// hole from a storage that is down.
var ErrHashMissing = errors.New("no hash is stored at this index")

// MaxSize bounds the size of a log, in entries. It is far above any log that can exist, and keeps the index arithmetic of
// numbers that come from outside away from overflow.
const MaxSize = int64(1) << 48

// StoredHash is one hash that storage must keep. Index is dense: a log of n entries has exactly the indexes
// 0..StoredCount(n)-1, and an index once written never changes.
type StoredHash struct {
	Index int64
	Hash  Hash
}

// Appended is what appending changes: the hashes to add, and the size and root after it.
type Appended struct {
	Hashes []StoredHash
	Size   int64
	Root   Hash
}

// Leaf returns the leaf hash of an entry's bytes: SHA-256 of a zero byte and the entry (RFC 6962, section 2.1).
func Leaf(entry []byte) Hash { return tlog.RecordHash(entry) }

// StoredCount returns how many hashes a log of size entries has stored.
func StoredCount(size int64) int64 { return tlog.StoredHashCount(size) }

// Root returns the root hash of the first size entries from stored hashes. The empty log's root is SHA-256 of nothing.
func Root(stored HashReader, size int64) (Hash, error) {
	if err := checkSize(size); err != nil {
		return Hash{}, err
	}
	root, err := tlog.TreeHash(size, stored)
	if err != nil {
		return Hash{}, fmt.Errorf("computing the root of the log at size %d: %w", size, err)
	}
	return root, nil
}

// Append computes what must be stored to add entries, in their order, to a log of size entries. It writes nothing: the
// caller stores the hashes together with the entries, and must hold the log's head so that nobody appends in between.
func Append(stored HashReader, size int64, entries [][]byte) (Appended, error) {
	if err := checkSize(size); err != nil {
		return Appended{}, err
	}
	if err := checkSize(size + int64(len(entries))); err != nil {
		return Appended{}, err
	}
	fresh := &overlay{below: stored, first: StoredCount(size)}
	for i, entry := range entries {
		hashes, err := tlog.StoredHashes(size+int64(i), entry, fresh)
		if err != nil {
			return Appended{}, fmt.Errorf("appending entry %d to the log: %w", size+int64(i), err)
		}
		fresh.hashes = append(fresh.hashes, hashes...)
	}
	out := Appended{Size: size + int64(len(entries)), Hashes: make([]StoredHash, len(fresh.hashes))}
	for i, h := range fresh.hashes {
		out.Hashes[i] = StoredHash{Index: fresh.first + int64(i), Hash: h}
	}
	var err error
	if out.Root, err = Root(fresh, out.Size); err != nil {
		return Appended{}, err
	}
	return out, nil
}

// overlay reads hashes that are not stored yet from memory, older ones from storage.
type overlay struct {
	below  HashReader
	first  int64 // index of hashes[0]
	hashes []Hash
}

func (o *overlay) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	var ask []int64
	var where []int
	for i, index := range indexes {
		switch {
		case index < o.first:
			ask, where = append(ask, index), append(where, i)
		case index-o.first < int64(len(o.hashes)):
			out[i] = o.hashes[index-o.first]
		default:
			return nil, fmt.Errorf("hash %d: %w", index, ErrHashMissing)
		}
	}
	if len(ask) == 0 {
		return out, nil
	}
	old, err := readHashes(o.below, ask)
	if err != nil {
		return nil, err
	}
	for i, h := range old {
		out[where[i]] = h
	}
	return out, nil
}

// readHashes asks stored for hashes and holds it to its contract.
func readHashes(stored HashReader, indexes []int64) ([]Hash, error) {
	hashes, err := stored.ReadHashes(indexes)
	if err != nil {
		return nil, fmt.Errorf("reading stored hashes: %w", err)
	}
	if len(hashes) != len(indexes) {
		return nil, fmt.Errorf("reading stored hashes: asked for %d, got %d", len(indexes), len(hashes))
	}
	return hashes, nil
}

func checkSize(size int64) error {
	if size < 0 || size > MaxSize {
		return fmt.Errorf("a log cannot have %d entries; wanted: 0 to %d", size, MaxSize)
	}
	return nil
}
