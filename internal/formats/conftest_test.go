package formats_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// said is one result, in conftest's words.
type said struct{ File, Namespace, Rule, Message, Level string }

func compareSaid(a, b said) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
}

// conftestExamples is the folder of examples in conftest's own sources.
func conftestExamples(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/open-policy-agent/conftest").Output()
	if err != nil {
		t.Fatalf("find conftest's sources: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "examples")
}

// theirs runs conftest. ok is false when it cannot read the files.
func theirs(t *testing.T, program, dir, policy string, args ...string) (results []said, ok bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append([]string{"test", "--all-namespaces", "-o", "json", "-p", policy}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + t.TempDir()}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	type result struct {
		Msg      string         `json:"msg"`
		Metadata map[string]any `json:"metadata"`
	}
	var checks []struct {
		Filename, Namespace string
		Warnings, Failures  []result
	}
	if err := json.Unmarshal(out, &checks); err != nil {
		return nil, false
	}
	for _, c := range checks {
		for level, list := range map[string][]result{gate.EnforceDeny: c.Failures, gate.EnforceWarn: c.Warnings} {
			for _, r := range list {
				rule, _ := r.Metadata["query"].(string)
				results = append(results, said{c.Filename, c.Namespace, strings.TrimPrefix(rule, "data."), strings.Join(strings.Fields(r.Msg), " "), level})
			}
		}
	}
	slices.SortFunc(results, compareSaid)
	return results, true
}

// ours runs Gatehouse on the same files and rules.
func ours(t *testing.T, dir, policy string, o rules.Conftest, files ...string) (results []said, ok bool) {
	t.Helper()
	engine, err := rules.New(t.Context(), rules.Options{
		Packs: []string{}, Scope: rules.ScopeAll, Conftest: o,
		Dirs: []rules.Dir{{Name: policy, FS: os.DirFS(filepath.Join(dir, policy))}},
	})
	if err != nil {
		t.Fatal(err)
	}
	head, err := document.Dir(dir, files...)
	if err != nil {
		t.Fatal(err)
	}
	collected, err := formats.Collect(t.Context(), reader(t), formats.Wanted{
		Head: head, Redactor: document.NewRedactor([]byte("key")), Named: func(string) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(collected.Problems) > 0 {
		return nil, false
	}
	var in rules.Input
	for _, f := range collected.Files {
		in.Files = append(in.Files, rules.File(f))
	}
	answer := engine.Evaluate(t.Context(), in)
	for _, p := range answer.Problems {
		t.Errorf("problem: %s", p)
	}
	for _, f := range answer.Findings {
		namespace := f.Rule[:strings.LastIndexByte(f.Rule, '.')]
		results = append(results, said{f.Resource, namespace, f.Rule, strings.Join(strings.Fields(f.Message), " "), f.Enforcement})
	}
	slices.SortFunc(results, compareSaid)
	return results, true
}

// The reference is the real program: on its own examples, in every format that has one, both say the same.
func TestConftestsOwnExamplesComeOutAsConftestSays(t *testing.T) {
	t.Parallel()
	program, examples := filepath.Join(t.TempDir(), "conftest"), conftestExamples(t)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/open-policy-agent/conftest").CombinedOutput(); err != nil {
		t.Fatalf("build conftest: %v\n%s", err, out)
	}
	conftestsFlags(t, program, examples)
	conftestsTests(t, program, examples)
	// What these need beside their files is not for a gate: definitions of protocol buffers, a cluster's network, rules that are or
	// are meant to be refused, and a policy folder that is not called policy.
	leave := []string{"textproto", "capabilities", "builtin-errors", "report", "configfile", "strict-rules", "serverless"}
	compared := 0
	dirs, err := os.ReadDir(examples)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		dir := filepath.Join(examples, d.Name())
		if _, err := os.Stat(filepath.Join(dir, "policy")); err != nil || slices.Contains(leave, d.Name()) {
			continue
		}
		for _, file := range filesBeside(t, dir) {
			want, okWant := theirs(t, program, dir, "policy", file)
			got, okGot := ours(t, dir, "policy", rules.Conftest{}, file)
			if okWant != okGot {
				t.Errorf("%s/%s: conftest reads it: %v; we: %v", d.Name(), file, okWant, okGot)
				continue
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("%s/%s: %s", d.Name(), file, diff)
			}
			compared++
		}
	}
	if compared < 25 {
		t.Errorf("only %d files were compared", compared)
	}
}

func filesBeside(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && entry.Name() == "policy" {
			return fs.SkipDir
		}
		if rel, err := filepath.Rel(dir, path); err == nil && !entry.IsDir() && formats.Supported(path) {
			files = append(files, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// conftestsFlags compares the flags of check that are conftest's.
func conftestsFlags(t *testing.T, program, examples string) {
	combine := filepath.Join(examples, "combine")
	files := []string{"team.yaml", "user1.yaml", "user2.yaml"}
	want, _ := theirs(t, program, combine, "policy", append([]string{"--combine"}, files...)...)
	got, _ := ours(t, combine, "policy", rules.Conftest{Combine: true}, files...)
	if diff := gocmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Errorf("--combine: %d results, %s", len(want), diff)
	}
	data := filepath.Join(examples, "data")
	exclusions, err := os.ReadFile(filepath.Join(data, "exclusions", "services.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want, _ = theirs(t, program, data, "policy", "--data", "exclusions", "service.yaml")
	got, _ = ours(t, data, "policy", rules.Conftest{Data: []rules.Data{{File: "exclusions/services.yaml", Text: exclusions}}}, "service.yaml")
	if diff := gocmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Errorf("--data: %d results, %s", len(want), diff)
	}
}

// conftestsTests holds what the unit tests of its examples come to against "conftest verify".
func conftestsTests(t *testing.T, program, examples string) {
	compared := 0
	for _, folder := range []string{"hcl2/policy", "jenkins/policy", "nginx/policy", "kubernetes/policy", "kubernetes/combine", "dotenv/policy", "data/policy", "traefik/policy"} {
		cmd := exec.CommandContext(t.Context(), program, "verify", "-o", "json", "-p", folder)
		cmd.Dir = examples
		cmd.Env = []string{"HOME=" + t.TempDir()}
		out, _ := cmd.Output() // its status says that tests failed
		var want []struct {
			Successes int
			Failures  []any
		}
		if err := json.Unmarshal(out, &want); err != nil {
			t.Fatalf("%s: %v", folder, err)
		}
		passed, failed := 0, 0
		for _, w := range want {
			passed, failed = passed+w.Successes, failed+len(w.Failures)
		}
		report, err := rules.RunTests(t.Context(), rules.Options{
			Packs: []string{}, Dirs: []rules.Dir{{Name: folder, FS: os.DirFS(filepath.Join(examples, folder))}}, Parse: formats.Parse,
			TestFile: func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(examples, name)) },
		})
		if err != nil {
			t.Errorf("%s: %v", folder, err)
			continue
		}
		if len(report.Cases) != passed+failed || report.Failed() != failed {
			t.Errorf("%s: conftest: %d passed, %d failed; we: %+v", folder, passed, failed, report.Cases)
		}
		compared += passed + failed
	}
	if compared < 20 {
		t.Errorf("only %d tests were compared", compared)
	}
}
