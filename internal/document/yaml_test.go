package document

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	kubeyaml "sigs.k8s.io/yaml"
)

// TestYAMLIsReadAsKubectlReadsIt compares with sigs.k8s.io/yaml, which kubectl and the GitOps tools use.
func TestYAMLIsReadAsKubectlReadsIt(t *testing.T) {
	t.Parallel()
	scalars := strings.Fields(`yes Yes YES no on off On OFF y Y n N true True TRUE false ~ null Null NULL 0 1 -1 +1 010 0o17 0x1F 0b101 -0b101
		1_000 1e3 1E3 1.5 .5 5. -.5 +.5 1.0 1e400 -0 -0.0 0.1e-10 12345678901234567890 123456789012345678901234567890 1:30 190:20:30.15 2001-01-01
		2001-12-14T21:59:43.10Z 08 09 0777 1.2.3 1e 0x . .. - --- <<x =x "1" 'yes' "yes" !!str|1 !!int|1 !!float|1 !!bool|yes !!null|~ !!binary|aGk= !x|1
		!!str|yes !!timestamp|2001-01-01 1__0 0_1 _1 1_ tRue nUll .NaN .inf -.Inf 99999999999999999999999 0.000001 1e21 1e20 100000000000000000000
		"\u00e9\n<&>" 'it''s' a#b a:b http://x/y {} [] [1,yes] {a:} {"a":1} {1:2} {1.5:2} {yes:2} {010:2} {1e3:2} {12345678901234567890:2} {2001-01-01:2}`)
	inputs := []string{
		"a: 1\nb:\n  c: [1, two, ~]\n", "a: |\n  x\n  y\n\n", "a: >-\n  x\n  y\n", "a: 'x\n  y'\n", "? a\n: b\n", "- 1\n- - 2\n",
		"a: &x {b: 1}\nc: *x\n", "x: &x {b: 1, c: 2}\ny:\n  <<: *x\n  b: 3\n", "x: &x {b: 1, c: 2}\ny:\n  b: 3\n  <<: *x\n",
		"x: &x {b: 1}\nw: &w {b: 2, c: 4}\ny:\n  <<: [*x, *w]\n", "y:\n  <<: {b: 1}\n  a: 2\n", "y:\n  \"<<\": {b: 1}\n", "x: &x [1]\ny: [*x, *x]\n",
		"%YAML 1.1\n---\na: 1\n", "--- {a: 1}\n", "--- # c\na: 1\n", "a: 1\n...\n", "", "# c\n", "---\n", "a:\n- b\n- c\n", "a: \"x\\\n  y\"\n",
		"a:\r\n  b: c\r\n", "a: \"\\x41\\u00e9\"\n", "a: !!binary |\n  aGVs\n  bG8=\n", "a: x # c\nb: 'x # y'\n", "a:\n\n\n  b: 1\n", "1: a\n2.5: b\ntrue: c\n",
		"a: -\n", "a: - b\n", "a: [b: c]\n", "a: b: c\n", "a: {b: c, d}\n", "a: *x\n", "a: 'x\n", "\ta: 1\n", "a: [\n", "a: @x\n", "a: `x\n", "a: %x\n",
		"a: ! 5\n", "a: ! [1]\n", "a: !\n", "- ! ~\n", "a: ! &x true\nb: *x\n", "a: &x ! true\n", "a: !<!> 5\n", "a: ! |\n  x\n", "é: ! 5 # c\n", "a: ! 0x1f\nb: \"! 5\"\n",
		"! 5: ! 6\n", "! <<: {a: 1}\n", "a: !\nb: 1\n", "[! 5, ! true]\n", "a: !b 5\n", "a: x ! 5\n", "a:\r\n  b: ! 5\r\n", "? ! 5\n: ! 6\n", "!\r00", "a: !\n  5\n",
		"<<: {a: 1}\n", "<<: [{a: 1}, {b: 2}]\n", "<<: 1\n", "a: &a\n  b: 1\nc:\n  <<: *a\n  <<: {d: 1}\n",
	}
	for _, scalar := range scalars {
		scalar = strings.ReplaceAll(scalar, "|", " ")
		inputs = append(inputs, "a: "+scalar+"\n", "- "+scalar+"\n")
		switch scalar {
		case "12345678901234567890", ".NaN", ".inf", "{}", "[]": // as keys refused by only one of the two
			continue
		}
		if !strings.HasPrefix(scalar, "!") && !strings.HasPrefix(scalar, "-") {
			inputs = append(inputs, scalar+": 1\n")
		}
	}
	for _, input := range inputs {
		want, wantErr := kubeyaml.YAMLToJSON([]byte(input))
		got, err := firstDocument([]byte(input))
		if (err != nil) != (wantErr != nil) {
			t.Errorf("%q: error %v, kubectl's %v", input, err, wantErr)
			continue
		}
		if wantErr == nil {
			if diff := cmp.Diff(string(canonical(want)), string(canonical(got))); diff != "" {
				t.Errorf("%q: %s", input, diff)
			}
		}
	}
}

func firstDocument(input []byte) ([]byte, error) {
	values, err := yamlValues(input, Limits{}.withDefaults())
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return []byte("null"), nil
	}
	return values[0].appendJSON(nil), nil
}

// FuzzYAML looks for text that means one thing here and another to kubectl. What kubectl refuses may pass here and the other way
// round: a text that is refused here blocks.
func FuzzYAML(f *testing.F) {
	files, err := filepath.Glob("testdata/cases/*/*/*.yaml")
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
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 1<<16 {
			return
		}
		content, err := checkText(input)
		if err != nil {
			return
		}
		got, err := firstDocument(content)
		if err != nil {
			return
		}
		if !json.Valid(got) {
			t.Fatalf("not JSON: %s", got)
		}
		want, err := kubeyaml.YAMLToJSON(content)
		if err == nil && string(canonical(want)) != string(canonical(got)) {
			t.Errorf("kubectl reads\n%s\nhere it is\n%s", want, got)
		}
	})
}

// TestManifestText is about how the bytes of a file become documents.
func TestManifestText(t *testing.T) {
	t.Parallel()
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n"
	wide := func(s string, order ...byte) string {
		out := string(order)
		for _, c := range []byte(s) {
			out += string([]byte{c, 0})
		}
		return out
	}
	for name, test := range map[string]struct {
		content string
		lines   []int
		err     string
	}{
		"byte order mark":         {content: "\ufeff" + pod, lines: []int{1}},
		"windows line ends":       {content: strings.ReplaceAll(pod+"---\n"+pod, "\n", "\r\n"), lines: []int{1, 5}},
		"separators":              {content: "---\n\n---\n# c\n---   # c\n" + pod + "...\n---\n" + pod + "--- \n", lines: []int{6, 11}},
		"directive":               {content: "%YAML 1.1\n---\n" + pod, lines: []int{3}},
		"flow on the separator":   {content: "--- {apiVersion: v1, kind: Pod}\n", lines: []int{1}},
		"JSON in a YAML file":     {content: "{\"apiVersion\": \"v1\",\n\t\"kind\": \"Pod\"}\n", lines: []int{1}},
		"flow YAML":               {content: "{apiVersion: v1, kind: Pod}\n", lines: []int{1}},
		"escaped key":             {content: "\"\\x61piVersion\": v1\nkind: Pod\n", lines: []int{1}},
		"binary key":              {content: "!!binary YXBpVmVyc2lvbg==: v1\nkind: Pod\n", lines: []int{1}},
		"empty":                   {content: ""},
		"only comments":           {content: "# apiVersion: v1 kind\n"},
		"UTF-16":                  {content: wide(pod, 0xff, 0xfe), err: "is not valid YAML: it is UTF-16; save it as UTF-8"},
		"UTF-16 without its mark": {content: wide(pod), err: "is not valid YAML: it is UTF-16; save it as UTF-8"},
		"Latin-1":                 {content: pod + "# \xe9\n", err: "is not valid YAML: it is not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reader := &manifestReader{limits: Limits{}.withDefaults(), schemas: newSchemas()}
			m := reader.read([]byte(test.content), false, false)
			got, lines := "", []int(nil)
			if m.err != nil {
				got = m.err.message
				if !m.looks {
					t.Error("it does not look like Kubernetes")
				}
			}
			for _, o := range m.objects {
				lines = append(lines, o.line)
			}
			if got != test.err {
				t.Errorf("error %q, want %q", got, test.err)
			}
			if diff := cmp.Diff(test.lines, lines); diff != "" {
				t.Error(diff)
			}
		})
	}
}
