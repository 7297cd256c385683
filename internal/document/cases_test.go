package document_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
)

var update = flag.Bool("update", false, "write want.json anew")

// TestCases compares whole results. A case is a folder whose name is a sentence: head and base (absent: no merge base) are the
// trees, options.json the options, handed-in plans by their file names, and want.json the result.
func TestCases(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("testdata/cases/*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			got := indent(t, document.Build(t.Context(), tree(t, folder, "head"), tree(t, folder, "base"), options(t, folder)))
			if bytes.Contains(got, []byte("CANARY")) {
				t.Errorf("a secret came through:\n%s", got)
			}
			name := filepath.Join(folder, "want.json")
			if *update {
				if err := os.WriteFile(name, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// tree reads a folder of a case. A file LINK.plan holds the name of a plan in testdata/plans, which stands at LINK instead.
func tree(t *testing.T, folder, side string) document.Tree {
	t.Helper()
	root := filepath.Join(folder, side)
	files := document.MapTree{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if filepath.Ext(name) == ".plan" {
			name = name[:len(name)-len(".plan")]
			if data, err = os.ReadFile(filepath.Join("testdata/plans", string(bytes.TrimSpace(data)))); err != nil {
				return err
			}
		}
		files[filepath.ToSlash(name)] = string(data)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) && side == "base" {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func options(t *testing.T, folder string) document.Options {
	t.Helper()
	o := document.Options{Redactor: document.NewRedactor([]byte("test"))}
	var given struct {
		Projects  []document.Project
		Committed []string
		Discover  bool
		Paths     []string
		Files     map[string][]string
		Changed   []string
		Limits    document.Limits
		Plans     []document.PlanFile

		RuleFolders []string
	}
	data, err := os.ReadFile(filepath.Join(folder, "options.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return o
	}
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&given); err != nil {
		t.Fatal(err)
	}
	o.Terraform = document.TerraformOptions{Projects: given.Projects, Committed: given.Committed, Discover: given.Discover}
	o.Kubernetes.Paths, o.Files = given.Paths, given.Files
	o.Limits, o.RuleFolders = given.Limits, given.RuleFolders
	for _, plan := range given.Plans {
		if plan.Data, err = os.ReadFile(filepath.Join("testdata/plans", filepath.Base(plan.File))); err != nil {
			t.Fatal(err)
		}
		o.Plans = append(o.Plans, plan)
	}
	if given.Changed != nil {
		o.Changed = map[string]bool{}
		for _, path := range given.Changed {
			o.Changed[path] = true
		}
	}
	return o
}

func indent(t *testing.T, r document.Result) []byte {
	t.Helper()
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// build is Build with a redactor of a fixed key.
func build(head, base document.Tree, o document.Options) document.Result {
	o.Redactor = document.NewRedactor([]byte("test"))
	return document.Build(context.Background(), head, base, o)
}
