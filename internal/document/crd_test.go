package document_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

const widgetDefinition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.acme.example}
spec:
  group: acme.example
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              required: [size]
              properties:
                size: {type: integer, minimum: 1, maximum: 10}
                color: {type: string, enum: [red, green], nullable: true}
                code: {type: string, pattern: "^[a-z]+$", maxLength: 5}
                port: {x-kubernetes-int-or-string: true}
                parts: {type: array, maxItems: 2, items: {type: object, properties: {name: {type: string}}}}
                labels: {type: object, additionalProperties: {type: string}}
                range: {type: object, anyOf: [{required: [from]}, {required: [to]}], properties: {from: {type: integer, multipleOf: 5}, to: {type: integer, minimum: 0, exclusiveMinimum: true}}}
                source: {type: object, oneOf: [{required: [git]}, {required: [oci]}], properties: {git: {type: string}, oci: {type: string}}, not: {properties: {git: {enum: [secret]}}, required: [git]}}
                names: {type: array, x-kubernetes-list-type: set, items: {type: string, allOf: [{minLength: 2}, {pattern: "^a"}]}}
                ports: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {type: object, properties: {name: {type: string}, port: {type: integer}}}}
                amount: {anyOf: [{type: integer}, {type: string}], x-kubernetes-int-or-string: true}
                anything: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {known: {type: boolean}}}
    - {name: v1alpha1, served: false, storage: false}
---
`

// TestCustomResources holds custom resources against the definitions of the tree.
func TestCustomResources(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"{size: 3, color: red, code: abc, port: 80, parts: [{name: a}], labels: {a: b}, anything: {x: 1, known: true}}": `[]`,
		"{size: 3, color: null, port: http}": `[]`,
		"{sise: 3}":                          `[{"path":"spec.sise","message":"is not a field of its kind; did you mean size?"},{"path":"spec.size","message":"is missing; its CustomResourceDefinition requires it"}]`,
		"{size: '3'}":                        `[{"path":"spec.size","message":"is a string; wanted: a number"}]`,
		"{size: 3.5}":                        `[{"path":"spec.size","message":"is not a whole number"}]`,
		"{size: 11}":                         `[{"path":"spec.size","message":"is more than 10, the most that its CustomResourceDefinition allows"}]`,
		"{size: 1, color: blue}":             `[{"path":"spec.color","message":"is none of the values that its CustomResourceDefinition allows"}]`,
		"{size: 1, code: A}":                 `[{"path":"spec.code","message":"does not match the pattern that its CustomResourceDefinition asks for"}]`,
		"{size: 1, code: abcdef}":            `[{"path":"spec.code","message":"is longer than 5, the most that its CustomResourceDefinition allows"}]`,
		"{size: 1, port: true}":              `[{"path":"spec.port","message":"is neither a whole number nor a string"}]`,
		"{size: 1, parts: [{name: 1}, {nome: a}]}": `[{"path":"spec.parts[0].name","message":"is a number; wanted: a string"},` +
			`{"path":"spec.parts[1].nome","message":"is not a field of its kind; did you mean name?"}]`,
		"{size: 1, labels: {a: 1}}":           `[{"path":"spec.labels.a","message":"is a number; wanted: a string"}]`,
		"{size: 1, anything: {known: maybe}}": `[{"path":"spec.anything.known","message":"is a string; wanted: a boolean"}]`,
		"{size: 1, range: {from: 5, to: 1}, source: {git: a}, names: [aa, ab], ports: [{name: a}, {name: b}], amount: 5}": `[]`,
		"{size: 1, range: {}}":                              `[{"path":"spec.range","message":"is none of the alternatives that its CustomResourceDefinition allows"}]`,
		"{size: 1, range: {from: 7}}":                       `[{"path":"spec.range.from","message":"is no multiple of 5, as its CustomResourceDefinition asks for"}]`,
		"{size: 1, range: {to: 0}}":                         `[{"path":"spec.range.to","message":"is 0; its CustomResourceDefinition allows only more"}]`,
		"{size: 1, source: {git: a, oci: b}}":               `[{"path":"spec.source","message":"is 2 of the alternatives of which its CustomResourceDefinition wants exactly one"}]`,
		"{size: 1, source: {}}":                             `[{"path":"spec.source","message":"is 0 of the alternatives of which its CustomResourceDefinition wants exactly one"}]`,
		"{size: 1, source: {git: secret}}":                  `[{"path":"spec.source","message":"is what its CustomResourceDefinition excludes"}]`,
		"{size: 1, names: [aa, b, aa]}":                     `[{"path":"spec.names[2]","message":"is there already, as [0]; its CustomResourceDefinition allows each once"},{"path":"spec.names[1]","message":"is shorter than 2, the least that its CustomResourceDefinition allows"},{"path":"spec.names[1]","message":"does not match the pattern that its CustomResourceDefinition asks for"}]`,
		"{size: 1, ports: [{name: a}, {name: a, port: 1}]}": `[{"path":"spec.ports[1]","message":"is there already, as [0]; its CustomResourceDefinition allows each once"}]`,
		"[]": `[{"path":"spec","message":"is a list; wanted: an object"}]`,
	} {
		for name, tree := range map[string]document.MapTree{
			"one file":   {"a.yaml": widgetDefinition + "apiVersion: acme.example/v1\nkind: Widget\nmetadata: {name: w}\nspec: " + spec + "\n"},
			"other file": {"z/crd.yaml": widgetDefinition, "a.yaml": "apiVersion: acme.example/v1\nkind: Widget\nmetadata: {name: w}\nspec: " + spec + "\n"},
		} {
			if diff := cmp.Diff(want, schemaOf(t, tree, "Widget")); diff != "" {
				t.Errorf("%s, %s: %s", spec, name, diff)
			}
		}
	}
}

func TestCustomResourceVersionsAndRoots(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		"apiVersion: acme.example/v1alpha1\nkind: Widget\nmetadata: {name: w}\nspec: {}\n": `[{"path":"apiVersion","message":"v1alpha1 is not served by its CustomResourceDefinition; wanted: v1"}]`,
		"apiVersion: acme.example/v1\nkind: Widget\nmetadata: {name: w}\n":                 `[{"path":"spec","message":"is missing; its CustomResourceDefinition requires it"}]`,
		"apiVersion: acme.example/v1\nkind: Widget\nmetadata: {name: w, lables: {}}\nspec: {size: 1}\nstatus: {}\n": `[{"path":"metadata.lables","message":"is not a field of its kind"},` +
			`{"path":"status","message":"is not a field of its kind"}]`,
		"apiVersion: other.example/v1\nkind: Widget\nmetadata: {name: w}\nfree: {}\n": `[]`,
	} {
		if diff := cmp.Diff(want, schemaOf(t, document.MapTree{"a.yaml": widgetDefinition + object}, "Widget")); diff != "" {
			t.Errorf("%s: %s", object, diff)
		}
	}
}

// TestCustomResourcesOfEachSide holds each side against its own definitions, although the object is the same on both.
func TestCustomResourcesOfEachSide(t *testing.T) {
	t.Parallel()
	object := "apiVersion: acme.example/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 7}\n"
	head := document.MapTree{"crd.yaml": strings.Replace(widgetDefinition, "maximum: 10", "maximum: 5", 1), "a.yaml": object}
	base := document.MapTree{"crd.yaml": widgetDefinition, "a.yaml": object}
	for _, doc := range build(head, base, document.Options{}).Documents {
		if doc.Type != "Widget" {
			continue
		}
		var change struct {
			Schema       []any
			SchemaBefore []any `json:"schema_before"`
		}
		if err := json.Unmarshal(doc.Change, &change); err != nil {
			t.Fatal(err)
		}
		if len(change.Schema) != 1 || len(change.SchemaBefore) != 0 {
			t.Errorf("%s", doc.Change)
		}
	}
}

func schemaOf(t *testing.T, tree document.MapTree, kind string) string {
	t.Helper()
	for _, doc := range build(tree, nil, document.Options{}).Documents {
		if doc.Type != kind {
			continue
		}
		var change struct {
			Schema []struct{ Path, Message string }
		}
		if err := json.Unmarshal(doc.Change, &change); err != nil {
			t.Fatal(err)
		}
		out := "["
		for i, e := range change.Schema {
			if i > 0 {
				out += ","
			}
			out += `{"path":"` + e.Path + `","message":"` + e.Message + `"}`
		}
		return out + "]"
	}
	t.Fatalf("there is no %s", kind)
	return ""
}

// TestRulesInCELAreUnknown: the first changed object of a kind whose definition has rules that only an API server evaluates is told.
func TestRulesInCELAreUnknown(t *testing.T) {
	t.Parallel()
	tree := document.MapTree{
		"crd.yaml": strings.Replace(widgetDefinition, "required: [size]", "x-kubernetes-validations: [{rule: self.size > 1}]\n              required: [size]", 1),
		"a.yaml":   "apiVersion: acme.example/v1\nkind: Widget\nmetadata: {name: a}\nspec: {size: 1}\n",
		"b.yaml":   "apiVersion: acme.example/v1\nkind: Widget\nmetadata: {name: b}\nspec: {size: 1}\n",
	}
	want := []gate.Problem{{
		Code: "kubernetes", File: "b.yaml", Line: 1, Remedy: "kubectl apply --dry-run=server asks the API server.",
		Message: "has a Widget, whose CustomResourceDefinition has rules in CEL (x-kubernetes-validations); whether it keeps them is unknown",
	}}
	got := build(tree, tree, document.Options{Changed: map[string]bool{"b.yaml": true}})
	if diff := cmp.Diff(want, got.Unjudged); diff != "" || len(got.Problems) > 0 {
		t.Error(diff, got.Problems)
	}
}
