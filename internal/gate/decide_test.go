package gate_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

var update = flag.Bool("update", false, "write want.json from what Decide says now; read the difference before committing it")

// TestCases decides testdata/cases/<a sentence>/facts.json and compares the whole decision with want.json.
func TestCases(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob("../../testdata/cases/*/facts.json")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases found: %v", err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			var facts gate.Facts
			readJSON(t, file, &facts)
			got := gate.Decide(facts)
			wantFile := filepath.Join(dir, "want.json")
			if *update {
				writeJSON(t, wantFile, got)
			}
			var want gate.Decision
			readJSON(t, wantFile, &want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("decision differs (-want +got):\n%s", diff)
			}
			again := gate.Decide(facts)
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("the same facts gave another decision:\n%s", diff)
			}
		})
	}
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func writeJSON(t *testing.T, file string, v any) {
	t.Helper()
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
