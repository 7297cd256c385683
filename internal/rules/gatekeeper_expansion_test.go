package rules_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

const podsOfDeployments = `
---
apiVersion: expansion.gatekeeper.sh/v1beta1
kind: ExpansionTemplate
metadata: {name: pods}
spec:
  applyTo: [{groups: [apps], versions: [v1], kinds: [Deployment]}]
  templateSource: spec.template
  generatedGVK: {group: "", version: v1, kind: Pod}
`

// onPods has the constraint look at Pods, whose data are their labels here.
func onPods() string {
	return strings.ReplaceAll(flagTemplate, "object.data", "object.metadata.labels") +
		strings.Replace(flagConstraint, "spec: {", "spec: {match: {kinds: [{apiGroups: [''], kinds: [Pod]}]}, ", 1)
}

func deployment(name, labels string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", namespace: shop, labels: {bad: x}}\nspec: {template: {metadata: {labels: {" + labels + "}}}}\n---\n"
}

func TestWhatAnObjectMakesIsNewOrExisting(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options rules.Options
		policy  string
		want    []seen
	}{
		"by the constraint's own action": {policy: onPods() + podsOfDeployments + podsOfDeployments, want: []seen{
			{"Flag/words", "deny", "existing", "", "[Implied by pods] the word bad"},
			{"Flag/words", "deny", "new", "", "[Implied by pods] the word worse"},
			{"Flag/words", "deny", "new", "", "[Implied by pods] the word bad"},
		}},
		"by the template's": {policy: onPods() + podsOfDeployments + "  enforcementAction: dryrun\n", want: []seen{
			{"Flag/words", "warn", "existing", "", "[Implied by pods] the word bad"},
			{"Flag/words", "warn", "new", "", "[Implied by pods] the word worse"},
			{"Flag/words", "warn", "new", "", "[Implied by pods] the word bad"},
		}},
		"by the repository's, which has the last word": {
			options: rules.Options{Scope: rules.ScopeAll, Rules: map[string]rules.Setting{"Flag/words": {Enforcement: "warn"}}},
			policy:  onPods() + podsOfDeployments + "  enforcementAction: deny\n", want: []seen{
				{"Flag/words", "warn", "new", "", "[Implied by pods] the word bad"},
				{"Flag/words", "warn", "new", "", "[Implied by pods] the word worse"},
				{"Flag/words", "warn", "new", "", "[Implied by pods] the word bad"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.options.Packs, c.options.Dirs = []string{}, []rules.Dir{dirOf(map[string]string{"a.yaml": c.policy})}
			answer := engineOf(t, c.options).Evaluate(t.Context(), rules.Input{
				Documents: objectsOf(t, deployment("a", "bad: x, worse: y")+deployment("b", "bad: x"), deployment("a", "bad: x")),
			})
			got := seenIn(t, answer)
			for i := range got {
				got[i].File = ""
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnObjectThatCannotBeExpandedIsNoPass(t *testing.T) {
	t.Parallel()
	e := engineOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{dirOf(map[string]string{"a.yaml": onPods() + podsOfDeployments})}})
	answer := e.Evaluate(t.Context(), rules.Input{Documents: objectsOf(t, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {}\n", "")})
	if len(answer.Problems) != 1 || !strings.HasSuffix(answer.Problems[0].Message, "what it makes by the ExpansionTemplate pods is not known: there is no spec.template in it") {
		t.Errorf("%+v", answer)
	}
}

func TestWhatIsWrongWithExpansionTemplatesIsSaid(t *testing.T) {
	t.Parallel()
	edit := func(old, with string) string { return onPods() + strings.Replace(podsOfDeployments, old, with, 1) }
	second := strings.Replace(podsOfDeployments, "name: pods", "name: deployments", 1)
	second = strings.Replace(strings.Replace(second, "apps", "''", 1), "Deployment]", "Pod]", 1)
	for name, c := range map[string]struct{ text, want string }{
		"no source":         {edit("  templateSource: spec.template\n", ""), "own/a.yaml:34 the ExpansionTemplate pods has no templateSource"},
		"no kind":           {edit(", kind: Pod}", "}"), "own/a.yaml:37 the ExpansionTemplate pods does not say the version and the kind of what is made"},
		"to nothing":        {edit("[{groups: [apps], versions: [v1], kinds: [Deployment]}]", "[]"), "own/a.yaml:35 the ExpansionTemplate pods applies to nothing"},
		"no list":           {edit("[{groups: [apps], versions: [v1], kinds: [Deployment]}]", "Deployment"), "own/a.yaml:34 the ExpansionTemplate pods cannot be read: json: cannot unmarshal string into Go struct field .spec.applyTo of type []rules.appliesTo"},
		"an unknown action": {edit("  templateSource", "  enforcementAction: block\n  templateSource"), `own/a.yaml:36 the ExpansionTemplate pods has the enforcementAction "block"; wanted: deny, warn or dryrun`},
		"twice":             {onPods() + podsOfDeployments + podsOfDeployments + "  enforcementAction: warn\n", "own/a.yaml:42 the ExpansionTemplate pods is already in own/a.yaml:31, and says something else"},
		"itself":            {onPods() + second, "own/a.yaml:31 by the ExpansionTemplate deployments a Pod would make itself"},
		"in a circle":       {onPods() + podsOfDeployments + strings.Replace(strings.Replace(second, "kind: Pod}", "kind: Deployment}", 1), "{group: \"\"", "{group: apps", 1), "own/a.yaml:31 by the ExpansionTemplate pods a Pod would make itself"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := problemsOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{{Name: "own", FS: fstest.MapFS{"a.yaml": {Data: []byte(c.text)}}}}})
			if diff := cmp.Diff([]string{c.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestConstraintsOfOneName all judge: samples of a library lie beside each other, and nobody can tell which one a cluster would hold.
func TestConstraintsOfOneName(t *testing.T) {
	t.Parallel()
	other := strings.Replace(flagConstraint, "spec: {parameters: {words: [bad, worse]}}", "spec: {enforcementAction: warn, parameters: {words: [bad, odd]}}", 1)
	files := map[string]string{"t.yaml": flagTemplate, "copy/t.yaml": flagTemplate, "a/c.yaml": other, "b/c.yaml": flagConstraint, "c/c.yaml": flagConstraint}
	for name, c := range map[string]struct {
		options rules.Options
		want    []seen
	}{
		"each by its own action": {want: []seen{
			{"Flag/words", "deny", "new", "", "the word bad"}, {"Flag/words", "warn", "new", "", "the word odd"}, {"Flag/words", "deny", "new", "", "the word worse"},
		}},
		"settings are for all of them": {options: rules.Options{Rules: map[string]rules.Setting{"Flag/words": {Enforcement: "deny"}}}, want: []seen{
			{"Flag/words", "deny", "new", "", "the word bad"}, {"Flag/words", "deny", "new", "", "the word odd"}, {"Flag/words", "deny", "new", "", "the word worse"},
		}},
		"asked for": {options: rules.Options{Only: []string{"Flag/words"}, Rules: map[string]rules.Setting{"Flag/words": {Enforcement: "warn"}}}, want: []seen{
			{"Flag/words", "warn", "new", "", "the word bad"}, {"Flag/words", "warn", "new", "", "the word odd"}, {"Flag/words", "warn", "new", "", "the word worse"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.options.Packs, c.options.Dirs = []string{}, []rules.Dir{dirOf(files)}
			answer := engineOf(t, c.options).Evaluate(t.Context(), rules.Input{Documents: objectsOf(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {bad: x, odd: x, worse: x}\n", "")})
			got := seenIn(t, answer)
			for i := range got {
				got[i].File = ""
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSuitesExpand: gator v3.23.1 says the same.
func TestSuitesExpand(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"template.yaml":   strings.ReplaceAll(flagTemplate, "object.data", "object.metadata.labels"),
		"constraint.yaml": strings.SplitN(onPods(), "\n---\n", 2)[1],
		"expansion.yaml":  strings.TrimPrefix(podsOfDeployments, "\n---\n"),
		"object.yaml":     strings.TrimSuffix(deployment("a", "bad: x, worse: y"), "---\n"),
		"suite.yaml": `apiVersion: test.gatekeeper.sh/v1alpha1
kind: Suite
tests:
  - name: expanded
    template: template.yaml
    constraint: constraint.yaml
    expansion: expansion.yaml
    cases: [{name: two, object: object.yaml, assertions: [{violations: 2}, {violations: 1, message: '^\[Implied by pods\] the word worse$'}]}]
  - name: as it is
    template: template.yaml
    constraint: constraint.yaml
    cases: [{name: none, object: object.yaml, assertions: [{violations: no}]}]
`,
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	report, err := rules.RunTests(t.Context(), rules.Options{Packs: []string{}, Dirs: []rules.Dir{{Name: "own", FS: files}}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range report.Cases {
		got[c.Name] = c.Failure
	}
	if diff := cmp.Diff(map[string]string{"expanded/two": "", "as it is/none": ""}, got); diff != "" {
		t.Error(diff)
	}
}
