package document

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

func TestPointAt(t *testing.T) {
	t.Parallel()
	const file = "---\n" + // 1
		"apiVersion: v1\n" + // 2
		"kind: Pod\n" + // 3
		"metadata: {name: a}\n" +
		"spec:\n" + // 5
		"  containers:\n" +
		"    - name: a\n" + // 7
		"      securityContext:\n" +
		"        privileged: true\n" // 9
	findings := []gate.Finding{
		{Kind: gate.KindKubernetes, File: "a.yaml", Line: 2, Path: "spec.containers[0].securityContext.privileged"},
		{Kind: gate.KindKubernetes, File: "a.yaml", Line: 2, Path: "spec.containers[0].securityContext.runAsNonRoot"},
		{Kind: gate.KindKubernetes, File: "a.yaml", Line: 2, Path: "spec.containers[0].image"},
		{Kind: gate.KindKubernetes, File: "a.yaml", Line: 2, Path: "status.phase"},
		{Kind: gate.KindKubernetes, File: "a.yaml", Line: 2},
		{Kind: gate.KindKubernetes, File: "a.yaml", Line: 3, Path: "spec"},
		{Kind: gate.KindKubernetes, File: "a.yaml", Line: 2, Path: "spec.containers[9e9]"},
		{Kind: gate.KindKubernetes, File: "gone.yaml", Line: 2, Path: "spec"},
		{Kind: gate.KindTerraform, File: "a.yaml", Line: 2, Path: "spec"},
	}
	if err := PointAt(context.Background(), MapTree{"a.yaml": file}, nil, findings); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, f := range findings {
		got = append(got, f.Line)
	}
	if diff := cmp.Diff([]int{9, 8, 7, 2, 2, 3, 2, 2, 2}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
