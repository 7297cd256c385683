package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// testRetention drops what old decisions were made from, and nothing that a younger one, or one about a pull request that may still be
// open, refers to. The log says so, and verifies; what is gone without its saying so is found.
func testRetention(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	url, signer := fresh(t), Signer(t)
	s := Open(t, url, store.Options{Signer: signer, Clock: func() time.Time { return now }})
	digest := func(text string) string { return ledger.Digest([]byte(text)) }
	record := func(id string, number int, parts ...string) store.Record {
		t.Helper()
		r := SampleRecord(id, number, "head-"+id)
		r.Time, r.Entry.Time = now, now
		r.Facts, r.FactsDigest = []byte(`{"facts":"`+id+`"}`), ""
		r.Evidence = &store.Evidence{Parts: map[string][]byte{}}
		list := ""
		for i, part := range parts {
			r.Evidence.Parts[digest(part)] = []byte(part)
			list += map[bool]string{true: ",", false: ""}[i > 0] + `"` + digest(part) + `"`
		}
		r.Evidence.Manifest = []byte(`{"of":"` + id + `","parts":[` + list + `]}`)
		r.Entry.Detail = map[string]any{"evidence": digest(string(r.Evidence.Manifest))}
		must[store.Position](t)(s.Record(ctx, r))
		return r
	}
	plan := func(content, head string) {
		t.Helper()
		kept := must[string](t)(s.SaveBlob(ctx, []byte(content)))
		must[store.Position](t)(s.Append(ctx, []store.Entry{{Type: store.EntryPlan, Commit: head, Detail: map[string]any{"kept": kept}}}))
	}
	day := func(n int) { now = now.AddDate(0, 0, n) }

	record("superseded", 1, "old", "shared")
	plan("plan of old", "head-superseded")
	plan("plan of both", "head-superseded")
	record("merged", 2, "merged")
	check(t, s.RecordMerge(ctx, store.Merge{RepositoryID: 1, PullRequest: 2, Commit: "c", Base: "main", Time: now}))
	record("open", 3, "open")
	plan("plan of open", "head-open")
	record("closed", 4, "closed")
	check(t, s.SavePublication(ctx, store.Publication{RepositoryID: 1, PullRequest: 4, Head: "head-closed", Decision: "closed", State: store.Superseded, Reason: store.ReasonClosed}))
	record("group", 0, "group")
	attestation := must[string](t)(s.SaveBlob(ctx, []byte("an attestation")))
	day(100)
	record("young", 1, "new", "shared")
	plan("plan of both", "head-young")

	nothing := must[store.Dropped](t)(s.Drop(ctx, now.AddDate(0, 0, -200)))
	if nothing.Entry != -1 || nothing.Blobs != 0 {
		t.Errorf("there was nothing to drop: %+v", nothing)
	}
	cutoff := now.AddDate(0, 0, -50)
	dropped := must[store.Dropped](t)(s.Drop(ctx, cutoff))
	want := map[string]bool{}
	for _, id := range []string{"superseded", "merged", "closed", "group"} {
		want[`{"facts":"`+id+`"}`] = false
	}
	for _, id := range []string{"open", "young"} {
		want[`{"facts":"`+id+`"}`] = true
	}
	for content, there := range map[string]bool{
		"old": false, "shared": true, "merged": false, "open": true, "closed": false, "group": false, "new": true,
		"plan of old": false, "plan of both": true, "plan of open": true, "an attestation": true,
	} {
		want[content] = there
	}
	got := map[string]bool{}
	for content := range want {
		_, err := s.Facts(ctx, digest(content))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		got[content] = err == nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if dropped.Blobs != 13 || dropped.Bytes == 0 || attestation == "" { // 4 facts, 4 manifests, 4 parts, a plan
		t.Errorf("dropped %+v", dropped)
	}
	e := last(t, s)
	if diff := cmp.Diff(map[string]any{"before": cutoff.Format(time.RFC3339), "blobs": 13.0}, e.Detail); diff != "" || e.Type != store.EntryRetention || e.Index != dropped.Entry {
		t.Errorf("%+v%s", e, diff)
	}
	if before, entry, err := s.Retention(ctx); err != nil || !before.Equal(cutoff) || entry != dropped.Entry {
		t.Errorf("%s, %d, %v", before, entry, err)
	}
	must[ledger.Verified](t)(s.Verify(ctx))
	again := must[store.Dropped](t)(s.Drop(ctx, cutoff))
	if again.Entry != -1 {
		t.Errorf("dropped again: %+v", again)
	}
	for what, gone := range map[string]string{"facts": `{"facts":"young"}`, "evidence": `{"of":"young","parts":["` + digest("new") + `","` + digest("shared") + `"]}`} {
		content := must[[]byte](t)(s.Facts(ctx, digest(gone)))
		Exec(t, url, fmt.Sprintf("DELETE FROM blobs WHERE digest = '%s'", digest(gone)))
		_, err := s.Verify(ctx)
		var found *ledger.Mismatch
		if !errors.As(err, &found) || found.Reason != "decision young lacks its "+what+", and no entry says that they were dropped" {
			t.Errorf("got %v", err)
		}
		must[string](t)(s.SaveBlob(ctx, content))
	}
	must[ledger.Verified](t)(s.Verify(ctx))
}

// testDropUnderVerify drops while the log is being verified: what is gone by then is no damage.
func testDropUnderVerify(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := Open(t, fresh(t), store.Options{Signer: Signer(t), Clock: func() time.Time { return now }})
	for i := range 60 {
		r := SampleRecord(fmt.Sprint(i), 1, fmt.Sprint("head-", i))
		r.Time, r.Entry.Time = now, now
		r.Facts, r.FactsDigest = fmt.Appendf(nil, `{"facts":"%d"}`, i), ""
		must[store.Position](t)(s.Record(ctx, r))
		now = now.AddDate(0, 0, 1)
	}
	first, last := now.AddDate(0, 0, -59), now
	done := make(chan error, 1)
	go func() {
		for at := first; at.Before(last); at = at.AddDate(0, 0, 1) {
			if _, err := s.Drop(ctx, at); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		if _, err := s.Verify(ctx); err != nil {
			t.Error(err)
			check(t, <-done)
			return
		}
		select {
		case err := <-done:
			check(t, err)
			return
		default:
		}
	}
}
