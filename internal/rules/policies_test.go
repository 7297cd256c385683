package rules_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/policies"
)

// TestPolicies holds the shipped rules to their own unit tests, and their good and bad examples to the real engine.
func TestPolicies(t *testing.T) {
	t.Parallel()
	o := rules.Options{Builtin: policies.FS}
	for _, p := range rules.Lint(o) {
		t.Error(p)
	}
	report, err := rules.RunTests(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range report.Cases {
		if c.Failure != "" {
			t.Errorf("%s:%d %s:\n%s", c.File, c.Line, c.Name, c.Failure)
		}
	}
	e, err := rules.New(t.Context(), rules.Options{Builtin: policies.FS, Packs: []string{"all"}})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]bool{}
	for _, c := range report.Cases {
		files[c.File] = true
	}
	for _, r := range e.Rules() {
		base := strings.TrimSuffix(r.File, ".rego")
		for _, name := range []string{base + ".examples.yaml", base + "_test.rego"} {
			if !files[name] {
				t.Errorf("%s: the rule %s has no %s", r.File, r.ID, name)
			}
		}
	}
}
