package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// sampleEvidence is what the rules saw: two parts, of which every decision has the first, and the changes; and the rules, which all
// decisions share.
func sampleEvidence(id string) *store.Evidence {
	e := &store.Evidence{Parts: map[string][]byte{}, Changes: []byte(`{"of":"` + id + `"}`)}
	e.Rules = map[string][]byte{ledger.Digest([]byte("the rules")): []byte("the rules")}
	named := map[string]any{"changes": ledger.Digest(e.Changes)}
	parts := []string{}
	for _, part := range []string{"what all have", "what is " + id} {
		e.Parts[ledger.Digest([]byte(part))] = []byte(part)
		parts = append(parts, ledger.Digest([]byte(part)))
	}
	named["parts"] = parts
	var err error
	if e.Manifest, err = json.Marshal(named); err != nil {
		panic(err)
	}
	return e
}

func testEvidence(t *testing.T, fresh func(testing.TB) string) {
	of := func(text string) string { return "'" + ledger.Digest([]byte(text)) + "'" }
	manifest := "'" + ledger.Digest(sampleEvidence("d2").Manifest) + "'"
	for name, attack := range map[string]struct {
		statement string
		index     int64 // of the entry that must be named; -1: none
	}{
		"nothing":             {"", -1},
		"a part changed":      {"UPDATE blobs SET data = (SELECT data FROM blobs WHERE digest = " + of("what is d1") + "), size = 10 WHERE digest = " + of("what is d2"), 1},
		"a part gone":         {"DELETE FROM blobs WHERE digest = " + of("what is d2"), 1},
		"a row gone":          {"DELETE FROM decision_blobs WHERE digest = " + of("what is d1"), 0},
		"the changes swapped": {"UPDATE decision_blobs SET digest = " + of(`{"of":"d1"}`) + " WHERE digest = " + of(`{"of":"d2"}`), 1},
		"the rules gone":      {"DELETE FROM blobs WHERE digest = " + of("the rules"), 1},
		"rules as a part":     {"UPDATE decision_blobs SET what = 'part' WHERE what = 'rules' AND log_index = 0", 0},
		"rules slipped in":    {"INSERT INTO decision_blobs (log_index, what, digest) VALUES (1, 'rules', " + of("what is d2") + ")", 1},
		"a row slipped in":    {"INSERT INTO decision_blobs (log_index, what, digest) VALUES (2, 'changes', " + of(`{"of":"d1"}`) + ")", 2},
		"gone without a word": {"DELETE FROM blobs WHERE digest IN (" + manifest + ", " + of("what is d2") + ", " + of(`{"of":"d2"}`) + ")", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, signer := fresh(t), Signer(t)
			s := Open(t, url, store.Options{Signer: signer})
			for i, id := range []string{"d1", "d2", "d3"} {
				r := SampleRecord(id, i+1, "head"+id)
				if id != "d3" {
					r.Evidence = sampleEvidence(id)
				}
				must[store.Position](t)(s.Record(t.Context(), r))
			}
			for id, r := range map[string]*store.Evidence{"d1": sampleEvidence("d1"), "d2": sampleEvidence("d2")} {
				for digest, part := range r.Parts {
					if diff := cmp.Diff(string(part), string(must[[]byte](t)(s.Facts(t.Context(), digest)))); diff != "" {
						t.Error(diff)
					}
				}
				d := must[store.Decision](t)(s.Decision(t.Context(), id))
				if diff := cmp.Diff(string(r.Changes), string(must[[]byte](t)(s.Changes(t.Context(), d.LogIndex)))); diff != "" {
					t.Error(diff)
				}
				entries, _, err := s.Entries(t.Context(), store.EntryFilter{PullRequest: d.PullRequest}, "", 1)
				check(t, err)
				if diff := cmp.Diff(any(ledger.Digest(r.Manifest)), entries[0].Detail["evidence"]); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(any([]any{ledger.Digest([]byte("the rules"))}), entries[0].Detail["rules"]); diff != "" {
					t.Error(diff)
				}
			}
			if _, err := s.Changes(t.Context(), 2); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("a decision without evidence: %v", err)
			}
			if attack.statement != "" {
				Exec(t, url, attack.statement)
			}
			_, err := Open(t, url, store.Options{Signer: signer, ReadOnly: true}).Verify(t.Context())
			var mismatch *ledger.Mismatch
			if attack.index < 0 {
				check(t, err)
			} else if !errors.As(err, &mismatch) || mismatch.Index != attack.index {
				t.Errorf("wanted entry %d to be named, got %v", attack.index, err)
			}
		})
	}
}

// testManyParts records more blobs than one statement takes, twice, and once more after they were deleted.
func testManyParts(t *testing.T, fresh func(testing.TB) string) {
	url := fresh(t)
	s := Open(t, url, store.Options{})
	e := &store.Evidence{Manifest: []byte(`{"parts":[]}`), Parts: map[string][]byte{}}
	for i := range 1200 {
		part := []byte(fmt.Sprint("part ", i))
		e.Parts[ledger.Digest(part)] = part
	}
	for i, id := range []string{"d1", "d2", "d3"} {
		r := SampleRecord(id, i+1, "head")
		r.Evidence = e
		must[store.Position](t)(s.Record(t.Context(), r))
		for digest, part := range e.Parts {
			if got := must[[]byte](t)(s.Facts(t.Context(), digest)); string(got) != string(part) {
				t.Fatalf("%s is %q", digest, got)
			}
		}
		if id == "d2" {
			Exec(t, url, "DELETE FROM blobs")
		}
	}
}
