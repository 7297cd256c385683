package render_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/render"
)

// enormous is what only the limits of the worker process can stand up to, of which a fuzzer's own process has none.
var enormous = regexp.MustCompile(`[0-9]{4}|[0-9][eExX]|repeat|until|seq|rand|gen|derive|crypt|indent|tpl|include|template|range`)

// answer renders as the worker does, and looks at what it says.
func answer(t *testing.T, job map[string]any) {
	t.Helper()
	request, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	var reply struct {
		Objects []struct {
			File string
			Line int
			Data []byte
		}
		Problem *gate.Problem
	}
	if err := json.Unmarshal(render.Answer(request), &reply); err != nil {
		t.Fatalf("the answer is no JSON: %v", err)
	}
	switch p := reply.Problem; {
	case p == nil && reply.Objects == nil:
		t.Error("neither objects nor a problem")
	case p != nil && (p.File == "" || p.Message == "" || strings.Contains(p.Message, "\n") || len(p.Message) > 2000 || p.Code == "internal"):
		t.Errorf("nobody can act on %+v", p)
	}
}

// FuzzChart renders charts of strangers.
func FuzzChart(f *testing.F) {
	for _, seed := range [][3]string{
		{chartYAML, "a: {b: [1]}\n", "kind: Pod\nx: {{ .Values.a.b | toYaml | nindent 2 }}\n"},
		{chartYAML + "dependencies: [{name: b, version: 1.0.0, alias: c, condition: c.on}]\n", "c: {on: true}\n", "x: {{ .Files.Get \"values.yaml\" | quote }}\n"},
		{chartYAML, "a: &a [*a]\n", "{{ if .Values.a }}x: {{ index .Values.a 0 }}{{ else }}{{ fail \"a\" }}{{ end }}"},
		{chartYAML, "{}", "{{- with .Release }}---\nx: {{ .Name }}\n---\n{{- end }}"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, chart, values, template string) {
		if len(chart)+len(values)+len(template) > 4096 || enormous.MatchString(chart+values+template) {
			return // too large for a process without limits
		}
		answer(t, map[string]any{
			"Kind": "helm", "Dir": "web", "File": "web/Chart.yaml", "Release": "web", "Namespace": "default",
			"Files": map[string][]byte{
				"web/Chart.yaml": []byte(chart), "web/values.yaml": []byte(values), "web/templates/a.yaml": []byte(template),
				"web/charts/b/Chart.yaml": []byte(strings.ReplaceAll(chartYAML, "web", "b")),
			},
		})
	})
}

// FuzzKustomization renders kustomizations of strangers.
func FuzzKustomization(f *testing.F) {
	for _, seed := range [][2]string{
		{"resources: [web.yaml]\nnamePrefix: a-\nimages: [{name: x, newTag: y}]\n", deployment},
		{"resources: [web.yaml]\npatches: [{path: p.yaml, target: {kind: Deployment}}]\n", "- {op: add, path: /spec, value: {replicas: 1}}\n"},
		{"resources: [web.yaml]\nreplacements: [{source: {kind: Deployment, fieldPath: metadata.name}, targets: [{select: {kind: Deployment}, fieldPaths: [spec.a.b]}]}]\n", deployment},
		{"configMapGenerator: [{name: x, literals: [a=b], files: [web.yaml]}]\nsecretGenerator: [{name: y, envs: [p.yaml]}]\n", "a=b\n"},
		{"resources: [../a]\ncomponents: [.]\n", deployment},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, kustomization, patch string) {
		if len(kustomization)+len(patch) > 4096 || enormous.MatchString(kustomization+patch) {
			return // too large for a process without limits
		}
		answer(t, map[string]any{
			"Kind": "kustomize", "Dir": "a", "File": "a/kustomization.yaml",
			"Files": map[string][]byte{"a/kustomization.yaml": []byte(kustomization), "a/web.yaml": []byte(deployment), "a/p.yaml": []byte(patch)},
		})
	})
}
