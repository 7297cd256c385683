package rules_test

import (
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
	t.Logf("%d cases", len(report.Cases))
}
