package render_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// platform is a repository that Argo CD and Flux deploy from: a chart, two overlays and a plain folder.
func platform(more document.MapTree) document.MapTree {
	tree := document.MapTree{
		"base/kustomization.yaml":   "resources: [web.yaml]\n",
		"base/web.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {region: \"${REGION}\", zone: \"${ZONE:-a}\", left: \"${LEFT}\"}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: \"nginx:1\"}]}\n",
		"apps/a/kustomization.yaml": "resources: [../../base]\n",
		"apps/b/kustomization.yaml": "resources: [../../base]\nnamespace: own\n",
		"chart/Chart.yaml":          chartYAML,
		"chart/values.yaml":         "text: own\n",
		"chart/values-prod.yaml":    "text: prod\nmore: prod\n",
		"chart/templates/a.yaml":    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}\ndata: {text: {{ .Values.text | quote }}, more: {{ .Values.more | quote }}, set: {{ .Values.set | quote }}}\n",
	}
	maps.Copy(tree, more)
	return tree
}

// rendered tells each object that is no plain manifest in a line, with the data that the tests look at.
func rendered(t *testing.T, docs []gate.Document) []string {
	t.Helper()
	var out []string
	for _, d := range docs {
		if d.Set == document.ManifestSet {
			continue
		}
		var object struct {
			Data map[string]any
			Spec struct{ Containers []struct{ Image string } }
		}
		if err := json.Unmarshal(d.After, &object); err != nil {
			t.Fatal(err)
		}
		after := fmt.Sprint(object.Data)
		if len(object.Spec.Containers) > 0 {
			after = object.Spec.Containers[0].Image
		}
		out = append(out, d.Set+": "+d.Resource+" "+after)
	}
	slices.Sort(out)
	return out
}

func TestDeployments(t *testing.T) {
	t.Parallel()
	const (
		plainA     = `apps/a: v1/ConfigMap//web map[left:${LEFT} region:${REGION} zone:${ZONE:-a}]`
		plainPodA  = `apps/a: v1/Pod//web nginx:1`
		plainB     = `apps/b: v1/ConfigMap/own/web map[left:${LEFT} region:${REGION} zone:${ZONE:-a}]`
		plainPodB  = `apps/b: v1/Pod/own/web nginx:1`
		plainChart = `chart: v1/ConfigMap/default/web map[more:<nil> set:<nil> text:own]`
		here       = "    repoURL: https://github.com/acme/platform.git\n"
		app        = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop, namespace: argocd}\nspec:\n  destination: {namespace: shop}\n  source:\n"
		flux       = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: platform, namespace: flux-system}\nspec: {url: \"ssh://git@github.com/Acme/platform\"}\n---\n"
	)
	for name, c := range map[string]struct {
		file     string
		want     []string
		problems []gate.Problem
		unjudged []gate.Problem
	}{
		"nothing deploys": {"", []string{plainA, plainPodA, plainB, plainPodB, plainChart}, nil, nil},
		"an Application of another repository": {
			app + "    repoURL: https://github.com/acme/other\n    path: apps/a\n",
			[]string{plainA, plainPodA, plainB, plainPodB, plainChart}, nil, nil,
		},
		"an Application with a namespace and an image": {
			app + here + "    path: apps/a\n    kustomize: {images: [\"nginx=mirror.example.com/nginx:2\"], namePrefix: x-}\n",
			[]string{
				`apps/a by Application argocd/shop: v1/ConfigMap/shop/x-web map[left:${LEFT} region:${REGION} zone:${ZONE:-a}]`,
				`apps/a by Application argocd/shop: v1/Pod/shop/x-web mirror.example.com/nginx:2`,
				plainB, plainPodB, plainChart,
			}, nil, nil,
		},
		"an Application of an overlay with a namespace of its own": {
			app + here + "    path: apps/b\n",
			[]string{
				plainA, plainPodA,
				strings.Replace(plainB, "apps/b:", "apps/b by Application argocd/shop:", 1), strings.Replace(plainPodB, "apps/b:", "apps/b by Application argocd/shop:", 1),
				plainChart,
			}, nil, nil,
		},
		"an Application of a chart": {
			app + here + "    path: chart\n    helm:\n      valueFiles: [values-prod.yaml]\n      valuesObject: {more: object}\n      parameters: [{name: set, value: \"1,2\"}]\n",
			[]string{plainA, plainPodA, plainB, plainPodB, `chart as shop in shop: v1/ConfigMap/shop/shop map[more:object set:1,2 text:prod]`}, nil, nil,
		},
		"an Application of what is not there": {
			app + here + "    path: gone\n", []string{plainA, plainPodA, plainB, plainPodB, plainChart},
			[]gate.Problem{{Code: "render", File: "deploy.yaml", Line: 1, Message: `(Application argocd/shop) deploys "gone", which is not in the repository`, Remedy: "Correct the path, or remove it."}}, nil,
		},
		"an ApplicationSet of folders": {
			"apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: all}\nspec:\n  goTemplate: true\n  generators:\n  - git:\n" + "      repoURL: git@github.com:acme/platform.git\n      directories: [{path: apps/*}, {path: apps/b, exclude: true}]\n" +
				"  template:\n    metadata: {name: '{{ .path.basename }}'}\n    spec:\n      destination: {namespace: '{{.path.basename}}-ns'}\n      source: {repoURL: git@github.com:acme/platform.git, path: '{{.path.path}}'}\n",
			[]string{
				strings.Replace(plainA, "apps/a: v1/ConfigMap/", "apps/a by ApplicationSet all: a: v1/ConfigMap/a-ns", 1),
				strings.Replace(plainPodA, "apps/a: v1/Pod/", "apps/a by ApplicationSet all: a: v1/Pod/a-ns", 1),
				plainB, plainPodB, plainChart,
			}, nil, nil,
		},
		"an ApplicationSet of a list": {
			"apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: all}\nspec:\n  generators:\n  - list: {elements: [{env: dev, values: values.yaml}, {env: prod, values: values-prod.yaml}]}\n  - clusters: {}\n" +
				"  template:\n    metadata: {name: 'web-{{env}}'}\n    spec:\n      destination: {namespace: '{{env}}'}\n      source: {repoURL: 'https://github.com/acme/platform', path: chart, helm: {valueFiles: ['{{values}}']}}\n",
			[]string{
				plainA, plainPodA, plainB, plainPodB,
				`chart as web-dev in dev: v1/ConfigMap/dev/web-dev map[more:<nil> set:<nil> text:own]`,
				`chart as web-prod in prod: v1/ConfigMap/prod/web-prod map[more:prod set:<nil> text:prod]`,
			}, nil,
			[]gate.Problem{{Code: "render", File: "deploy.yaml", Line: 1, Message: "has a generator that is not understood: it is neither list nor git", Remedy: "List generators and git generators of this repository are."}},
		},
		"a Kustomization of Flux": {
			flux + "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a, namespace: flux-system}\nspec:\n  path: ./apps/a\n  targetNamespace: shop\n  sourceRef: {kind: GitRepository, name: platform}\n" +
				"  patches:\n  - target: {kind: Pod}\n    patch: |\n      - {op: replace, path: /spec/containers/0/image, value: \"nginx:3\"}\n  postBuild: {substitute: {REGION: eu}}\n",
			[]string{
				`apps/a by Kustomization flux-system/a: v1/ConfigMap/shop/web map[left:${LEFT} region:eu zone:a]`,
				`apps/a by Kustomization flux-system/a: v1/Pod/shop/web nginx:3`,
				plainB, plainPodB, plainChart,
			}, nil, nil,
		},
		"a HelmRelease": {
			flux + "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\nspec:\n  chart: {spec: {chart: ./chart, valuesFiles: [chart/values.yaml, chart/values-prod.yaml], sourceRef: {kind: GitRepository, name: platform, namespace: flux-system}}}\n  values: {set: inline}\n",
			[]string{plainA, plainPodA, plainB, plainPodB, `chart as web in shop: v1/ConfigMap/shop/web map[more:prod set:inline text:prod]`}, nil, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := build(t, platform(document.MapTree{"deploy.yaml": c.file}), nil, document.Options{
				Kubernetes: document.KubernetesOptions{Render: document.RenderOptions{Repository: "acme/platform"}},
			})
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, rendered(t, got.Documents)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([][]gate.Problem{c.problems, c.unjudged}, [][]gate.Problem{got.Problems, got.Unjudged}); diff != "" {
				t.Error(diff)
			}
		})
	}
}
