package rules_test

import (
	"encoding/json"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

func fileOf(name string, documents ...string) rules.File {
	f := rules.File{Path: name}
	for _, d := range documents {
		f.After = append(f.After, json.RawMessage(d))
	}
	return f
}

func engineOf(t *testing.T, o rules.Options) *rules.Engine {
	t.Helper()
	e, err := rules.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// seen is what the tests compare of a finding.
type seen struct{ Rule, Enforcement, Status, File, Message string }

func seenIn(t *testing.T, e gate.Evaluation) []seen {
	t.Helper()
	for _, p := range e.Problems {
		t.Errorf("problem: %s", p)
	}
	var out []seen
	for _, f := range e.Findings {
		out = append(out, seen{f.Rule, f.Enforcement, f.Status, f.File, f.Message})
	}
	return out
}

const oldStyle = `package main

import data.lib.names

deny[msg] {
	names.bad[input.name]
	msg := sprintf("%s is bad", [input.name])
}

warn_size[{"msg": "too large", "severity": "low", "_loc": {"file": "x/y.go", "line": 7}}] {
	input.size > 10
}

violation[{"msg": msg}] {
	msg := data.messages[input.name]
}

deny_root[msg] {
	input.root
	msg := "root"
}

exception[rules] {
	input.name == "init"
	rules := ["root"]
}
`

const newStyle = `package compliance.files

deny contains msg if {
	data.conftest.file.name == "secret.json"
	msg := sprintf("no %s in %s", [data.conftest.file.name, data.conftest.file.dir])
}
`

func conftestDir() rules.Dir {
	return rules.Dir{Name: "policy", FS: fstest.MapFS{
		"a.rego":             {Data: []byte(oldStyle)},
		"nested/b.rego":      {Data: []byte(newStyle)},
		"lib/names.rego":     {Data: []byte("package lib.names\n\nbad = {\"evil\", \"worse\"}\n")},
		"a_test.rego":        {Data: []byte("package main\n\ntest_x { false }\n")},
		"messages/data.yaml": {Data: []byte("evil: has a message\n")},
		"README.md":          {Data: []byte("# words")},
	}}
}

func TestConftestRulesJudgeWholeFiles(t *testing.T) {
	t.Parallel()
	e := engineOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{conftestDir()}, Scope: rules.ScopeAll})
	if !e.WantsFiles() {
		t.Fatal("the engine wants no files")
	}
	got := seenIn(t, e.Evaluate(t.Context(), rules.Input{Files: []rules.File{
		fileOf("k8s/a.yaml", `{"name": "evil"}`, `{"name": "fine"}`, `{"name": "worse", "root": true}`, `null`),
		fileOf("b.json", `{"name": "init", "root": true, "size": 11}`),
		fileOf("conf/secret.json", `{}`),
		{Path: "gone.json", Before: []json.RawMessage{json.RawMessage(`{"name": "evil"}`)}},
	}}))
	want := []seen{
		{"compliance.files.deny", "deny", "new", "conf/secret.json", "no secret.json in conf"},
		{"main.deny", "deny", "new", "k8s/a.yaml", "evil is bad"},
		{"main.deny", "deny", "new", "k8s/a.yaml", "worse is bad"},
		{"main.deny_root", "deny", "new", "k8s/a.yaml", "root"},
		{"main.violation", "deny", "new", "k8s/a.yaml", "has a message"},
		{"main.warn_size", "warn", "new", "x/y.go", "too large"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestConftestRulesTellNewFromOld(t *testing.T) {
	t.Parallel()
	e := engineOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{conftestDir()}})
	f := fileOf("a.yaml", `{"name": "evil"}`, `{"name": "evil"}`, `{"name": "worse"}`)
	f.Before = []json.RawMessage{json.RawMessage(`{"name": "evil"}`)}
	got := seenIn(t, e.Evaluate(t.Context(), rules.Input{Files: []rules.File{f}}))
	want := []seen{
		{"main.deny", "deny", "existing", "a.yaml", "evil is bad"},
		{"main.deny", "deny", "new", "a.yaml", "evil is bad"},
		{"main.deny", "deny", "new", "a.yaml", "worse is bad"},
		{"main.violation", "deny", "existing", "a.yaml", "has a message"},
		{"main.violation", "deny", "new", "a.yaml", "has a message"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestConftestOptions(t *testing.T) {
	t.Parallel()
	policy := "package main\n\ndeny contains msg if {\n\tsome i\n\tinput[i].contents.name == data.team.bad\n\tmsg := input[i].path\n}\n"
	other := "package other\n\ndeny contains \"never\" if true\n"
	o := rules.Options{
		Packs: []string{}, Scope: rules.ScopeAll,
		Dirs: []rules.Dir{{Name: "policy", FS: fstest.MapFS{"a.rego": {Data: []byte(policy)}, "b.rego": {Data: []byte(other)}}}},
		Conftest: rules.Conftest{
			Combine: true, Namespaces: []string{"ma*"},
			Data: []rules.Data{{File: "d/team/x.json", At: []string{"team"}, Text: []byte(`{"bad": "x"}`)}},
		},
	}
	got := seenIn(t, engineOf(t, o).Evaluate(t.Context(), rules.Input{Files: []rules.File{
		fileOf("b.yaml", `{"name": "x"}`, `{"name": "y"}`), fileOf("a.yaml", `{"name": "x"}`),
	}}))
	want := []seen{{"main.deny", "deny", "new", "", "a.yaml"}, {"main.deny", "deny", "new", "", "b.yaml"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	o.Conftest.Namespaces = []string{"nobody"}
	if diff := cmp.Diff([]string{`no package with rules is called "nobody"`}, problemsOf(t, o)); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsReachRulesOfOtherDialects(t *testing.T) {
	t.Parallel()
	e := engineOf(t, rules.Options{
		Packs: []string{}, Dirs: []rules.Dir{conftestDir()}, Scope: rules.ScopeAll,
		Rules: map[string]rules.Setting{"main.deny": {Enforcement: "warn"}, "main.violation": {Enforcement: "off"}},
	})
	got := seenIn(t, e.Evaluate(t.Context(), rules.Input{Files: []rules.File{fileOf("a.yaml", `{"name": "evil"}`)}}))
	if diff := cmp.Diff([]seen{{"main.deny", "warn", "new", "a.yaml", "evil is bad"}}, got); diff != "" {
		t.Error(diff)
	}
}

// TestConftestDataIsReadOnceAndExactly: conftest is told of data beside the rules by --data, too; large numbers of JSON stay what they are.
func TestConftestDataIsReadOnceAndExactly(t *testing.T) {
	t.Parallel()
	policy := "package main[\"a-b\"].c # of quoted parts\n\ndeny contains concat(\" \", [data.team.bad, json.marshal(data.large)]) if true\n"
	const team, large = `bad: x`, `{"large": 12345678901234567890.5}`
	o := rules.Options{
		Packs: []string{}, Scope: rules.ScopeAll,
		Dirs: []rules.Dir{{Name: "policy", FS: fstest.MapFS{"a.rego": {Data: []byte(policy)}, "team/data.yaml": {Data: []byte(team)}}}},
		Conftest: rules.Conftest{Data: []rules.Data{
			{File: "policy/team/data.yaml", At: []string{"team"}, Text: []byte(team)}, {File: "d/large.json", Text: []byte(large)},
		}},
	}
	got := seenIn(t, engineOf(t, o).Evaluate(t.Context(), rules.Input{Files: []rules.File{fileOf("a.yaml", `{}`)}}))
	if diff := cmp.Diff([]seen{{"main.a-b.c.deny", "deny", "new", "a.yaml", "x 12345678901234567890.5"}}, got); diff != "" {
		t.Error(diff)
	}
	o.Conftest.Data[0].Text = []byte("bad: y")
	if diff := cmp.Diff([]string{"policy/team/data.yaml data.team.bad is also in another data file"}, problemsOf(t, o)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsWrongWithConftestRulesIsSaid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"a forbidden builtin": {"package main\n\ndeny[msg] {\n\tmsg := http.send({\"url\": \"x\"}).body\n}\n",
			[]string{"own/a.rego:4 http.send is not available to rules: it would bring in the network"}},
		"old Rego that does not parse": {"package main\n\ndeny[msg] {\n\tmsg := \n}\n",
			[]string{"own/a.rego:5 parse_error: unexpected } token"}},
		"new Rego that does not parse": {"package main\n\ndeny contains msg if {\n\tmsg := \n}\n",
			[]string{"own/a.rego:5 parse_error: unexpected } token"}},
		"an unknown function": {"package main\n\ndeny contains f(input) if true\n",
			[]string{"own/a.rego:3 type_error: undefined function f"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := problemsOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{dirOf(map[string]string{"a.rego": c.text})}})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAConftestRuleThatFailsIsAProblem(t *testing.T) {
	t.Parallel()
	e := engineOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{dirOf(map[string]string{
		"a.rego": "package main\n\ndeny contains {\"text\": \"no msg\"} if input.a\n\nwarn contains \"w\" if input.a\n",
	})}})
	got := e.Evaluate(t.Context(), rules.Input{Files: []rules.File{fileOf("b.json", `{"a": 1}`), fileOf("a.json", `{"a": 1}`)}})
	want := []gate.Problem{{
		Code: "rules", File: "own/a.rego", Line: 3,
		Message: `the rule main.deny failed: a result is an object without a text "msg" (on a.json)`,
		Remedy:  "Correct the rule or set its enforcement to off.",
	}}
	if diff := cmp.Diff(want, got.Problems); diff != "" {
		t.Error(diff)
	}
	if len(got.Findings) != 2 {
		t.Errorf("%d findings", len(got.Findings))
	}
}

func TestConftestRulesAreLintedAndTestedAsTheyAre(t *testing.T) {
	t.Parallel()
	o := rules.Options{Packs: []string{}, Dirs: []rules.Dir{dirOf(map[string]string{
		"a.rego":      "package main\n\nimport data.h\n\ndeny[msg] {\n\tinput.a == h.bad\n\tmsg := \"x\"\n}\n",
		"h.rego":      "package h\n\nbad = 1 { true }\n",
		"a_test.rego": "package main\n\ntest_a { deny[\"x\"] with input as {\"a\": 1} }\n\ntest_b { deny[\"x\"] with input as {\"a\": 2} }\n",
		"own.rego":    sshRule,
	})}}
	if diff := cmp.Diff([]gate.Problem(nil), rules.Lint(o)); diff != "" {
		t.Error(diff)
	}
	report, err := rules.RunTests(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := []rules.Case{
		{File: "own/a_test.rego", Line: 3, Name: "test_a"},
		{File: "own/a_test.rego", Line: 5, Name: "test_b", Failure: "it is not true"},
	}
	if diff := cmp.Diff(want, report.Cases); diff != "" {
		t.Error(diff)
	}
	o.Dirs = []rules.Dir{dirOf(map[string]string{"a.yaml": flagConstraint})}
	if got := rules.Lint(o); len(got) != 1 || got[0].Message != "there is no ConstraintTemplate for the constraint Flag/words" {
		t.Errorf("%v", got)
	}
}

func TestLintNamesRulesOfConftestThatCanSayNothing(t *testing.T) {
	t.Parallel()
	text := "package main\n\ndeny { input.a }\n\ndeny_list[msg] { msg := \"x\" }\n\nwarn = [\"x\"] { true }\n\nviolation_a = true { input.b }\n\ndefault deny_b = true\n"
	got := rules.Lint(rules.Options{Packs: []string{}, Dirs: []rules.Dir{{Name: "own", FS: fstest.MapFS{"a.rego": {Data: []byte(text)}}}}})
	remedy := func(name string) string { return "Write \"" + name + " contains msg if { ... }\"." }
	want := []gate.Problem{
		{Code: "rules", File: "own/a.rego", Line: 3, Message: "deny is true or false here, so it can never say anything; wanted: a set of messages", Remedy: remedy("deny")},
		{Code: "rules", File: "own/a.rego", Line: 9, Message: "violation_a is true or false here, so it can never say anything; wanted: a set of messages", Remedy: remedy("violation_a")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
