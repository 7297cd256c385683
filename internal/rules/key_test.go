package rules_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/policies"
)

const keyed = `deny contains finding if {
	some name, value in input.resource.tags
	value > 10
	finding := {"message": sprintf("%s is %d", [name, value]), "path": name, "key": name}
}`

// TestAKeyMakesTheSameFinding: without a key a finding is the same as one of the base by its message; with one, by the key alone.
func TestAKeyMakesTheSameFinding(t *testing.T) {
	t.Parallel()
	e := engine(t, rules.Options{}, ruleText("K-1", things, keyed))
	answer := e.Evaluate(t.Context(), rules.Input{Documents: []gate.Document{
		thing("bumped", `{"tags":{"a":11,"b":1}}`, `{"tags":{"a":12,"b":1}}`),
		thing("more", `{"tags":{"a":11}}`, `{"tags":{"a":12,"b":11}}`),
		thing("renamed", `{"tags":{"a":11}}`, `{"tags":{"b":11}}`),
	}})
	want := []string{
		"existing | deny | K-1 | thing.bumped | a | a is 12",
		"existing | deny | K-1 | thing.more | a | a is 12",
		"new | deny | K-1 | thing.more | b | b is 11",
		"new | deny | K-1 | thing.renamed | b | b is 11",
	}
	if diff := cmp.Diff(want, lines(answer)); diff != "" {
		t.Error(diff)
	}
}

// TestImagesThatWereNeverPinned: bumping a tag does not make the lack of a digest a new fault; another registry is one.
func TestImagesThatWereNeverPinned(t *testing.T) {
	t.Parallel()
	e, err := rules.New(t.Context(), rules.Options{
		Builtin: policies.FS, Packs: []string{}, Only: []string{"IM-01", "IM-02", "IM-03"},
		Rules: map[string]rules.Setting{"IM-03": {Parameters: map[string]any{"registries": []any{"registry.example.com"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	pod := func(image string) string {
		text, err := json.Marshal(map[string]any{
			"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "web", "namespace": "shop"},
			"spec": map[string]any{"containers": []any{map[string]any{"name": "web", "image": image}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	got := map[string][]string{}
	for _, head := range []string{"quay.io/a/web:2", "quay.io/evil/web:2", "quay.io/a/web:latest"} {
		answer := e.Evaluate(t.Context(), rules.Input{Documents: []gate.Document{object("v1", "Pod", "web", pod("quay.io/a/web:1"), pod(head), []string{})}})
		for _, f := range answer.Findings {
			got[head] = append(got[head], f.Rule+" "+f.Status)
		}
	}
	want := map[string][]string{
		"quay.io/a/web:2":      {"IM-01 existing", "IM-03 existing"},
		"quay.io/evil/web:2":   {"IM-01 existing", "IM-03 worse"},
		"quay.io/a/web:latest": {"IM-01 existing", "IM-02 new", "IM-03 existing"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
