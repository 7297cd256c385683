package rules_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// TestParametersThatNoSchemaNames: refused and taken as gator v3.23.1 does, which also refuses "parameters: {}" where there is no schema.
func TestParametersThatNoSchemaNames(t *testing.T) {
	t.Parallel()
	const bad = "own/a.yaml:28 the parameters of the constraint Flag/words: "
	for name, c := range map[string]struct {
		version, validation, parameters string
		want                            []string
	}{
		"no schema":                     {"v1", "{}", "{a: 1}", []string{bad + "a is no parameter that the template's schema knows"}},
		"no schema, first version":      {"v1beta1", "{}", "{a: 1}", nil},
		"no schema, legacy":             {"v1", "{legacySchema: true}", "{a: 1}", nil},
		"a schema, not legacy":          {"v1beta1", "{legacySchema: false, openAPIV3Schema: {type: object}}", "{a: 1}", []string{bad + "a is no parameter that the template's schema knows"}},
		"no parameters":                 {"v1", "{}", "{}", nil},
		"below a list":                  {"v1", "{openAPIV3Schema: {type: object, properties: {a: {type: array, items: {type: object, properties: {b: {type: string}}}}}}}", "{a: [{b: x}, {c: y}]}", []string{bad + "a[1].c is no parameter that the template's schema knows"}},
		"further properties":            {"v1", "{openAPIV3Schema: {type: object, properties: {a: {type: object, additionalProperties: {type: object, properties: {b: {type: string}}}}}}}", "{a: {x: {b: good}, z: {c: good}}}", []string{bad + "a.z.c is no parameter that the template's schema knows"}},
		"any further properties":        {"v1", "{openAPIV3Schema: {type: object, properties: {a: {type: object, additionalProperties: true}}}}", "{a: {x: 1}}", nil},
		"but nothing within them":       {"v1", "{openAPIV3Schema: {type: object, properties: {a: {type: object, additionalProperties: true}}}}", "{a: {x: {b: 1}}}", []string{bad + "a.x.b is no parameter that the template's schema knows"}},
		"whatever there is":             {"v1", "{openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}", "{a: {x: {b: y}}}", nil},
		"whatever there is, but within": {"v1", "{openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: object, properties: {b: {type: string}}}}}}", "{a: {x: y}}", []string{bad + "a.x is no parameter that the template's schema knows"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(flagTemplate, "templates.gatekeeper.sh/v1", "templates.gatekeeper.sh/"+c.version, 1)
			i, j := strings.Index(text, "      validation:\n"), strings.Index(text, "  targets:")
			text = text[:i] + "      validation: " + c.validation + "\n      x: # the lines stay where they are\n" + text[j:]
			constraint := strings.Replace(flagConstraint, "{words: [bad, worse]}", c.parameters, 1)
			files := fstest.MapFS{"a.yaml": {Data: []byte(text + constraint)}}
			_, err := rules.New(t.Context(), rules.Options{Packs: []string{}, Dirs: []rules.Dir{{Name: "own", FS: files}}})
			var got []string
			if err != nil {
				got = problemsOf(t, rules.Options{Packs: []string{}, Dirs: []rules.Dir{{Name: "own", FS: files}}})
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
