package gate_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// TestReasonsOfDemands are each told with what it is about; one that many share is told once, with the first names and a count.
func TestReasonsOfDemands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		demands [][2]string // resource and reason
		want    string
	}{
		"one":         {[][2]string{{"a", "is new"}}, "a: is new"},
		"no resource": {[][2]string{{"", "is Friday"}, {"", "is late"}}, "is Friday; is late"},
		"few alike":   {[][2]string{{"a", "is new"}, {"b", "is new"}, {"c", "is new"}}, "a: is new; b: is new; c: is new"},
		"many alike": {
			[][2]string{{"x", "is old"}, {"a", "is new"}, {"b", "is new"}, {"y", "is old"}, {"c", "is new"}, {"d", "is new"}, {"e", "is new"}, {"", "is new"}},
			"x: is old; a, b, c and 2 more: is new; y: is old; is new",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			facts := gate.Facts{Version: gate.FactsVersion}
			for _, d := range c.demands {
				facts.Evaluation.Requirements = append(facts.Evaluation.Requirements, gate.Requirement{Rule: "R-1", Resource: d[0], Reason: d[1], Count: 1})
			}
			var got []string
			for _, r := range gate.Decide(facts).Requirements {
				got = append(got, r.Reason)
			}
			if diff := cmp.Diff([]string{c.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
