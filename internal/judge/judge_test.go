package judge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/evidence"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/render"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
	"github.com/gatehouse-dev/gatehouse/policies"
)

var key = []byte("a key of thirty-two bytes in all")

func newJudges(t *testing.T, o judge.Options) *judge.Judges {
	t.Helper()
	o.Key = key
	j, err := judge.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	return j
}

// watch is nobody.
type watch struct{}

func (watch) Step(string)                           {}
func (watch) File(string) func()                    { return func() {} }
func (watch) Begin(_, _ string, _ fmt.Stringer) int { return 0 }
func (watch) End(int)                               {}

// here judges in this process.
func here(t *testing.T, job judge.Job, source judge.Source) *judge.Result {
	t.Helper()
	workers, err := sandbox.New(sandbox.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	result, err := judge.Judge(t.Context(), &job, judge.Given{
		Head: source.Head, Base: source.Base, Redactor: document.NewRedactor(key), Renderer: render.New(workers),
		Parser: func() sandbox.Caller { return workers.Session() }, Watch: watch{},
		Engine: func(ctx context.Context, p *judge.Policies) (*rules.Engine, []gate.Problem, error) {
			options := rules.Options{Builtin: policies.FS, Version: version, Packs: p.Packs, Scope: p.Scope, Rules: p.Rules}
			folders, err := source.Folders(ctx)
			if err != nil {
				return nil, nil, err
			}
			for _, f := range folders {
				files := fstest.MapFS{}
				for name, data := range f.Files {
					files[name] = &fstest.MapFile{Data: data}
				}
				options.Dirs = append(options.Dirs, rules.Dir{Name: f.Name, FS: files})
			}
			engine, err := rules.New(ctx, options)
			var load *rules.LoadError
			if errors.As(err, &load) {
				return nil, load.Problems, nil
			}
			return engine, nil, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func noFolders(context.Context) ([]judge.Folder, error) { return nil, nil }

// TestAWorkerSaysWhatTheServerWouldHave holds the two ways against each other on every case of package document, with every rule.
func TestAWorkerSaysWhatTheServerWouldHave(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("../document/testdata/cases/*")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	judges := newJudges(t, judge.Options{})
	documents := 0
	for _, folder := range cases {
		options := options(t, folder)
		job := judge.Job{
			Options: options, PullRequest: &gate.PullRequest{Number: 7, Title: "A change", Author: "ann"},
			Policies: judge.Policies{Key: "all", Packs: []string{"all"}},
			Evidence: &evidence.Settings{Packs: []string{"all"}},
		}
		source := judge.Source{Repository: 1, Head: read(t, filepath.Join(folder, "head")), Base: read(t, filepath.Join(folder, "base")), Folders: noFolders}
		want := here(t, job, source)
		got, err := judges.Judge(t.Context(), job, source)
		if err != nil {
			t.Fatalf("%s: %v", folder, err)
		}
		if diff := cmp.Diff(asJSON(t, want), asJSON(t, got)); diff != "" {
			t.Errorf("%s (-here +worker):\n%s", folder, diff)
		}
		for _, r := range []*judge.Result{want, got} {
			if r.Kept != nil {
				r.Kept.Differences = nil // the same as Changes
			}
		}
		if diff := cmp.Diff(want.Kept, got.Kept); diff != "" {
			t.Errorf("what is kept of %s (-here +worker):\n%s", folder, diff)
		}
		documents += len(want.Documents)
	}
	if documents < 100 {
		t.Errorf("only %d documents were compared", documents)
	}
}

const plans = "../document/testdata/plans"

// options reads the options of a case.
func options(t *testing.T, folder string) document.Options {
	t.Helper()
	var o document.Options
	var given struct {
		document.TerraformOptions
		Paths   []string
		Files   map[string][]string
		Changed []string
		Limits  document.Limits
		Plans   []document.PlanFile
	}
	data, err := os.ReadFile(filepath.Join(folder, "options.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return o
	}
	if err == nil {
		err = json.Unmarshal(data, &given)
	}
	if err != nil {
		t.Fatal(err)
	}
	o.Terraform, o.Kubernetes.Paths, o.Files, o.Limits, o.Plans = given.TerraformOptions, given.Paths, given.Files, given.Limits, given.Plans
	for i := range o.Plans {
		if o.Plans[i].Data, err = os.ReadFile(filepath.Join(plans, filepath.Base(o.Plans[i].File))); err != nil {
			t.Fatal(err)
		}
	}
	if given.Changed != nil {
		o.Changed = map[string]bool{}
		for _, path := range given.Changed {
			o.Changed[path] = true
		}
	}
	return o
}

// asJSON is a result as it will be recorded.
func asJSON(t *testing.T, r *judge.Result) string {
	t.Helper()
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// read reads a folder as a tree, nil when it is not there.
func read(t *testing.T, root string) document.Tree {
	t.Helper()
	files := document.MapTree{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		if link, ok := strings.CutSuffix(name, ".plan"); ok && err == nil { // the name of a plan, which stands there instead
			name = link
			data, err = os.ReadFile(filepath.Join(plans, string(bytes.TrimSpace(data))))
		}
		files[name] = string(data)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return files
}

const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b}\nspec: {containers: [{name: c, image: nginx}]}\n"

// ownRule is a rule of the repository's own.
func ownRule(body string) judge.Folder {
	return judge.Folder{Name: "rules", Files: map[string][]byte{"t1.rego": []byte(`# METADATA
# title: A test
# custom:
#   id: T-1
#   severity: high
#   remedy: Do not.
#   inspects: {kubernetes: [Pod]}
package gatehouse.test.t1

` + body)}}
}

// TestOwnRulesConftestChartsAndOverlays goes through everything that a worker asks its parent for.
func TestOwnRulesConftestChartsAndOverlays(t *testing.T) {
	t.Parallel()
	head := document.MapTree{
		"deploy/kustomization.yaml": "namespace: prod\nresources: [pod.yaml]\n",
		"deploy/pod.yaml":           pod,
		"chart/Chart.yaml":          "apiVersion: v2\nname: web\nversion: 0.1.0\n",
		"chart/templates/pod.yaml":  strings.Replace(pod, "name: a", "name: {{ .Release.Name }}", 1),
		"settings.toml":             "open = true\n",
	}
	source := judge.Source{Repository: 1, Head: head, Base: document.MapTree{}, Folders: func(context.Context) ([]judge.Folder, error) {
		return []judge.Folder{
			ownRule("deny contains sprintf(\"%s is a Pod\", [input.resource.metadata.name])\n"),
			{Name: "conftest", Files: map[string][]byte{"main.rego": []byte("package main\n\ndeny contains \"it is open\" if input.open\n")}},
		}, nil
	}}
	job := judge.Job{
		Files:    []gate.FileChange{{Path: "settings.toml", Status: "added"}},
		Policies: judge.Policies{Key: "own", Packs: []string{}},
	}
	want := here(t, job, source)
	judges := newJudges(t, judge.Options{})
	for range 2 { // the second time with what the worker remembers
		got, err := judges.Judge(t.Context(), job, source)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(asJSON(t, want), asJSON(t, got)); diff != "" {
			t.Errorf("(-here +worker):\n%s", diff)
		}
		if len(got.Evaluation.Findings) != 3 {
			t.Errorf("findings %v", got.Evaluation.Findings)
		}
	}
}

func TestBrokenRulesAreProblems(t *testing.T) {
	t.Parallel()
	judges := newJudges(t, judge.Options{})
	got, err := judges.Judge(t.Context(), judge.Job{Policies: judge.Policies{Key: "broken", Packs: []string{}}}, judge.Source{
		Repository: 1, Head: document.MapTree{"a.yaml": pod}, Folders: func(context.Context) ([]judge.Folder, error) {
			return []judge.Folder{ownRule("deny contains x if {\n")}, nil
		},
	})
	if err != nil || len(got.Problems) == 0 || !strings.HasPrefix(got.Problems[0].File, "rules/t1.rego") || got.Evaluation.Documents != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPlansAreReadInAWorker(t *testing.T) {
	t.Parallel()
	judges := newJudges(t, judge.Options{})
	plan := []byte(`{"format_version":"1.2","resource_changes":[{"address":"a.b","mode":"managed","type":"a","name":"b","provider_name":"p",
"change":{"actions":["create"],"before":null,"after":{"secret":"CANARY","open":1},"after_unknown":{},"before_sensitive":false,"after_sensitive":{"secret":true}}}]}`)
	want, problem := document.NewRedactor(key).Plan(plan, "the plan", document.Limits{})
	if problem != nil {
		t.Fatal(problem)
	}
	got, problem, err := judges.Plan(t.Context(), 1, plan, "the plan", document.Limits{})
	if err != nil || problem != nil || !bytes.Equal(got, want) || bytes.Contains(got, []byte("CANARY")) {
		t.Errorf("%s, %v, %v; wanted %s", got, problem, err, want)
	}
	_, wantProblem := document.NewRedactor(key).Plan([]byte("{"), "the plan", document.Limits{})
	_, problem, err = judges.Plan(t.Context(), 1, []byte("{"), "the plan", document.Limits{})
	if diff := cmp.Diff(wantProblem, problem); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestTouched(t *testing.T) {
	t.Parallel()
	judges := newJudges(t, judge.Options{})
	source := judge.Source{
		Repository: 1, Base: document.MapTree{"infra/main.tf": ""},
		Head: document.MapTree{"infra/main.tf": "module \"m\" {\n  source = \"../modules/m\"\n}\n", "modules/m/main.tf": ""},
	}
	projects := []document.Project{{Dir: "infra"}}
	for _, c := range []struct {
		changed [][]string
		want    int
	}{
		{[][]string{{"README.md"}}, -1},
		{[][]string{{"README.md"}, nil, {"modules/m/main.tf"}, {"infra/main.tf"}}, 2},
		{[][]string{{"infra/main.tf"}}, 0},
	} {
		if got, err := judges.Touched(t.Context(), source, projects, "infra", c.changed); err != nil || got != c.want {
			t.Errorf("%v: %d, %v; wanted %d", c.changed, got, err, c.want)
		}
	}
}

func TestSettingsOfThePullRequest(t *testing.T) {
	t.Parallel()
	judges := newJudges(t, judge.Options{})
	got, ok, err := judges.Settings(t.Context(), 1, []byte("version: 1\npolicies: {packs: [], paths: [mine], rules: {IM-04: {parameters: {n: 12345678901234567}}}}\n"))
	if err != nil || !ok || got.Packs == nil || len(got.Packs) != 0 || !cmp.Equal(got.Paths, []string{"mine"}) {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	if n := got.Rules["IM-04"].Parameters["n"]; n != json.Number("12345678901234567") {
		t.Errorf("a number became %v", n)
	}
	if _, ok, err := judges.Settings(t.Context(), 1, []byte("version: 9\n")); ok || err != nil {
		t.Errorf("a broken file: %v, %v", ok, err)
	}
}

// TestWhatKeepsTheParentFromReading is an error, not a problem of the pull request: another attempt may succeed.
func TestWhatKeepsTheParentFromReading(t *testing.T) {
	t.Parallel()
	judges := newJudges(t, judge.Options{})
	failure := errors.New("GitHub is down")
	_, err := judges.Judge(t.Context(), judge.Job{Policies: judge.Policies{Key: "none", Packs: []string{}}}, judge.Source{
		Repository: 1, Head: failingTree{document.MapTree{"a.yaml": pod}, failure}, Folders: noFolders,
	})
	if !errors.Is(err, failure) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err = judges.Judge(ctx, judge.Job{PullRequest: &gate.PullRequest{Title: hangs}}, judge.Source{Repository: 1, Head: document.MapTree{}})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

type failingTree struct {
	document.MapTree
	err error
}

func (t failingTree) Read(context.Context, []string) (map[string][]byte, error) { return nil, t.err }
