package rules

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// planRules are rules as teams write them, each with how it looks at changes: the types that it wants, "every type", or "all of it".
func planRules() map[string]string {
	return map[string]string{
		"some change in input.resource_changes\n change.type == \"aws_a\"\n not change.change.after.tags.Team\n msg := sprintf(\"a %s\", [change.address])":         "aws_a",
		"some i, change in input.resource_changes\n change.type in {\"aws_a\", \"aws_b\"}\n every x in change.change.after.list { x != 1 }\n msg := change.address": "aws_a aws_b",
		"some _, change in input.resource_changes\n change.type in {\"aws_a\", \"aws_b\"}\n every x in change.change.after.list { x != 1 }\n msg := change.address": "aws_a aws_b",
		"some _, change in input.resource_changes\n \"aws_b\" == change.type\n msg := change.address":                                                               "aws_b",
		"startswith(input.resource_changes[_].type, \"aws_\")\n msg := \"starts\"":                                                                                  "every type",
		"input.resource_changes[i].type == \"aws_b\"\n input.resource_changes[i].change.actions[_] == \"delete\"\n msg := \"deleted\"":                              "aws_b",
		"input.resource_changes[_].type == \"aws_b\"\n input.resource_changes[_].change.actions[_] == \"delete\"\n msg := \"two of them\"":                          "all of it",
		"input.resource_changes[i].type == \"aws_b\"\n msg := sprintf(\"number %d\", [i])":                                                                          "all of it",
		"c := input.resource_changes[_]\n kind := c.type\n kind == \"aws_c\"\n msg := c.address":                                                                    "aws_c",
		"c := input.resource_changes[_]\n types[c.type]\n c.mode != \"data\"\n msg := c.address":                                                                    "every type",
		"c := input.resource_changes[_]\n c.type == wanted\n msg := c.address":                                                                                      "every type",
		"c := input.resource_changes[_]\n not c.type == \"aws_a\"\n msg := c.address":                                                                               "every type",
		"c := input.resource_changes[_]\n c.change.after.type == \"aws_a\"\n msg := c.address":                                                                      "every type",
		"some r in managed\n is_b(r)\n msg := r.address":                                                                                                            "every type",
		"some r in managed\n r.type == \"aws_c\"\n msg := sprintf(\"managed %s\", [r.address])":                                                                     "aws_c",
		"managed[r]\n r.type == \"aws_a\"\n msg := sprintf(\"member %s\", [r.address])":                                                                             "aws_a",
		"some name in names\n msg := name":                                                          "aws_a aws_b",
		"some r in of_counts\n msg := sprintf(\"%v\", [r])":                                         "all of it",
		"count(managed) > 2\n msg := \"too many\"":                                                  "all of it",
		"count([c | c := input.resource_changes[_]; c.type == \"aws_a\"]) > 1\n msg := \"several\"": "all of it",
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n count([d | d := input.resource_changes[_]; d.type == c.type]) > 1\n msg := c.address":              "all of it",
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n count([x | x := c.change.after.list[_]; x == 1]) > 0\n msg := sprintf(\"has 1: %s\", [c.address])": "aws_a",
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n input.terraform_version == \"1.9\"\n msg := c.address":                                             "all of it",
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n newest\n msg := sprintf(\"new %s\", [c.address])":                                                  "all of it",
		"c := input.resource_changes[0]\n c.type == \"aws_a\"\n msg := c.address":                                                                                  "all of it",
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n is_b(c) with input as {}\n msg := c.address":                                                       "all of it",
		"some key\n c := input[key][_]\n c.type == \"aws_a\"\n msg := c.address":                                                                                   "all of it",
		"not none\n msg := \"none\"": "all of it",
		"every c in input.resource_changes { c.type != \"aws_z\" }\n msg := \"no z\"": "all of it",
		"msg := \"always\"": "all of it",
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n not startswith(c.change.after.name, \"n1\")\n msg := sprintf(\"named %s\", [c.address])": "aws_a",
		"c := input.resource_changes[_]\n c.type == \"aws_b\"\n print(\"at\", c.address)\n after := c.change.after\n team := object.get(after, [\"tags\", \"Team\"], \"\")\n" +
			" not team in {\"x\"}\n words := [team, c.address]\n msg := concat(\" of \", words)": "aws_b",
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n [first, second] = c.change.after.list\n first < second\n msg := sprintf(\"%v %s\", [second, c.address])": "aws_a",
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n walk(c.change.after, [where, value])\n value == 1\n msg := sprintf(\"%v %s\", [where, c.address])":       "aws_a",
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n deep(c) > 0\n msg := sprintf(\"deep %s\", [c.address])":                                                  "aws_a",
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n 1 / count(c.change.after.list) > 0.4\n msg := sprintf(\"divided %s\", [c.address])":                      "aws_a",
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n not endswith(c.address, \"5\")\n msg := sprintf(\"no 5: %s\", [c.address])":                              "aws_a",
		"c := input.resource_changes[_]\n c.type == \"aws_b\"\n inner(c.change.after) == 2\n msg := sprintf(\"inner %s\", [c.address])":                                  "aws_b",
		"result := input.resource_changes[_]\n result.type == \"aws_b\"\n msg := {\"msg\": result.address, \"severity\": \"low\"}":                                       "aws_b",
		"c := input.resource_changes[_]\n c.type == \"aws_a\"\n c.type == \"aws_b\"\n msg := c.address":                                                                  "aws_b",
		"c := input.resource_changes[_]\n data.teams[c.change.after.tags.Team]\n msg := sprintf(\"team %s\", [c.address])":                                               "every type",
	}
}

const planHelpers = `
types := {"aws_a", "aws_c"}
wanted := "aws_a"
newest if input.terraform_version == "1.9"
none if input.resource_changes[_].type == "aws_none"
managed contains c if { c := input.resource_changes[_]; c.mode == "managed" }
names contains c.address if { c := input.resource_changes[_]; c.type == "aws_a" }
names contains c.address if { c := input.resource_changes[_]; c.type == "aws_b"; c.mode == "managed" }
of_counts contains n if { n := count(input.resource_changes) }
is_b(r) if r.type == "aws_b"
deep(c) := n if { some x in [c.change.after.list]; n := count(x) }
inner(x) := n if { n := count([y | y := x.resource_changes[_]; y == 1]) }
deep(c) := 0 if { c.change.after == null }
`

func plansToJudge() []string {
	change := func(i int, kind, mode, after, actions string) string {
		return fmt.Sprintf(`{"address":"%s.n%d","type":"%s","mode":"%s","change":{"actions":%s,"after":%s}}`, kind, i, kind, mode, actions, after)
	}
	plans := []string{`{}`, `{"resource_changes":[]}`, `{"resource_changes":null}`, `{"resource_changes":{"a":{"type":"aws_a","address":"in an object"}}}`,
		`{"resource_changes":[1,{"type":"aws_a","address":"beside a number"}]}`, `[{"resource_changes":[{"type":"aws_a","address":"in a list"}]}]`,
		`{"resource_changes":[{"type":7,"address":"x"},{"type":"aws_a","type":"aws_b","address":"the last type counts","mode":"managed"}]}`}
	for _, version := range []string{"1.9", "1.8"} {
		var list []string
		for i := range 24 {
			kind := []string{"aws_a", "aws_b", "aws_c", "aws_z"}[i%4]
			after := []string{`{"tags":{"Team":"x"},"list":[1,2]}`, `{"list":[3],"type":"aws_a"}`, `null`}[i/4%3]
			actions := []string{`["create"]`, `["delete"]`}[i/12]
			list = append(list, change(i, kind, []string{"managed", "data"}[i%5%2], after, actions))
		}
		plans = append(plans, `{"terraform_version":"`+version+`","resource_changes":[`+strings.Join(list, ", ")+`], "other": [{"type":"aws_a","address":"elsewhere"}]}`)
	}
	var many []string // most of a kind are alike but for their names
	for i := range 1200 {
		after := []string{`{"tags":{"Team":"x"},"list":[1,2]}`, `{"tags":{"Team":"y"},"list":[3]}`, `null`, `{"list":{"a":1}}`, `{"tags":null,"list":"12"}`,
			`{"resource_changes":{"a":1,"b":1}}`, `{"resource_changes":{"a":1,"b":2}}`}[i%7]
		if i%8 == 0 {
			after = fmt.Sprintf(`{"tags":{"Team":"team%d"},"name":"n%d","list":[%d]}`, i, i, i)
		}
		many = append(many, change(i, []string{"aws_a", "aws_b", "aws_c"}[i/7%3], []string{"managed", "data"}[i%11/10], after, []string{`["create"]`, `["delete"]`}[i%13/12]))
	}
	return append(plans, `{"terraform_version":"1.9","resource_changes":[`+strings.Join(many, ",")+`]}`)
}

func conftestOf(t *testing.T, policy string) *conftest {
	t.Helper()
	e, err := New(t.Context(), Options{Packs: []string{}, Scope: ScopeAll, Dirs: []Dir{{Name: "p", FS: fstest.MapFS{
		"a.rego": {Data: []byte(policy)}, "teams/data.json": {Data: []byte(`{"x": true}`)},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	return e.foreign.conftest
}

// said is what a rule says about a plan, asked change by change where it can be, or about the whole.
func said(t *testing.T, c *conftest, rule conftestRule, plan string) []message {
	t.Helper()
	limits := DefaultLimits()
	run := &foreignRun{ctx: context.Background(), limits: &limits}
	got, err := run.messages(&rule, c.store("plan.json"), fileInputs("plan.json", []json.RawMessage{json.RawMessage(plan)}), newStopper(t.Context(), time.Now, limits.Memory))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// What a rule says of a plan must not depend on how it is asked.
func TestRulesThatLookAtOneChangeAtATime(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	all.WriteString("package main\n" + planHelpers)
	for body, want := range planRules() {
		rule := "deny contains msg if {\n " + body + "\n}\n"
		all.WriteString(rule)
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			c := conftestOf(t, "package main\n"+planHelpers+rule)
			got := "all of it"
			if apart := c.rules[0].planwise; apart != nil && !apart[0].whole {
				got = "every type"
				if apart[0].types != nil {
					got = strings.Join(apart[0].types, " ")
				}
			}
			if got != want {
				t.Errorf("it looks at %q, want %q", got, want)
			}
			whole := *c.rules[0]
			whole.planwise = nil
			for _, plan := range plansToJudge() {
				if diff := cmp.Diff(said(t, c, whole, plan), said(t, c, *c.rules[0], plan), cmp.AllowUnexported(message{})); diff != "" {
					t.Errorf("%s\nasked otherwise (-whole +one by one):\n%s", plan, diff)
				}
			}
		})
	}
	t.Run("all together", func(t *testing.T) {
		t.Parallel()
		c := conftestOf(t, all.String())
		whole := *c.rules[0]
		whole.planwise = nil
		for _, plan := range plansToJudge() {
			if diff := cmp.Diff(said(t, c, whole, plan), said(t, c, *c.rules[0], plan), cmp.AllowUnexported(message{})); diff != "" {
				t.Errorf("%s\nasked otherwise (-whole +one by one):\n%s", plan, diff)
			}
		}
	})
}

func TestOldStyleRulesAreTakenApartToo(t *testing.T) {
	t.Parallel()
	c := conftestOf(t, "package main\n\ndeny[msg] {\n c := input.resource_changes[_]\n c.type == \"aws_x\"\n msg = sprintf(\"%v\", [c.address])\n}\n"+
		"deny[msg] {\n rc := changes[_]\n rc.type == \"aws_y\"\n msg = rc.address\n}\nchanges[c] {\n c := input.resource_changes[_]\n c.mode == \"managed\"\n}\n")
	var got []string
	for _, d := range c.rules[0].planwise {
		got = append(got, fmt.Sprint(d.whole, d.types))
	}
	if diff := cmp.Diff([]string{"false [aws_x]", "false [aws_y]"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMembersOfTheResultAreNotTheRulesOwnVariables(t *testing.T) {
	t.Parallel()
	c := conftestOf(t, "package main\n\ndeny[result] {\n c := input.resource_changes[_]\n c.type == \"aws_x\"\n result = c.address\n}\n")
	got := said(t, c, *c.rules[0], `{"resource_changes":[{"type":"aws_x","address":"one"},{"type":"aws_x","address":"two"},{"type":"aws_y","address":"three"}]}`)
	if diff := cmp.Diff([]message{{text: "one"}, {text: "two"}}, got, cmp.AllowUnexported(message{})); diff != "" {
		t.Error(diff)
	}
}

func TestAPlanOfManyMessages(t *testing.T) {
	t.Parallel()
	var list []string
	for i := range 4000 {
		list = append(list, fmt.Sprintf(`{"type":"aws_x","address":"n%d"}`, i))
	}
	for condition, want := range map[string]int{"true": 4000, "endswith(c.address, \"7\")": 400} {
		c := conftestOf(t, "package main\n\ndeny contains c.address if { some c in input.resource_changes; c.type == \"aws_x\"; "+condition+" }\n")
		if got := said(t, c, *c.rules[0], `{"resource_changes":[`+strings.Join(list, ",")+`]}`); len(got) != want {
			t.Errorf("%s: %d messages", condition, len(got))
		}
	}
}

func TestRulesAskedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	c := conftestOf(t, "package main\n\ndeny contains c.address if { some c in input.resource_changes; c.type == \"aws_a\"; c.change.after == null }\n"+
		"warn contains c.address if { some c in input.resource_changes; c.type == \"aws_a\"; c.mode == \"data\" }\n")
	plans := plansToJudge()
	many := json.RawMessage(plans[len(plans)-1])
	limits := DefaultLimits()
	run := &foreignRun{ctx: context.Background(), limits: &limits}
	kept := fileInputs("plan.json", []json.RawMessage{many})
	for _, rule := range c.rules {
		got, err := run.messages(rule, c.store("plan.json"), kept, newStopper(t.Context(), time.Now, limits.Memory))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(said(t, c, *rule, string(many)), got, cmp.AllowUnexported(message{})); diff != "" || len(got) == 0 {
			t.Errorf("%s on a plan that another rule was asked about before (%d messages):\n%s", rule.rule.ID, len(got), diff)
		}
	}
}

func TestAChangeUnderNotIsNoneThatIsLookedAt(t *testing.T) {
	t.Parallel()
	c := conftestOf(t, "package main\n\nimport future.keywords.not\n\ndeny contains msg if {\n not { c := input.resource_changes[_]; c.type == \"aws_z\"; c.change.actions[_] == \"delete\" }\n msg := \"no z\"\n}\n")
	if c.rules[0].planwise != nil {
		t.Error("it is asked change by change")
	}
}
