package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Inclusion returns the proof that the log of size entries holds the entry at index: the sibling hashes on the way from
// the leaf to the root, leaf first. One entry alone has an empty proof.
func Inclusion(stored HashReader, size, index int64) ([]Hash, error) {
	if err := checkSize(size); err != nil {
		return nil, err
	}
	if index < 0 || index >= size {
		return nil, fmt.Errorf("no inclusion proof: the log has %d entries, none with index %d", size, index)
	}
	proof, err := tlog.ProveRecord(size, index, stored)
	if err != nil {
		return nil, fmt.Errorf("proving that entry %d is in the log of size %d: %w", index, size, err)
	}
	return proof, nil
}

// CheckInclusion checks that proof shows the leaf hash at index under root, the root of a log of size entries.
func CheckInclusion(proof []Hash, size int64, root Hash, index int64, leaf Hash) error {
	if err := checkSize(size); err != nil {
		return err
	}
	if err := tlog.CheckRecord(proof, size, root, index, leaf); err != nil {
		return fmt.Errorf("entry %d is not shown to be in the log of size %d: %w", index, size, err)
	}
	return nil
}

// Consistency returns the proof that the log of size entries begins with the log of older entries. From an older size of
// 0, and from a size to itself, the proof is empty.
func Consistency(stored HashReader, older, size int64) ([]Hash, error) {
	if err := checkOlder(older, size); err != nil {
		return nil, err
	}
	if older == 0 || older == size {
		return nil, nil
	}
	proof, err := tlog.ProveTree(size, older, stored)
	if err != nil {
		return nil, fmt.Errorf("proving that the log of size %d continues the one of size %d: %w", size, older, err)
	}
	return proof, nil
}

// CheckConsistency checks that proof shows the log of size entries under root to begin with the log of older entries under
// olderRoot.
func CheckConsistency(proof []Hash, older int64, olderRoot Hash, size int64, root Hash) error {
	if err := checkOlder(older, size); err != nil {
		return err
	}
	switch {
	case older == size && older != 0:
		if len(proof) != 0 || root != olderRoot {
			return fmt.Errorf("two different logs of the same size %d: roots %s and %s", size, olderRoot, root)
		}
		return nil
	case older == 0:
		// Everything continues the empty log, but only one root is the empty log's.
		empty, _ := tlog.TreeHash(0, nil)
		if len(proof) != 0 || olderRoot != empty || size == 0 && root != empty {
			return fmt.Errorf("the log of size %d is not shown to continue the empty log: wrong root or a proof where none is due", size)
		}
		return nil
	}
	if err := tlog.CheckTree(proof, size, root, older, olderRoot); err != nil {
		return fmt.Errorf("the log of size %d is not shown to continue the one of size %d: %w", size, older, err)
	}
	return nil
}

func checkOlder(older, size int64) error {
	if err := checkSize(size); err != nil {
		return err
	}
	if older < 0 || older > size {
		return fmt.Errorf("no consistency between log sizes %d and %d; wanted: the older one not larger", older, size)
	}
	return nil
}
