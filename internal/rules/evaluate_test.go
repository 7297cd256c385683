package rules_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// ruleText is a rule of severity high over some types with a body of its own.
func ruleText(id, inspects, body string) string {
	return fmt.Sprintf(`# METADATA
# title: Rule %[1]s
# custom:
#   id: %[1]s
#   severity: high
#   remedy: Mend it.
#   inspects: %[2]s
package acme.%[3]s

%[4]s
`, id, inspects, strings.ToLower(strings.ReplaceAll(id, "-", "_")), body)
}

func engine(t *testing.T, o rules.Options, texts ...string) *rules.Engine {
	t.Helper()
	files := map[string]string{}
	for i, text := range texts {
		files[fmt.Sprintf("r%d.rego", i+1)] = text
	}
	o.Packs, o.Dirs = []string{}, []rules.Dir{dirOf(files)}
	e, err := rules.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func thing(name, before, after string) gate.Document {
	d := gate.Document{
		Kind: "terraform", Type: "thing", Name: name, Resource: "thing." + name, Set: "plan", File: "plan.json",
		After: raw(after), Before: raw(before),
		Change: json.RawMessage(`{"mode":"managed","config_address":"thing.` + name + `"}`),
	}
	switch {
	case before == after:
		d.Actions = []string{"no-op"}
	case before == "":
		d.Actions = []string{"create"}
	case after == "":
		d.Actions = []string{"delete"}
	default:
		d.Actions = []string{"update"}
	}
	return d
}

func raw(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	return json.RawMessage(s)
}

func object(apiVersion, kind, name, before, after string, podPath []string) gate.Document {
	d := thing(name, before, after)
	group, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		group = ""
	}
	d.Kind, d.Type, d.Group, d.Namespace, d.Set, d.File = "kubernetes", kind, group, "shop", "k8s", "k8s/"+name+".yaml"
	d.Resource, d.PodPath, d.Change = apiVersion+"/"+kind+"/shop/"+name, podPath, nil
	return d
}

// lines shows findings, requirements and problems, one a line.
func lines(e gate.Evaluation) []string {
	var list []string
	for _, f := range e.Findings {
		word := f.Enforcement
		if f.Unknown {
			word += "?"
		}
		list = append(list, strings.Join([]string{f.Status, word, f.Rule, f.Resource, f.Path, f.Message}, " | "))
	}
	for _, r := range e.Requirements {
		list = append(list, fmt.Sprintf("approve | %d %v %v | %s | %s | %s", r.Count, r.Teams, r.Users, r.Rule, r.Resource, r.Reason))
	}
	for _, p := range e.Problems {
		if p.Code == "" || p.Remedy == "" {
			list = append(list, "NO CODE OR REMEDY")
		}
		list = append(list, "problem | "+p.String())
	}
	return list
}

const things = "{terraform: [thing]}"

func TestEvaluate(t *testing.T) {
	t.Parallel()
	never := `deny contains "never" if input.resource.never`
	for name, c := range map[string]struct {
		options rules.Options
		rules   []string
		docs    []gate.Document
		want    []string
	}{
		"the sets and their enforcement": {
			rules: []string{ruleText("A-1", things, `
deny contains {"message": "bad", "path": "a", "line": 7} if input.resource.a
warn contains "odd" if input.resource.a
unknown contains "perhaps" if input.resource.a
require_approval contains {"reason": "costly", "count": 2, "teams": {"acme/dba"}, "users": ["eve"]} if input.resource.a
require_approval contains {"reason": "plain", "resource": "other"} if input.resource.a`)},
			docs: []gate.Document{thing("x", "", `{"a":true}`)},
			want: []string{
				"new | warn | A-1 | thing.x |  | odd", "new | warn? | A-1 | thing.x |  | perhaps", "new | deny | A-1 | thing.x | a | bad",
				"approve | 1 [] [] | A-1 | other | plain", "approve | 2 [acme/dba] [eve] | A-1 | thing.x | costly",
			},
		},
		"a rule that only warns asks nobody and never blocks": {
			options: rules.Options{Rules: map[string]rules.Setting{"A-1": {Enforcement: "warn", Unknown: "deny"}}},
			rules: []string{ruleText("A-1", things, `
deny contains "bad"
unknown contains "perhaps"
require_approval contains {"reason": "costly"}`)},
			docs: []gate.Document{thing("x", "", `{}`)},
			want: []string{"new | warn | A-1 | thing.x |  | bad", "new | warn | A-1 | thing.x |  | costly", "new | warn? | A-1 | thing.x |  | perhaps"},
		},
		"existing, worse and new": {
			rules: []string{ruleText("A-1", things, `
deny contains {"message": sprintf("%s is open", [v]), "path": k} if some k, v in input.resource`)},
			docs: []gate.Document{thing("x", `{"a":"one","b":"two","c":"six"}`, `{"a":"one","b":"three","d":"four","e":"one"}`)},
			want: []string{
				"new | deny | A-1 | thing.x | d | four is open", "existing | deny | A-1 | thing.x | a | one is open",
				"new | deny | A-1 | thing.x | e | one is open", "worse | deny | A-1 | thing.x | b | three is open",
			},
		},
		"in scope all everything is new": {
			options: rules.Options{Scope: "all"},
			rules:   []string{ruleText("A-1", things, `deny contains "bad" if input.resource.a`)},
			docs:    []gate.Document{thing("x", `{"a":1}`, `{"a":1}`)},
			want:    []string{"new | deny | A-1 | thing.x |  | bad"},
		},
		"a guard sees a deletion, which the base does not have": {
			rules: []string{ruleText("A-1", things, `
deny contains "gone" if {
	input.resource == null
	input.before.a
	"delete" in input.change.actions
}
deny contains "here" if input.resource.a`)},
			docs: []gate.Document{thing("x", `{"a":1}`, "")},
			want: []string{"new | deny | A-1 | thing.x |  | gone"},
		},
		"what does not change is new when its companion goes": {
			rules: []string{ruleText("A-1", things, `deny contains "alone" if input.plan.lock["lock.l"].resource == null`)},
			docs: []gate.Document{
				thing("x", `{}`, `{}`),
				{Kind: "terraform", Type: "lock", Name: "l", Resource: "lock.l", Set: "plan", Actions: []string{"delete"}, Before: raw(`{}`)},
			},
			want: []string{"new | deny | A-1 | thing.x |  | alone"},
		},
		"a companion in another plan does not count": {
			rules: []string{ruleText("A-1", things, `deny contains "alone" if not input.plan.lock["lock.l"].resource`)},
			docs: []gate.Document{
				thing("x", `{}`, `{}`),
				{Kind: "terraform", Type: "lock", Name: "l", Resource: "lock.l", Set: "other", Actions: []string{"create"}, After: raw(`{}`)},
			},
			want: []string{"existing | deny | A-1 | thing.x |  | alone"},
		},
		"nobody approves what does not change": {
			rules: []string{ruleText("A-1", things, `require_approval contains {"reason": "costly"}`)},
			docs:  []gate.Document{thing("x", `{}`, `{}`), thing("y", `{}`, `{"a":1}`)},
			want:  []string{"approve | 1 [] [] | A-1 | thing.y | costly"},
		},
		"a rule that fails is a problem, and the others judge": {
			rules: []string{ruleText("A-1", things, "deny contains x if {\n\tx := f(input.resource.a)\n}\n\nf(a) := \"one\" if a\n\nf(a) := \"two\" if a"), ruleText("B-1", things, `deny contains "bad"`)},
			docs:  []gate.Document{thing("x", "", `{"a":true}`), thing("y", "", `{"a":true}`), thing("z", "", `{}`)},
			want: []string{
				"new | deny | B-1 | thing.x |  | bad", "new | deny | B-1 | thing.y |  | bad", "new | deny | B-1 | thing.z |  | bad",
				"problem | own/r1.rego:16 the rule A-1 failed: function data.acme.a_1.f produced conflicting values for the same inputs:   \"one\" at own/r1.rego:14   \"two\" at own/r1.rego:16 (on thing.x and 1 more)",
			},
		},
		"an endless rule is stopped and its chance findings are dropped": {
			options: rules.Options{Limits: rules.Limits{RuleTime: 30 * time.Millisecond}},
			rules: []string{
				ruleText("A-1", things, "deny contains \"slow\" if {\n\tcount([1 | some i in numbers.range(1, 3000); some j in numbers.range(1, 3000); i < 0]) == 0\n}"),
				ruleText("B-1", things, `deny contains "bad"`),
			},
			docs: []gate.Document{thing("x", "", `{}`)},
			want: []string{"new | deny | B-1 | thing.x |  | bad", "problem | own/r1.rego:8 the rule A-1 failed: it ran longer than its time limit of 30ms (on thing.x)"},
		},
		"a rule that uses up the memory is stopped": {
			options: rules.Options{Limits: rules.Limits{Memory: 1}},
			rules:   []string{ruleText("A-1", things, "deny contains \"slow\" if {\n\tcount([1 | some i in numbers.range(1, 3000); some j in numbers.range(1, 3000); i < 0]) == 0\n}")},
			docs:    []gate.Document{thing("x", "", `{}`)},
			want:    []string{"problem | own/r1.rego:8 the rule A-1 failed: it used more memory than its limit (on thing.x)"},
		},
		"too many findings of one rule": {
			options: rules.Options{Limits: rules.Limits{PerRule: 3}},
			rules:   []string{ruleText("A-1", things, `deny contains sprintf("%d", [i]) if some i in numbers.range(1, 4)`)},
			docs:    []gate.Document{thing("x", "", `{}`)},
			want:    []string{"problem | own/r1.rego:8 the rule A-1 failed: deny has 4 findings on one document; at most 3 are allowed (on thing.x)"},
		},
		"too many findings": {
			options: rules.Options{Limits: rules.Limits{Total: 3}},
			rules:   []string{ruleText("A-1", things, `deny contains sprintf("%d", [i]) if some i in numbers.range(1, 2)`)},
			docs:    []gate.Document{thing("x", "", `{}`), thing("y", "", `{}`)},
			want: []string{
				"new | deny | A-1 | thing.x |  | 1", "new | deny | A-1 | thing.x |  | 2", "new | deny | A-1 | thing.y |  | 1",
				"problem | the rules found 4 things; at most 3 can be listed",
			},
		},
		"results that are none": {
			rules: []string{
				ruleText("A-1", things, `deny contains {"msg": "bad"}`), ruleText("A-2", things, `deny contains 7`),
				ruleText("A-3", things, `deny := lower("BAD")`), ruleText("A-4", things, `deny contains ""`),
				ruleText("A-5", things, `require_approval contains {"reason": "x", "teams": ["dba"]}`), ruleText("A-6", things, `require_approval contains {"count": 0, "reason": "x"}`),
				ruleText("A-7", things, `deny := input.resource.nothing`), ruleText("A-8", things, `require_approval contains "x"`),
			},
			docs: []gate.Document{thing("x", "", `{}`)},
			want: []string{
				"problem | own/r1.rego:8 the rule A-1 failed: a member of deny has the unknown key msg (on thing.x)",
				"problem | own/r2.rego:8 the rule A-2 failed: a member of deny is a number; wanted: a message or an object with one (on thing.x)",
				`problem | own/r3.rego:8 the rule A-3 failed: deny is a text; wanted: a set, written "deny contains finding if { ... }" (on thing.x)`,
				"problem | own/r4.rego:8 the rule A-4 failed: a member of deny has no message (on thing.x)",
				`problem | own/r5.rego:8 the rule A-5 failed: require_approval names the team "dba"; wanted: org/team (on thing.x)`,
				"problem | own/r6.rego:8 the rule A-6 failed: count of a member of require_approval is 0; wanted: a whole number from 1 to 100 (on thing.x)",
				`problem | own/r7.rego:8 the rule A-7 failed: a result is undefined: it must be a set, written "deny contains finding if { ... }" (on thing.x)`,
				"problem | own/r8.rego:8 the rule A-8 failed: a member of require_approval is a text; wanted: a message or an object with one (on thing.x)",
			},
		},
		"a document that is not JSON": {
			rules: []string{ruleText("A-1", things, never)},
			docs:  []gate.Document{thing("x", "", `{"a":`), thing("y", "", `{}`)},
			want:  []string{"problem | plan.json thing.x cannot be judged: its values after the change: not JSON at byte 5: a value is missing"},
		},
		"messages are cleaned and cut": {
			options: rules.Options{Limits: rules.Limits{Message: 20}},
			rules:   []string{ruleText("A-1", things, `deny contains input.resource.a`)},
			docs:    []gate.Document{thing("x", "", `{"a":"a\u0000\u001b[31m\nb\u202ec äöü and on and on"}`)},
			want:    []string{"new | deny | A-1 | thing.x |  | a[31m bc äöü a…"},
		},
		"a Pod rule sees every workload, others their own": {
			rules: []string{
				ruleText("A-1", "{kubernetes: [Pod]}", `deny contains {"message": sprintf("%s %s %s", [input.pod.spec.n, input.type, input.group]), "path": input.pod_path}`),
				ruleText("A-2", "{kubernetes: [batch/Job]}", `deny contains "job"`),
				ruleText("A-3", `{kubernetes: ["*"]}`, `warn contains sprintf("%d", [count(input.objects.Deployment)]) if input.objects.Deployment["shop/d"]`),
			},
			docs: []gate.Document{
				object("apps/v1", "Deployment", "d", "", `{"spec":{"template":{"spec":{"n":"one"}}}}`, []string{"spec", "template"}),
				object("v1", "Pod", "p", "", `{"spec":{"n":"two"}}`, []string{}),
				object("acme.io/v1", "Job", "j", "", `{}`, nil),
				object("apps/v1", "Deployment", "gone", `{"spec":{"template":{"spec":{"n":"three"}}}}`, "", []string{"spec", "template"}),
			},
			want: []string{
				"new | deny | A-1 | apps/v1/Deployment/shop/d | spec.template | one Deployment apps",
				"new | warn | A-3 | apps/v1/Deployment/shop/d |  | 1",
				"new | warn | A-3 | apps/v1/Deployment/shop/gone |  | 1", "new | warn | A-3 | acme.io/v1/Job/shop/j |  | 1",
				"new | deny | A-1 | v1/Pod/shop/p |  | two Pod ", "new | warn | A-3 | v1/Pod/shop/p |  | 1",
			},
		},
		"a custom resource does not stand for Kubernetes' own": {
			rules: []string{ruleText("A-1", "{kubernetes: [Pod]}", `deny contains input.objects.ClusterRole["shop/r"].from`)},
			docs: []gate.Document{
				object("acme.io/v1", "ClusterRole", "r", "", `{"from":"acme"}`, nil),
				object("rbac.authorization.k8s.io/v1", "ClusterRole", "r", "", `{"from":"kubernetes"}`, nil),
				object("evil.io/v1", "ClusterRole", "r", "", `{"from":"evil"}`, nil),
				object("v1", "Pod", "p", "", `{}`, []string{}),
			},
			want: []string{"new | deny | A-1 | v1/Pod/shop/p |  | kubernetes"},
		},
		"what nothing inspects is not judged": {
			rules: []string{ruleText("A-1", "{terraform: [nothing]}", never)},
			docs:  []gate.Document{thing("x", "", `not even JSON`)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := lines(engine(t, c.options, c.rules...).Evaluate(t.Context(), rules.Input{Documents: c.docs}))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
