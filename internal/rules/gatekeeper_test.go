package rules_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// violation is what gator says, or what we say in its words.
type violation struct {
	Constraint string `json:"constraint"`
	Object     string `json:"object"`
	Message    string `json:"message"`
	Action     string `json:"action"`
}

func objectsOf(t *testing.T, manifests, before string) []gate.Document {
	t.Helper()
	example := rules.Example{Kubernetes: manifests, Base: before}
	docs, err := example.Documents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

func TestGatekeepersConstraintsSayWhatItsOwnToolSays(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bank", "psp", "matrix", "language", "expansion"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join("testdata", "gatekeeper", name)
			read := func(file string) []byte {
				data, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil {
					t.Fatal(err)
				}
				return data
			}
			var want []violation
			if err := json.Unmarshal(read("want.json"), &want); err != nil {
				t.Fatal(err)
			}
			e := engineOf(t, rules.Options{Packs: []string{}, Scope: rules.ScopeAll, Dirs: []rules.Dir{{Name: "policy", FS: os.DirFS(filepath.Join(dir, "policy"))}}})
			answer := e.Evaluate(t.Context(), rules.Input{Documents: objectsOf(t, string(read("objects.yaml")), "")})
			for _, p := range answer.Problems {
				t.Errorf("problem: %s", p)
			}
			got := []violation{}
			for _, f := range answer.Findings {
				got = append(got, violation{f.Rule, f.Resource, f.Message, f.Enforcement})
			}
			less := func(a, b violation) bool {
				return a.Constraint+"\n"+a.Object+"\n"+a.Message < b.Constraint+"\n"+b.Object+"\n"+b.Message
			}
			// What a cluster only records is a warning here.
			for i := range want {
				want[i].Action = strings.Replace(want[i].Action, "dryrun", "warn", 1)
			}
			if diff := cmp.Diff(want, got, cmpopts.SortSlices(less)); diff != "" {
				t.Error(diff)
			}
			if len(want) == 0 {
				t.Error("nothing was compared")
			}
		})
	}
}

const flagTemplate = `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: flag}
spec:
  crd:
    spec:
      names: {kind: Flag}
      validation:
        openAPIV3Schema: {type: object, properties: {words: {type: array, items: {type: string}}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package flag
        violation[{"msg": msg}] {
          word := input.parameters.words[_]
          input.review.object.data[word]
          msg := sprintf("the word %v", [word])
        }
        violation[{"msg": "the colour changed"}] {
          input.review.operation == "UPDATE"
          input.review.oldObject.data.colour != input.review.object.data.colour
        }
`

const flagConstraint = `
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Flag
metadata: {name: words}
spec: {parameters: {words: [bad, worse]}}
`

func TestConstraintsTellNewFromOld(t *testing.T) {
	t.Parallel()
	e := engineOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{dirOf(map[string]string{"a.yaml": flagTemplate + flagConstraint})}})
	config := func(name, data string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {" + data + "}\n---\n"
	}
	head := config("a", "bad: x, worse: y, colour: red") + config("same", "bad: x") + config("new", "bad: x")
	before := config("a", "bad: x, colour: blue") + config("same", "bad: x") + config("gone", "bad: x")
	got := seenIn(t, e.Evaluate(t.Context(), rules.Input{Documents: objectsOf(t, head, before)}))
	for i := range got {
		got[i].File = ""
	}
	want := []seen{
		{"Flag/words", "deny", "new", "", "the colour changed"},
		{"Flag/words", "deny", "existing", "", "the word bad"},
		{"Flag/words", "deny", "new", "", "the word worse"},
		{"Flag/words", "deny", "existing", "", "the word bad"},
		{"Flag/words", "deny", "new", "", "the word bad"},
	}
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(func(a, b seen) bool { return a.Message+a.Status < b.Message+b.Status })); diff != "" {
		t.Error(diff)
	}
}

func TestAConstraintWithoutWordsOfItsOwnHasItsTemplates(t *testing.T) {
	t.Parallel()
	template := strings.Replace(flagTemplate, "{name: flag}",
		`{name: flag, annotations: {metadata.gatekeeper.sh/title: Words and flags, description: "Keeps words out.\nFor good."}}`, 1)
	for name, c := range map[string]struct{ template, constraint, title, remedy string }{
		"neither says anything": {flagTemplate, flagConstraint, "Flag/words", ""},
		"the template does":     {template, flagConstraint, "Words and flags", "Keeps words out. For good."},
		"the constraint too": {template, strings.Replace(flagConstraint, "{name: words}", "{name: words, annotations: {title: Ours, description: Ask us.}}", 1),
			"Ours", "Ask us."},
		"half and half": {template, strings.Replace(flagConstraint, "{name: words}", "{name: words, annotations: {description: Ask us.}}", 1),
			"Words and flags", "Ask us."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := engineOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{dirOf(map[string]string{"a.yaml": c.template + c.constraint})}})
			answer := e.Evaluate(t.Context(), rules.Input{Documents: objectsOf(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {bad: x}\n", "")})
			if len(answer.Findings) != 1 {
				t.Fatalf("%+v", answer)
			}
			got := []string{answer.Findings[0].Title, answer.Findings[0].Remedy}
			if diff := cmp.Diff([]string{c.title, c.remedy}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWhatAnActionComesTo: which findings block, and what people are told where they may wonder.
func TestWhatAnActionComesTo(t *testing.T) {
	t.Parallel()
	scoped := func(actions string) string {
		return "enforcementAction: scoped, scopedEnforcementActions: [" + actions + "], "
	}
	const gator = "Of the constraint's scoped actions that for gator.gatekeeper.sh counts here: "
	for spec, want := range map[string][2]string{
		"":                               {gate.EnforceDeny, "Ask us."},
		"enforcementAction: '', ":        {gate.EnforceDeny, "Ask us."},
		"enforcementAction: warn, ":      {gate.EnforceWarn, "Ask us."},
		"enforcementAction: dryrun, ":    {gate.EnforceWarn, "Ask us. The constraint says dryrun: a cluster reports this and lets it pass."},
		"scopedEnforcementActions: [], ": {gate.EnforceDeny, "Ask us."},
		scoped("{action: deny, enforcementPoints: [{name: audit.gatekeeper.sh}]}, {action: warn, enforcementPoints: [{name: gator.gatekeeper.sh}]}"): {
			gate.EnforceWarn, "Ask us. " + gator + "warn."},
		scoped("{action: dryrun, enforcementPoints: [{name: gator.gatekeeper.sh}]}, {action: deny, enforcementPoints: [{name: '*'}]}"): {
			gate.EnforceDeny, "Ask us. " + gator + "deny."},
		scoped("{action: dryrun, enforcementPoints: [{name: validation.gatekeeper.sh}]}, {action: warn, enforcementPoints: [{name: audit.gatekeeper.sh}, {name: validation.gatekeeper.sh}]}"): {
			gate.EnforceWarn, "Ask us. The constraint's scoped actions are for audit.gatekeeper.sh, validation.gatekeeper.sh; here the strictest of them counts: warn. One for gator.gatekeeper.sh would count instead."},
	} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			constraint := strings.Replace(strings.Replace(flagConstraint, "{name: words}", "{name: words, annotations: {description: Ask us.}}", 1), "spec: {", "spec: {"+spec, 1)
			e := engineOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{dirOf(map[string]string{"a.yaml": flagTemplate + constraint})}})
			answer := e.Evaluate(t.Context(), rules.Input{Documents: objectsOf(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {bad: x}\n", "")})
			var got [][2]string
			for _, f := range answer.Findings {
				got = append(got, [2]string{f.Enforcement, f.Remedy})
			}
			if diff := cmp.Diff([][2]string{want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestANamespaceThatNobodyKnowsIsNoPass(t *testing.T) {
	t.Parallel()
	selective := strings.Replace(flagConstraint, "spec: {", "spec: {match: {namespaceSelector: {matchLabels: {env: prod}}}, ", 1)
	e := engineOf(t, rules.Options{Packs: []string{}, Scope: rules.ScopeAll, Dirs: []rules.Dir{dirOf(map[string]string{"a.yaml": flagTemplate + selective})}})
	answer := e.Evaluate(t.Context(), rules.Input{Documents: objectsOf(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: far}\ndata: {bad: x}\n", "")})
	if len(answer.Findings) != 1 || !answer.Findings[0].Unknown || answer.Findings[0].Enforcement != gate.EnforceWarn ||
		answer.Findings[0].Message != "the word bad; it depends on labels of the namespace far, which is not in the repository" {
		t.Errorf("%+v", answer.Findings)
	}
}

func TestMetadataThatCannotBeReadAreNoPass(t *testing.T) {
	t.Parallel()
	e := engineOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{dirOf(map[string]string{"a.yaml": flagTemplate + flagConstraint})}})
	odd := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 5, namespace: a}\ndata: {bad: x}\n"
	answer := e.Evaluate(t.Context(), rules.Input{Documents: objectsOf(t, odd, "")})
	if len(answer.Problems) != 1 || !strings.HasSuffix(answer.Problems[0].Message, "its metadata are not those of an object of Kubernetes") {
		t.Errorf("%+v", answer)
	}
	if answer = e.Evaluate(t.Context(), rules.Input{Documents: objectsOf(t, odd, odd)}); len(answer.Problems) != 0 {
		t.Errorf("as it was: %+v", answer)
	}
}

func TestWhatIsWrongWithTemplatesAndConstraintsIsSaid(t *testing.T) {
	t.Parallel()
	edit := func(old, with string) string {
		out := strings.Replace(flagTemplate+flagConstraint, old, with, 1)
		if out == flagTemplate+flagConstraint {
			t.Fatalf("%q is not there", old)
		}
		return out
	}
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"no template":         {flagConstraint, []string{"own/a.yaml:3 there is no ConstraintTemplate for the constraint Flag/words"}},
		"a syntax error":      {edit("input.review.object.data[word]\n", "input.review.object.data[\n"), []string{"own/a.yaml:17 in the ConstraintTemplate of Flag: parse_error: unexpected assign token: expected ["}},
		"a forbidden builtin": {edit("input.review.object.data[word]", "http.send(word)"), []string{"own/a.yaml:16 in the ConstraintTemplate of Flag: http.send is not available to rules: it would bring in the network"}},
		"other data":          {edit("input.review.object.data[word]", "data.secrets[word]"), []string{"own/a.yaml:16 in the ConstraintTemplate of Flag: data.secrets[word] is neither data.lib nor data.inventory, and a template sees no other data"}},
		"CEL alone": {edit("      rego: |", "      code: [{engine: K8sNativeValidation, source: {}}]\n      note: |"),
			[]string{"own/a.yaml:11 the ConstraintTemplate of Flag is written for K8sNativeValidation, and only Rego is run here"}},
		"an unknown action":       {edit("spec: {parameters", "spec: {enforcementAction: block, parameters"), []string{`own/a.yaml:28 enforcementAction of the constraint Flag/words is "block"; wanted: deny, warn, dryrun or scoped`}},
		"parameters of a kind":    {edit("words: [bad, worse]", "words: bad"), []string{"own/a.yaml:28 the parameters of the constraint Flag/words: words is not of the type array"}},
		"an unknown parameter":    {edit("words: [bad, worse]", "wrods: [bad]"), []string{"own/a.yaml:28 the parameters of the constraint Flag/words: wrods is no parameter that the template's schema knows"}},
		"a selector that is none": {edit("spec: {parameters", "spec: {match: {labelSelector: {matchExpressions: [{key: a, operator: Near}]}}, parameters"), []string{`own/a.yaml:28 the match of the constraint Flag/words has a labelSelector that cannot be used: "Near" is not a valid label selector operator`}},
		"a misspelt key": {edit("spec: {parameters", "spec: {match: {kinds: [{kind: Pod}]}, parameters"),
			[]string{"own/a.yaml:28 the constraint Flag/words has spec.match.kinds[0].kind, which no constraint has"}},
		"a label that must be nothing": {edit("spec: {parameters", "spec: {match: {labelSelector: {matchLabels: {team: }}}, parameters"),
			[]string{"own/a.yaml:28 the constraint Flag/words has nothing at spec.match.labelSelector.matchLabels.team"}},
		"a kind that is nothing": {edit("spec: {parameters", "spec: {match: {kinds: [{kinds: [Pod, ]}, null]}, parameters"),
			[]string{"own/a.yaml:28 the constraint Flag/words has nothing at spec.match.kinds[1]"}},
		"nothing at all":               {edit("spec: {parameters: {words: [bad, worse]}}", "spec:"), []string{"own/a.yaml:28 the constraint Flag/words has nothing at spec"}},
		"a name that no cluster takes": {edit("{name: words}", "{name: Words}"), []string{"own/a.yaml:27 the name of the constraint Flag/Words is none that a cluster takes"}},
		"a key too many":               {edit("spec: {parameters", "spec: {mode: deny, parameters"), []string{"own/a.yaml:28 the constraint Flag/words has spec.mode, which no constraint has"}},
		"a star in the middle":         {edit("spec: {parameters", "spec: {match: {excludedNamespaces: ['a*b']}, parameters"), []string{`own/a.yaml:28 the match of the constraint Flag/words has the namespace "a*b"; wanted: a name, which may begin and end with *`}},
		"a star in a name":             {edit("spec: {parameters", "spec: {match: {name: 'a*b'}, parameters"), []string{`own/a.yaml:28 the match of the constraint Flag/words has the name "a*b"; wanted: a name in lower case, which may begin and end with *`}},
		"a source that is empty":       {edit("spec: {parameters", "spec: {match: {source: ''}, parameters"), []string{`own/a.yaml:28 the match of the constraint Flag/words has the source ""; wanted: All, Original or Generated`}},
		"a set as Rego v1 has none": {strings.SplitN(flagTemplate, "violation[", 2)[0] + "import rego.v1\n        violation[{\"msg\": \"x\"}] if { true }\n" + flagConstraint,
			[]string{"own/a.yaml:12 the ConstraintTemplate of Flag has no rule violation"}},
		"no violation": {strings.ReplaceAll(flagTemplate, "violation[", "deny["), []string{"own/a.yaml:12 the ConstraintTemplate of Flag has no rule violation"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := problemsOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{{Name: "own", FS: fstest.MapFS{"a.yaml": {Data: []byte(c.text)}}}}})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
