package document

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func whole(data []byte, depth int) error {
	s := scanner{data: data, depth: depth}
	end, err := s.value(s.space(0), 0)
	if err == nil && s.space(end) != len(data) {
		err = s.fail(end, "the end is expected")
	}
	return err
}

// FuzzScanner holds the scanner to encoding/json: both call the same texts JSON, and the parts that it cuts are the values that
// encoding/json decodes.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2,{"b":null}],"c":"d\"e\\"}`, `[]`, `{}`, ` [ 1 , -0.5e+10 , true ] `, `"\u00e9\ud83d\ude00"`, `{"a":1,}`, `[1`, `01`, `-`, `1.`, `1e`, `"\x"`,
		`{"a" : {"b" : [ ] } , "a" : 2 }`, "\"\t\"", `nul`, `{1:2}`, `{"a" 1}`, `[1 2]`, `"`, `"\`, `"\u12`, "\ufeff1", `{"\u0061":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := whole(data, 5000)
		if valid := json.Valid(data); valid != (err == nil) {
			t.Fatalf("encoding/json says %v, the scanner %v", valid, err)
		}
		if err != nil {
			return
		}
		data = data[skipSpace(data, 0):]
		var object map[string]json.RawMessage
		if data[0] == '{' && json.Unmarshal(data, &object) == nil {
			got := map[string]json.RawMessage{}
			fields(data, func(key, value []byte) {
				var name string
				if err := json.Unmarshal(key, &name); err != nil {
					t.Fatal(err)
				}
				if name != text(key) || !isKey(key, name) {
					t.Fatalf("key %s", key)
				}
				got[name] = value
			})
			if diff := cmp.Diff(object, got); diff != "" {
				t.Error(diff)
			}
		}
		var array []json.RawMessage
		if data[0] == '[' && json.Unmarshal(data, &array) == nil {
			got := []json.RawMessage{}
			elements(data, func(value []byte) { got = append(got, value) })
			if diff := cmp.Diff(array, got); diff != "" {
				t.Error(diff)
			}
		}
		redactor := NewRedactor([]byte("k"))
		for _, mask := range []string{`true`, `{"a":true,"b":{"c":true}}`, `[true,{"a":true}]`, string(data)} {
			if out := redactor.masked(data, []byte(mask)); !json.Valid(out) {
				t.Errorf("masked with %s: %s", mask, out)
			}
		}
	})
}

func TestScannerSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]syntaxError{
		`{"a":`:   {5, "it ends in the middle of a value", false},
		`[1,]`:    {3, "a value is expected", false},
		`{"a" 1}`: {5, "a colon is expected", false},
		`[1 2]`:   {3, "a comma is expected", false},
		`{a:1}`:   {1, "a key in quotes is expected", false},
		`[[[[1]`:  {3, "it nests too deep", true},
		`"\q"`:    {2, "a string holds a broken escape", false},
	} {
		var got syntaxError
		if err, ok := whole([]byte(input), 3).(*syntaxError); ok { //nolint:errorlint // the scanner's own
			got = *err
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", input, got, want)
		}
	}
}

func TestRedactor(t *testing.T) {
	t.Parallel()
	r := NewRedactor([]byte("key"))
	token := func(v string) string { return string(r.Token([]byte(v))) }
	if token(`{"b":1,"a":"x"}`) != token(`{ "a":"\u0078", "b":1 }`) {
		t.Error("equal values have different tokens")
	}
	if token(`"a"`) == token(`"b"`) || token(`1`) == token(`"1"`) {
		t.Error("different values have one token")
	}
	if string(NewRedactor([]byte("other")).Token([]byte(`"a"`))) == token(`"a"`) {
		t.Error("the key does not matter")
	}
	if got := token(`"a"`); len(got) != len(`"token:"`)+32 || !strings.HasPrefix(got, `"token:`) {
		t.Errorf("token %s", got)
	}
	for _, test := range []struct{ value, mask, want string }{
		{`{"a":1,"b":2}`, `{}`, `{"a":1,"b":2}`},
		{`{"a":1,"b":2}`, `{"a":true}`, `{"a":` + token(`1`) + `,"b":2}`},
		{`{"a":1,"b":2}`, `{"\u0061":true}`, `{"a":` + token(`1`) + `,"b":2}`},
		{`{"a":1,"a":2}`, `{"a":true}`, `{"a":` + token(`1`) + `,"a":` + token(`2`) + `}`},
		{`{"a":null}`, `{"a":true}`, `{"a":null}`},
		{`[1,2]`, `[false,true]`, `[1,` + token(`2`) + `]`},
		{`[1,2,3]`, `[false,true]`, token(`[1,2,3]`)},
		{`{"a":[1]}`, `{"a":{"b":true}}`, `{"a":` + token(`[1]`) + `}`},
		{`{"a":{"b":[{"c":"x"}]}}`, `{"a":{"b":[{"c":true}]}}`, `{"a":{"b":[{"c":` + token(`"x"`) + `}]}}`},
		{`"x"`, `true`, token(`"x"`)},
	} {
		if got := string(r.masked([]byte(test.value), []byte(test.mask))); got != test.want {
			t.Errorf("%s with %s: %s, want %s", test.value, test.mask, got, test.want)
		}
	}
}

func TestUnionMask(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ own, other, want string }{
		{`{}`, `{}`, `{}`},
		{`{}`, `{"a":true}`, `{"a":true}`},
		{`false`, `{"a":true}`, `{"a":true}`},
		{`{"a":true}`, `false`, `{"a":true}`},
		{`{"a":{"b":true}}`, `{"a":{"c":true},"d":false}`, `{"a":{"b":true,"c":true},"d":false}`},
		{`[{},{}]`, `[{"a":true}]`, `[{"a":true},{}]`},
		{`{"a":true}`, `[true]`, `true`},
		{``, `true`, `true`},
	} {
		if got := string(unionMask([]byte(test.own), []byte(test.other))); got != test.want {
			t.Errorf("%s and %s: %s, want %s", test.own, test.other, got, test.want)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, path string
		want          bool
	}{
		{"**/*.json", "a.json", true}, {"**/*.json", "a/b/c.json", true}, {"*.json", "a/b.json", false}, {"k8s/**", "k8s/a/b", true}, {"k8s/**", "k8s", true},
		{"k8s/", "k8s/a", true}, {"./k8s/*", "k8s/a", true}, {"a?c", "abc", true}, {"a*c*e", "abcde", true}, {"a*c", "abcd", false}, {"**/x/**", "a/x/b", true},
		{"**/x/**", "a/y/b", false}, {"**/**/**/**/**/**/**/**/**/**/**/b", strings.Repeat("a/", 2000) + "c", false}, {"", "a", false}, {"a/**/b", "a/b", true},
	} {
		if got := match(test.pattern, test.path); got != test.want {
			t.Errorf("match(%q, %q) = %v", test.pattern, test.path, got)
		}
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	const data = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
---
# two
apiVersion: apps/v1
kind: Deployment
metadata:
  annotations:
    a.b/c: x
spec:
  template:
    spec:
      containers:
      - name: a
        image: x
      - {name: b,
         image: y}
`
	for _, test := range []struct {
		start int
		path  string
		want  int
	}{
		{8, "kind", 9}, {8, "spec.template.spec.containers[0].image", 18}, {8, "spec.template.spec.containers[1].image", 20},
		{8, "spec.template.spec.containers[1]", 19}, {8, `metadata.annotations["a.b/c"]`, 12}, {8, "metadata.annotations.a.b/c", 12}, {8, "", 8},
		{8, "spec.nope", 0}, {8, "spec.template.spec.containers[2]", 0}, {8, "kind.x", 0}, {8, "kind[0]", 0}, {8, "a[", 0}, {8, `a["`, 0}, {7, "kind", 0},
		{4, "kind", 5}, {1, "items", 3},
	} {
		if got := Locate([]byte(data), test.start, test.path); got != test.want {
			t.Errorf("Locate(%d, %q) = %d, want %d", test.start, test.path, got, test.want)
		}
	}
	if got := Locate([]byte("{\n \"kind\": \"Pod\",\n \"spec\": {\n  \"a\": [1,\n2]}}"), 1, "spec.a[1]"); got != 5 {
		t.Errorf("in JSON: %d, want 5", got)
	}
	if got := Locate([]byte("a: ["), 1, "a"); got != 0 {
		t.Errorf("in what is no YAML: %d", got)
	}
}

func TestScanSource(t *testing.T) {
	t.Parallel()
	const source = `# resource "a" "comment" {}
/* resource "a" "block" {
*/
resource "aws_x" "one" {
  text = "resource \"a\" \"string\" {}"
  nested = "${jsonencode({ a = "}" })}"
  body = <<-EOT
    resource "a" "heredoc" {
  EOT
}
module "m" {
  source = "../mod" // here
  version = "1"
}

data "aws_y" "two" { x = 1 }
resource "aws_x" "three" { }
variable "v" {}
provider "aws" {
  region = "x"
}
output "o" { value = 1 }
locals { resource = { "a" = 1 } }
`
	want := []sourceBlock{
		{"resource.aws_x.one", 4, ""}, {"module.m", 11, "../mod"}, {"data.aws_y.two", 16, ""}, {"resource.aws_x.three", 17, ""}, {"variable.v", 18, ""},
		{"provider.aws", 19, ""}, {"output.o", 22, ""},
	}
	if diff := cmp.Diff(want, scanSource([]byte(source)), cmp.AllowUnexported(sourceBlock{})); diff != "" {
		t.Error(diff)
	}
}

// FuzzScanSource: whatever the text, the scanner ends.
func FuzzScanSource(f *testing.F) {
	files, err := filepath.Glob("testdata/cases/*/head/infra/*.tf")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, seed := range []string{"<<EOT", "<<", "\"${", "/*", "\"\\", "a \"b\" \"c\" {"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, block := range scanSource(data) {
			if block.line < 1 || block.line > lineAt(data, len(data)) {
				t.Errorf("%+v", block)
			}
		}
	})
}
