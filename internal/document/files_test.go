package document_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// FuzzFiles holds the readers of pipelines, playbooks and the like to what every document must be: JSON, and no larger than its
// input by more than the readers allow.
func FuzzFiles(f *testing.F) {
	for _, seed := range []string{
		"on: push\njobs: {a: {runs-on: x, steps: [{uses: a/b@v1}]}}", "stages: [x]\na: {extends: [b, c], script: [!reference [b, script]]}",
		"pipeline { agent any\n stages { stage('x') { when { branch 'main' }\n steps { sh \"\"\"a ${b}\"\"\" } } } }", "- hosts: all\n  roles: [r]\n  tasks: [{block: [{x: y}]}]",
		"[web]\na b=c\n[web:vars]\nx=y", "# escape=`\nFROM a AS b\nRUN <<EOF\nx\nEOF", "* @a \\ b # c", "runs: {using: composite, steps: []}", "all: {hosts: {a: null}}",
	} {
		f.Add(seed)
	}
	places := []string{
		".github/workflows/a.yml", "action.yml", ".gitlab-ci.yml", "Jenkinsfile", "site.yml", "roles/r/tasks/main.yml", "inventory/hosts", "hosts.yml",
		"Dockerfile", "CODEOWNERS", ".github/gatehouse.yml", "user",
	}
	f.Fuzz(func(t *testing.T, content string) {
		tree := document.MapTree{}
		for _, place := range places {
			tree[place] = content
		}
		for _, doc := range build(tree, nil, document.Options{}).Documents {
			if !json.Valid(doc.After) || !json.Valid(doc.Change) {
				t.Errorf("%s %s is not JSON: %q", doc.Kind, doc.Resource, doc.After)
			}
			if len(doc.After) > 64<<20 {
				t.Errorf("%s %s has %d bytes", doc.Kind, doc.Resource, len(doc.After))
			}
		}
		values, err := json.Marshal(map[string]string{"user_data": content})
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range document.CloudInit([]gate.Document{{Kind: gate.KindTerraform, Type: "aws_instance", Resource: "aws_instance.x", After: values}}) {
			if !json.Valid(doc.After) {
				t.Errorf("the start-up script is not JSON: %q", doc.After)
			}
		}
	})
}

// TestBombs reads files that would become huge, or take for ever, if what they repeat were repeated.
func TestBombs(t *testing.T) {
	t.Parallel()
	deep := func(n int, open, end string) string { return strings.Repeat(open, n) + strings.Repeat(end, n) }
	extends, references, roles, includes, shared := &strings.Builder{}, &strings.Builder{}, document.MapTree{}, document.MapTree{}, &strings.Builder{}
	fmt.Fprintln(extends, "stages: [x]")
	fmt.Fprintln(references, "stages: [x]")
	fmt.Fprintf(shared, "stages: [x]\n.big: {script: [%q]}\n", strings.Repeat("x", 200_000))
	for i := range 30 {
		fmt.Fprintf(extends, "j%d: {extends: [%s], script: [x]}\n", i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("j%d, ", i+1), 20), ", "))
		fmt.Fprintf(references, ".r%d: {script: [%s]}\n", i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("[.r%d, script], ", i+1), 20), ", "))
		roles[fmt.Sprintf("roles/r%d/meta/main.yml", i)] = fmt.Sprintf("dependencies: [r%d, r%d, r%d]", i+1, i+1, i+1)
		includes[fmt.Sprintf("t%d.yml", i)] = strings.Repeat(fmt.Sprintf("- include_tasks: t%d.yml\n", i+1), 20)
	}
	functions, included := &strings.Builder{}, document.MapTree{".gitlab-ci.yml": "include: 'ci/*.yml'\n"}
	for i := range 30 {
		included[fmt.Sprintf("ci/%d.yml", i)] = fmt.Sprintf("include: 'ci/*.yml'\nj%d: {script: [x]}\n", i)
	}
	for i := range 30 {
		fmt.Fprintf(functions, "def f%d() { %s sh 'x' }\n", i, strings.Repeat(fmt.Sprintf("f%d(); ", i+1), 20))
	}
	for i := range 5000 {
		fmt.Fprintf(shared, "u%d: {extends: .big}\n", i)
	}
	roles["site.yml"] = "- hosts: all\n  roles: [r0]\n"
	includes["site.yml"] = "- hosts: all\n  tasks: [{include_tasks: t0.yml}]\n"
	for name, tree := range map[string]document.MapTree{
		"extends":    {".gitlab-ci.yml": extends.String()},
		"references": {".gitlab-ci.yml": references.String()},
		"included":   included,
		"shared":     {".gitlab-ci.yml": shared.String()},
		"circle":     {".gitlab-ci.yml": "a: {extends: a, script: [!reference [a, script]]}"},
		"roles":      roles,
		"includes":   includes,
		"itself":     {"site.yml": "- hosts: all\n  tasks: [{include_tasks: site.yml}]\n"},
		"braces":     {"Jenkinsfile": deep(100_000, "{", "}")},
		"brackets":   {"Jenkinsfile": deep(100_000, "(", ")")},
		"ifs":        {"Jenkinsfile": strings.Repeat("if (a) ", 100_000) + "sh 'x'"},
		"elses":      {"Jenkinsfile": "if (a) sh 'x'" + strings.Repeat(" else if (a) sh 'x'", 40_000)},
		"lines on":   {"Jenkinsfile": "x" + strings.Repeat(" +\n", 200_000) + "y" + strings.Repeat("\n.z()", 100_000)},
		"empty":      {"Jenkinsfile": "x +" + strings.Repeat("\n", 900_000)},
		"conditions": {"Jenkinsfile": "if (" + strings.Repeat("!", 900_000) + "a) sh 'x'"},
		"functions":  {"Jenkinsfile": functions.String() + "f0()\n"},
		"quotes":     {"Jenkinsfile": strings.Repeat("'''", 99_999)},
		"lines":      {"Dockerfile": "FROM x\n" + strings.Repeat("RUN x \\\n", 100_000)},
		"hosts":      {"inventory/hosts": "[x]\n" + strings.Repeat("a b=c\n", 150_000)},
		"aliases":    {".github/workflows/a.yml": "on: push\nx: &a [" + strings.Repeat("y, ", 1000) + "]\njobs: {a: {steps: [" + strings.TrimSuffix(strings.Repeat("*a, ", 5000), ", ") + "]}}"},
		"long":       {".github/workflows/a.yml": "on: push\njobs: {}\n# " + strings.Repeat("x", 2<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			size := 0
			for _, doc := range build(tree, nil, document.Options{}).Documents {
				size += len(doc.After)
			}
			if size > 80<<20 {
				t.Errorf("the documents have %d bytes", size)
			}
		})
	}
}

// TestPointAtPipelines looks for the lines of findings about pipelines.
func TestPointAtPipelines(t *testing.T) {
	t.Parallel()
	tree := document.MapTree{
		".github/workflows/a.yml": "name: a\non:\n  push: null\njobs:\n  a.b:\n    steps:\n      - run: x\n      - uses: y\n",
		".gitlab-ci.yml":          "spec: {inputs: {}}\n---\nstages: [x]\nmy.job:\n  script:\n    - x\n",
	}
	finding := func(kind, file, path string) gate.Finding {
		return gate.Finding{Kind: kind, File: file, Path: path, Line: 1}
	}
	findings := []gate.Finding{
		finding(gate.KindGitHubActions, ".github/workflows/a.yml", "jobs.a.b.steps[1].uses"),
		finding(gate.KindGitHubActions, ".github/workflows/a.yml", "on.push"),
		finding(gate.KindGitHubActions, ".github/workflows/a.yml", "permissions"),
		finding(gate.KindGitLabCI, ".gitlab-ci.yml", `["my.job"].script[0]`),
		finding(gate.KindJenkinsfile, "Jenkinsfile", "x"),
	}
	if err := document.PointAt(t.Context(), tree, nil, findings); err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, f := range findings {
		lines = append(lines, f.Line)
	}
	if diff := cmp.Diff([]int{8, 3, 1, 6, 1}, lines); diff != "" {
		t.Error(diff)
	}
}

// TestPaddedFiles holds that a pipeline cannot get out of sight by being large.
func TestPaddedFiles(t *testing.T) {
	t.Parallel()
	padding := strings.Repeat("# x\n", 300_000)
	for _, file := range []string{".github/workflows/a.yml", ".gitlab-ci.yml", "Jenkinsfile", "Dockerfile", "CODEOWNERS", ".github/gatehouse.yml"} {
		r := build(document.MapTree{file: padding}, document.MapTree{}, document.Options{})
		want := []gate.Problem{{
			Code: "limit", File: file, Message: "has more than 1 MiB, which is the limit", Remedy: "Split the file.",
		}}
		for i := range r.Problems {
			_, r.Problems[i].Message, _ = strings.Cut(r.Problems[i].Message, " that ")
		}
		if diff := cmp.Diff(want, r.Problems); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

// TestUnchangedFiles reads a file that is the same on both sides, one that moved, and a playbook whose role alone changed.
func TestUnchangedFiles(t *testing.T) {
	t.Parallel()
	workflow := "on: push\njobs: {a: {runs-on: x, steps: []}}\n"
	head := document.MapTree{
		".github/workflows/a.yml": workflow, "CODEOWNERS": "* @a\n", "site.yml": "- hosts: all\n  roles: [r]\n", "roles/r/tasks/main.yml": "- shell: b\n",
	}
	base := document.MapTree{
		".github/workflows/b.yml": workflow, "CODEOWNERS": "* @a\n", "site.yml": "- hosts: all\n  roles: [r]\n", "roles/r/tasks/main.yml": "- shell: a\n",
	}
	var got []string
	for _, doc := range build(head, base, document.Options{}).Documents {
		got = append(got, fmt.Sprint(doc.File, " ", doc.BaseFile, " ", doc.Actions))
	}
	want := []string{
		"roles/r/tasks/main.yml  [update]", "site.yml  [update]", "CODEOWNERS  [no-op]", ".github/workflows/a.yml .github/workflows/b.yml [no-op]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
