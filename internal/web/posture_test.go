package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/posture"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// protect records how a branch is protected, with or without an entry about it.
func (f *fixture) protect(id int64, b posture.Branch, before []byte, entries ...store.Entry) []byte {
	f.t.Helper()
	report := posture.Judge(b, 7)
	text, err := json.Marshal(report)
	f.check(err)
	p := store.Posture{RepositoryID: id, Repository: b.Repository, InstallationID: 1, Branch: b.Name, Default: b.Default, State: string(report.State), Report: text}
	saved, err := f.store.SavePosture(f.t.Context(), before, p, entries...)
	f.check(err)
	if !saved {
		f.t.Fatal("the posture was not stored")
	}
	return text
}

// bound is a branch whose ruleset binds everybody.
func bound(repository, branch string, isDefault bool) posture.Branch {
	return posture.Branch{Repository: repository, Name: branch, Default: isDefault, Rulesets: []posture.Ruleset{{
		ID: 1, Name: "gatehouse", Source: repository, Enforcement: "active", Applies: true, Checks: []posture.Check{{Name: "gatehouse", AppID: 7}},
		PullRequest: true, Reviews: 1, DismissStale: true, BlockForce: true, BlockDelete: true, BypassKnown: true,
	}}}
}

// protectAll gives the record's repositories a protection each: one that lets administrators through, one that is not known whole,
// and one in a repository that was never judged.
func (f *fixture) protectAll() {
	infra := posture.Branch{Repository: "acme/infra", Name: "main", Default: true, Classic: &posture.Classic{
		Checks: []posture.Check{{Name: "gatehouse", AppID: 7}}, PullRequest: true, Reviews: 1, AllowForce: true,
	}}
	shop := bound("acme/shop", "main", true)
	shop.Rulesets[0].BypassKnown = false
	f.protect(infraID, infra, nil)
	f.protect(shopID, shop, nil)
	f.protect(3, bound("acme/quiet", "main", true), nil)
}

func TestPosturePages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.fill()
	f.protectAll()
	golden(t, "overview-posture.html", f.get("/").Body.String())
	w := f.get("/repositories/acme/quiet") // never judged
	for _, want := range []string{"binds everybody", "Required by the ruleset", "No pull request has been judged yet."} {
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d, without %q:\n%s", w.Code, want, w.Body)
		}
	}

	// What changed, and who did it. The record may hold anything.
	known := f.protect(4, posture.Branch{Repository: "acme/new", Name: "main", Default: true}, nil)
	f.protect(4, bound("acme/new", "main", true), known,
		store.Entry{Type: store.EntryPosture, Repository: "acme/new", Detail: map[string]any{"branch": "main", "before": nil, "after": map[string]any{"required": "problem"}}},
		store.Entry{Type: store.EntryPosture, Repository: "acme/new", Actor: "<b>vic</b>", Detail: map[string]any{
			"branch": "main", "before": map[string]any{"required": "problem"}, "after": map[string]any{"required": "ok", "pinned": "ok"},
		}},
		store.Entry{Type: store.EntryPosture, Repository: "acme/new", Detail: map[string]any{"before": map[string]any{}, "after": "odd"}},
	)
	body := f.get("/repositories/acme/new").Body.String()
	for _, want := range []string{"first looked at", "&lt;b&gt;vic&lt;/b&gt;", "check required problem → ok, pinned to this app – → ok", "nobody is known to have done it"} {
		if !strings.Contains(body, want) {
			t.Errorf("without %q:\n%s", want, body)
		}
	}
}

func TestPostureAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.protectAll()
	var got struct {
		Items []struct {
			Repository, Branch, State string
			Default                   bool
			Changed, Checked          string
			Findings                  []posture.Finding
		}
	}
	f.check(json.Unmarshal(f.get("/api/v1/posture").Body.Bytes(), &got))
	var lines []string
	for _, i := range got.Items {
		lines = append(lines, strings.Join([]string{i.Repository, i.Branch, i.State, i.Changed, i.Findings[0].Point}, " "))
	}
	want := []string{
		"acme/infra main problem 2026-11-23T12:00:00Z required", "acme/quiet main ok 2026-11-23T12:00:00Z required", "acme/shop main unknown 2026-11-23T12:00:00Z required",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	got.Items = nil
	f.check(json.Unmarshal(f.get("/api/v1/posture?repository=acme/shop").Body.Bytes(), &got))
	if len(got.Items) != 1 || got.Items[0].Repository != "acme/shop" {
		t.Errorf("%+v", got)
	}
	if body := f.get("/api/v1/posture?repository=acme/none").Body.String(); strings.TrimSpace(body) != "{\n  \"items\": []\n}" {
		t.Error(body)
	}
}
