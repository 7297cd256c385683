package document_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
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
		"[]":                                  `[{"path":"spec","message":"is a list; wanted: an object"}]`,
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
