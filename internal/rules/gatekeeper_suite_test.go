package rules_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// hostTemplate has what public libraries have: both engines, libraries, keywords of Rego v1 in v0, parameters without a schema, builtins
// that Rego v1 no longer has, other objects, and a rule about who asks.
const hostTemplate = `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: uniquehost}
spec:
  crd: {spec: {names: {kind: UniqueHost}, validation: {legacySchema: true}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      code:
        - engine: K8sNativeValidation
          source: {validations: [{expression: "true", message: x}]}
        - engine: Rego
          source:
            rego: |
              package UniqueHost
              import future.keywords.contains
              import future.keywords.if
              import data.lib.exclude_update.is_update

              violation contains {"msg": msg, "details": {}} if {
                not is_update(input.review)
                other := data.inventory.namespace[ns][_]["Ingress"][name]
                other.spec.host == input.review.object.spec.host
                msg := sprintf("the host %v is that of %v/%v", [other.spec.host, ns, name])
              }
              violation contains {"msg": msg} if {
                data.inventory.cluster["v1"].Namespace[input.review.object.metadata.namespace].metadata.labels.closed
                msg := "the namespace is closed"
              }
              violation contains {"msg": msg} if {
                is_update(input.review)
                groups := {g | g := object.get(input.review.userInfo, "groups", [])[_]}
                allowed := {g | g := object.get(input, ["parameters", "who", "groups"], [])[_]}
                count(groups & allowed) == 0
                any([input.review.oldObject.spec.host != input.review.object.spec.host])
                msg := sprintf("%v may not %v %v", [input.review.userInfo.username, input.review.operation, input.review.kind.kind])
              }
              violation contains {"msg": "deleted"} if {
                input.review.operation == "DELETE"
                re_match("^[a-z]$", input.review.object.metadata.name)
              }
            libs:
              - |
                package lib.exclude_update
                import future.keywords.if
                is_update(review) if review.operation == "UPDATE"
`

const hostConstraint = `apiVersion: constraints.gatekeeper.sh/v1beta1
kind: UniqueHost
metadata: {name: hosts}
spec:
  match: {kinds: [{apiGroups: [networking.k8s.io], kinds: [Ingress]}]}
  parameters: {who: {groups: [admins]}}
`

func ingress(name, host string) string {
	return "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: " + name + ", namespace: shop}, spec: {host: " + host + "}}"
}

func admissionReview(operation, group, object, old string) string {
	return `apiVersion: admission.k8s.io/v1
kind: AdmissionReview
request:
  uid: x
  kind: {group: networking.k8s.io, version: v1, kind: Ingress}
  operation: ` + operation + `
  userInfo: {username: eve, groups: [` + group + `]}
  object: ` + object + `
  oldObject: ` + old + "\n"
}

func suiteFiles() map[string]string {
	return map[string]string{
		"lib/template.yaml":    hostTemplate,
		"lib/c/constraint.yml": hostConstraint,
		"lib/c/same.yaml":      hostConstraint, // samples of one name are not in force at once
		"lib/c/bad.yaml":       strings.Replace(hostConstraint, "kinds: [Ingress]}]}", "kinds: [Ingress]}], labelSelector: {matchLabels: [a]}}", 1),
		"lib/c/flag.yaml":      flagTemplate,
		"lib/c/flagbad.yaml":   strings.Replace(flagConstraint, "words: [bad, worse]", "words: bad", 1),
		"lib/c/scoped.yaml": strings.Replace(hostConstraint, "spec:\n", "spec:\n  enforcementAction: scoped\n  scopedEnforcementActions: "+
			"[{action: deny, enforcementPoints: [{name: audit.gatekeeper.sh}]}]\n", 1),
		"lib/o/a.yaml":      ingress("a", "x.example"),
		"lib/o/others.yaml": ingress("b", "x.example") + "\n---\n" + ingress("c", "x.example") + "\n---\n" + ingress("d", "y.example"),
		"lib/o/closed.yaml": "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {closed: 'yes'}}}",
		"lib/o/pod.yaml":    "{apiVersion: v1, kind: Pod, metadata: {name: a}}",
		"lib/o/update.yaml": admissionReview("UPDATE", "devs", ingress("a", "x.example"), ingress("a", "z.example")),
		"lib/o/admin.yaml":  admissionReview("UPDATE", "admins", ingress("a", "x.example"), ingress("a", "z.example")),
		"lib/o/delete.yaml": admissionReview("DELETE", "devs", "null", ingress("a", "x.example")),
		"lib/o/slip.yaml":   strings.Replace(admissionReview("UPDATE", "devs", ingress("a", "x.example"), ingress("a", "z.example")), "userInfo", "userinfo", 1),
		"lib/o/none.yaml":   "{apiVersion: admission.k8s.io/v1, kind: AdmissionReview}",
	}
}

const hostSuite = `apiVersion: test.gatekeeper.sh/v1alpha1
kind: Suite
tests:
  - name: hosts
    template: template.yaml
    constraint: c/constraint.yml
    cases:
      - {name: alone, object: o/a.yaml, assertions: [{violations: no}]}
      - {name: two more, object: o/a.yaml, inventory: [o/others.yaml], assertions: [{violations: 2}, {violations: 1, message: "of shop/b$"}, {violations: no, message: closed}]}
      - {name: closed, object: o/a.yaml, inventory: [o/closed.yaml], assertions: [{violations: yes, message: closed}]}
      - {name: another kind, object: o/pod.yaml, inventory: [o/others.yaml], assertions: [{violations: no}]}
      - {name: an update, object: o/update.yaml, inventory: [o/others.yaml], assertions: [{violations: 1, message: "^eve may not UPDATE Ingress$"}]}
      - {name: an admin's, object: o/admin.yaml, assertions: [{violations: no}]}
      - {name: a deletion, object: o/delete.yaml, assertions: [{message: deleted}]}
      - {name: later, object: o/a.yaml, skip: true, assertions: [{violations: 7}]}
  - {name: refused, template: c/flag.yaml, constraint: c/flagbad.yaml, invalid: true}
  - name: for the audit alone
    template: template.yaml
    constraint: c/scoped.yaml
    cases: [{name: two more, object: o/a.yaml, inventory: [o/others.yaml], assertions: [{violations: no}]}]
`

func runSuite(t *testing.T, text string) []rules.Case {
	t.Helper()
	files := fstest.MapFS{"lib/suite.yaml": {Data: []byte(text)}}
	for name, data := range suiteFiles() {
		files[name] = &fstest.MapFile{Data: []byte(data)}
	}
	report, err := rules.RunTests(t.Context(), rules.Options{Packs: []string{}, Dirs: []rules.Dir{{Name: "own", FS: files}}})
	if err != nil {
		t.Fatal(err)
	}
	return report.Cases
}

// TestGatekeepersSuites: what comes of the cases is what gator v3.23.1 says, when it is told to leave CEL alone.
func TestGatekeepersSuites(t *testing.T) {
	t.Parallel()
	var want []rules.Case
	for _, name := range []string{
		"for the audit alone/two more", "hosts/a deletion", "hosts/alone", "hosts/an admin's", "hosts/an update", "hosts/another kind", "hosts/closed", "hosts/two more", "refused",
	} {
		want = append(want, rules.Case{File: "own/lib/suite.yaml", Name: name, Example: true})
	}
	if diff := cmp.Diff(want, runSuite(t, hostSuite), cmpopts.IgnoreFields(rules.Case{}, "Line")); diff != "" {
		t.Error(diff)
	}
}

func TestSuitesThatDoNotComeOut(t *testing.T) {
	t.Parallel()
	one := func(test string) string {
		return "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\ntests:\n  - {name: t, template: template.yaml, constraint: c/constraint.yml, " + test + "}\n"
	}
	object := func(rest string) string { return one("cases: [{name: c, object: o/a.yaml, " + rest + "}]") }
	for text, want := range map[string]string{
		object("assertions: [{violations: yes}]"):                                            `there are 0 violations; wanted: some; all messages: []`,
		object("inventory: [o/closed.yaml], assertions: [{violations: no}]"):                 `there are 1 violations; wanted: none; all messages: ["the namespace is closed"]`,
		object("inventory: [o/closed.yaml], assertions: [{violations: 3, message: cl.sed}]"): `there are 1 violations that match "cl.sed"; wanted: 3; all messages: ["the namespace is closed"]`,
		object("assertions: [{violations: often}]"):                                          `violations is "often"; wanted: yes, no or a number`,
		object("assertions: [{violations: no, message: '('}]"):                               "\"(\" is no regular expression: error parsing regexp: missing closing ): `(`",
		object("assertions: []"):                                                             "the case asserts nothing",
		object("inventory: [../../x.yaml], assertions: [{}]"):                                "../../x.yaml is outside of the folder of rules",
		one("cases: [{name: c, object: o/others.yaml, assertions: [{}]}]"):                   "o/others.yaml holds 3 objects; wanted: one",
		one("cases: [{name: c, object: o/none.yaml, assertions: [{}]}]"):                     "an AdmissionReview without a request for an object or an oldObject",
		one("cases: [{name: c, object: o/slip.yaml, assertions: [{}]}]"):                     `no valid AdmissionReview: strict decoding error: unknown field "request.userinfo"`,
		one("cases: [{name: c, object: o/gone.yaml, assertions: [{}]}]"):                     "o/gone.yaml cannot be read: open lib/o/gone.yaml: file does not exist",
		one("expansion: x.yaml, cases: [{name: c, object: o/a.yaml, assertions: [{}]}]"):     "x.yaml cannot be read: open lib/x.yaml: file does not exist",
		strings.Replace(object("assertions: [{}]"), "c/constraint.yml", "c/bad.yaml", 1):     "constraint.yaml:4 the constraint of UniqueHost cannot be read: json: cannot unmarshal array into Go struct field LabelSelector.spec.match.labelSelector.matchLabels of type map[string]string",
		one("invalid: true"): "the constraint is good; wanted: one that is refused",
		strings.Replace(object("assertions: [{}]"), "constraint: c/constraint.yml, ", "", 1): "a file that must be named is not",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			cases := runSuite(t, text)
			if len(cases) != 1 || cases[0].Failure != want {
				t.Errorf("%+v", cases)
			}
		})
	}
}

// twoAnswers is a template whose function gives two answers about an Ingress for two hosts.
const twoAnswers = `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: twoanswers}
spec:
  crd: {spec: {names: {kind: TwoAnswers}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package twoanswers
        host(spec) = h { h := spec.host }
        host(spec) = h { h := spec.backup }
        violation[{"msg": msg}] { msg := sprintf("the host is %v", [host(input.review.object.spec)]) }
`

// TestARuleThatFailsInASuite is a violation that says of what, as gator v3.23.1 has it; what check finds stays an error.
func TestARuleThatFailsInASuite(t *testing.T) {
	t.Parallel()
	constraint := "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: TwoAnswers\nmetadata: {name: hosts}\n"
	both := ingress("a", "x.example, backup: y.example")
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"t.yaml": twoAnswers, "c.yaml": constraint, "one.yaml": ingress("a", "x.example"), "both.yaml": both,
		"suite.yaml": `apiVersion: test.gatekeeper.sh/v1alpha1
kind: Suite
tests:
  - name: t
    template: t.yaml
    constraint: c.yaml
    cases:
      - {name: one, object: one.yaml, assertions: [{violations: 1, message: "^the host is x.example$"}]}
      - {name: two, object: both.yaml, assertions: [{violations: 1, message: eval_conflict_error}]}
      - {name: wrong, object: both.yaml, assertions: [{violations: no, message: eval_conflict_error}, {violations: yes, message: host}]}
`,
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	report, err := rules.RunTests(t.Context(), rules.Options{Packs: []string{}, Dirs: []rules.Dir{{Name: "own", FS: files}}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, c := range report.Cases {
		got[c.Name] = c.Failure == ""
	}
	if diff := cmp.Diff(map[string]bool{"t/one": true, "t/two": true, "t/wrong": false}, got); diff != "" {
		t.Error(diff)
	}
	e := engineOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{dirOf(map[string]string{"t.yaml": twoAnswers, "c.yaml": constraint})}})
	answer := e.Evaluate(t.Context(), rules.Input{Documents: objectsOf(t, both, "")})
	want := []gate.Problem{{
		Code: "rules", File: "own/t.yaml", Line: 11, Remedy: "Correct the rule or set its enforcement to off.",
		Message: "the rule TwoAnswers/hosts failed: function data.twoanswers.host produced conflicting values for the same inputs:   " +
			`"x.example" at own/t.yaml:10   "y.example" at own/t.yaml:11 (on networking.k8s.io/v1/Ingress/shop/a)`,
	}}
	if diff := cmp.Diff(want, answer.Problems); diff != "" || len(answer.Findings) != 0 {
		t.Errorf("%s%+v", diff, answer.Findings)
	}
}

// TestSuitesMatchAsGatekeepersTool: an object of a suite that says no namespace is in none, and one whose Namespace a namespaceSelector misses
// is a violation, as gator v3.23.1 has it. What check finds is told by TestGatekeepersConstraintsSayWhatItsOwnToolSays.
func TestSuitesMatchAsGatekeepersTool(t *testing.T) {
	t.Parallel()
	const template = `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: always}
spec:
  crd: {spec: {names: {kind: Always}}}
  targets: [{target: admission.k8s.gatekeeper.sh, rego: "package always\nviolation[{\"msg\": \"hit\"}] { true }"}]
`
	const unmatched = "unable to match constraints: error matching the requested object: a :failed to run Match criteria: namespace selector for namespace-scoped object but missing Namespace"
	objects := map[string]string{
		"here": "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop}}", "nowhere": "{apiVersion: v1, kind: Pod, metadata: {name: a}}",
		"custom": "{apiVersion: acme.io/v1, kind: Widget, metadata: {name: a}}", "namespace": "{apiVersion: v1, kind: Namespace, metadata: {name: a}}",
	}
	for match, want := range map[string]map[string]string{
		"scope: Cluster":            {"nowhere": "hit", "custom": "hit", "namespace": "hit"},
		"scope: Namespaced":         {"here": "hit"},
		"namespaces: [other]":       {"nowhere": "hit", "custom": "hit"},
		"namespaceSelector: {}":     {"here": unmatched, "nowhere": "hit", "custom": "hit", "namespace": "hit"},
		"excludedNamespaces: [sh*]": {"nowhere": "hit", "custom": "hit", "namespace": "hit"},
	} {
		t.Run(match, func(t *testing.T) {
			t.Parallel()
			suite := "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\ntests:\n  - name: t\n    template: t.yaml\n    constraint: c.yaml\n    cases:\n"
			files := fstest.MapFS{
				"t.yaml": {Data: []byte(template)},
				"c.yaml": {Data: []byte("apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: Always\nmetadata: {name: c}\nspec: {match: {" + match + "}}\n")},
			}
			for name, text := range objects {
				files[name+".yaml"] = &fstest.MapFile{Data: []byte(text)}
				assertion := "violations: no"
				if want[name] != "" {
					assertion = "violations: 1, message: '^" + want[name] + "$'"
				}
				suite += "      - {name: " + name + ", object: " + name + ".yaml, assertions: [{" + assertion + "}]}\n"
			}
			files["suite.yaml"] = &fstest.MapFile{Data: []byte(suite)}
			report, err := rules.RunTests(t.Context(), rules.Options{Packs: []string{}, Dirs: []rules.Dir{{Name: "own", FS: files}}})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range report.Cases {
				if c.Failure != "" {
					t.Errorf("%s: %s", c.Name, c.Failure)
				}
			}
			if len(report.Cases) != len(objects) {
				t.Errorf("%d cases", len(report.Cases))
			}
		})
	}
}

// TestAdmissionRequestsThatAreWrittenDown are judged as requests among the manifests, too.
func TestAdmissionRequestsThatAreWrittenDown(t *testing.T) {
	t.Parallel()
	e := engineOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{dirOf(map[string]string{"t.yaml": hostTemplate, "c.yaml": hostConstraint})}})
	said := func(head, base string) []string {
		t.Helper()
		answer := e.Evaluate(t.Context(), rules.Input{Documents: objectsOf(t, head, base)})
		out := []string{}
		for _, f := range answer.Findings {
			out = append(out, f.Status+": "+f.Message)
		}
		for _, p := range answer.Problems {
			out = append(out, "problem: "+p.Message)
		}
		return out
	}
	update := suiteFiles()["lib/o/update.yaml"]
	for name, c := range map[string]struct {
		head, base string
		want       []string
	}{
		"new":                   {update, "", []string{"new: eve may not UPDATE Ingress"}},
		"as it was":             {strings.Replace(update, "uid: x", "uid: y", 1), update, []string{"existing: eve may not UPDATE Ingress"}},
		"empty, and was before": {suiteFiles()["lib/o/none.yaml"], suiteFiles()["lib/o/none.yaml"], []string{}},
		"harmless":              {suiteFiles()["lib/o/admin.yaml"], "", []string{}},
		"empty":                 {suiteFiles()["lib/o/none.yaml"], "", []string{"problem: cannot be judged: admission.k8s.io/v1/AdmissionReview//: an AdmissionReview without a request for an object or an oldObject"}},
	} {
		if diff := cmp.Diff(c.want, said(c.head, c.base)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestExternalDataIsRefused(t *testing.T) {
	t.Parallel()
	template := strings.Replace(flagTemplate, "word := input.parameters.words[_]", `word := external_data({"provider": "p", "keys": input.parameters.words}).responses[0][1]`, 1)
	got := problemsOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{{Name: "own", FS: fstest.MapFS{"a.yaml": {Data: []byte(template + flagConstraint)}}}}})
	want := []string{"own/a.yaml:15 in the ConstraintTemplate of Flag: external_data is not available to rules: it would bring in the network"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSuitesReadYAMLAsGatekeepersTool: what a cluster takes for true or a number in base 8 is what it looks like there, as gator v3.23.1 has it.
func TestSuitesReadYAMLAsGatekeepersTool(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"t.yaml": {Data: []byte(`apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: shows}
spec:
  crd: {spec: {names: {kind: Shows}, validation: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
  targets: [{target: admission.k8s.gatekeeper.sh, rego: "package shows\nviolation[{\"msg\": msg}] { msg := json.marshal([input.parameters, input.review.object.data]) }"}]
`)},
		"c.yaml": {Data: []byte("apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: Shows\nmetadata: {name: c}\nspec: {parameters: {a: [yes, y, Off, 0o17]}}\n")},
		"o.yaml": {Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: [yes, n, true, 190:20:30]}\n")},
		"suite.yaml": {Data: []byte(`apiVersion: test.gatekeeper.sh/v1alpha1
kind: Suite
tests:
  - {name: t, template: t.yaml, constraint: c.yaml, cases: [{name: o, object: o.yaml, assertions: [{violations: no}]}]}
`)},
	}
	report, err := rules.RunTests(t.Context(), rules.Options{Packs: []string{}, Dirs: []rules.Dir{{Name: "own", FS: files}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []rules.Case{{
		File: "own/suite.yaml", Line: 4, Name: "t/o", Example: true,
		Failure: `there are 1 violations; wanted: none; all messages: ["[{\"a\":[\"yes\",\"y\",\"Off\",15]},{\"a\":[\"yes\",\"n\",true,\"190:20:30\"]}]"]`,
	}}
	if diff := cmp.Diff(want, report.Cases); diff != "" {
		t.Error(diff)
	}
}
