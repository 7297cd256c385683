package rules_test

import (
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/policies"
)

func TestBuiltinRulesLoadAndCompile(t *testing.T) {
	t.Parallel()
	e, err := rules.New(t.Context(), rules.Options{Builtin: policies.FS, Packs: []string{"all"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range e.Check() {
		t.Error(p)
	}
}
