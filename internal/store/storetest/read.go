package storetest

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

func testSearch(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{})
	ctx := t.Context()
	for i := range 7 {
		r := SampleRecord(fmt.Sprint("d", i), i%3, fmt.Sprint("head", i))
		r.Time = noon.Add(time.Duration(i) * time.Hour)
		r.Verdict = []string{"pass", "fail"}[i%2]
		r.Author = []string{"dana", "kim"}[i%2]
		r.Resources = []store.Resource{{Resource: fmt.Sprintf("aws_s3_bucket.b[%d]", i)}, {Resource: "100%_sure"}}
		must[store.Position](t)(s.Record(ctx, r))
	}
	must[store.Position](t)(s.Append(ctx, []store.Entry{{Type: store.EntryLogin, Actor: "kim", Time: noon.Add(9 * time.Hour)}}))

	decisions := map[string]struct {
		filter store.DecisionFilter
		want   string
	}{
		"all":             {store.DecisionFilter{}, "d6 d5 d4 d3 d2 d1 d0"},
		"repository":      {store.DecisionFilter{Repository: "acme/infra", PullRequest: 1}, "d4 d1"},
		"repository id":   {store.DecisionFilter{RepositoryID: 1, PullRequest: 2}, "d5 d2"},
		"nowhere":         {store.DecisionFilter{RepositoryID: 2}, ""},
		"verdict":         {store.DecisionFilter{Verdict: "fail"}, "d5 d3 d1"},
		"author":          {store.DecisionFilter{Author: "dana", PullRequest: 1}, "d4"},
		"head":            {store.DecisionFilter{Head: "head3"}, "d3"},
		"time":            {store.DecisionFilter{Since: noon.Add(2 * time.Hour), Before: noon.Add(4 * time.Hour)}, "d3 d2"},
		"resource":        {store.DecisionFilter{Resource: "aws_s3_bucket.b[3]"}, "d3"},
		"resource glob":   {store.DecisionFilter{Resource: "aws_s3_bucket.b[?]", Verdict: "pass"}, "d6 d4 d2 d0"},
		"glob in front":   {store.DecisionFilter{Resource: "*bucket*[5]"}, "d5"},
		"no class":        {store.DecisionFilter{Resource: "aws_s3_bucket.[b]*"}, ""},
		"percent literal": {store.DecisionFilter{Resource: "100%_s*", PullRequest: 1}, "d4 d1"},
		"percent no glob": {store.DecisionFilter{Resource: "1%e*"}, ""},
		"under no glob":   {store.DecisionFilter{Resource: "aws_s3_bucket_b[3]*"}, ""},
	}
	for name, test := range decisions {
		for _, limit := range []int{1, 2, 100} {
			var ids []string
			cursor := ""
			for {
				list, next, err := s.Decisions(ctx, test.filter, cursor, limit)
				check(t, err)
				for _, d := range list {
					ids = append(ids, d.ID)
				}
				if cursor = next; cursor == "" {
					break
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(ids, " ")); diff != "" {
				t.Error(name, limit, diff)
			}
		}
	}

	entries := map[string]struct {
		filter store.EntryFilter
		want   string
	}{
		"all":      {store.EntryFilter{}, "7 6 5 4 3 2 1 0"},
		"type":     {store.EntryFilter{Type: "login"}, "7"},
		"actor":    {store.EntryFilter{Actor: "kim"}, "7 5 3 1"},
		"place":    {store.EntryFilter{Repository: "acme/infra", PullRequest: 1}, "4 1"},
		"commit":   {store.EntryFilter{Commit: "head2"}, "2"},
		"verdict":  {store.EntryFilter{Verdict: "fail", Before: noon.Add(2 * time.Hour)}, "1"},
		"resource": {store.EntryFilter{Resource: "*.b[4]"}, "4"},
	}
	for name, test := range entries {
		var ids []string
		cursor := ""
		for {
			list, next, err := s.Entries(ctx, test.filter, cursor, 3)
			check(t, err)
			for _, e := range list {
				ids = append(ids, fmt.Sprint(e.Index))
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if diff := cmp.Diff(test.want, strings.Join(ids, " ")); diff != "" {
			t.Error(name, diff)
		}
	}

	for _, cursor := range []string{"x", "1", "1.x", "-1.0", "1.-1", "1.9999999999", "'; DROP TABLE decisions; --.0"} {
		if _, _, err := s.Decisions(ctx, store.DecisionFilter{}, cursor, 10); err == nil {
			t.Errorf("cursor %q was taken", cursor)
		}
	}
	for _, limit := range []int{-1, 0, 1001} {
		if _, _, err := s.Entries(ctx, store.EntryFilter{}, "", limit); err == nil {
			t.Errorf("limit %d was taken", limit)
		}
	}
}

func testWho(t *testing.T, fresh func(testing.TB) string) {
	for _, broad := range []int{0, -1} {
		t.Run(fmt.Sprint(broad), func(t *testing.T) { who(t, Open(t, fresh(t), store.Options{Broad: broad})) })
	}
}

func who(t *testing.T, s *store.Store) {
	ctx := t.Context()
	many := SampleRecord("old", 1, "head0")
	many.Resources = []store.Resource{{Resource: "gone.by.now", Actions: []string{"create"}}}
	must[store.Position](t)(s.Record(ctx, many))
	many = SampleRecord("many", 1, "head1")
	many.Resources = nil
	var want []string
	for i := range 10 {
		many.Resources = append(many.Resources, store.Resource{Resource: fmt.Sprint("r.", i), Actions: []string{"delete", "create"}})
		want = append(want, fmt.Sprintf("many r.%d [delete create] merged by kim as abc", i))
	}
	must[store.Position](t)(s.Record(ctx, many))
	one := SampleRecord("one", 2, "head2")
	one.Resources = []store.Resource{{Resource: "r.1"}}
	must[store.Position](t)(s.Record(ctx, one))
	check(t, s.RecordMerge(ctx, store.Merge{RepositoryID: 1, PullRequest: 1, Commit: "abc", MergedBy: "kim", Base: "main"}))
	want = append([]string{"one r.1 [] merged by  as "}, want...)

	for _, limit := range []int{1, 2, 3, 4, 100} {
		var got []string
		cursor := ""
		for {
			list, next, err := s.Who(ctx, "*", cursor, limit)
			check(t, err)
			for _, r := range list {
				got = append(got, fmt.Sprintf("%s %s %v merged by %s as %s", r.ID, r.Resource, r.Actions, r.MergedBy, r.MergeCommit))
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(limit, diff)
		}
	}
	if list, _, err := s.Who(ctx, "gone*", "", 10); err != nil || len(list) != 0 {
		t.Errorf("a resource that the last decision does not touch any more: %v, %v", list, err)
	}
}

func testPublications(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{Clock: func() time.Time { return noon }})
	ctx := t.Context()
	at := noon.Truncate(time.Microsecond)
	if _, err := s.Publication(ctx, 1, 2, "head1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	must[store.Position](t)(s.Record(ctx, SampleRecord("d1", 2, "head1")))
	p := store.Publication{RepositoryID: 1, PullRequest: 2, Head: "head1", Decision: "d1", CheckRunID: 55, Digest: "x", State: store.Published, Updated: at}
	check(t, s.SavePublication(ctx, p))
	if diff := cmp.Diff(p, must[store.Publication](t)(s.Publication(ctx, 1, 2, "head1"))); diff != "" {
		t.Error(diff)
	}

	// A newer decision for the same head: the check run stays known, the state starts again.
	must[store.Position](t)(s.Record(ctx, SampleRecord("d2", 2, "head1")))
	// The publisher of the older one comes late. It must not end what is still to be done.
	p.CheckRunID, p.Digest, p.State, p.Reason = 0, "y", store.Failed, "too late"
	check(t, s.SavePublication(ctx, p))
	want := store.Publication{RepositoryID: 1, PullRequest: 2, Head: "head1", Decision: "d2", CheckRunID: 55, Digest: "y", State: store.Pending, Updated: at}
	if diff := cmp.Diff([]store.Publication{want}, must[[]store.Publication](t)(s.PublicationsOn(ctx, 1, "head1"))); diff != "" {
		t.Error(diff)
	}
	check(t, s.SavePublication(ctx, store.Publication{RepositoryID: 1, PullRequest: 2, Head: "head1", Decision: "d2", State: store.Failed, Reason: "422"}, store.Entry{Type: store.EntryPublication}))
	if got := must[store.Publication](t)(s.Publication(ctx, 1, 2, "head1")); got.State != store.Failed || got.Reason != "422" || got.CheckRunID != 55 {
		t.Errorf("got %+v", got)
	}
}

func testSmallFacts(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{Clock: func() time.Time { return noon }})
	ctx := t.Context()
	at := noon.Truncate(time.Microsecond)
	for _, err := range []error{errOf(s.Comment(ctx, 1, 2)), errOf(s.Merge(ctx, 1, 2)), errOf(s.Meta(ctx, "cursor"))} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	}
	comment := store.Comment{RepositoryID: 1, PullRequest: 2, CommentID: 9, Digest: "a", Updated: at}
	merge := store.Merge{RepositoryID: 1, PullRequest: 2, Commit: "abc", MergedBy: "kim", Base: "main", Time: at}
	for range 2 { // the second time over the first
		comment.CommentID++
		merge.MergedBy += "!"
		check(t, s.SaveComment(ctx, comment))
		check(t, s.RecordMerge(ctx, merge))
		check(t, s.SetMeta(ctx, "cursor", merge.MergedBy))
		if diff := cmp.Diff(comment, must[store.Comment](t)(s.Comment(ctx, 1, 2))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(merge, must[store.Merge](t)(s.Merge(ctx, 1, 2))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(merge.MergedBy, must[string](t)(s.Meta(ctx, "cursor"))); diff != "" {
			t.Error(diff)
		}
	}
	check(t, s.RecordPush(ctx, store.Push{RepositoryID: 1, SHA: "abc", Login: "kim"}, store.Push{RepositoryID: 1, SHA: "abc", Login: "dana"}, store.Push{RepositoryID: 2, SHA: "abc", Login: "lee"}))
	if diff := cmp.Diff([]string{"dana", "kim"}, must[[]string](t)(s.Pushers(ctx, 1, "abc"))); diff != "" {
		t.Error(diff)
	}
	if got := must[[]string](t)(s.Pushers(ctx, 3, "abc")); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if err := s.RecordPush(ctx, store.Push{RepositoryID: 1, SHA: "abc"}); err == nil {
		t.Error("a push by nobody was stored")
	}
	check(t, s.Ping(ctx))
}

func testReadOnly(t *testing.T, fresh func(testing.TB) string) {
	url, signer := fresh(t), Signer(t)
	if _, err := store.Open(t.Context(), url, store.Options{ReadOnly: true}); err == nil {
		t.Error("a database that is not there or empty was opened for reading")
	}
	if _, err := store.Open(t.Context(), url, store.Options{}); err == nil {
		t.Error("opened for writing without a signing key")
	}
	s := Open(t, url, store.Options{Signer: signer})
	reader := Open(t, url, store.Options{ReadOnly: true, Signer: signer})
	must[store.Position](t)(s.Record(t.Context(), SampleRecord("d1", 2, "head1")))
	if d := must[store.Decision](t)(reader.Decision(t.Context(), "d1")); d.Head != "head1" {
		t.Errorf("got %+v", d)
	}
	check(t, reader.CheckLog(t.Context()))
	verifyLog(t, reader, signer)
	for _, err := range []error{
		reader.SetMeta(t.Context(), "a", "b"), errOf(reader.Record(t.Context(), SampleRecord("d2", 2, "head1"))), reader.Enqueue(t.Context(), work("1/2", `1`)),
		errOf(reader.Accept(t.Context(), delivery("a"), nil)), reader.Work(t.Context(), nil),
	} {
		if !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("a write by a reader: %v", err)
		}
	}
}

func testHostileText(t *testing.T, fresh func(testing.TB) string) {
	signer := Signer(t)
	s := Open(t, fresh(t), store.Options{Signer: signer})
	for i, nasty := range []string{"a\x00b", "\xff\xfe", strings.Repeat("é", 5000), "'; DROP TABLE work; --", "%_*?[", "\u2028<&>"} {
		r := SampleRecord(fmt.Sprint("d", i), 2, "head1")
		r.Title, r.Author, r.Repository, r.Approvers = nasty, nasty, nasty, []string{nasty}
		r.Resources = []store.Resource{{Resource: nasty, Actions: []string{nasty}}}
		must[store.Position](t)(s.Record(t.Context(), r))
		d := delivery(fmt.Sprint("x", i))
		d.Repository, d.Action, d.Event, d.SourceIP = nasty, nasty, nasty, nasty
		must[bool](t)(s.Accept(t.Context(), d, nil))
		must[store.Decision](t)(s.Latest(t.Context(), 1, 2))
		if _, _, err := s.Who(t.Context(), nasty, "", 10); err != nil {
			t.Error(err)
		}
	}
	verifyLog(t, s, signer)
}

func testNewerSchema(t *testing.T, fresh func(testing.TB) string) {
	url, signer := fresh(t), Signer(t)
	Open(t, url, store.Options{Signer: signer})
	applied := "1"
	if isPostgres(url) {
		applied = "true"
	}
	Exec(t, url, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, "+applied+")")
	for _, options := range []store.Options{{Signer: signer}, {ReadOnly: true}} {
		if _, err := store.Open(t.Context(), url, options); err == nil || !strings.Contains(err.Error(), "9999") {
			t.Errorf("got %v", err)
		}
	}
}

func testStartTwice(t *testing.T, fresh func(testing.TB) string) {
	url, signer := fresh(t), Signer(t)
	stores := make([]*store.Store, 4)
	var all sync.WaitGroup
	for i := range stores {
		all.Go(func() {
			s, err := store.Open(t.Context(), url, store.Options{Signer: signer})
			if err != nil {
				t.Error(err)
				return
			}
			stores[i] = s
			if _, err := s.Append(t.Context(), []store.Entry{{Type: store.EntryPosture}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, s := range stores {
		if s == nil {
			continue
		}
		if size := verifyLog(t, s, signer); size != int64(len(stores)) {
			t.Errorf("the log has %d entries", size)
		}
		s.Close()
	}
	for _, bad := range []string{"", "gatehouse.db", "mysql://x", "sqlite:", "sqlite:" + filepath.Join(t.TempDir(), "no", "such", "folder.db"), "postgres://%zz"} {
		if _, err := store.Open(t.Context(), bad, store.Options{Signer: signer}); err == nil {
			t.Errorf("%q was opened", bad)
		}
	}
}
