package document_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/document"
)

// FuzzPlanKept: what is kept of a plan that was handed in makes the same documents as the plan, and is JSON; and so is what rules of conftest's
// dialect see of it.
func FuzzPlanKept(f *testing.F) {
	files, err := filepath.Glob("testdata/plans/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	redactor := document.NewRedactor([]byte("test"))
	limits := document.Limits{Plan: 1 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		if whole := redactor.Whole(data); json.Valid(data) && !json.Valid(whole) {
			t.Errorf("what conftest's rules see is not JSON: %.500q", whole)
		}
		kept, problem := redactor.Plan(data, "plan.json", limits)
		if problem != nil {
			if problem.Message == "" || strings.Contains(problem.Message, "\n") {
				t.Errorf("nobody can act on %+v", problem)
			}
			return
		}
		if !json.Valid(kept) {
			t.Fatalf("what is kept is not JSON: %.500q", kept)
		}
		made := func(file document.PlanFile) []string {
			file.File = "plan.json"
			got := document.Build(t.Context(), nil, nil, document.Options{Redactor: redactor, Plans: []document.PlanFile{file}})
			var out []string
			for _, doc := range got.Documents {
				out = append(out, doc.Kind+" "+doc.Resource+" "+strings.Join(doc.Actions, ","))
			}
			return out
		}
		if a, b := made(document.PlanFile{Data: data}), made(document.PlanFile{Data: kept, Stored: true}); !slices.Equal(a, b) {
			t.Errorf("the plan makes %q, what is kept of it %q", a, b)
		}
	})
}
