package render_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

var update = flag.Bool("update", false, "write what is wanted anew")

// shop is the repository in testdata, in memory.
func shop(t *testing.T) document.MapTree {
	t.Helper()
	dir, err := document.Dir("testdata/shop")
	if err != nil {
		t.Fatal(err)
	}
	contents, err := dir.Read(t.Context(), dir.Paths())
	if err != nil {
		t.Fatal(err)
	}
	tree := document.MapTree{}
	for name, data := range contents {
		tree[name] = string(data)
	}
	return tree
}

func build(t *testing.T, head, base document.Tree, o document.Options) document.Result {
	t.Helper()
	o.Renderer = renderer(t, sandbox.Limits{})
	o.Redactor = document.NewRedactor([]byte("test"))
	got := document.Build(t.Context(), head, base, o)
	if got.Err != nil {
		t.Fatal(got.Err)
	}
	return got
}

// TestShop renders a whole repository of overlays and charts and compares every document.
func TestShop(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]document.RenderOptions{
		"found": {},
		"configured": {
			Kustomize: []string{"k8s/overlays/p*"},
			Helm:      []document.HelmRelease{{Chart: "charts/web", Values: []string{"charts/web/values-prod.yaml"}, Release: "front", Namespace: "shop"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := build(t, shop(t), nil, document.Options{Kubernetes: document.KubernetesOptions{Render: options}})
			got, err := json.MarshalIndent(&result, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			file := "testdata/" + name + ".json"
			if *update {
				if err := os.WriteFile(file, append(got, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
				t.Error(diff)
			}
			if bytes.Contains(got, []byte("canary")) {
				t.Error("a secret value is in the documents")
			}
		})
	}
}

// about tells each document in a line: what happens to it, where it is from and which set it is in.
func about(docs []gate.Document) []string {
	var out []string
	for _, d := range docs {
		if len(d.Actions) == 1 && d.Actions[0] == "no-op" {
			continue
		}
		out = append(out, fmt.Sprintf("%s %s in %s at %s:%d", strings.Join(d.Actions, "+"), d.Resource, d.Set, d.File, d.Line))
	}
	slices.Sort(out)
	return out
}

// TestAgainstTheMergeBase changes one file and looks at what that changes.
func TestAgainstTheMergeBase(t *testing.T) {
	t.Parallel()
	edit := func(tree document.MapTree, file, before, after string) document.MapTree {
		tree = maps.Clone(tree)
		if !strings.Contains(tree[file], before) {
			t.Fatalf("%s does not hold %q", file, before)
		}
		tree[file] = strings.Replace(tree[file], before, after, 1)
		return tree
	}
	without := func(tree document.MapTree, prefix string) document.MapTree {
		tree = maps.Clone(tree)
		maps.DeleteFunc(tree, func(name, _ string) bool { return strings.HasPrefix(name, prefix) })
		return tree
	}
	base := shop(t)
	for name, c := range map[string]struct {
		base, head document.MapTree
		want       []string
	}{
		"nothing": {base, base, nil},
		"a base changes both overlays": {
			base, edit(base, "k8s/base/deployment.yaml", "containerPort: 8080", "containerPort: 8081"),
			[]string{
				"update apps/v1/Deployment/shop-dev/web in k8s/overlays/dev at k8s/base/deployment.yaml:2",
				"update apps/v1/Deployment/shop/prod-web in k8s/overlays/prod at k8s/base/deployment.yaml:2",
			},
		},
		"a patch changes one": {
			base, edit(base, "k8s/overlays/prod/security.yaml", "true", "false"),
			[]string{"update apps/v1/Deployment/shop/prod-web in k8s/overlays/prod at k8s/base/deployment.yaml:2"},
		},
		"a generated object changes, and with it its name": {
			base, edit(base, "k8s/base/config/nginx.conf", "8080", "8081"),
			[]string{
				"update apps/v1/Deployment/shop-dev/web in k8s/overlays/dev at k8s/base/deployment.yaml:2",
				"update apps/v1/Deployment/shop/prod-web in k8s/overlays/prod at k8s/base/deployment.yaml:2",
				"update v1/ConfigMap/shop-dev/web-config-8867b55gc7 in k8s/overlays/dev at k8s/base/kustomization.yaml:7",
				"update v1/ConfigMap/shop/prod-web-config-8867b55gc7 in k8s/overlays/prod at k8s/base/kustomization.yaml:7",
			},
		},
		"values change a chart": {
			base, edit(base, "charts/web/values.yaml", "replicas: 2", "replicas: 4"),
			[]string{"update apps/v1/Deployment/default/web in charts/web at charts/web/templates/deployment.yaml:2"},
		},
		"an overlay is removed": {
			base, without(base, "k8s/overlays/dev/"),
			[]string{
				"delete apps/v1/Deployment/shop-dev/web in k8s/overlays/dev at k8s/base/deployment.yaml:0",
				"delete v1/ConfigMap/shop-dev/web-config-9d64fkt4b9 in k8s/overlays/dev at k8s/base/kustomization.yaml:0",
				"delete v1/Secret/shop-dev/web-secret-m68hcg6467 in k8s/overlays/dev at k8s/base/kustomization.yaml:0",
				"delete v1/Service/shop-dev/web in k8s/overlays/dev at k8s/base/service.yaml:0",
				"delete v1/ServiceAccount/shop-dev/web in k8s/overlays/dev at k8s/base/service.yaml:0",
			},
		},
		"a folder is renamed": {
			without(base, "charts/"),
			func() document.MapTree {
				out := document.MapTree{}
				for name, content := range without(base, "charts/") {
					out["deploy/"+strings.TrimPrefix(name, "k8s/")] = content
				}
				return out
			}(), nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := build(t, c.head, c.base, document.Options{})
			if len(got.Problems)+len(got.Unjudged) > 0 {
				t.Error(got.Problems, got.Unjudged)
			}
			if diff := cmp.Diff(c.want, about(got.Documents)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAKustomizationTakesNothingOutOfJudgement lays a kustomization beside a manifest that is applied as it stands.
func TestAKustomizationTakesNothingOutOfJudgement(t *testing.T) {
	t.Parallel()
	base := document.MapTree{"k8s/web.yaml": deployment}
	head := document.MapTree{"k8s/web.yaml": deployment + "spec: {replicas: 7}\n", "k8s/kustomization.yaml": "resources: [web.yaml]\nnamespace: x\n"}
	got := build(t, head, base, document.Options{})
	want := []string{
		"create apps/v1/Deployment/x/web in k8s at k8s/web.yaml:1",
		"update apps/v1/Deployment//web in manifests at k8s/web.yaml:1",
	}
	if diff := cmp.Diff(want, about(got.Documents)); diff != "" {
		t.Error(diff)
	}
}

// TestNothingCoversAnOverlay lays an overlay, and an Application, over what is deployed as it stands, and takes its protection away.
func TestNothingCoversAnOverlay(t *testing.T) {
	t.Parallel()
	base := document.MapTree{
		"prod/kustomization.yaml": "resources: [web.yaml]\n", "prod/web.yaml": deployment,
		"chart/Chart.yaml": chartYAML, "chart/values.yaml": "number: 1\n", "chart/templates/a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {priority: {{ .Values.number }}}\n",
	}
	head := maps.Clone(base)
	head["prod/web.yaml"] += "spec: {replicas: 9}\n"
	head["chart/values.yaml"] = "number: 2\n"
	head["cover/kustomization.yaml"] = "resources: [../prod]\nreplicas: [{name: web, count: 1}]\nnamespace: cover\n"
	head["cover.yaml"] = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: cover}\nspec: {source: {path: chart, helm: {valuesObject: {number: 1}}}}\n"
	want := []string{
		"create apps/v1/Deployment/cover/web in cover at prod/web.yaml:1",
		"create argoproj.io/v1alpha1/Application//cover in manifests at cover.yaml:1",
		"create v1/Pod/default/x in chart as cover at chart/templates/a.yaml:1",
		"update apps/v1/Deployment//web in prod at prod/web.yaml:1",
		"update v1/Pod/default/x in chart at chart/templates/a.yaml:1",
	}
	if diff := cmp.Diff(want, about(build(t, head, base, document.Options{}).Documents)); diff != "" {
		t.Error(diff)
	}
}

// TestWhatIsBrokenAlready does not block a pull request that does not touch it, unless it is configured.
func TestWhatIsBrokenAlready(t *testing.T) {
	t.Parallel()
	tree := document.MapTree{"a/kustomization.yaml": "resources: [gone.yaml]\n", "b.yaml": deployment}
	problem := []gate.Problem{{
		Code: "render", File: "a/kustomization.yaml", Line: 1, Message: `names "gone.yaml", which is not in the repository`,
		Remedy: "Correct the name, or add what it names; symbolic links and submodules are not followed.",
	}}
	for name, c := range map[string]struct {
		options            document.Options
		problems, unjudged []gate.Problem
	}{
		"untouched":  {document.Options{Changed: map[string]bool{"b.yaml": true}}, nil, problem},
		"touched":    {document.Options{Changed: map[string]bool{"a/kustomization.yaml": true}}, problem, nil},
		"configured": {document.Options{Changed: map[string]bool{}, Kubernetes: document.KubernetesOptions{Render: document.RenderOptions{Kustomize: []string{"a"}}}}, problem, nil},
	} {
		got := build(t, tree, tree, c.options)
		if diff := cmp.Diff([][]gate.Problem{c.problems, c.unjudged}, [][]gate.Problem{got.Problems, got.Unjudged}); diff != "" {
			t.Error(name, diff)
		}
	}
}

// TestConfigurationThatNamesNothing says so, unless the pull request is what removes it.
func TestConfigurationThatNamesNothing(t *testing.T) {
	t.Parallel()
	options := document.Options{Kubernetes: document.KubernetesOptions{Render: document.RenderOptions{
		Kustomize: []string{"overlays/*"}, Helm: []document.HelmRelease{{Chart: "charts/web"}},
	}}}
	there := document.MapTree{"overlays/a/kustomization.yaml": "resources: [a.yaml]\n", "overlays/a/a.yaml": deployment, "charts/web/Chart.yaml": chartYAML}
	want := []gate.Problem{
		{Code: "config", File: "charts/web", Message: "is named in kubernetes.helm and holds no Chart.yaml", Remedy: "Correct kubernetes.helm in .github/gatehouse.yml."},
		{
			Code: "config", File: "overlays/*", Message: "is named in kubernetes.kustomize, and no folder with a kustomization matches it",
			Remedy: "Correct kubernetes.kustomize in .github/gatehouse.yml.",
		},
	}
	if diff := cmp.Diff(want, build(t, document.MapTree{}, document.MapTree{}, options).Problems); diff != "" {
		t.Error(diff)
	}
	got := build(t, document.MapTree{}, there, options)
	if len(got.Problems) > 0 {
		t.Error(got.Problems)
	}
	if diff := cmp.Diff([]string{"delete apps/v1/Deployment//web in overlays/a at overlays/a/a.yaml:0"}, about(got.Documents)); diff != "" {
		t.Error(diff)
	}
}

// TestWhatNothingRendersIsTold: the templates of a chart that is held and switched off, and a part of a tree without what holds it.
func TestWhatNothingRendersIsTold(t *testing.T) {
	t.Parallel()
	pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n"
	tree := document.MapTree{
		"web/Chart.yaml":  chartYAML + "dependencies:\n- {name: b, version: 0.1.0, repository: \"file://../b\", condition: b.enabled}\n- {name: c, version: 0.1.0, alias: d, condition: d.enabled}\n",
		"web/values.yaml": "b: {enabled: false}\nd: {enabled: false}\n", "web/templates/a.yaml": pod,
		"b/Chart.yaml": strings.Replace(chartYAML, "web", "b", 1), "b/templates/a.yaml": pod,
		"web/charts/c/Chart.yaml": strings.Replace(chartYAML, "web", "c", 1), "web/charts/c/templates/a.yaml": pod, "web/charts/c/templates/sub/_helpers.tpl": "",
	}
	told := func(file string) gate.Problem {
		return gate.Problem{
			Code: "kubernetes", File: file, Message: "is a Helm template of a chart that nothing renders",
			Remedy: "Name the chart in kubernetes.helm to have it judged; see docs/rendering.md.",
		}
	}
	got := build(t, tree, nil, document.Options{})
	if diff := cmp.Diff([]gate.Problem{told("b/templates/a.yaml"), told("web/charts/c/templates/a.yaml")}, got.Unjudged); diff != "" || len(got.Problems) > 0 {
		t.Error(diff, got.Problems)
	}
	if diff := cmp.Diff([]string{"create v1/Pod/default/x in web at web/templates/a.yaml:1"}, about(got.Documents)); diff != "" {
		t.Error(diff)
	}
	tree["web/values.yaml"] = "b: {enabled: true}\nd: {enabled: true}\n"
	got = build(t, tree, nil, document.Options{})
	if len(got.Unjudged)+len(got.Problems) > 0 || len(got.Documents) != 3 {
		t.Error(got.Unjudged, got.Problems, about(got.Documents))
	}
}
