package document_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/document/plangen"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// failing is a tree that cannot be read.
type failing struct {
	document.MapTree
	err error
}

func (t failing) Read(context.Context, []string) (map[string][]byte, error) { return nil, t.err }

// capped is a tree that refuses large files.
type capped struct {
	document.MapTree
	limit int64
}

func (t capped) Read(ctx context.Context, paths []string) (map[string][]byte, error) {
	large := map[string]int64{}
	for _, path := range paths {
		if size := int64(len(t.MapTree[path])); size > t.limit {
			large[path] = size
		}
	}
	if len(large) > 0 {
		return nil, fmt.Errorf("read: %w", &document.TooLargeError{Sizes: large, Limit: t.limit})
	}
	return t.MapTree.Read(ctx, paths)
}

func TestATreeThatCannotBeRead(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection lost")
	files := document.MapTree{"a.yaml": "apiVersion: v1\nkind: Pod\n", "p.tfplan.json": "{}"}
	want := []gate.Problem{{Code: "internal", Message: "The files could not be read: connection lost", Remedy: "Ask for a recheck."}}
	for name, trees := range map[string][2]document.Tree{"head": {failing{files, lost}, nil}, "base": {files, failing{files, lost}}} {
		r := build(trees[0], trees[1], document.Options{Changed: map[string]bool{"a.yaml": true}})
		if !errors.Is(r.Err, lost) {
			t.Errorf("%s: error %v", name, r.Err)
		}
		if diff := cmp.Diff(want, r.Problems); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestACancelledRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir, err := document.Dir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	if r := document.Build(ctx, dir, nil, document.Options{}); !errors.Is(r.Err, context.Canceled) || len(r.Problems) == 0 {
		t.Errorf("error %v, problems %v", r.Err, r.Problems)
	}
}

func TestOneLargeFileDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	head := capped{document.MapTree{
		"data.json": strings.Repeat("1", 100), "padded.yaml": strings.Repeat("#", 100), "pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n",
		"p.tfplan.json": strings.Repeat(" ", 100),
	}, 60}
	r := build(head, nil, document.Options{Terraform: document.TerraformOptions{Committed: []string{"*.tfplan.json"}}, Limits: document.Limits{Plan: 70, Manifest: 50}})
	want := []gate.Problem{
		{Code: "limit", File: "p.tfplan.json", Message: "has 100 bytes, more than the limit of 70", Remedy: "Split the project into smaller ones, or raise the limit."},
		{Code: "limit", File: "padded.yaml", Message: "has 100 bytes, more than the limit of 50", Remedy: "Split the file."},
	}
	if diff := cmp.Diff(want, r.Problems); diff != "" {
		t.Error(diff)
	}
	if len(r.Documents) != 1 || r.Documents[0].Resource != "v1/Pod//x" {
		t.Errorf("documents %v", r.Documents)
	}
}

func TestDir(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"repo/a.yaml", "repo/b/c.yaml", "repo/.git/x.yaml", "repo/b/.terraform/x.yaml", "repo/node_modules/x.yaml", "outside/x.yaml"} {
		write(name, name)
	}
	for link, target := range map[string]string{"repo/link.yaml": "../outside/x.yaml", "repo/linked": "../outside", "repo/inside.yaml": "a.yaml"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := document.Dir(filepath.Join(root, "repo"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a.yaml", "b/c.yaml"}, tree.Paths()); diff != "" {
		t.Error(diff)
	}
	got, err := tree.Read(t.Context(), []string{"a.yaml", "link.yaml", "../outside/x.yaml", "none"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]byte{"a.yaml": []byte("repo/a.yaml")}, got); diff != "" {
		t.Error(diff)
	}
	write("repo/a.yaml", "it grew since it was listed")
	if _, err := tree.Read(t.Context(), []string{"a.yaml"}); err == nil {
		t.Error("a file that grew was read in part")
	}
	part, err := document.Dir(filepath.Join(root, "repo"), "b")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b/c.yaml"}, part.Paths()); diff != "" {
		t.Error(diff)
	}
	if _, err := document.Dir(filepath.Join(root, "nowhere")); err == nil {
		t.Error("a directory that is not there was opened")
	}
}

// TestGeneratedPlan checks that the plan of the benchmarks is one, with all its secrets gone.
func TestGeneratedPlan(t *testing.T) {
	t.Parallel()
	r := build(nil, nil, document.Options{Plans: []document.PlanFile{{File: "plan.json", Data: plangen.Plan(500)}}})
	if len(r.Problems) > 0 || len(r.Documents) != 507 {
		t.Fatalf("%d documents, %v", len(r.Documents), r.Problems)
	}
	for _, doc := range r.Documents {
		for _, raw := range []json.RawMessage{doc.After, doc.Before, doc.Change} {
			if raw != nil && !json.Valid(raw) {
				t.Errorf("%s: %s", doc.Resource, raw)
			}
		}
	}
	third := r.Documents[3]
	if strings.Contains(string(third.After), "secret-") || !strings.Contains(string(third.After), document.TokenPrefix) {
		t.Errorf("%s: %s", third.Resource, third.After)
	}
}

// TestTheOrderOfWorkersDoesNotShow builds the same twice: facts are stored under their digest.
func TestTheOrderOfWorkersDoesNotShow(t *testing.T) {
	t.Parallel()
	o := document.Options{Plans: []document.PlanFile{{File: "plan.json", Data: plangen.Plan(1000)}}}
	if diff := cmp.Diff(build(nil, nil, o), build(nil, nil, o)); diff != "" {
		t.Error(diff)
	}
}

func FuzzTerraform(f *testing.F) {
	files, err := filepath.Glob("testdata/plans/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add(`{"format_version":"1.2","resource_changes":[{"address":"a.b[\"x\\\"]","type":"a","change":{"actions":["no-op"],"before":1,"after":[],"after_sensitive":[true]}}]}`)
	f.Add(`{"format_version":"1.2","configuration":{"root_module":{"module_calls":{"m":{"expressions":{"v":{"references":["module.m.o"]}},"module":{"outputs":{"o":{"expression":{"references":["var.v"]}}},"resources":[{"address":"a.b","expressions":{"x":{"references":["var.v"]}}}]}}}}}}`)
	f.Fuzz(func(t *testing.T, data string) {
		r := build(document.MapTree{"a.tfplan.json": data}, nil, document.Options{Terraform: document.TerraformOptions{Committed: []string{"*.json"}}})
		sound(t, r)
	})
}

func FuzzKubernetes(f *testing.F) {
	files, err := filepath.Glob("testdata/cases/*/*/*/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add(`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Secret","data":[1]},null,1]}`)
	f.Fuzz(func(t *testing.T, data string) {
		r := build(document.MapTree{"a.yaml": data}, document.MapTree{"b.yaml": data}, document.Options{})
		sound(t, r)
		for _, doc := range r.Documents {
			document.Locate([]byte(data), doc.Line, "spec.template.spec.containers[0].image")
		}
	})
}

// sound checks what holds of every result.
func sound(t *testing.T, r document.Result) {
	t.Helper()
	if r.Err != nil {
		t.Error(r.Err)
	}
	for _, doc := range r.Documents {
		for _, raw := range []json.RawMessage{doc.After, doc.Before, doc.Change} {
			if raw != nil && !json.Valid(raw) {
				t.Errorf("%s: not JSON: %s", doc.Resource, raw)
			}
		}
		if doc.Resource == "" || doc.Type == "" || len(doc.Actions) == 0 {
			t.Errorf("a document without a name, type or action: %+v", doc)
		}
	}
	for _, p := range r.Problems {
		if p.Message == "" || p.Remedy == "" || p.Code == "" {
			t.Errorf("a problem that does not say what to do: %+v", p)
		}
	}
}
