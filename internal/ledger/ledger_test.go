package ledger

import (
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
)

// memory is a stored log: hashes by their index.
type memory []Hash

func (m memory) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(m)) {
			return nil, fmt.Errorf("hash %d: %w", index, ErrHashMissing)
		}
		out[i] = m[index]
	}
	return out, nil
}

func (m *memory) put(t *testing.T, hashes []StoredHash) {
	t.Helper()
	for _, h := range hashes {
		if h.Index != int64(len(*m)) {
			t.Fatalf("hash index %d, wanted the next one, %d", h.Index, len(*m))
		}
		*m = append(*m, h.Hash)
	}
}

func entry(i int) []byte { return fmt.Appendf(nil, `{"index":%d,"type":"decision"}`, i) }

// build makes a log of n entries in batches of the given size, and the checkpoint after each batch.
func build(t *testing.T, n, batch int) ([]Entry, memory, []Checkpoint) {
	t.Helper()
	var entries []Entry
	var stored memory
	var checkpoints []Checkpoint
	for at := 0; at < n; {
		var add [][]byte
		for range min(batch, n-at) {
			add = append(add, entry(at))
			entries = append(entries, Entry{int64(at), entry(at)})
			at++
		}
		out, err := Append(stored, int64(at-len(add)), add)
		if err != nil {
			t.Fatal(err)
		}
		stored.put(t, out.Hashes)
		checkpoints = append(checkpoints, Checkpoint{Origin: origin, Size: out.Size, Root: out.Root})
	}
	return entries, stored, checkpoints
}

func each(entries []Entry) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// The entries and hashes of RFC 6962's own tests (certificate-transparency, merkletree_test), sizes 0 to 8.
func TestRootsOfRFC6962(t *testing.T) {
	t.Parallel()
	inputs := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	want := []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	var stored memory
	var got []string
	for size := int64(0); ; size++ {
		root, err := Root(stored, size)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, hex.EncodeToString(root[:]))
		if size == int64(len(inputs)) {
			break
		}
		data, err := hex.DecodeString(inputs[size])
		if err != nil {
			t.Fatal(err)
		}
		out, err := Append(stored, size, [][]byte{data})
		if err != nil {
			t.Fatal(err)
		}
		stored.put(t, out.Hashes)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAppendInAnyBatchesGivesTheSameLog(t *testing.T) {
	t.Parallel()
	_, want, checkpoints := build(t, 300, 300)
	for _, batch := range []int{1, 2, 7, 64, 299} {
		_, got, some := build(t, 300, batch)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("batches of %d: %s", batch, diff)
		}
		if diff := cmp.Diff(checkpoints[0], some[len(some)-1]); diff != "" {
			t.Errorf("batches of %d: %s", batch, diff)
		}
	}
	if got := StoredCount(300); got != int64(len(want)) {
		t.Errorf("StoredCount(300) = %d, stored %d", got, len(want))
	}
}

func TestAppendNothingIsTheSameLog(t *testing.T) {
	t.Parallel()
	_, stored, checkpoints := build(t, 5, 5)
	got, err := Append(stored, 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Appended{Hashes: []StoredHash{}, Size: 5, Root: checkpoints[0].Root}, got); diff != "" {
		t.Error(diff)
	}
}

func TestStorageThatBreaksItsContractIsAnError(t *testing.T) {
	t.Parallel()
	down := errors.New("disk on fire")
	broken := tlog.HashReaderFunc(func([]int64) ([]Hash, error) { return nil, down })
	short := tlog.HashReaderFunc(func([]int64) ([]Hash, error) { return nil, nil })
	if _, err := Append(broken, 3, [][]byte{entry(3)}); !errors.Is(err, down) {
		t.Errorf("Append hides the storage's error: %v", err)
	}
	if _, err := Append(short, 3, [][]byte{entry(3)}); err == nil {
		t.Error("Append took no hashes for an answer")
	}
	if _, err := Append(nil, -1, nil); err == nil {
		t.Error("Append to a log of size -1")
	}
	if _, err := Append(nil, MaxSize, [][]byte{entry(0)}); err == nil {
		t.Error("Append beyond MaxSize")
	}
	entries, _, checkpoints := build(t, 3, 1)
	if _, err := VerifyLog(each(entries), broken, checkpoints); !errors.Is(err, down) || errors.As(err, new(*Mismatch)) {
		t.Errorf("VerifyLog takes a broken storage for a broken log: %v", err)
	}
}

func TestProofsAgainstTlogAndOurselves(t *testing.T) {
	t.Parallel()
	const n = 33
	entries, stored, checkpoints := build(t, n, 1)
	for size := int64(1); size <= n; size++ {
		root := checkpoints[size-1].Root
		for i := range size {
			leaf := Leaf(entries[i].Data)
			proof, err := Inclusion(stored, size, i)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(tlog.CheckRecord(proof, size, root, i, leaf), CheckInclusion(proof, size, root, i, leaf)); err != nil {
				t.Errorf("entry %d of %d: %v", i, size, err)
			}
			if err := CheckInclusion(proof, size, root, i, Leaf([]byte("another"))); err == nil {
				t.Errorf("entry %d of %d: the proof holds for another entry", i, size)
			}
			if err := CheckInclusion(append(slices.Clone(proof), Hash{}), size, root, i, leaf); err == nil {
				t.Errorf("entry %d of %d: a proof with a hash too many holds", i, size)
			}
		}
		for older := int64(1); older <= size; older++ {
			oldRoot := checkpoints[older-1].Root
			proof, err := Consistency(stored, older, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckConsistency(proof, older, oldRoot, size, root); err != nil {
				t.Errorf("%d to %d: %v", older, size, err)
			}
			if err := CheckConsistency(proof, older, Hash{1}, size, root); err == nil {
				t.Errorf("%d to %d: the proof holds for another root", older, size)
			}
			if older < size {
				if err := tlog.CheckTree(proof, size, root, older, oldRoot); err != nil {
					t.Errorf("%d to %d: tlog refuses our proof: %v", older, size, err)
				}
			}
		}
	}
}

func TestConsistencyWithTheEmptyLog(t *testing.T) {
	t.Parallel()
	_, stored, checkpoints := build(t, 3, 3)
	empty, err := Root(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := Consistency(stored, 0, 3)
	if err != nil || len(proof) != 0 {
		t.Fatalf("proof %v, error %v", proof, err)
	}
	if err := CheckConsistency(nil, 0, empty, 3, checkpoints[0].Root); err != nil {
		t.Error(err)
	}
	if err := CheckConsistency(nil, 0, Hash{}, 3, checkpoints[0].Root); err == nil {
		t.Error("a wrong root of the empty log is taken")
	}
	if err := CheckConsistency([]Hash{{}}, 0, empty, 3, checkpoints[0].Root); err == nil {
		t.Error("a proof where none is due is taken")
	}
	for _, sizes := range [][2]int64{{4, 3}, {-1, 3}, {0, -1}} {
		if err := CheckConsistency(nil, sizes[0], empty, sizes[1], empty); err == nil {
			t.Errorf("sizes %v are taken", sizes)
		}
	}
	if _, err := Inclusion(stored, 3, 3); err == nil {
		t.Error("a proof for an entry beyond the end")
	}
}
