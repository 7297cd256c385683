package formats_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

// TestMain lets the test binary be its own worker.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.Argument {
		err := sandbox.Serve(os.Stdin, os.Stdout, func(request []byte) []byte {
			answer, _ := formats.Answer(request)
			return answer
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func reader(t *testing.T) *formats.Reader {
	t.Helper()
	workers, err := sandbox.New(sandbox.Limits{Wall: 20 * time.Second, CPU: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	r := formats.New(workers)
	t.Cleanup(r.Close)
	return r
}

func TestFilesOfEveryFormatAreRead(t *testing.T) {
	t.Parallel()
	r := reader(t)
	for _, c := range []struct {
		file, content string
		want          []string
	}{
		{"a.json", `{"a": [1, null]}`, []string{`{"a":[1,null]}`}},
		{"list.json", `[{"a": 1}, 2]`, []string{`{"a":1}`, `2`}},
		{"a.yaml", "a: 1\n---\nb: 2\n", []string{`{"a":1}`, `{"b":2}`}},
		{"empty.yaml", "", []string{`null`}},
		{"a.toml", "[a]\nb = 1\n", []string{`{"a":{"b":1}}`}},
		{"a.tf", "resource \"aws_s3_bucket\" \"b\" {\n  acl = \"private\"\n}\n", []string{`{"resource":{"aws_s3_bucket":{"b":[{"acl":"private"}]}}}`}},
		{"a.ini", "[a]\nb = c\n", []string{`{"a":{"b":"c"}}`}},
		{"a.xml", "<a><b>c</b></a>", []string{`{"a":{"b":"c"}}`}},
		{".env", "A=b\n", []string{`{"A":"b"}`}},
		{"a.properties", "a=b\n", []string{`{"a":"b"}`}},
		{"a.cue", "a: 1\nb: a + 1\n", []string{`{"a":1,"b":2}`}},
		{"a.jsonnet", "{a: 1 + 1}", []string{`{"a":2}`}},
		{"a.edn", "{:a 1}", []string{`{":a":"1"}`}},
		{"a.jsonc", "{\"a\": 1 /* one */}", []string{`{"a":1}`}},
	} {
		documents, err := r.Read(t.Context(), c.file, []byte(c.content))
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		got := make([]string, len(documents))
		for i, d := range documents {
			got[i] = string(d)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.file, diff)
		}
	}
	for _, file := range []string{"Dockerfile", "Jenkinsfile", "nginx.conf", "a.vcl", "a.hocon", "a.spdx", "a.cyclonedx", "CODEOWNERS", ".gitignore", "a.textproto"} {
		if !formats.Supported(file) {
			t.Errorf("%s is not supported", file)
		}
	}
	if formats.Supported("a.exe") || formats.Supported("README") {
		t.Error("programs are supported")
	}
}

func TestParsersReachNothingOutsideTheFile(t *testing.T) {
	t.Setenv("GATEHOUSE_TEST_SECRET", "hunter2")
	r := reader(t)
	for file, content := range map[string]string{
		"a.env":        "A=${GATEHOUSE_TEST_SECRET}\n",
		"a.properties": "a=${GATEHOUSE_TEST_SECRET}\n",
		"a.jsonnet":    `importstr "/proc/self/environ"`,
	} {
		documents, err := r.Read(t.Context(), file, []byte(content))
		text, _ := json.Marshal(documents)
		if strings.Contains(string(text)+fmt.Sprint(err), "hunter2") {
			t.Errorf("%s sees the environment: %s", file, text)
		}
	}
}

// TestJsonnetImportsNothing also where no namespace hides the files: in this very process.
func TestJsonnetImportsNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(file, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"importstr '" + file + "'", "import '" + file + "'", "{a: importbin '" + file + "'}"} {
		if out, err := formats.Parse("", file+".jsonnet", []byte(text)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %s, %v", text, out, err)
		}
		if out, err := formats.Parse("jsonnet", "", []byte(text)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %s, %v", text, out, err)
		}
	}
}

func TestFilesAreReadByTheParserThatIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"app.conf": "a { b = 1 }", "b.yaml": "a.b = 2", "odd.bin": "a.b = 3"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	head, err := document.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := reader(t)
	collect := func(parser string) string {
		got, err := formats.Collect(t.Context(), r, formats.Wanted{
			Head: head, Redactor: document.NewRedactor([]byte("key")), Parser: parser, Named: func(path string) bool { return path == "app.conf" },
		})
		if err != nil {
			t.Fatal(err)
		}
		out := ""
		for _, f := range got.Files {
			out += fmt.Sprintf("%s %s; ", f.Path, f.After)
		}
		for _, p := range got.Problems {
			out += p.String()
		}
		return out
	}
	// What is named is read whatever it is called, and what has the name of a format by the parser that is asked for.
	if got := collect("hocon"); got != `app.conf [{"a":{"b":1}}]; b.yaml [{"a":{"b":2}}]; ` {
		t.Error(got)
	}
	want := `b.yaml ["a.b = 2"]; app.conf cannot be read for the rules of conftest's dialect: its name tells no format that conftest reads; say which one it has with --parser`
	if got := collect(""); got != want {
		t.Error(got)
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	workers, err := sandbox.New(sandbox.Limits{Wall: 2 * time.Second, CPU: 10 * time.Second, Memory: 256 << 20})
	if err != nil {
		t.Fatal(err)
	}
	r := formats.New(workers)
	t.Cleanup(r.Close)
	for file, content := range map[string]string{
		"a.json":    "{",
		"a.yaml":    "a: [",
		"a.tf":      "resource {",
		"a.jsonnet": "local f(x) = f(x + 1) + 1; std.foldl(function(a, b) a + std.length(std.range(0, 1000000)), std.range(0, 1000000), 0)",
	} {
		documents, err := r.Read(t.Context(), file, []byte(content))
		var unreadable *formats.Unreadable
		if !errors.As(err, &unreadable) || documents != nil {
			t.Errorf("%s: %s, %v", file, documents, err)
		}
	}
	// The reader goes on with another child.
	if _, err := r.Read(t.Context(), "a.json", []byte("{}")); err != nil {
		t.Error(err)
	}
}
