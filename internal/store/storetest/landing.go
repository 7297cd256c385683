package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// testLanding asks how commits landed that have no attestation of their own.
func testLanding(t *testing.T, fresh func(testing.TB) string) {
	url := fresh(t)
	s := Open(t, url, store.Options{})
	many := make([]string, store.MaxAlong+2)
	for i := range many {
		many[i] = fmt.Sprintf("%040x", i)
	}
	must[store.Position](t)(s.Append(t.Context(), []store.Entry{
		{Type: store.EntryPublication, Repository: "acme/infra", PullRequest: 7, Commit: "final", Along: []string{"one", "two"},
			Detail: map[string]any{"what": store.Attestation, "branch": "main", "digest": "sha256:00"}},
		{Type: store.EntryBypass, Repository: "acme/infra", Commit: "pushed", Along: []string{"three"},
			Detail: map[string]any{"branch": "main", "reason": "it was pushed"}},
		{Type: store.EntryBypass, Repository: "acme/infra", Commit: "large", Along: many, Detail: map[string]any{"branch": "main", "reason": "it was pushed"}},
	}))
	// A row that somebody has added beside the log, which names no such commit.
	Exec(t, url, "INSERT INTO log_commits (commit_sha, idx) VALUES ('slipped in', 0)")
	elsewhere := &store.Scope{Names: []string{"acme/other"}}
	for name, c := range map[string]struct {
		commit, repository string
		scope              *store.Scope
		want               *store.Landing
	}{
		"along with an attested one": {"two", "", nil, &store.Landing{Commit: "two", Final: "final", Branch: "main", Number: 7, Entry: 0}},
		"along with a bypass":        {"three", "acme/infra", nil, &store.Landing{Commit: "three", Final: "pushed", Branch: "main", Bypass: true, Why: "it was pushed", Entry: 1}},
		"a bypass":                   {"pushed", "", nil, &store.Landing{Commit: "pushed", Branch: "main", Bypass: true, Why: "it was pushed", Entry: 1}},
		"one of the newest of many":  {many[2], "", nil, &store.Landing{Commit: many[2], Final: "large", Branch: "main", Bypass: true, Why: "it was pushed", Entry: 2}},
		"one that is too many":       {many[1], "", nil, nil},
		"another repository":         {"two", "acme/other", nil, nil},
		"not to be seen":             {"two", "", elsewhere, nil},
		"never landed":               {"four", "", nil, nil},
		"slipped in":                 {"slipped in", "", nil, nil},
		"no commit":                  {"", "", nil, nil},
	} {
		got, err := s.Landing(t.Context(), c.commit, c.repository, c.scope)
		if c.want == nil {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %+v, %v; wanted nothing", name, got, err)
			}
			continue
		}
		check(t, err)
		if diff := cmp.Diff(*c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
