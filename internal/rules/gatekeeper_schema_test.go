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
		"a word without a schema":       {"v1", "{}", "bad", []string{bad + "the template has no schema, which stands for no parameters"}},
		"a list":                        {"v1", "{openAPIV3Schema: {type: array, items: {type: string}}}", "[a, b]", nil},
		"a list of others":              {"v1", "{openAPIV3Schema: {type: array, items: {type: string}}}", "[a, 1]", []string{bad + "[1] is not of the type string"}},
		"nothing, which may be":         {"v1", "{openAPIV3Schema: {type: object, nullable: true}}", "null", nil},
		"nothing, which has a default":  {"v1", "{openAPIV3Schema: {type: object, properties: {a: {type: string}}, default: {a: x}}}", "null", nil},
		"nothing, which may not be":     {"v1", "{openAPIV3Schema: {type: object}}", "null", []string{bad + "they are nothing; wanted: object"}},
		"none, whatever they must be":   {"v1", "{openAPIV3Schema: {type: object, minProperties: 1}}", "", nil},
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
			if c.parameters == "" {
				constraint = strings.Replace(flagConstraint, "parameters: {words: [bad, worse]}", "", 1)
			}
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

// TestSchemasThatNoClusterTakes: taken and refused as gator v3.23.1 does.
func TestSchemasThatNoClusterTakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"v1 {}": "parameters has no type",
		"v1 {x-kubernetes-preserve-unknown-fields: true}":                                                                                           "",
		"v1 {type: object, properties: {a: }}":                                                                                                      "parameters.a has no type",
		"v1 {type: object, properties: {a: {x-kubernetes-int-or-string: true}}}":                                                                    "",
		"v1 {type: object, properties: {a: {type: array, items: {}}}}":                                                                              "parameters.a[] has no type",
		"v1 {type: object, properties: {a: {type: array}}}":                                                                                         "parameters.a does not say what its items are",
		"v1beta1 {properties: {a: {type: array}}}":                                                                                                  "",
		"v1 {type: object, properties: {a: {type: array, items: [{type: string}]}}}":                                                                "parameters.a has several schemas for its items; wanted: one",
		"v1 {type: object, additionalProperties: {}}":                                                                                               "parameters.additionalProperties has no type",
		"v1beta1 {properties: {a: {type: strnig}}}":                                                                                                 `parameters.a has the type "strnig"; wanted: array, boolean, integer, number, object or string`,
		"v1beta1 {properties: {a: {properties: {b: {type: string}}, additionalProperties: {type: string}}}}":                                        "parameters.a has both properties and additionalProperties; wanted: one of them",
		"v1 {type: object, properties: {a: {type: object, properties: {b: {type: string}}, additionalProperties: false}}}":                          "parameters.a has both properties and additionalProperties; wanted: one of them",
		"v1beta1 {properties: {a: {x-kubernetes-int-or-string: true}}}":                                                                             "parameters.a has x-kubernetes-int-or-string, which goes with no schema of the first versions; wanted: a template of version v1 without legacySchema",
		"v1 {type: object, properties: {a: {type: array, uniqueItems: true, items: {type: string}}}}":                                               "parameters.a has uniqueItems, which takes too long with many",
		"v1 {type: object, properties: {a: {type: object, x-kubernetes-embedded-resource: true}}}":                                                  "parameters.a has x-kubernetes-embedded-resource and no properties",
		"v1 {type: object, x-kubernetes-embedded-resource: true, additionalProperties: {type: string}, x-kubernetes-preserve-unknown-fields: true}": "parameters has x-kubernetes-embedded-resource and additionalProperties; wanted: one of them",
		"v1beta1 {properties: {a: {x-kubernetes-embedded-resource: true}}}":                                                                         "parameters.a has x-kubernetes-embedded-resource and not the type object",
		"v1 {type: object, properties: {a: {type: integer, minimum: 0, default: -1}}}":                                                              "the default of parameters.a: parameters.a should be greater than or equal to 0",
		"v1 {type: object, properties: {a: {type: object, default: {}, required: [b], properties: {b: {type: string, default: x}}}}}":               "the default of parameters.a: parameters.a.b is required",
		"v1 {type: object, additionalProperties: {type: string, default: 1}}":                                                                       "",
		"v1 {type: array, items: {type: string}}":                                                                                                   "",
		"v1 {type: object, properties: {a: {type: object, properties: {b: {type: string}}, additionalProperties: true}}}":                           "",
		"v1beta1 {properties: {a: {type: string, pattern: '('}}}":                                                                                   "parameters.a has a pattern that is none: error parsing regexp: missing closing ): `(`",
		"v1beta1 {properties: {a: {type: string, default: 1}}}":                                                                                     "the default of parameters.a: parameters.a is not of the type string",
		"v1 {type: object, properties: {a: {type: object, default: {c: 1}, properties: {b: {type: integer}}}}}":                                     "the default of parameters.a: parameters.a.c is no parameter that the template's schema knows",
		"v1 {type: object, properties: {a: {type: string, nullable: true, default: null}, b: {type: string, enum: [x, y]}}}":                        "",
		"v1 {type: object, properties: {a: {type: array, default: [x], items: {type: string, pattern: '^x', maxLength: 3}}}}":                       "",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			version, schema, _ := strings.Cut(text, " ")
			template := strings.Replace(flagTemplate, "templates.gatekeeper.sh/v1", "templates.gatekeeper.sh/"+version, 1)
			template = strings.Replace(template, "{type: object, properties: {words: {type: array, items: {type: string}}}}", schema, 1)
			files := fstest.MapFS{"a.yaml": {Data: []byte(template)}, "b.yaml": {Data: []byte(strings.Replace(flagConstraint, "{parameters: {words: [bad, worse]}}", "{}", 1))}}
			o := rules.Options{Packs: []string{}, Dirs: []rules.Dir{{Name: "own", FS: files}}}
			_, err := rules.New(t.Context(), o)
			var got, wanted []string
			if err != nil {
				got = problemsOf(t, o)
			}
			if want != "" {
				wanted = []string{"own/a.yaml:8 the schema of the ConstraintTemplate of Flag: " + want}
			}
			if diff := cmp.Diff(wanted, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
