package judge

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

func TestListings(t *testing.T) {
	t.Parallel()
	tree := document.MapTree{"a": "1", "a/b c\n": "2", "ä": ""}
	paths, blobs, err := listed(listing(tree))
	want := map[string]string{}
	for _, p := range tree.Paths() {
		want[p] = tree.Blob(p)
	}
	if !cmp.Equal(paths, tree.Paths()) || !cmp.Equal(blobs, want) || err != nil {
		t.Errorf("%q %q %v", paths, blobs, err)
	}
	for _, bad := range []string{"a", "a\x00", "a\x00b", "b\x00\x00a\x00\x00"} {
		if _, _, err := listed([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestMessagesThatAreNotWhole(t *testing.T) {
	t.Parallel()
	type head struct{ A int }
	message, err := pack(head{7}, []byte("one"), nil, []byte("three"))
	if err != nil {
		t.Fatal(err)
	}
	var got head
	parts, err := unpack(message, &got)
	if want := [][]byte{[]byte("one"), {}, []byte("three")}; err != nil || got != (head{7}) || !cmp.Equal(parts, want) {
		t.Errorf("%q %v %v", parts, got, err)
	}
	for n := range len(message) - 1 {
		if n == 4+len(`{"A":7}`) || n == 4+len(`{"A":7}`)+4+3 || n == 4+len(`{"A":7}`)+4+3+4 {
			continue // whole, with fewer parts
		}
		if parts, err := unpack(message[:n], &got); err == nil {
			t.Errorf("the first %d bytes were read: %q", n, parts)
		}
	}
	for _, text := range []string{`{"A":7,"B":8}`, `{"A":7} {"A":8}`, `{"A":"7"}`, ``, `{`} {
		if err := strict([]byte(text), &got); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}

// TestWhatIsKeptIsNamedByWhoReceivesIt: a worker cannot put its bytes under the name of others, and what people will be shown is readable.
func TestWhatIsKeptIsNamedByWhoReceivesIt(t *testing.T) {
	t.Parallel()
	changes, err := json.Marshal(diff.Of(nil, nil, diff.Limits{}))
	if err != nil {
		t.Fatal(err)
	}
	lie := Result{Problems: []gate.Problem{{Message: "x"}}, Kept: &Kept{
		Manifest: []byte("manifest"), Changes: changes, Parts: map[string][]byte{ledger.Digest([]byte("yours")): []byte("mine")},
	}}
	message, err := lie.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeResult(message)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{ledger.Digest([]byte("mine")): []byte("mine")}
	if !cmp.Equal(got.Kept.Parts, want) || !bytes.Equal(got.Kept.Manifest, []byte("manifest")) || got.Kept.Differences == nil || len(got.Problems) != 1 {
		t.Errorf("%+v", got.Kept)
	}
	lie.Kept.Changes = []byte("{}")
	if message, err = lie.encode(); err != nil {
		t.Fatal(err)
	}
	if _, err := decodeResult(message); err == nil {
		t.Error("unreadable changes were taken")
	}
}
