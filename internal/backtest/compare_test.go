package backtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// Of two equal findings one more is one; a line that moved is none; what was there before is only counted.
func TestCompare(t *testing.T) {
	t.Parallel()
	f := func(rule, enforcement, status string) gate.Finding {
		return gate.Finding{Rule: rule, Enforcement: enforcement, Status: status, Resource: "r", Message: "m"}
	}
	before := gate.Decision{
		Verdict:      gate.Fail,
		Findings:     []gate.Finding{f("A", "deny", "new"), f("B", "warn", "new"), f("C", "deny", "existing")},
		Requirements: []gate.RequirementResult{{Name: "every change", Count: 1, Met: true}, {Name: "A", Rule: "A", Count: 2}},
		Summary:      gate.Summary{Existing: 1},
	}
	after := gate.Decision{
		Verdict:      gate.Error,
		Findings:     []gate.Finding{f("A", "deny", "new"), f("A", "deny", "new"), f("B", "deny", "new"), f("C", "deny", "existing"), f("D", "deny", "existing")},
		Requirements: []gate.RequirementResult{{Name: "every change", Count: 1, Met: true}},
		Errors:       []gate.Problem{{File: "a.rego", Line: 3, Message: "failed"}},
		Summary:      gate.Summary{Existing: 2},
	}
	same := Compare(&before, &before)
	if same.Differs() || same.Older != 0 {
		t.Errorf("%+v", same)
	}
	one := func(rule, effect string) Finding {
		return Finding{Rule: rule, Resource: "r", Effect: effect, Message: "m"}
	}
	want := Difference{
		Before: gate.Fail, After: gate.Error, New: []Finding{one("A", "blocks"), one("B", "blocks")}, Gone: []Finding{one("B", "warns")},
		Asked: []Asked{}, NotAsked: []Asked{{Rule: "A", Name: "A", Count: 2}}, Errors: []string{"a.rego:3 failed"}, Older: 1,
	}
	if diff := cmp.Diff(want, Compare(&before, &after)); diff != "" {
		t.Error(diff)
	}
}

const ownRule = `# METADATA
# title: It has an owner
# custom:
#   id: ACME-01
#   severity: high
#   remedy: Add one.
#   inspects: {kubernetes: [ConfigMap]}
#   parameters:
#     key: {default: owner, description: The label.}
package acme.owner

deny contains "has no owner" if not input.resource.metadata.labels[data.parameters.key]
`

type memory map[string][]byte

var errGone = errors.New("gone")

func (m memory) Facts(_ context.Context, digest string) ([]byte, error) {
	if data, ok := m[digest]; ok {
		return data, nil
	}
	return nil, errGone
}

// recorded keeps a decision with one ConfigMap, as the server does.
func (m memory) recorded(t *testing.T, settings evidence.Settings, change func(*gate.Facts)) Recorded {
	t.Helper()
	packed, err := evidence.Pack(evidence.Evidence{Settings: settings, HasFiles: true, Documents: []gate.Document{{
		Kind: "kubernetes", Type: "ConfigMap", Name: "a", Resource: "v1/ConfigMap//a", Set: "manifests", File: "a.yaml", Actions: []string{"create"},
		After: json.RawMessage(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"team":"x"}}}`),
	}}}, evidence.MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	m[packed.Digest] = packed.Manifest
	for digest, part := range packed.Parts {
		m[digest] = part
	}
	facts := gate.Facts{
		Version: gate.FactsVersion, Repository: gate.Repository{Owner: "acme", Name: "infra"}, PullRequest: gate.PullRequest{Number: 1, State: "open"},
		Evaluation: gate.Evaluation{Documents: 1}, Evidence: &gate.Evidence{Digest: packed.Digest},
	}
	change(&facts)
	text, err := ledger.Canonical(facts)
	if err != nil {
		t.Fatal(err)
	}
	digest := ledger.Digest(text)
	m[digest] = text
	return Recorded{ID: "d-" + digest[7:19], Repository: "acme/infra", PullRequest: 1, FactsDigest: digest}
}

// Settings stay as they were where the rules still know them; what stands in the way of judging again is said, and everything else goes on.
func TestRun(t *testing.T) {
	t.Parallel()
	judge, err := New(t.Context(), Options{Dirs: []rules.Dir{{Name: "rules", FS: fstest.MapFS{"owner.rego": {Data: []byte(ownRule)}}}}})
	if err != nil {
		t.Fatal(err)
	}
	m := memory{}
	as := func(s map[string]evidence.Setting) evidence.Settings {
		return evidence.Settings{Packs: []string{}, Scope: "changed", Paths: []string{"old"}, Rules: s}
	}
	nothing := func(*gate.Facts) {}
	list := []Recorded{
		m.recorded(t, as(nil), nothing),
		m.recorded(t, as(map[string]evidence.Setting{"ACME-01": {Parameters: map[string]any{"key": "team", "gone": 1}}, "GONE-01": {Enforcement: "warn"}}), nothing),
		m.recorded(t, as(map[string]evidence.Setting{"ACME-01": {Enforcement: "warn"}}), nothing),
		m.recorded(t, as(map[string]evidence.Setting{"ACME-01": {Parameters: map[string]any{"key": 7}}}), nothing),
		m.recorded(t, as(nil), func(f *gate.Facts) { f.Evidence = nil }),
		m.recorded(t, as(nil), func(f *gate.Facts) { f.Evidence = nil; f.Evaluation.Documents = 0 }),
		m.recorded(t, as(nil), func(f *gate.Facts) { f.Evidence.Digest = "sha256:00" }),
		m.recorded(t, as(nil), func(f *gate.Facts) { f.Problems = []gate.Problem{{Message: "the plan is broken"}} }),
		{ID: "d-gone", FactsDigest: "sha256:01"},
	}
	done := 0
	report, err := Run(t.Context(), judge, list, m, func(err error) bool { return errors.Is(err, errGone) }, func() { done++ })
	if err != nil || done != len(list) {
		t.Fatal(err, done)
	}
	type short struct {
		Same           int
		Different, Not []string
	}
	got := short{Same: report.Same}
	for _, o := range report.Different {
		got.Different = append(got.Different, o.ID+" "+string(o.Before)+" "+string(o.After)+" "+o.New[0].Effect)
	}
	for _, l := range report.NotJudged {
		got.Not = append(got.Not, l.ID+" "+l.Reason)
	}
	want := short{
		Same:      2,
		Different: []string{list[0].ID + " pass fail blocks", list[2].ID + " pass pass warns"},
		Not: []string{
			list[3].ID + " the rules do not go with the settings that were in force: the parameter key of the rule ACME-01 is a number; wanted: a text",
			list[4].ID + " it was recorded by a version of Gatehouse that did not keep what the rules saw",
			list[6].ID + " what its rules saw was dropped by age",
			list[7].ID + " it could not be evaluated then: the plan is broken",
			"d-gone its facts were dropped by age",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkRun is the time to judge 200 decisions of a repository with 500 objects again, of which each changes one.
func BenchmarkRun(b *testing.B) {
	judge, err := New(b.Context(), Options{
		Dirs: []rules.Dir{{Name: "rules", FS: fstest.MapFS{"owner.rego": {Data: []byte(ownRule)}}}}, Cache: rules.NewMemoryCache(64 << 20),
	})
	if err != nil {
		b.Fatal(err)
	}
	m := memory{}
	var list []Recorded
	for n := range 200 {
		list = append(list, m.manyObjects(b, n))
	}
	for b.Loop() {
		if _, err := Run(b.Context(), judge, list, m, func(error) bool { return false }, func() {}); err != nil {
			b.Fatal(err)
		}
	}
}

func (m memory) manyObjects(b *testing.B, changed int) Recorded {
	b.Helper()
	e := evidence.Evidence{Settings: evidence.Settings{Packs: []string{}, Scope: "changed"}, HasFiles: true}
	for i := range 500 {
		text := fmt.Appendf(nil, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a%d","labels":{"owner":"x"}},"data":{"a":"%1000d"}}`, i, i)
		d := gate.Document{
			Kind: "kubernetes", Type: "ConfigMap", Name: fmt.Sprint("a", i), Resource: fmt.Sprintf("v1/ConfigMap//a%d", i), Set: "manifests",
			File: fmt.Sprint(i, ".yaml"), Actions: []string{"no-op"}, After: text, Before: text,
		}
		if i == changed {
			d.Actions, d.Before = []string{"update"}, []byte(`{"apiVersion":"v1","kind":"ConfigMap"}`)
		}
		e.Documents = append(e.Documents, d)
	}
	packed, err := evidence.Pack(e, evidence.MaxBytes)
	if err != nil {
		b.Fatal(err)
	}
	m[packed.Digest] = packed.Manifest
	for digest, part := range packed.Parts {
		m[digest] = part
	}
	facts := gate.Facts{Version: gate.FactsVersion, Evaluation: gate.Evaluation{Documents: 500}, Evidence: &gate.Evidence{Digest: packed.Digest}}
	facts.PullRequest.Number = changed
	text, err := ledger.Canonical(facts)
	if err != nil {
		b.Fatal(err)
	}
	digest := ledger.Digest(text)
	m[digest] = text
	return Recorded{ID: digest, PullRequest: changed, FactsDigest: digest}
}
