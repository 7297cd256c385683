package pipeline

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// quietMetrics counts nothing.
type quietMetrics struct{ Metrics }

func (quietMetrics) Published(string, string) {}

func TestDeploymentOfWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	asked := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	now := asked
	db := storetest.Memory(t)
	p := New(Options{Recorder: db, Trail: db, Metrics: quietMetrics{}, Clock: func() time.Time { return now }})
	const commit = "8c0ffee4f2d1a90b5c6d7e8f9a0b1c2d3e4f5a6b"
	ask := work.Deployment{
		Target: work.Target{RepositoryID: 1, Owner: "acme", Name: "infra"}, DeploymentID: 8, RunID: 77, Environment: "production", Commit: commit, Asked: asked,
	}
	// Its merge may be on its way: it waits, longer and longer, and not for ever.
	var pauses []time.Duration
	for _, after := range []time.Duration{0, 4 * time.Second, 119 * time.Second} {
		now = asked.Add(after)
		var later store.RetryAfter
		if err := p.deploy(t.Context(), ask, 1); !errors.As(err, &later) {
			t.Fatalf("after %s: %v", after, err)
		}
		pauses = append(pauses, later.D)
	}
	if diff := cmp.Diff([]time.Duration{time.Second, 2 * time.Second, 10 * time.Second}, pauses); diff != "" {
		t.Error(diff)
	}
	now = asked.Add(deployWait)
	for range 2 { // the work is done again when the process dies before the queue hears of it
		if err := p.deploy(t.Context(), ask, 1); err != nil {
			t.Fatal(err)
		}
	}
	entries, _, err := db.Entries(t.Context(), store.EntryFilter{}, "", 10)
	if err != nil || len(entries) != 1 || entries[0].Verdict != "rejected" || !strings.Contains(entries[0].Detail["reason"].(string), "is not known to have landed") {
		t.Errorf("%+v %v", entries, err)
	}
	stats, err := db.Queue(t.Context())
	if err != nil || len(stats) != 1 || stats[0].Kind != work.KindAnswer || stats[0].Waiting != 1 {
		t.Errorf("%+v %v", stats, err)
	}
}

// oneKey is a key that is never rotated.
type oneKey struct{ signer *ledger.Signer }

func (k oneKey) Signer() *ledger.Signer       { return k.signer }
func (k oneKey) Verifiers() []ledger.Verifier { return []ledger.Verifier{k.signer.Verifier()} }

// An attestation that somebody put into the database opens nothing: the log's keys have not signed it.
func TestDeploymentOfAForgedAttestation(t *testing.T) {
	t.Parallel()
	db := storetest.Memory(t)
	signer, err := ledger.GenerateSigner(rand.Reader, "gatehouse/test.example")
	if err != nil {
		t.Fatal(err)
	}
	p := New(Options{Recorder: db, Trail: db, Metrics: quietMetrics{}, Clock: time.Now, Keys: oneKey{signer}})
	const commit = "8c0ffee4f2d1a90b5c6d7e8f9a0b1c2d3e4f5a6b"
	forged, err := json.Marshal(map[string]any{
		"payloadType": "application/vnd.in-toto+json", "payload": "e30=", "signatures": []any{map[string]string{"keyid": "x", "sig": "AAAA"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := db.SaveBlob(t.Context(), forged)
	if err != nil {
		t.Fatal(err)
	}
	entry := store.Entry{
		Type: store.EntryPublication, Repository: "acme/infra", Commit: commit, Detail: map[string]any{"what": store.Attestation, "digest": digest},
	}
	if _, err := db.Append(t.Context(), []store.Entry{entry}); err != nil {
		t.Fatal(err)
	}
	approved, why, err := p.deployable(t.Context(), work.Deployment{Target: work.Target{Owner: "acme", Name: "infra"}, Commit: commit})
	if approved || err != nil || !strings.Contains(why, "does not hold: the attestation is not signed") {
		t.Errorf("%v %q %v", approved, why, err)
	}
}
