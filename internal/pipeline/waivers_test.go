package pipeline

import (
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// A success ends with the first of the waivers that it needs: those that cover nothing new, or that have ended, are no reason to look again.
func TestWhenTheFirstWaiverEnds(t *testing.T) {
	t.Parallel()
	found := func(status, expires string) gate.Finding {
		return gate.Finding{Rule: "IM-06", Status: status, Waiver: &gate.WaiverUse{Expires: expires}}
	}
	for _, c := range []struct {
		want     string
		findings []gate.Finding
	}{
		{"", nil},
		{"", []gate.Finding{{Status: gate.StatusNew}, found("existing", "2026-01-01"), found("new", "2026-01-01")}},
		{"2026-03-01", []gate.Finding{found("waived", "2026-12-31"), found("waived", "2026-02-28"), found("waived", "2026-03-01")}},
	} {
		got := ""
		if end := waiversEnd(gate.Decision{Findings: c.findings}); !end.IsZero() {
			got = end.Format("2006-01-02")
			if end.Location() != time.UTC || end.Hour() != 0 {
				t.Errorf("%v is no midnight in UTC", end)
			}
		}
		if got != c.want {
			t.Errorf("%q; wanted %q", got, c.want)
		}
	}
}
