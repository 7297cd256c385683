package pipeline

import (
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
)

// A manifest that names other parts than came with it would make a record that does not verify.
func TestFits(t *testing.T) {
	t.Parallel()
	packed, err := evidence.Pack(evidence.Evidence{Documents: []gate.Document{{Resource: "a", After: []byte("{}")}}, Changes: []byte("{}")}, evidence.MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*judge.Kept)
		want   bool
	}{
		"as packed":         {func(*judge.Kept) {}, true},
		"a part too many":   {func(k *judge.Kept) { k.Parts["sha256:00"] = []byte("x") }, false},
		"a part less":       {func(k *judge.Kept) { k.Parts = nil }, false},
		"other changes":     {func(k *judge.Kept) { k.Changes = []byte("[]") }, false},
		"no manifest":       {func(k *judge.Kept) { k.Manifest = nil }, false},
		"another manifest":  {func(k *judge.Kept) { k.Manifest = []byte(`{"version":1,"parts":[]}`) }, false},
		"a broken manifest": {func(k *judge.Kept) { k.Manifest = []byte(`{"version":7}`) }, false},
	} {
		kept := &judge.Kept{Manifest: packed.Manifest, Changes: []byte("{}"), Parts: map[string][]byte{}}
		for digest, part := range packed.Parts {
			kept.Parts[digest] = part
		}
		c.change(kept)
		if got := fits(kept); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
