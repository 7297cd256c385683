package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// TestReportOfManyFindings is what encoding/json makes of the whole, however many there are.
func TestReportOfManyFindings(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 255, 256, 257, 512, 1000} {
		d := gate.Decision{Verdict: gate.Fail}
		for i := range n {
			d.Findings = append(d.Findings, gate.Finding{
				Rule: "X-1", Resource: fmt.Sprintf("a<b>[%d]", i), Message: "line\n  \"findings\": []\u2028end", Line: i,
			})
		}
		got, err := JSON(&d)
		if err != nil {
			t.Fatal(err)
		}
		whole := report{
			Verdict: d.Verdict, Findings: append([]gate.Finding{}, d.Findings...), Requirements: []requirement{}, Unjudged: []gate.Problem{}, Errors: []gate.Problem{},
		}
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(whole); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%d findings: the report is not what encoding/json makes of it", n)
		}
	}
}
