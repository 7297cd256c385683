package storetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// testVerify changes rows behind the store's back, in the log and beside it, and wants the first entry named that does not agree.
func testVerify(t *testing.T, fresh func(testing.TB) string) {
	for name, attack := range map[string]struct {
		statement string
		index     int64 // of the entry that must be named; -1: the head itself does not match
	}{
		"nothing":                {"", 0},
		"an old entry":           {"UPDATE log_entries SET leaf = replace(leaf, 'posture', 'nothing') WHERE idx = 0", 0},
		"an entry moved":         {"UPDATE log_entries SET idx = CASE idx WHEN 0 THEN 1000 ELSE idx END", -1},
		"a verdict":              {"UPDATE decisions SET verdict = 'pass' WHERE id = 'd1'", 1},
		"a head":                 {"UPDATE decisions SET head = 'other' WHERE id = 'd2'", 2},
		"a policy":               {"UPDATE decisions SET policy_digest = 'sha256:00' WHERE id = 'd1'", 1},
		"the facts' digest":      {"UPDATE decisions SET facts_digest = 'sha256:00' WHERE id = 'd2'", 2},
		"a decision's text":      {"UPDATE decisions SET decision = (SELECT decision FROM decisions WHERE id = 'd2') WHERE id = 'd1'", 1},
		"a decision gone":        {"DELETE FROM decision_resources; DELETE FROM decisions WHERE id = 'd1'", 1},
		"a decision renamed":     {"UPDATE decisions SET id = 'd9' WHERE id = 'd2'", 2},
		"an old checkpoint gone": {"DELETE FROM log_checkpoints WHERE size = 1", 0},
		"a checkpoint forged":    {"UPDATE log_checkpoints SET checkpoint = replace(checkpoint, 'gatehouse', 'gateheuse') WHERE size = 1", -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, signer := fresh(t), Signer(t)
			s := Open(t, url, store.Options{Signer: signer})
			must[store.Position](t)(s.Append(t.Context(), []store.Entry{{Type: store.EntryPosture}}))
			must[store.Position](t)(s.Record(t.Context(), SampleRecord("d1", 1, "head1")))
			must[store.Position](t)(s.Record(t.Context(), SampleRecord("d2", 2, "head2")))
			must[store.Position](t)(s.Append(t.Context(), []store.Entry{{Type: store.EntryPosture}}))
			if attack.statement != "" {
				Exec(t, url, attack.statement)
			}
			report, err := Open(t, url, store.Options{Signer: signer, ReadOnly: true}).Verify(t.Context())
			var mismatch *ledger.Mismatch
			switch {
			case attack.statement == "" || name == "an old checkpoint gone": // a later one covers the same entries
				check(t, err)
				if diff := cmp.Diff(int64(4), report.Size); diff != "" {
					t.Error(diff)
				}
			case attack.index < 0:
				if !errors.Is(err, store.ErrLogMismatch) {
					t.Errorf("got %v", err)
				}
			case !errors.As(err, &mismatch) || mismatch.Index != attack.index:
				t.Errorf("wanted entry %d to be named, got %v", attack.index, err)
			}
		})
	}
}
