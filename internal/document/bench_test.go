package document_test

import (
	"context"
	"encoding/json"
	"fmt"
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

// BenchmarkManifests reads 2,000 Deployments in as many files against a merge base that differs in one.
func BenchmarkManifests(b *testing.B) {
	head, base := document.MapTree{}, document.MapTree{}
	for i := range 2000 {
		name := fmt.Sprintf("k8s/%d.yaml", i)
		base[name] = fmt.Sprintf(deployment, i, 1)
		head[name] = fmt.Sprintf(deployment, i, 1+i/1999)
	}
	b.ReportAllocs()
	for b.Loop() {
		r := document.Build(context.Background(), head, base, document.Options{})
		if len(r.Documents) != 2000 || len(r.Changes) != 1 {
			b.Fatal(len(r.Documents), r.Changes)
		}
	}
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-%d
  namespace: shop
  labels: {app: web}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: web
          image: registry.example.com/shop/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
          ports: [{containerPort: 8080}]
          resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 128Mi}}
          env:
            - {name: A, value: "1"}
            - {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}
`
