package rules_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// sizeTemplate says numbers of the object, of parameters and of other objects, and what it knows of the namespace.
const sizeTemplate = `apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: size}
spec:
  crd:
    spec:
      names: {kind: Size}
      validation:
        openAPIV3Schema: {type: object, properties: {most: {type: integer}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package size
        violation[{"msg": msg}] {
          input.review.object.spec.size == input.parameters.most
          msg := sprintf("%v is %v, and %d", [input.review.object.spec.size, input.parameters.most, input.review.object.spec.size])
        }
        violation[{"msg": msg}] {
          input.review.object.metadata.name == "other"
          some name
          box := data.inventory.namespace.shop["example.com/v1"].Box[name]
          name != "other"
          box.spec.size == input.review.object.spec.size
          msg := sprintf("as large as %v, %v", [name, box.spec.size])
        }
        violation[{"msg": msg}] {
          input.review.namespaceObject.metadata.labels.closed
          msg := sprintf("%v is closed, says %v", [input.review.namespaceObject.metadata.name, input.review.operation])
        }
        violation[{"msg": "no namespace"}] {
          input.review.namespaceObject == {}
        }
`

const sizeConstraint = `
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Size
metadata: {name: most}
spec: {match: {kinds: [{apiGroups: [example.com], kinds: [Box]}]}, parameters: {most: 1000000}}
`

func box(name, namespace, size string) string {
	return "apiVersion: example.com/v1\nkind: Box\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec: {size: " + size + "}\n---\n"
}

// TestNumbersOfAReviewAreThoseOfGatekeeper: what is wanted is what gator v3.23.1 says, which reads all numbers as floating ones.
func TestNumbersOfAReviewAreThoseOfGatekeeper(t *testing.T) {
	t.Parallel()
	got := saidOf(t, box("a", "shop", "1000000")+box("other", "shop", "1000000")+box("b", "shop", "999999"))
	want := []string{
		"Box/shop/a: 1e+06 is 1e+06, and %!d(float64=1e+06)",
		"Box/shop/a: no namespace",
		"Box/shop/b: no namespace",
		"Box/shop/other: 1e+06 is 1e+06, and %!d(float64=1e+06)",
		"Box/shop/other: as large as a, 1e+06",
		"Box/shop/other: no namespace",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestATemplateSeesTheNamespaceOfAnObject(t *testing.T) {
	t.Parallel()
	const shop = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {closed: 'yes'}}\n---\n"
	request := "apiVersion: admission.k8s.io/v1\nkind: AdmissionReview\nrequest:\n  operation: DELETE\n  oldObject: " +
		"{apiVersion: example.com/v1, kind: Box, metadata: {name: c, namespace: shop}, spec: {size: 1}}\n---\n"
	got := saidOf(t, shop+request+box("a", "shop", "1")+box("b", "elsewhere", "1"))
	want := []string{
		"AdmissionReview//: shop is closed, says DELETE",
		"Box/elsewhere/b: no namespace",
		"Box/shop/a: shop is closed, says CREATE",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// saidOf is what the rule about sizes says of manifests, sorted.
func saidOf(t *testing.T, manifests string) []string {
	t.Helper()
	e := engineOf(t, rules.Options{Packs: []string{}, Scope: rules.ScopeAll, Dirs: []rules.Dir{dirOf(map[string]string{"a.yaml": sizeTemplate + sizeConstraint})}})
	answer := e.Evaluate(t.Context(), rules.Input{Documents: objectsOf(t, manifests, "")})
	for _, p := range answer.Problems {
		t.Errorf("problem: %s", p)
	}
	out := []string{}
	for _, f := range answer.Findings {

		out = append(out, f.Resource[strings.Index(f.Resource, "v1/")+3:]+": "+f.Message)
	}
	slices.Sort(out)
	return out
}
