package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// board is a record as the dashboard sees it: two repositories, four pull requests.
func board(t *testing.T, s *store.Store) {
	t.Helper()
	put := func(id string, repository int64, pull int, head, verdict string, day int, change func(*store.Record)) {
		r := SampleRecord(id, pull, head)
		r.RepositoryID, r.Repository = repository, []string{"", "acme/infra", "acme/shop"}[repository]
		r.Verdict, r.Time = verdict, noon.AddDate(0, 0, day)
		r.Terms = []store.Term{
			{Kind: store.TermPerson, Term: "Dana"}, {Kind: store.TermPerson, Term: "kim"}, {Kind: store.TermCommit, Term: head},
			{Kind: store.TermFile, Term: fmt.Sprintf("infra/%s/main.tf", id)}, {Kind: store.TermRule, Term: "IM-06", N: 2}, {Kind: store.TermRule, Term: ""},
		}
		if change != nil {
			change(&r)
		}
		must[store.Position](t)(s.Record(t.Context(), r))
	}
	put("old", 1, 1, "aaa1", "fail", 0, nil)
	put("new", 1, 1, "aaa2", "pass", 1, func(r *store.Record) { r.Terms[4].N = 0 })
	put("wait", 1, 2, "bbb1", "wait", 1, func(r *store.Record) {
		r.Waivers = []store.WaiverUse{
			{Rule: "LP-01", Resource: "r.1", Reason: "until the move", Owner: "mei", Expires: "2027-01-31"},
			{Rule: "LP-01", Resource: "r.2", Reason: "until the move", Owner: "mei", Expires: "2027-01-31"},
			{Rule: "IM-06", Resource: "r.3", Reason: "the bastion", Owner: "kim", Expires: "2026-12-01"},
		}
	})
	put("shut", 1, 3, "ccc1", "fail", 2, nil)
	put("shop", 2, 1, "ddd1", "error", 2, func(r *store.Record) { r.Terms[0].Term, r.Terms[4].Term = "zoe", "AUD-04" })
	put("gone", 2, 2, "eee1", "fail", 3, nil)
	check(t, s.SavePublication(t.Context(), store.Publication{
		RepositoryID: 1, PullRequest: 3, Head: "ccc1", Decision: "shut", State: store.Superseded, Reason: store.ReasonClosed,
	}))
	check(t, s.RecordMerge(t.Context(), store.Merge{RepositoryID: 2, PullRequest: 2, Commit: "feed5", MergedBy: "vic", Base: "main"}))
}

func testDashboard(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{})
	ctx := t.Context()
	board(t, s)
	infra := &store.Scope{IDs: []int64{1}, Names: []string{"", "acme/infra"}}
	nothing := &store.Scope{}
	at := noon.Truncate(time.Microsecond)

	open := func(scope *store.Scope) string {
		list, next, err := s.Open(ctx, scope, "", 10)
		check(t, err)
		var ids []string
		for _, d := range list {
			if len(d.Decision) == 0 {
				t.Errorf("%s has no body", d.ID)
			}
			ids = append(ids, d.ID)
		}
		return strings.Join(ids, " ") + next
	}
	if diff := cmp.Diff([]string{"shop wait", "wait", ""}, []string{open(nil), open(infra), open(nothing)}); diff != "" {
		t.Error(diff)
	}

	standing := func(repository int64, owner string) string {
		list, err := s.Standing(ctx, repository, owner)
		check(t, err)
		var ids []string
		for _, d := range list {
			ids = append(ids, d.ID)
		}
		return strings.Join(ids, " ")
	}
	if diff := cmp.Diff([]string{"new", "", "new", ""}, []string{standing(1, ""), standing(2, ""), standing(0, "Acme"), standing(0, "acm")}); diff != "" {
		t.Error(diff)
	}

	unposted := must[[]store.Unposted](t)(s.Unposted(ctx, nil))
	var ids []string
	for _, u := range unposted {
		ids = append(ids, u.ID+" "+u.Verdict+" "+u.Why)
	}
	if diff := cmp.Diff([]string{"shop error ", "wait wait ", "new pass "}, ids); diff != "" {
		t.Error(diff)
	}
	if got := must[[]store.Unposted](t)(s.Unposted(ctx, nothing)); len(got) != 0 {
		t.Errorf("%+v", got)
	}

	day := func(n int) string { return at.AddDate(0, 0, n).Format(time.DateOnly) }
	days := must[[]store.DayCount](t)(s.Days(ctx, infra, "", at))
	if diff := cmp.Diff([]store.DayCount{
		{Day: day(0), Verdict: "fail", N: 1}, {Day: day(1), Verdict: "pass", N: 1}, {Day: day(1), Verdict: "wait", N: 1}, {Day: day(2), Verdict: "fail", N: 1},
	}, days); diff != "" {
		t.Error(diff)
	}
	if got := must[[]store.DayCount](t)(s.Days(ctx, nil, "acme/shop", at.AddDate(0, 0, 3))); len(got) != 1 {
		t.Errorf("got %v", got)
	}

	rules := must[[]store.RuleCount](t)(s.Rules(ctx, nil, "", at))
	if diff := cmp.Diff([]store.RuleCount{
		{Rule: "im-06", Fired: 6, PullRequests: 3, Waived: 1, Last: at.AddDate(0, 0, 3)},
		{Rule: "aud-04", Fired: 2, PullRequests: 1, Last: at.AddDate(0, 0, 2)}, {Rule: "lp-01", Waived: 2},
	}, rules); diff != "" {
		t.Error(diff)
	}

	rows := must[[]store.RepositoryRow](t)(s.Repositories(ctx, nil, at.AddDate(0, 0, 1)))
	if diff := cmp.Diff([]store.RepositoryRow{
		{ID: 1, Name: "acme/infra", Decisions: 3, Passed: 1, Last: at.AddDate(0, 0, 2)}, {ID: 2, Name: "acme/shop", Decisions: 2, Last: at.AddDate(0, 0, 3)},
	}, rows); diff != "" {
		t.Error(diff)
	}
	if got := must[[]store.RepositoryRow](t)(s.Repositories(ctx, nothing, at)); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if diff := cmp.Diff(map[string]int64{"acme/infra": 1, "acme/shop": 2}, must[map[string]int64](t)(s.RepositoryNames(ctx))); diff != "" {
		t.Error(diff)
	}

	waivers := must[[]store.WaiverRow](t)(s.Waivers(ctx, infra, "acme/infra", at))
	if diff := cmp.Diff([]store.WaiverRow{
		{Repository: "acme/infra", WaiverUse: store.WaiverUse{Rule: "IM-06", Resource: "r.3", Reason: "the bastion", Owner: "kim", Expires: "2026-12-01"}, Resources: 1, Decision: "wait", Last: at.AddDate(0, 0, 1)},
		{Repository: "acme/infra", WaiverUse: store.WaiverUse{Rule: "LP-01", Resource: "r.1", Reason: "until the move", Owner: "mei", Expires: "2027-01-31"}, Resources: 2, Decision: "wait", Last: at.AddDate(0, 0, 1)},
	}, waivers); diff != "" {
		t.Error(diff)
	}
}

func testFind(t *testing.T, fresh func(testing.TB) string) {
	for _, broad := range []int{0, -1} { // of few decisions every pattern is narrow, of none or more every one is broad
		t.Run(fmt.Sprint(broad), func(t *testing.T) { find(t, Open(t, fresh(t), store.Options{Broad: broad})) })
	}
}

func find(t *testing.T, s *store.Store) {
	ctx := t.Context()
	board(t, s)
	for name, test := range map[string]struct {
		filter store.FindFilter
		want   string
	}{
		"resource":         {store.FindFilter{Pattern: "aws_security_group.*"}, "gone shop shut wait new"},
		"also replaced":    {store.FindFilter{Pattern: "aws_security_group.web", All: true}, "gone shop shut wait new old"},
		"rule":             {store.FindFilter{Pattern: "aud-04"}, "shop"},
		"rule in capitals": {store.FindFilter{Pattern: "AUD-*", Kinds: []string{store.TermRule}}, "shop"},
		"file":             {store.FindFilter{Pattern: "infra/sh*"}, "shop shut"},
		"file by kind":     {store.FindFilter{Pattern: "*main.tf", Kinds: []string{store.TermFile}}, "gone shop shut wait new"},
		"no file":          {store.FindFilter{Pattern: "*main.tf", Kinds: []string{store.TermPerson}}, ""},
		"person":           {store.FindFilter{Pattern: "ZOE"}, "shop"},
		"who merged":       {store.FindFilter{Pattern: "vic"}, "gone"},
		"commit":           {store.FindFilter{Pattern: "aaa*", Kinds: []string{store.TermCommit}, All: true}, "new old"},
		"merge commit":     {store.FindFilter{Pattern: "feed*"}, "gone"},
		"scope":            {store.FindFilter{Pattern: "dana", Within: &store.Scope{IDs: []int64{2}}}, "gone"},
		"no scope":         {store.FindFilter{Pattern: "dana", Within: &store.Scope{}}, ""},
	} {
		for _, limit := range []int{1, 100} {
			var ids []string
			for cursor, more := "", true; more; more = cursor != "" {
				list, next, err := s.Find(ctx, test.filter, cursor, limit)
				check(t, err)
				for _, d := range list {
					ids = append(ids, d.ID)
					if d.ID == "gone" && (d.MergedBy != "vic" || d.MergeCommit != "feed5") {
						t.Errorf("%s: %+v", name, d)
					}
				}
				cursor = next
			}
			if diff := cmp.Diff(test.want, strings.Join(ids, " ")); diff != "" {
				t.Error(name, limit, diff)
			}
		}
	}
	if _, _, err := s.Find(ctx, store.FindFilter{Pattern: "x", Kinds: []string{"'; DROP TABLE"}}, "", 1); err == nil {
		t.Error("a kind that does not exist was looked for")
	}

	latest := must[store.Decision](t)(s.Decision(ctx, "wait"))
	changed := must[[]store.Resource](t)(s.Changed(ctx, latest.LogIndex, "aws*", 10))
	if diff := cmp.Diff([]store.Resource{{Resource: "aws_security_group.web", Actions: []string{"update"}}}, changed); diff != "" {
		t.Error(diff)
	}
	if got := must[[]store.Resource](t)(s.Changed(ctx, latest.LogIndex, "", 1)); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	if _, err := s.Leaf(ctx, 999); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if leaf := must[[]byte](t)(s.Leaf(ctx, latest.LogIndex)); !strings.Contains(string(leaf), `"decision":"wait"`) {
		t.Errorf("got %s", leaf)
	}
	within := &store.Scope{IDs: []int64{2}, Names: []string{"acme/shop"}}
	who, _, err := s.WhoWithin(ctx, "aws_security_group.web", within, "", 10)
	check(t, err)
	list, _, err := s.Decisions(ctx, store.DecisionFilter{Within: within}, "", 10)
	check(t, err)
	entries, _, err := s.Entries(ctx, store.EntryFilter{Within: within}, "", 10)
	check(t, err)
	none, _, err := s.Entries(ctx, store.EntryFilter{Within: &store.Scope{}}, "", 10)
	check(t, err)
	if len(who) != 2 || len(list) != 2 || len(entries) != 2 || len(none) != 0 {
		t.Errorf("within one repository: %d changes, %d decisions, %d entries; within none: %d", len(who), len(list), len(entries), len(none))
	}
}

func testSessions(t *testing.T, fresh func(testing.TB) string) {
	now := noon
	s := Open(t, fresh(t), store.Options{Clock: func() time.Time { return now }})
	ctx := t.Context()
	check(t, s.SaveSession(ctx, "a", []byte("sealed"), noon.Add(time.Hour)))
	check(t, s.SaveSession(ctx, "b", []byte{0, 255}, noon.Add(2*time.Hour)))
	if diff := cmp.Diff([]byte("sealed"), must[[]byte](t)(s.Session(ctx, "a"))); diff != "" {
		t.Error(diff)
	}
	now = noon.Add(time.Hour)
	if _, err := s.Session(ctx, "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a session that has expired: %v", err)
	}
	check(t, s.SaveSession(ctx, "a", []byte("again"), now.Add(time.Hour))) // the one that has expired is forgotten, not in the way
	if got := must[[]byte](t)(s.Session(ctx, "b")); string(got) != "\x00\xff" {
		t.Errorf("got %q", got)
	}
	check(t, s.DropSession(ctx, "b"))
	check(t, s.DropSession(ctx, "b"))
	if _, err := s.Session(ctx, "b"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a session that was ended: %v", err)
	}
	if err := s.SaveSession(ctx, "", nil, now); err == nil {
		t.Error("a session without an id was stored")
	}
}
