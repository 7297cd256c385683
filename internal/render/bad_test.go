package render_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/render"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

func renderer(t *testing.T, limits sandbox.Limits) *render.Renderer {
	t.Helper()
	workers, err := sandbox.New(limits)
	if err != nil {
		t.Fatal(err)
	}
	return render.New(workers)
}

const (
	deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
	chartYAML  = "apiVersion: v2\nname: web\nversion: 0.1.0\n"
)

// TestBadInput holds everything that a pull request may get wrong, or do on purpose, to one problem with one clear sentence.
func TestBadInput(t *testing.T) {
	t.Parallel()
	const (
		correct  = "Correct the name, or add what it names; symbolic links and submodules are not followed."
		vendor   = "Copy it into the repository and name it there."
		builtins = "Use kustomize's own generators and transformers, or commit what the program makes."
		helm     = "Name the chart in kubernetes.helm of .github/gatehouse.yml, or commit the rendered manifests."
		see      = "Run helm template web to see it; name the values that it is installed with in kubernetes.helm of .github/gatehouse.yml."
	)
	for name, c := range map[string]struct {
		tree document.MapTree
		want gate.Problem
	}{
		"a remote base": {
			document.MapTree{"a/kustomization.yaml": "resources:\n- web.yaml\n- https://github.com/acme/base//web?ref=v1\n", "a/web.yaml": deployment},
			gate.Problem{File: "a/kustomization.yaml", Line: 3, Remedy: vendor, Message: `asks for the remote resource "https://github.com/acme/base//web?ref=v1"; nothing is fetched`},
		},
		"a remote base without a scheme": {
			document.MapTree{"a/kustomization.yaml": "resources: [github.com/acme/base//web]\n"},
			gate.Problem{File: "a/kustomization.yaml", Line: 1, Remedy: vendor, Message: `asks for the remote resource "github.com/acme/base//web"; nothing is fetched`},
		},
		"a remote base over SSH, in a base": {
			document.MapTree{"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources:\n- git@github.com:acme/base.git\n"},
			gate.Problem{File: "b/kustomization.yaml", Line: 2, Remedy: vendor, Message: `asks for the remote resource "git@github.com:acme/base.git"; nothing is fetched`},
		},
		"a remote patch": {
			document.MapTree{"a/kustomization.yaml": "resources: [web.yaml]\npatches:\n- path: https://example.com/patch.yaml\n", "a/web.yaml": deployment},
			gate.Problem{File: "a/kustomization.yaml", Line: 3, Remedy: vendor, Message: `asks for the remote resource "https://example.com/patch.yaml"; nothing is fetched`},
		},
		"a remote file inside an inline transformer": {
			document.MapTree{"a/kustomization.yaml": "resources: [web.yaml]\ntransformers:\n- |-\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: p}\n  path: https://example.com/p.yaml\n", "a/web.yaml": deployment},
			gate.Problem{File: "a/kustomization.yaml", Line: 3, Remedy: vendor, Message: `asks for "https://example.com/p.yaml"; nothing is fetched`},
		},
		"a program as generator": {
			document.MapTree{
				"a/kustomization.yaml": "generators: [gen.yaml]\n",
				"a/gen.yaml":           "# runs\napiVersion: acme.example/v1\nkind: Maker\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: ./run.sh}\n",
			},
			gate.Problem{File: "a/gen.yaml", Line: 2, Remedy: builtins, Message: `asks kustomize to run a program ("Maker"); programs of a pull request are not run`},
		},
		"a container as transformer": {
			document.MapTree{
				"a/kustomization.yaml": "resources: [web.yaml]\ntransformers: [fn.yaml]\n", "a/web.yaml": deployment,
				"a/fn.yaml": "apiVersion: builtin\nkind: LabelTransformer\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: |\n      container: {image: evil}\n",
			},
			gate.Problem{File: "a/fn.yaml", Line: 1, Remedy: builtins, Message: `asks kustomize to run a program ("LabelTransformer"); programs of a pull request are not run`},
		},
		"a chart inflated by kustomize": {
			document.MapTree{"a/kustomization.yaml": "helmCharts:\n- name: redis\n  repo: https://charts.example.com\n"},
			gate.Problem{File: "a/kustomization.yaml", Line: 2, Remedy: helm, Message: "asks kustomize to inflate a Helm chart, which Gatehouse does not do"},
		},
		"kustomizations that include each other": {
			document.MapTree{"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources:\n- ../a\n"},
			gate.Problem{File: "b/kustomization.yaml", Line: 2, Remedy: "Take one of them out of the circle.", Message: "includes itself: a includes b includes a"},
		},
		"a kustomization that includes itself": {
			document.MapTree{"a/kustomization.yaml": "resources: [../a]\n"},
			gate.Problem{File: "a/kustomization.yaml", Line: 1, Remedy: "Take one of them out of the circle.", Message: "includes itself: a includes a"},
		},
		"a path out of the repository": {
			document.MapTree{"a/kustomization.yaml": "resources: [../../../etc]\n"},
			gate.Problem{File: "a/kustomization.yaml", Line: 1, Remedy: "Name something inside the repository.", Message: `names "../../../etc", which lies outside of the repository`},
		},
		"an absolute path": {
			document.MapTree{"a/kustomization.yaml": "configMapGenerator:\n- name: x\n  files: [key=/etc/passwd]\n"},
			gate.Problem{File: "a/kustomization.yaml", Line: 3, Remedy: "Name something inside the repository.", Message: `names "/etc/passwd", which lies outside of the repository`},
		},
		"a resource that is a symbolic link, or nothing at all": {
			document.MapTree{"a/kustomization.yaml": "resources: [link.yaml]\n"},
			gate.Problem{File: "a/kustomization.yaml", Line: 1, Remedy: correct, Message: `names "link.yaml", which is not in the repository`},
		},
		"broken YAML": {
			document.MapTree{"a/kustomization.yaml": "resources:\n\t- x\n"},
			gate.Problem{File: "a/kustomization.yaml", Line: 2, Remedy: "Correct the kustomization.", Message: "is not valid YAML: found character that cannot start any token"},
		},
		"two kustomizations in one folder": {
			document.MapTree{"a/kustomization.yaml": "resources: []\n", "a/kustomization.yml": "resources: []\n"},
			gate.Problem{File: "a/kustomization.yml", Remedy: "Remove one of the two.", Message: "stands beside kustomization.yaml; a folder has one kustomization"},
		},
		"a patch of nothing": {
			document.MapTree{"a/kustomization.yaml": "resources: [web.yaml]\npatches:\n- path: p.yaml\n", "a/web.yaml": deployment, "a/p.yaml": strings.Replace(deployment, "web", "other", 1)},
			gate.Problem{File: "a/kustomization.yaml", Remedy: "Run kustomize build a to see it.", Message: "cannot be rendered: no resource matches strategic merge patch \"Deployment.v1.apps/other.[noNs]\": no matches for Id Deployment.v1.apps/other.[noNs]; failed to find unique target for patch Deployment.v1.apps/other.[noNs]"},
		},
		"the same object twice, far down": {
			document.MapTree{
				"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../c, ../d]\n",
				"c/kustomization.yaml": "resources: [web.yaml]\n", "d/kustomization.yaml": "resources: [web.yaml]\n", "c/web.yaml": deployment, "d/web.yaml": deployment,
			},
			gate.Problem{File: "a/kustomization.yaml", Remedy: "Run kustomize build a to see it.", Message: "cannot be rendered: in d: may not add resource with an already registered id: Deployment.v1.apps/web.[noNs]"},
		},
		"a literal of a Secret that is none": {
			document.MapTree{"a/kustomization.yaml": "secretGenerator: [{name: s, literals: [hunter2hunter2]}]\n"},
			gate.Problem{File: "a/kustomization.yaml", Remedy: "Run kustomize build a to see it.", Message: "cannot be rendered: loading KV pairs: literal sources [(secret)]: invalid literal source (secret), expected key=value"},
		},
		"a part of a Secret's text that is not there": {
			document.MapTree{
				"a/kustomization.yaml": "resources: [s.yaml]\nreplacements: [{source: {kind: Secret, fieldPath: stringData.p, options: {delimiter: \"-\", index: 9}}, targets: [{select: {kind: Secret}, fieldPaths: [data.x]}]}]\n",
				"a/s.yaml":             "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {p: a-hunter2}\n",
			},
			gate.Problem{File: "a/kustomization.yaml", Remedy: "Run kustomize build a to see it.", Message: "cannot be rendered: options.index 9 is out of bounds for value (secret)"},
		},
		"a password that a template cannot use": {
			document.MapTree{"web/Chart.yaml": chartYAML, "web/values.yaml": "db: {password: hunter2}\n", "web/templates/a.yaml": "x: {{ mustToDate \"2006\" .Values.db.password }}\n"},
			gate.Problem{File: "web/templates/a.yaml", Line: 1, Remedy: see, Message: `cannot be rendered: template: web/templates/a.yaml:1:6: executing "web/templates/a.yaml" at <mustToDate "2006" .Values.db.password>: error calling mustToDate: parsing time "(secret)" as "2006": cannot parse "(secret)" as "2006"`},
		},
		"a dependency that is not vendored": {
			document.MapTree{"web/Chart.yaml": chartYAML + "dependencies:\n- name: redis\n  version: 1.2.3\n  repository: https://charts.example.com\n"},
			gate.Problem{
				File: "web/Chart.yaml", Line: 5, Message: `depends on redis 1.2.3 from "https://charts.example.com", which is not vendored; nothing is fetched`,
				Remedy: "Run helm dependency build web, commit the charts folder, and let .gitignore and .helmignore pass it.",
			},
		},
		"a dependency outside of the repository": {
			document.MapTree{"web/Chart.yaml": chartYAML + "dependencies:\n- name: x\n  version: 1.2.3\n  repository: file://../../x\n"},
			gate.Problem{File: "web/Chart.yaml", Line: 5, Remedy: "Name a chart inside the repository.", Message: `depends on "file://../../x", which lies outside of the repository`},
		},
		"a chart that depends on itself": {
			document.MapTree{"web/Chart.yaml": chartYAML + "dependencies:\n- name: web\n  version: 0.1.0\n  repository: file://.\n"},
			gate.Problem{File: "web/Chart.yaml", Line: 5, Remedy: "Take the dependency out.", Message: "depends on itself: web depends on web"},
		},
		"charts that depend on each other": {
			document.MapTree{
				"a/Chart.yaml": strings.Replace(chartYAML, "web", "a", 1) + "dependencies:\n- {name: b, version: 0.1.0, repository: \"file://../b\"}\n",
				"b/Chart.yaml": strings.Replace(chartYAML, "web", "b", 1) + "dependencies:\n- {name: a, version: 0.1.0, repository: \"file://../a\"}\n",
			},
			gate.Problem{File: "b/Chart.yaml", Line: 5, Remedy: "Take the dependency out.", Message: "depends on itself: a depends on b depends on a"},
		},
		"a chart that only a library refers to": {
			document.MapTree{
				"a/Chart.yaml":   strings.Replace(chartYAML, "web", "a", 1) + "type: library\ndependencies:\n- {name: web, version: 0.1.0, repository: \"file://../web\"}\n",
				"web/Chart.yaml": chartYAML, "web/templates/a.yaml": "x: {{ fail \"it is rendered\" }}\n",
			},
			gate.Problem{File: "web/templates/a.yaml", Line: 1, Remedy: see, Message: "cannot be rendered: it is rendered"},
		},
		"a template of a chart with an alias": {
			document.MapTree{
				"web/Chart.yaml": chartYAML + "dependencies:\n- {name: b, version: 0.1.0, repository: \"file://../b\", alias: c}\n",
				"b/Chart.yaml":   strings.Replace(chartYAML, "web", "b", 1), "b/templates/a.yaml": "\nx: {{ fail \"no\" }}\n",
			},
			gate.Problem{File: "b/templates/a.yaml", Line: 2, Remedy: see, Message: "cannot be rendered: no"},
		},
		"a template that does not parse": {
			document.MapTree{"web/Chart.yaml": chartYAML, "web/templates/a.yaml": "x: 1\ny: {{ .Values.a }\n"},
			gate.Problem{File: "web/templates/a.yaml", Line: 2, Remedy: see, Message: `cannot be rendered: parse error at (web/templates/a.yaml:2): unexpected "}" in operand`},
		},
		"a value that is required": {
			document.MapTree{"web/Chart.yaml": chartYAML, "web/templates/a.yaml": "x: 1\n\ny: {{ required \"image is required\" .Values.image }}\n"},
			gate.Problem{File: "web/templates/a.yaml", Line: 3, Remedy: see, Message: "cannot be rendered: image is required"},
		},
		"a template that includes itself": {
			document.MapTree{"web/Chart.yaml": chartYAML, "web/templates/a.yaml": "{{ define \"x\" }}{{ include \"x\" . }}{{ end }}\nx: {{ include \"x\" . }}\n"},
			gate.Problem{File: "web/templates/a.yaml", Line: 1, Remedy: see, Message: "cannot be rendered: rendering template has a nested reference name: x: unable to execute template"},
		},
		"the environment": {
			document.MapTree{"web/Chart.yaml": chartYAML, "web/templates/a.yaml": "x: {{ env \"HOME\" }}\n"},
			gate.Problem{File: "web/templates/a.yaml", Line: 1, Remedy: see, Message: `cannot be rendered: parse error at (web/templates/a.yaml:1): function "env" not defined`},
		},
		"no chart": {
			document.MapTree{"web/Chart.yaml": "apiVersion: v2\nversion: 0.1.0\n", "web/templates/a.yaml": "x: 1\n"},
			gate.Problem{File: "web/Chart.yaml", Remedy: "Run helm lint web to see it.", Message: "is not a chart that can be loaded: validation: chart.metadata.name is required"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := document.Build(t.Context(), c.tree, nil, document.Options{Renderer: renderer(t, sandbox.Limits{})})
			if c.want.Code == "" {
				c.want.Code = "render"
			}
			if diff := cmp.Diff([]gate.Problem{c.want}, got.Problems); diff != "" {
				t.Error(diff)
			}
			if got.Err != nil {
				t.Error(got.Err)
			}
		})
	}
}

// never is what is advised where a limit is met.
const never = "Look for what repeats itself without end or grows without bound, or split it."

// TestWhatAllocatesWithoutEnd ends in one sentence, and what is beside it is rendered.
func TestWhatAllocatesWithoutEnd(t *testing.T) {
	t.Parallel()
	tree := document.MapTree{
		"bomb/Chart.yaml":         strings.Replace(chartYAML, "web", "bomb", 1),
		"bomb/templates/a.yaml":   "{{ $x := \"0123456789abcdef\" }}{{ range until 40 }}{{ $x = cat $x $x }}{{ end }}\nx: {{ $x }}\n",
		"well/kustomization.yaml": "resources: [web.yaml]\n",
		"well/web.yaml":           deployment,
	}
	got := document.Build(t.Context(), tree, nil, document.Options{Renderer: renderer(t, sandbox.Limits{Memory: 400 << 20, Wall: time.Minute})})
	want := []gate.Problem{{Code: "limit", File: "bomb/Chart.yaml", Remedy: never, Message: "cannot be rendered: the worker process took more than 400 MiB of memory"}}
	if diff := cmp.Diff(want, got.Problems); diff != "" {
		t.Error(diff)
	}
	if len(got.Documents) != 1 || got.Documents[0].Resource != "apps/v1/Deployment//web" {
		t.Errorf("documents %v", got.Documents)
	}
}

// TestWhatLoopsWithoutEnd ends in one sentence for each, and after the third the others are not even tried.
func TestWhatLoopsWithoutEnd(t *testing.T) {
	t.Parallel()
	tree := document.MapTree{}
	var want []gate.Problem
	for i, name := range []string{"a", "b", "c", "d"} {
		tree[name+"/Chart.yaml"] = strings.Replace(chartYAML, "web", name, 1)
		tree[name+"/templates/a.yaml"] = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}\n"
		want = append(want, gate.Problem{Code: "limit", File: name + "/Chart.yaml", Remedy: never, Message: "cannot be rendered: the worker process took more than 1s"})
		if i == 3 {
			want[i].Message, want[i].Remedy = "was not rendered, because others met the limits of the worker process before it", "Correct those first."
		}
	}
	got := document.Build(t.Context(), tree, nil, document.Options{Renderer: renderer(t, sandbox.Limits{Wall: time.Second})})
	if diff := cmp.Diff(want, got.Problems); diff != "" {
		t.Error(diff)
	}
}
