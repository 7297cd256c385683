package formats_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/formats"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

func policyOf(files map[string]string) []rules.Dir {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return []rules.Dir{{Name: "policy", FS: out}}
}

func TestRulesParseWhatStandsInsideOfFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ call, want string }{
		"TOML in a text":             {`parse_config("toml", input.text).a.b`, "found 1"},
		"what is not of its format":  {`parse_config("json", input.text)`, ""},
		"no such parser":             {`parse_config("cobol", input.text)`, ""},
		"a parser that reads files":  {`parse_config("jsonnet", "import '/etc/passwd'")`, "problem: parse_config cannot be used with jsonnet in a rule, only in its tests: that parser looks at files or at the environment"},
		"the machine's surroundings": {`parse_config("properties", "a=${HOME}").a`, "problem: parse_config cannot be used with properties in a rule, only in its tests: that parser looks at files or at the environment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := rules.New(t.Context(), rules.Options{
				Packs: []string{}, Parse: formats.Parse,
				Dirs: policyOf(map[string]string{"a.rego": "package main\n\nimport rego.v1\n\ndeny contains msg if {\n\tmsg := sprintf(\"found %v\", [" + c.call + "])\n}\n"}),
			})
			if err != nil {
				t.Fatal(err)
			}
			answer := e.Evaluate(t.Context(), rules.Input{Files: []rules.File{{Path: "x.yaml", After: []json.RawMessage{[]byte(`{"text": "[a]\nb = 1\n"}`)}}}})
			got := ""
			for _, f := range answer.Findings {
				got += f.Message
			}
			for _, p := range answer.Problems {
				_, what, _ := strings.Cut(p.Message, "failed: ")
				what, _, _ = strings.Cut(what, " (on ")
				got += "problem: " + what
			}
			if got != c.want {
				t.Errorf("got %q, wanted %q; %+v", got, c.want, answer.Problems)
			}
		})
	}
}

func TestUnitTestsParseTextsAndFiles(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"main.rego": "package main\n\nimport rego.v1\n\ndeny contains \"red\" if input.colour == \"red\"\n\ndeny contains \"many\" if count(input) > 1\n",
		"sub/main_test.rego": `package main_test

import data.main.deny
import rego.v1

test_text if deny == {"red"} with input as parse_config("yaml", "colour: red")
test_file if deny == {"red"} with input as parse_config_file("../red.json")
test_combined if deny == {"many"} with input as parse_combined_config_files(["../red.json", "../two.yaml"])
test_paths if [x.path | some x in parse_combined_config_files(["../two.yaml", "../red.json"])] == ["policy/red.json", "policy/two.yaml", "policy/two.yaml"]
test_outside if deny == {"red"} with input as parse_config_file("../../red.json")
test_missing if deny == {"red"} with input as parse_config_file("green.json")
test_data if data.known == ["red"]
`,
		"red.json": `{"colour": "red"}`, "two.yaml": "a: 1\n---\na: 2\n", "data.yaml": "known: [red]\n",
	}
	run := func(o rules.Options) map[string]string {
		o.Packs, o.Dirs, o.Parse = []string{}, policyOf(files), formats.Parse
		report, err := rules.RunTests(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, c := range report.Cases {
			got[c.Name] = c.Failure
			if c.Elsewhere {
				got[c.Name] = "elsewhere: " + c.Failure
			}
		}
		return got
	}
	want := map[string]string{
		"test_text": "", "test_file": "", "test_combined": "", "test_paths": "", "test_data": "",
		"test_outside": "elsewhere: policy/sub/main_test.rego:10: eval_builtin_error: parse_config_file: red.json is outside of the folder of rules",
		"test_missing": "policy/sub/main_test.rego:11: eval_builtin_error: parse_config_file: open sub/green.json: file does not exist",
	}
	if diff := gocmp.Diff(want, run(rules.Options{})); diff != "" {
		t.Error(diff)
	}
	want["test_outside"] = ""
	if diff := gocmp.Diff(want, run(rules.Options{TestFile: func(string) ([]byte, error) { return []byte(`{"colour": "red"}`), nil }})); diff != "" {
		t.Error(diff)
	}
	// Who proposes rules is not stopped by a test that needs more of the repository than the rules.
	delete(files, "sub/main_test.rego")
	files["sub/b_test.rego"] = "package main_test\n\nimport rego.v1\n\ntest_outside if parse_config_file(\"../../red.json\").colour == \"red\"\ntest_wrong if parse_config(\"json\", \"{}\").a\n"
	proposed := rules.ProposedDir{Name: "policy", Files: map[string][]byte{}}
	for name, text := range files {
		proposed.Files[name] = []byte(text)
	}
	problems := rules.Proposal{Dirs: []rules.ProposedDir{proposed}}.Try(t.Context(), nil, formats.Parse)
	if len(problems) != 1 || problems[0].Message != `the test "test_wrong" fails: it is not true` {
		t.Errorf("%+v", problems)
	}
}
