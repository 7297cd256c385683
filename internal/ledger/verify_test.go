package ledger

import (
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWholeLogVerifies(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 3, 255, 256, 1000} {
		entries, stored, checkpoints := build(t, n, 3)
		for name, reader := range map[string]HashReader{"with hashes": stored, "exported": nil} {
			got, err := VerifyLog(each(entries), reader, checkpoints)
			if err != nil {
				t.Errorf("%d entries, %s: %v", n, name, err)
				continue
			}
			want := Verified{Size: int64(n), Checkpoints: len(checkpoints)}
			want.Root, _ = Root(stored, int64(n))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%d entries, %s: %s", n, name, diff)
			}
		}
	}
}

// log is a log that a test tampers with.
type log struct {
	entries     []Entry
	stored      memory
	checkpoints []Checkpoint
}

// rewrite stores the hashes of the entries as they are now: what a forger who owns the database does.
func (l *log) rewrite(t *testing.T) {
	t.Helper()
	var data [][]byte
	for i := range l.entries {
		l.entries[i].Index = int64(i)
		data = append(data, l.entries[i].Data)
	}
	out, err := Append(memory{}, 0, data)
	if err != nil {
		t.Fatal(err)
	}
	l.stored = nil
	l.stored.put(t, out.Hashes)
}

func TestTamperingIsFoundAtItsIndex(t *testing.T) {
	t.Parallel()
	type span struct{ Index, End int64 }
	tests := map[string]struct {
		tamper func(*testing.T, *log)
		want   span
	}{
		"an entry is edited": {func(_ *testing.T, l *log) { l.entries[41].Data = []byte(`{}`) }, span{41, 42}},
		"an entry is deleted": {func(_ *testing.T, l *log) {
			l.entries = slices.Delete(l.entries, 41, 42)
		}, span{41, 42}},
		"the first entry is deleted": {func(_ *testing.T, l *log) { l.entries = l.entries[1:] }, span{0, 1}},
		"an entry is deleted and the rest moved up": {func(_ *testing.T, l *log) {
			l.entries = slices.Delete(l.entries, 41, 42)
			for i := range l.entries {
				l.entries[i].Index = int64(i)
			}
		}, span{41, 42}},
		"two entries change places": {func(_ *testing.T, l *log) {
			l.entries[10].Data, l.entries[20].Data = l.entries[20].Data, l.entries[10].Data
		}, span{10, 11}},
		"the order of rows is wrong": {func(_ *testing.T, l *log) {
			l.entries[10], l.entries[11] = l.entries[11], l.entries[10]
		}, span{10, 11}},
		"an entry stands twice": {func(_ *testing.T, l *log) {
			l.entries = slices.Insert(l.entries, 10, l.entries[9])
		}, span{10, 11}},
		"the last entries are deleted": {func(_ *testing.T, l *log) { l.entries = l.entries[:95] }, span{95, 100}},
		"everything is deleted": {func(_ *testing.T, l *log) {
			l.entries, l.stored = nil, nil
		}, span{0, 10}},
		"an entry is appended without its hash": {func(_ *testing.T, l *log) {
			l.entries = append(l.entries, Entry{100, entry(100)})
		}, span{100, 101}},
		"an entry is appended with its hashes": {func(t *testing.T, l *log) {
			l.entries = append(l.entries, Entry{100, entry(100)})
			l.rewrite(t)
		}, span{100, 101}},
		"an entry is edited and every hash rewritten": {func(t *testing.T, l *log) {
			l.entries[41].Data = []byte(`{}`)
			l.rewrite(t)
		}, span{40, 50}},
		"an entry is deleted and every hash rewritten": {func(t *testing.T, l *log) {
			l.entries = slices.Delete(l.entries, 41, 42)
			l.rewrite(t)
		}, span{40, 50}},
		"an entry and its leaf hash are edited": {func(_ *testing.T, l *log) {
			l.entries[41].Data = []byte(`{}`)
			out, _ := Append(memory{}, 0, [][]byte{[]byte(`{}`)})
			l.stored[StoredCount(41)] = out.Root
		}, span{40, 42}},
		"a leaf hash is edited":            {func(_ *testing.T, l *log) { l.stored[StoredCount(41)][0] ^= 1 }, span{41, 42}},
		"an inner hash is edited":          {func(_ *testing.T, l *log) { l.stored[StoredCount(44)-1][0] ^= 1 }, span{40, 44}},
		"the last hashes are deleted":      {func(_ *testing.T, l *log) { l.stored = l.stored[:StoredCount(97)] }, span{97, 98}},
		"a checkpoint shows another root":  {func(_ *testing.T, l *log) { l.checkpoints[4].Root[0] ^= 1 }, span{40, 50}},
		"a checkpoint has a negative size": {func(_ *testing.T, l *log) { l.checkpoints[0].Size = -1 }, span{0, 1}},
		"two checkpoints of one size differ": {func(_ *testing.T, l *log) {
			forked := l.checkpoints[4]
			forked.Root[0] ^= 1
			l.checkpoints = append(l.checkpoints, forked)
		}, span{50, 51}},
		"there are no checkpoints": {func(_ *testing.T, l *log) { l.checkpoints = nil }, span{0, 100}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var l log
			l.entries, l.stored, l.checkpoints = build(t, 100, 10)
			test.tamper(t, &l)
			got, err := VerifyLog(each(l.entries), l.stored, l.checkpoints)
			var mismatch *Mismatch
			if !errors.As(err, &mismatch) {
				t.Fatalf("got %+v, error %v; wanted a mismatch", got, err)
			}
			if diff := cmp.Diff(test.want, span{mismatch.Index, mismatch.End}); diff != "" {
				t.Errorf("%s\n%s", mismatch, diff)
			}
		})
	}
}

func TestEntriesThatCannotBeReadAreNoMismatch(t *testing.T) {
	t.Parallel()
	down := errors.New("connection lost")
	var entries iter.Seq2[Entry, error] = func(yield func(Entry, error) bool) {
		if yield(Entry{0, entry(0)}, nil) {
			yield(Entry{}, down)
		}
	}
	_, stored, checkpoints := build(t, 2, 2)
	_, err := VerifyLog(entries, stored, checkpoints)
	if !errors.Is(err, down) || errors.As(err, new(*Mismatch)) {
		t.Errorf("got %v", err)
	}
}
