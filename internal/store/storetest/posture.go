package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

func testPostures(t *testing.T, fresh func(testing.TB) string) {
	now := noon.Truncate(time.Microsecond)
	s := Open(t, fresh(t), store.Options{Clock: func() time.Time { return now }})
	ctx := t.Context()
	size := func() int64 { return must[store.Position](t)(s.Checkpoint(ctx)).Size }
	put := func(before []byte, p store.Posture, entries ...store.Entry) bool {
		t.Helper()
		return must[bool](t)(s.SavePosture(ctx, before, p, entries...))
	}
	main := store.Posture{RepositoryID: 1, Repository: "acme/infra", InstallationID: 9, Branch: "main", Default: true, State: "ok", Report: []byte(`{"a":1}`)}
	entry := store.Entry{Type: store.EntryPosture, Actor: "vic", Repository: "acme/infra", Detail: map[string]any{"branch": "main"}}
	if !put(nil, main, entry) || size() != 1 {
		t.Fatal("the first look is not stored")
	}
	release := main
	release.Branch, release.Default, release.State = "a/release", false, "unknown"
	shop := main
	shop.RepositoryID, shop.Repository, shop.InstallationID = 2, "acme/shop", 8
	if !put(nil, release) || !put(nil, shop) {
		t.Fatal("other branches are not stored")
	}
	must0(t, s.SetTip(ctx, 1, "main", "abc"))
	must0(t, s.SetTip(ctx, 3, "main", "abc")) // of nothing that is known

	// Somebody else was here meanwhile: nothing changes, and nothing is said.
	worse := main
	worse.State, worse.Report = "problem", []byte(`{"a":2}`)
	if put(nil, worse, entry) || put([]byte(`{"a":0}`), worse, entry) || size() != 1 {
		t.Error("a report that is not the known one was replaced")
	}
	earlier := now
	now = now.Add(time.Hour)
	if !put(main.Report, main) || !put(release.Report, worsened(release)) || size() != 1 {
		t.Error("a look again is not stored")
	}
	main.Tip, main.Changed, main.Checked = "abc", earlier, now
	release = worsened(release)
	release.Changed, release.Checked = now, now
	shop.Changed, shop.Checked = earlier, earlier
	for name, c := range map[string]struct {
		filter store.PostureFilter
		want   []store.Posture
	}{
		"all":                  {store.PostureFilter{}, []store.Posture{main, release, shop}},
		"of a repository":      {store.PostureFilter{RepositoryID: 2}, []store.Posture{shop}},
		"by name":              {store.PostureFilter{Repository: "acme/infra"}, []store.Posture{main, release}},
		"of an installation":   {store.PostureFilter{InstallationID: 8}, []store.Posture{shop}},
		"that somebody sees":   {store.PostureFilter{Within: &store.Scope{IDs: []int64{2, 5}}}, []store.Posture{shop}},
		"for who sees nothing": {store.PostureFilter{Within: &store.Scope{}}, nil},
	} {
		if diff := cmp.Diff(c.want, must[[]store.Posture](t)(s.Postures(ctx, c.filter))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	must0(t, s.DropPosture(ctx, 1, "main", entry))
	must0(t, s.DropPosture(ctx, 1, "main", entry)) // gone already
	if left := must[[]store.Posture](t)(s.Postures(ctx, store.PostureFilter{RepositoryID: 1})); len(left) != 1 || size() != 2 {
		t.Errorf("after dropping one: %v, %d entries", left, size())
	}
	if _, err := s.SavePosture(ctx, nil, store.Posture{Branch: "main"}); err == nil {
		t.Error("a posture of no repository is stored")
	}
}

func worsened(p store.Posture) store.Posture {
	p.State, p.Report = "problem", []byte(`{"a":2}`)
	return p
}

func testTurn(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{})
	ctx := t.Context()
	entry := store.Entry{Type: store.EntryConfiguration}
	var got []bool
	for _, step := range [][2]string{{"", "one"}, {"", "two"}, {"one", "two"}, {"one", "three"}} {
		got = append(got, must[bool](t)(s.Turn(ctx, "settings", step[0], step[1], entry)))
	}
	if diff := cmp.Diff([]bool{true, false, true, false}, got); diff != "" {
		t.Error(diff)
	}
	value := must[string](t)(s.Meta(ctx, "settings"))
	if size := must[store.Position](t)(s.Checkpoint(ctx)).Size; value != "two" || size != 2 {
		t.Errorf("%q, %d entries", value, size)
	}
}

// must0 is must for what returns an error alone.
func must0(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
