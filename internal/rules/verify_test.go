package rules_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// manyOthers are rules of the same form as sshRule on types that no test has.
func manyOthers(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("other_%03d.rego", i)] = with("acme.ssh", fmt.Sprintf("acme.other_%03d", i), "ACME-01", fmt.Sprintf("ACME-1%03d", i),
			"[aws_security_group]", fmt.Sprintf("[example_type_%d]", i))
	}
	return files
}

// A rule is refused among many as it is among few, wherever among them it comes.
func TestWhatIsWrongWithARuleIsSaidAmongMany(t *testing.T) {
	t.Parallel()
	body := "\"0.0.0.0/0\" in rule.cidrs"
	id := func(id, pkg string) []string { return []string{"ACME-01", id, "acme.ssh", pkg} }
	unsafe := "own/%s:16 unsafe_var_error: var x is unsafe"
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"nothing": {map[string]string{"a.rego": sshRule}, nil},
		"first":   {map[string]string{"a.rego": with(body, "x > 3")}, []string{fmt.Sprintf(unsafe, "a.rego")}},
		"last": {map[string]string{"z.rego": with(append(id("ZZZ-01", "zzz.last"), body, "x > 3")...)},
			[]string{fmt.Sprintf(unsafe, "z.rego")}},
		"first and last": {map[string]string{"a.rego": with(append(id("AAA-01", "aaa.first"), body, "x > 3")...), "z.rego": with(append(id("ZZZ-01", "zzz.last"), body, "x > 3")...)},
			[]string{fmt.Sprintf(unsafe, "a.rego"), fmt.Sprintf(unsafe, "z.rego")}},
		"in a helper that two name": {
			map[string]string{
				"a.rego": with(append(id("AAA-01", "aaa.first"), body, "data.acme.help.f(rule)")...),
				"z.rego": with(append(id("ZZZ-01", "zzz.last"), body, "data.acme.help.f(rule)")...), "help.rego": "package acme.help\n\nf(_) if x > 3\n",
			},
			[]string{"own/help.rego:3 unsafe_var_error: var x is unsafe"},
		},
		"a package within a rule": {
			map[string]string{"a.rego": with(id("AAA-01", "aaa")...) + "\nzzz := 1\n", "z.rego": with(id("ZZZ-01", "aaa.zzz")...)},
			[]string{
				"own/a.rego:11 type_error: package aaa.zzz conflicts with rule zzz defined at own/a.rego:19",
				"own/a.rego:19 type_error: rule data.aaa.zzz conflicts with:", "  rule data.aaa.zzz.deny at own/z.rego:13",
			},
		},
		"recursion through what is not named": {
			map[string]string{
				"a.rego": with(append(id("AAA-01", "aaa.first"), body, "data.zzz[_].deny")...),
				"z.rego": with(append(id("ZZZ-01", "zzz.last"), body, "data.aaa[_].deny")...),
			},
			[]string{
				"own/a.rego:13 recursion_error: rule data.aaa.first.deny is recursive: data.aaa.first.deny -> data.zzz.last.deny -> data.aaa.first.deny",
				"own/z.rego:13 recursion_error: rule data.zzz.last.deny is recursive: data.zzz.last.deny -> data.aaa.first.deny -> data.zzz.last.deny",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, problemsOf(t, rules.Options{Dirs: []rules.Dir{dirOf(c.files)}})); diff != "" {
				t.Errorf("alone: %s", diff)
			}
			files := manyOthers(150)
			maps.Copy(files, c.files)
			if diff := cmp.Diff(c.want, problemsOf(t, rules.Options{Dirs: []rules.Dir{dirOf(files)}})); diff != "" {
				t.Errorf("among 150: %s", diff)
			}
		})
	}
}

// Rules that were compiled in parts judge as those that were compiled together.
func TestManyRulesJudge(t *testing.T) {
	t.Parallel()
	doc := gate.Document{Kind: gate.KindTerraform, Type: "aws_security_group", Resource: "aws_security_group.web", Actions: []string{"create"}, After: []byte(`{"ingress":[{"port":22,"cidrs":["0.0.0.0/0"]}]}`)}
	judge := func(files map[string]string) []gate.Finding {
		files["a.rego"] = sshRule
		engine, err := rules.New(t.Context(), rules.Options{Dirs: []rules.Dir{dirOf(files)}, Scope: rules.ScopeAll})
		if err != nil {
			t.Fatal(err)
		}
		answer := engine.Evaluate(t.Context(), rules.Input{Documents: []gate.Document{doc}})
		if len(answer.Problems) > 0 {
			t.Fatal(answer.Problems)
		}
		return answer.Findings
	}
	few := judge(map[string]string{})
	if len(few) != 1 {
		t.Fatalf("%d findings; wanted: 1", len(few))
	}
	if diff := cmp.Diff(few, judge(manyOthers(150))); diff != "" {
		t.Error(diff)
	}
}
