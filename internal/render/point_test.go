package render_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

const pointedDeployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: nginx:1
          securityContext: {privileged: false}
        - name: side
          image: side:1
`

// TestSources points at what made a value: a patch, a setting, a template, a file of values.
func TestSources(t *testing.T) {
	t.Parallel()
	const web = "spec.template.spec.containers[0]"
	chart := document.MapTree{
		"web/Chart.yaml":  "apiVersion: v2\nname: web\nversion: 1.0.0\n",
		"web/values.yaml": "image: nginx:1\nreplicas: 2\nsecurity:\n  privileged: true\n  runAsUser: 0\npull: Always\nredis:\n  port: 6380\n",
		"web/templates/web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: {{ .Values.replicas }}\n  template:\n    spec:\n" +
			"      hostNetwork: true\n      containers:\n        - name: web\n          image: {{ .Values.image | quote }}\n          imagePullPolicy: \"{{ .Values.pull }}\"\n" +
			"          workingDir: \"/{{ .Values.image }}/{{ .Values.pull }}\"\n          securityContext:\n            {{- toYaml .Values.security | nindent 12 }}\n",
		"web/charts/redis/Chart.yaml":           "apiVersion: v2\nname: redis\nversion: 1.0.0\n",
		"web/charts/redis/values.yaml":          "port: 6379\nhost: db\n",
		"web/charts/redis/templates/redis.yaml": "apiVersion: v1\nkind: Service\nmetadata:\n  name: redis\nspec:\n  externalName: {{ .Values.host }}\n  ports:\n    - port: {{ .Values.port }}\n",
		"prod.yaml":                             "# production\nreplicas: 3\nredis:\n  host: prod\n",
	}
	overlay := func(kustomization string, files ...string) document.MapTree {
		tree := document.MapTree{"base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": pointedDeployment, "prod/kustomization.yaml": "resources: [../base]\n" + kustomization}
		for i := 0; i+1 < len(files); i += 2 {
			tree[files[i]] = files[i+1]
		}
		return tree
	}
	aliased := func(values, last string) document.MapTree {
		return document.MapTree{
			"web/Chart.yaml":   "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n- {name: redis, version: 1.0.0, repository: \"file://../redis\", alias: cache}\n- {name: redis, version: 1.0.0, repository: \"file://../redis\", alias: queue}\n",
			"redis/Chart.yaml": "apiVersion: v2\nname: redis\nversion: 1.0.0\n", "redis/values.yaml": "port: 6379\nhost: db\n",
			"redis/templates/redis.yaml": "{{ if eq .Chart.Name \"cache\" }}\napiVersion: v1\nkind: Service\nmetadata: {name: redis}\nspec:\n  externalName: {{ .Values.host }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: redis}\ndata: {host: {{ .Values.host }}}\n{{ end }}\n",
			"web/values.yaml":            values, "prod.yaml": last,
		}
	}
	helm := document.RenderOptions{Helm: []document.HelmRelease{{Chart: "web", Values: []string{"prod.yaml"}}}}
	const privileged = "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n        - name: web\n          securityContext:\n            privileged: true\n"
	for name, c := range map[string]struct {
		tree       document.MapTree
		options    document.RenderOptions
		kind, path string
		want       string
	}{
		"a strategic patch":              {overlay("patches: [{path: p.yaml}]\n", "prod/p.yaml", privileged), document.RenderOptions{}, "Deployment", web + ".securityContext.privileged", "prod/p.yaml:10"},
		"what the patch leaves alone":    {overlay("patches: [{path: p.yaml}]\n", "prod/p.yaml", privileged), document.RenderOptions{}, "Deployment", web + ".image", "base/web.yaml:12"},
		"an older kind of patch":         {overlay("patchesStrategicMerge:\n  - p.yaml\n", "prod/p.yaml", "# x\n---\n"+privileged), document.RenderOptions{}, "Deployment", web + ".securityContext.privileged", "prod/p.yaml:12"},
		"an inline patch":                {overlay("patches:\n  - patch: |-\n      " + strings.ReplaceAll(privileged, "\n", "\n      ") + "\n"), document.RenderOptions{}, "Deployment", web + ".securityContext.privileged", "prod/kustomization.yaml:13"},
		"a JSON patch":                   {overlay("patches:\n  - target: {kind: Deployment}\n    patch: |-\n      - {op: add, path: /metadata/labels, value: {a: b}}\n      - {op: replace, path: /spec/template/spec/containers/0/securityContext/privileged, value: true}\n"), document.RenderOptions{}, "Deployment", web + ".securityContext.privileged", "prod/kustomization.yaml:6"},
		"a JSON patch in a file":         {overlay("patchesJson6902: [{path: p.json, target: {version: v1, group: apps, kind: Deployment, name: web}}]\n", "prod/p.json", "[\n{\"op\": \"add\", \"path\": \"/spec/template/spec/hostNetwork\", \"value\": true}\n]\n"), document.RenderOptions{}, "Deployment", "spec.template.spec.hostNetwork", "prod/p.json:2"},
		"a patch of something else":      {overlay("patches:\n  - {path: p.yaml}\n  - {path: q.yaml}\n", "prod/p.yaml", privileged, "prod/q.yaml", strings.ReplaceAll(strings.ReplaceAll(privileged, "name: web}", "name: web}\n"), "privileged: true", "privileged: null")+"\n"), document.RenderOptions{}, "Deployment", "spec.replicas", "base/web.yaml:5"},
		"a block that a patch brings":    {overlay("patches: [{path: p.yaml}]\n", "prod/p.yaml", strings.ReplaceAll(privileged, "containers", "initContainers")), document.RenderOptions{}, "Deployment", "spec.template.spec.initContainers[0].securityContext.privileged", "prod/p.yaml:10"},
		"an image":                       {overlay("images:\n  - name: other\n    newTag: \"1\"\n  - name: nginx\n    newTag: latest\n"), document.RenderOptions{}, "Deployment", web + ".image", "prod/kustomization.yaml:5"},
		"replicas":                       {overlay("replicas:\n  - {name: web, count: 5}\n"), document.RenderOptions{}, "Deployment", "spec.replicas", "prod/kustomization.yaml:3"},
		"the namespace":                  {overlay("namespace: kube-system\n"), document.RenderOptions{}, "Deployment", "metadata.namespace", "prod/kustomization.yaml:2"},
		"labels for everything":          {overlay("commonLabels:\n  team: a\n  app.kubernetes.io/part-of: shop\n"), document.RenderOptions{}, "Deployment", "metadata.labels.app.kubernetes.io/part-of", "prod/kustomization.yaml:4"},
		"labels in selectors":            {overlay("labels:\n  - pairs: {a: b}\n  - includeSelectors: true\n    pairs:\n      tier: front\n"), document.RenderOptions{}, "Deployment", "spec.selector.matchLabels.tier", "prod/kustomization.yaml:6"},
		"annotations of Pods":            {overlay("commonAnnotations: {\"a.b/c\": d}\n"), document.RenderOptions{}, "Deployment", `spec.template.metadata.annotations["a.b/c"]`, "prod/kustomization.yaml:2"},
		"a label of the manifest":        {overlay("commonLabels: {team: a}\n"), document.RenderOptions{}, "Deployment", "spec.selector.matchLabels.app", "base/web.yaml:6"},
		"a prefix of names":              {overlay("namePrefix: prod-\n"), document.RenderOptions{}, "Deployment", "metadata.name", "prod/kustomization.yaml:2"},
		"a suffix of names":              {overlay("\nnameSuffix: -prod\n"), document.RenderOptions{}, "Deployment", "metadata.name", "prod/kustomization.yaml:3"},
		"a line of a template":           {chart, helm, "Deployment", "spec.template.spec.hostNetwork", "web/templates/web.yaml:8"},
		"the chart's own value":          {chart, helm, "Deployment", "spec.template.spec.containers[0].image", "web/values.yaml:1"},
		"a value in quotes":              {chart, helm, "Deployment", "spec.template.spec.containers[0].imagePullPolicy", "web/values.yaml:6"},
		"the last file of values":        {chart, helm, "Deployment", "spec.replicas", "prod.yaml:2"},
		"two values":                     {chart, helm, "Deployment", "spec.template.spec.containers[0].workingDir", "web/templates/web.yaml:13"},
		"a block of values":              {chart, helm, "Deployment", "spec.template.spec.containers[0].securityContext.privileged", "web/values.yaml:4"},
		"what a block leaves out":        {chart, helm, "Deployment", "spec.template.spec.containers[0].securityContext.runAsNonRoot", "web/templates/web.yaml:14"},
		"a value given to a subchart":    {chart, helm, "Service", "spec.externalName", "prod.yaml:4"},
		"a value of the chart around it": {chart, helm, "Service", "spec.ports[0].port", "web/values.yaml:8"},
		"an alias":                       {aliased("cache:\n  host: here\n", ""), helm, "Service", "spec.externalName", "web/values.yaml:2"},
		"an alias in the last file":      {aliased("cache: {host: x}\n", "# x\ncache:\n  host: prod\n"), helm, "Service", "spec.externalName", "prod.yaml:3"},
		"what an alias leaves alone":     {aliased("", ""), helm, "Service", "spec.externalName", "redis/values.yaml:2"},
		"one value of two aliases":       {aliased("cache: {host: x}\nqueue: {host: x}\n", ""), helm, "ConfigMap", "data.host", "redis/templates/redis.yaml:11"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			built := build(t, c.tree, nil, document.Options{Kubernetes: document.KubernetesOptions{Render: c.options}})
			var findings []gate.Finding
			for _, doc := range built.Documents {
				if doc.Type == c.kind {
					findings = append(findings, gate.Finding{Kind: doc.Kind, Resource: doc.Resource, File: doc.File, Line: doc.Line, Path: c.path})
				}
			}
			if err := document.PointAt(t.Context(), c.tree, &built, findings); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range findings {
				got = append(got, fmt.Sprintf("%s:%d", f.File, f.Line))
			}
			if diff := cmp.Diff([]string{c.want}, got); diff != "" {
				t.Errorf("%s\n%v", diff, built.Problems)
			}
		})
	}
}
