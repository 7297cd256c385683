package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// SampleRecord is a decision on a pull request of repository 1, acme/infra.
func SampleRecord(id string, pullRequest int, head string) store.Record {
	return store.Record{
		ID: id, RepositoryID: 1, Repository: "acme/infra", PullRequest: pullRequest, Title: "Open SSH <to the world>", Author: "dana",
		Approvers: []string{"kim", "lee"}, Base: "base0", Head: head, Verdict: "fail", Time: noon,
		Facts: []byte(`{"version":1,"id":"` + id + `"}`), Decision: []byte(`{"verdict":"fail","id":"` + id + `"}`), PolicyDigest: "sha256:policy",
		Resources: []store.Resource{
			{Resource: "aws_security_group.web", Actions: []string{"update"}},
			{Resource: `module.db["eu"].aws_db_instance.main[0]`, Actions: []string{"delete", "create"}},
		},
		Publish:    []store.Work{{Kind: "publish", Key: fmt.Sprintf("1/%d", pullRequest), Args: json.RawMessage(`"` + id + `"`)}},
		Supersedes: true,
	}
}

// verifyLog checks the whole log as `audit verify` does and returns its size.
func verifyLog(t testing.TB, s *store.Store, signer store.Signer) int64 {
	t.Helper()
	ctx := t.Context()
	var checkpoints []ledger.Checkpoint
	for _, text := range must[[]string](t)(s.Checkpoints(ctx)) {
		checkpoints = append(checkpoints, must[ledger.Checkpoint](t)(signer.Open(text)))
	}
	var size int64
	check(t, s.Hashes(ctx, func(stored ledger.HashReader) error {
		verified, err := ledger.VerifyLog(s.Leaves(ctx, 0), stored, checkpoints)
		size = verified.Size
		return err
	}))
	position := must[store.Position](t)(s.Checkpoint(ctx))
	if position.Size != size || position.Index != size-1 {
		t.Errorf("the head is %+v, the log has %d entries", position, size)
	}
	return size
}

func testRecord(t *testing.T, fresh func(testing.TB) string) {
	signer := Signer(t)
	url := fresh(t)
	s := Open(t, url, store.Options{Signer: signer})
	ctx := t.Context()
	empty := must[store.Position](t)(s.Checkpoint(ctx))
	if empty.Index != -1 || empty.Size != 0 || empty.Checkpoint == "" {
		t.Errorf("an empty log's head is %+v", empty)
	}

	extra := []byte("a plan")
	r := SampleRecord("d1", 2, "head1")
	r.Blobs = map[string][]byte{ledger.Digest(extra): extra}
	r.Entry = store.Entry{SourceIP: "192.0.2.1", Detail: map[string]any{"delivery": "a-1"}}
	got := must[store.Position](t)(s.Record(ctx, r))
	signed := must[ledger.Checkpoint](t)(signer.Open(got.Checkpoint))
	if got.Index != 0 || got.Size != 1 || signed.Size != 1 || signed.Root.String() != got.Root {
		t.Errorf("position %+v, checkpoint %+v", got, signed)
	}

	facts := ledger.Digest(r.Facts)
	wantEntry := store.Entry{
		Time: noon.Truncate(time.Microsecond), Type: "decision", Actor: "dana", Repository: "acme/infra", PullRequest: 2, Commit: "head1",
		Resources: []string{"aws_security_group.web", `module.db["eu"].aws_db_instance.main[0]`}, Verdict: "fail", Policy: "sha256:policy",
		Facts: facts, SourceIP: "192.0.2.1",
		Detail: map[string]any{
			"decision": "d1", "decision_digest": ledger.Digest(r.Decision), "delivery": "a-1", "pull_request_title": r.Title, "author": "dana", "base": "base0",
			"approvers": []any{"kim", "lee"}, "repository_id": float64(1),
			"rows": map[string]any{"resources": ledger.Digest([]byte(`[["aws_security_group.web","[\"update\"]"],["module.db[\"eu\"].aws_db_instance.main[0]","[\"delete\",\"create\"]"]]`))},
		},
	}
	entries, next, err := s.Entries(ctx, store.EntryFilter{}, "", 10)
	check(t, err)
	if diff := cmp.Diff([]store.Entry{wantEntry}, entries); diff != "" || next != "" {
		t.Error(diff, next)
	}
	for e, err := range s.Leaves(ctx, 0) {
		check(t, err)
		if diff := cmp.Diff(string(must[[]byte](t)(ledger.Canonical(wantEntry))), string(e.Data)); diff != "" {
			t.Error("the leaf is not the entry's canonical JSON:", diff)
		}
	}

	want := store.Decision{
		LogIndex: 0, ID: "d1", RepositoryID: 1, Repository: "acme/infra", PullRequest: 2, Title: r.Title, Author: "dana", Approvers: r.Approvers,
		Base: "base0", Head: "head1", Verdict: "fail", Time: noon.Truncate(time.Microsecond), FactsDigest: facts, PolicyDigest: "sha256:policy", Decision: r.Decision,
	}
	reads := map[string]store.Decision{
		"by id":  must[store.Decision](t)(s.Decision(ctx, "d1")),
		"latest": must[store.Decision](t)(s.Latest(ctx, 1, 2)),
		"head":   must[[]store.Decision](t)(s.LatestForHead(ctx, 1, "head1"))[0],
	}
	for how, d := range reads {
		if diff := cmp.Diff(want, d); diff != "" {
			t.Error(how, diff)
		}
	}
	for digest, content := range map[string][]byte{facts: r.Facts, ledger.Digest(extra): extra} {
		if diff := cmp.Diff(string(content), string(must[[]byte](t)(s.Facts(ctx, digest)))); diff != "" {
			t.Error(diff)
		}
	}
	wantPublication := store.Publication{RepositoryID: 1, PullRequest: 2, Head: "head1", Decision: "d1", State: store.Pending, Updated: want.Time}
	if diff := cmp.Diff(wantPublication, must[store.Publication](t)(s.Publication(ctx, 1, 2, "head1"))); diff != "" {
		t.Error(diff)
	}

	// A newer commit supersedes; another pull request with the same head is another decision on it.
	must[store.Position](t)(s.Record(ctx, SampleRecord("d2", 2, "head2")))
	must[store.Position](t)(s.Record(ctx, SampleRecord("d3", 3, "head2")))
	must[store.Position](t)(s.Record(ctx, SampleRecord("d4", 2, "head2")))
	var ids []string
	for _, d := range must[[]store.Decision](t)(s.LatestForHead(ctx, 1, "head2")) {
		ids = append(ids, d.ID)
	}
	if diff := cmp.Diff([]string{"d4", "d3"}, ids); diff != "" {
		t.Error(diff)
	}
	if p := must[store.Publication](t)(s.Publication(ctx, 1, 2, "head1")); p.State != store.Superseded || p.Reason == "" {
		t.Errorf("the older publication is %+v", p)
	}
	handler, calls := recorder(nil)
	Work(t, s, map[string]store.Handler{"publish": handler})
	published := map[call]bool{receive(t, calls, "publishing"): true, receive(t, calls, "publishing"): true}
	if diff := cmp.Diff(map[call]bool{{"publish", "1/2", `"d4"`, 1}: true, {"publish", "1/3", `"d3"`, 1}: true}, published); diff != "" {
		t.Error(diff)
	}
	if size := verifyLog(t, s, signer); size != 4 {
		t.Errorf("the log has %d entries", size)
	}

	for what, err := range map[string]error{
		"a decision": errOf(s.Decision(ctx, "no")), "the latest": errOf(s.Latest(ctx, 1, 99)), "facts": errOf(s.Facts(ctx, "sha256:no")),
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s that is not there: %v", what, err)
		}
	}

	// What was written is there after closing and opening again.
	again := Open(t, url, store.Options{Signer: signer})
	if size := verifyLog(t, again, signer); size != 4 {
		t.Errorf("after opening again the log has %d entries", size)
	}
}

func errOf[T any](_ T, err error) error { return err }

func testRecordTwice(t *testing.T, fresh func(testing.TB) string) {
	signer := Signer(t)
	s := Open(t, fresh(t), store.Options{Signer: signer})
	ctx := t.Context()
	first := must[store.Position](t)(s.Record(ctx, SampleRecord("d1", 2, "head1")))
	if diff := cmp.Diff(first, must[store.Position](t)(s.Record(ctx, SampleRecord("d1", 2, "head1")))); diff != "" {
		t.Error(diff)
	}
	other := SampleRecord("d1", 2, "head1")
	other.Decision = []byte(`{"verdict":"pass"}`)
	if _, err := s.Record(ctx, other); !errors.Is(err, store.ErrConflict) {
		t.Errorf("another decision under the same id: %v", err)
	}
	wrong := SampleRecord("d2", 2, "head1")
	wrong.FactsDigest = "sha256:0000"
	blob := SampleRecord("d3", 2, "head1")
	blob.Blobs = map[string][]byte{"sha256:0000": nil}
	for _, r := range []store.Record{wrong, blob, SampleRecord("", 2, "head1"), SampleRecord("d4", 2, "")} {
		if _, err := s.Record(ctx, r); err == nil {
			t.Errorf("record %q with wrong digests or without a name was stored", r.ID)
		}
	}
	if size := verifyLog(t, s, signer); size != 1 {
		t.Errorf("the log has %d entries, wanted 1", size)
	}
}

func testAppendKey(t *testing.T, fresh func(testing.TB) string) {
	signer := Signer(t)
	s := Open(t, fresh(t), store.Options{Signer: signer, Clock: func() time.Time { return noon }})
	ctx := t.Context()
	login := store.Entry{Type: store.EntryLogin, Actor: "kim"}
	bypass := store.Entry{Type: store.EntryBypass, Actor: "root", Key: "bypass/1/abc"}
	must[store.Position](t)(s.Append(ctx, []store.Entry{login, bypass}, work("1/2", `1`)))
	p := must[store.Position](t)(s.Append(ctx, []store.Entry{login, bypass}))
	if p.Index != 1 || p.Size != 3 {
		t.Errorf("got %+v, wanted the index of the entry that was there", p)
	}
	p = must[store.Position](t)(s.Append(ctx, []store.Entry{bypass}))
	if p.Index != 1 || p.Size != 3 {
		t.Errorf("got %+v", p)
	}
	var got []string
	list, _, err := s.Entries(ctx, store.EntryFilter{}, "", 10)
	check(t, err)
	for _, e := range list {
		got = append(got, fmt.Sprint(e.Index, e.Type, e.Actor, e.Time.Equal(noon.Truncate(time.Microsecond))))
	}
	if diff := cmp.Diff([]string{"2loginkimtrue", "1bypassroottrue", "0loginkimtrue"}, got); diff != "" {
		t.Error(diff)
	}
	for _, e := range []store.Entry{{}, {Type: "x", Detail: map[string]any{"f": func() {}}}, {Type: "x", Key: string(make([]byte, 501))}} {
		if _, err := s.Append(ctx, []store.Entry{login, e}); err == nil {
			t.Errorf("entry %v was stored", e)
		}
	}
	verifyLog(t, s, signer)
}

func testAppendParallel(t *testing.T, fresh func(testing.TB) string) {
	url, signer := fresh(t), Signer(t)
	replicas := []*store.Store{Open(t, url, store.Options{Signer: signer}), Open(t, url, store.Options{Signer: signer})}
	const each = 40
	seen := make(map[int64]bool)
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 2 * each {
		all.Go(func() {
			var p store.Position
			var err error
			if i%4 == 0 {
				p, err = replicas[i%2].Record(t.Context(), SampleRecord(fmt.Sprint(i), i, "head"))
			} else {
				p, err = replicas[i%2].Append(t.Context(), []store.Entry{{Type: store.EntryPosture, Actor: fmt.Sprint(i)}}, work("1/2", `1`))
			}
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			seen[p.Index] = true
			mu.Unlock()
		})
	}
	all.Wait()
	want := map[int64]bool{}
	for i := range int64(2 * each) {
		want[i] = true
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	if size := verifyLog(t, replicas[0], signer); size != 2*each {
		t.Errorf("the log has %d entries", size)
	}
}

// state is everything that writes can change, as a reader sees it.
func state(t testing.TB, s *store.Store) map[string]any {
	t.Helper()
	ctx := t.Context()
	stats := must[[]store.QueueStat](t)(s.Queue(ctx))
	for i := range stats {
		stats[i].Oldest = time.Time{}
	}
	decisions, _, err := s.Decisions(ctx, store.DecisionFilter{}, "", 100)
	check(t, err)
	entries, _, err := s.Entries(ctx, store.EntryFilter{}, "", 100)
	check(t, err)
	who, _, err := s.Who(ctx, "*", "", 100)
	check(t, err)
	sizeOf := must[store.Position](t)(s.Checkpoint(ctx))
	found := map[string]any{
		"queue": stats, "decisions": decisions, "entries": entries, "who": who, "log": sizeOf.Root,
		"deliveries":   must[map[string]bool](t)(s.Delivered(ctx, []string{"a"})),
		"publications": must[[]store.Publication](t)(s.PublicationsOn(ctx, 1, "head1")),
		"pushers":      must[[]string](t)(s.Pushers(ctx, 1, "abc")),
	}
	optional := map[string]func() (any, error){
		"comment": func() (any, error) { return s.Comment(ctx, 1, 2) },
		"merge":   func() (any, error) { return s.Merge(ctx, 1, 2) },
		"meta":    func() (any, error) { return s.Meta(ctx, "cursor") },
		"blob":    func() (any, error) { return s.Facts(ctx, ledger.Digest([]byte("blob"))) },
	}
	for name, read := range optional {
		v, err := read()
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		check(t, err)
		found[name] = v
	}
	return found
}
