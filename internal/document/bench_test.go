package document_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/document/plangen"
)

// BenchmarkPlan10k turns a plan of 10,000 changes into documents. BenchmarkDecode10k, one encoding/json decode of the same file, is
// what it must not be slower than.
func BenchmarkPlan10k(b *testing.B) {
	data := plangen.Plan(10_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r := document.Build(context.Background(), nil, nil, document.Options{
			Redactor: document.NewRedactor([]byte("benchmark")),
			Plans:    []document.PlanFile{{File: "plan.json", Data: data}},
		})
		if len(r.Problems) > 0 || len(r.Documents) < 10_000 {
			b.Fatal(len(r.Documents), r.Problems)
		}
	}
}

func BenchmarkDecode10k(b *testing.B) {
	data := plangen.Plan(10_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			b.Fatal(err)
		}
	}
}
