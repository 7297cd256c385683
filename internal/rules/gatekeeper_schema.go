package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	kubejson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
)

// schema is what is read of the schema of a template's parameters: defaults are filled in as the API server would, and what it would
// refuse is refused.
type schema struct {
	Type                 string             `json:"type"`
	Nullable             bool               `json:"nullable"`
	Default              json.RawMessage    `json:"default"`
	Enum                 []any              `json:"enum"`
	Pattern              string             `json:"pattern"`
	Required             []string           `json:"required"`
	Properties           map[string]*schema `json:"properties"`
	Items                *schemaOrList      `json:"items"`
	AdditionalProperties *schemaOrBool      `json:"additionalProperties"`
	IntOrString          bool               `json:"x-kubernetes-int-or-string"`
	Preserve             bool               `json:"x-kubernetes-preserve-unknown-fields"`
	Embedded             bool               `json:"x-kubernetes-embedded-resource"`
}

type schemaOrBool struct {
	schema *schema
	none   bool // false: there may be no others
}

// UnmarshalJSON takes a schema, true or false.
func (s *schemaOrBool) UnmarshalJSON(data []byte) error {
	s.none = string(bytes.TrimSpace(data)) == "false"
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return json.Unmarshal(data, &s.schema)
	}
	return nil
}

type schemaOrList struct{ schema *schema }

// UnmarshalJSON takes a schema; a list of schemas, which Kubernetes refuses, says nothing.
func (s *schemaOrList) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return json.Unmarshal(data, &s.schema)
	}
	return nil
}

// maxSchemaDepth bounds what is compared with a schema.
const maxSchemaDepth = 64

// complete fills in defaults and compares. It says what does not fit, and where; "" when all does.
func (s *schema) complete(value any, at string, depth int) string {
	if s == nil || depth > maxSchemaDepth {
		return ""
	}
	if problem := s.fits(value, at); problem != "" {
		return problem
	}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			property := s.Properties[name]
			if property == nil {
				continue
			}
			if current, there := v[name]; (!there || current == nil && !property.Nullable) && len(property.Default) > 0 && string(property.Default) != "null" {
				decoder := json.NewDecoder(bytes.NewReader(property.Default))
				decoder.UseNumber()
				var d any
				if decoder.Decode(&d) == nil {
					v[name] = d
				}
			}
			if current, there := v[name]; there {
				if problem := property.complete(current, join(at, name), depth+1); problem != "" {
					return problem
				}
			}
		}
		for _, name := range s.Required {
			if _, there := v[name]; !there {
				return join(at, name) + " is required"
			}
		}
		if s.AdditionalProperties != nil {
			for _, name := range slices.Sorted(maps.Keys(v)) {
				if s.Properties[name] == nil {
					if problem := s.AdditionalProperties.schema.complete(v[name], join(at, name), depth+1); problem != "" {
						return problem
					}
				}
			}
		}
	case []any:
		if s.Items != nil {
			for i, item := range v {
				if problem := s.Items.schema.complete(item, fmt.Sprintf("%s[%d]", at, i), depth+1); problem != "" {
					return problem
				}
			}
		}
	}
	return ""
}

// unknown names a parameter that the schema does not: a misspelt one would be none at all. It gives "" when there is none.
func (s *schema) unknown(value any, at string, depth int) string {
	if depth > maxSchemaDepth {
		return ""
	}
	nothing := s == nil // additionalProperties: true takes any value, and of an object none of its fields
	if nothing {
		s = &schema{}
	}
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			property, known := s.Properties[name]
			switch {
			case known:
			case s.AdditionalProperties != nil && !s.AdditionalProperties.none:
				property = s.AdditionalProperties.schema
			case s.Preserve, s.Embedded && (name == "apiVersion" || name == "kind" || name == "metadata"):
				continue
			default:
				return join(at, name) + " is no parameter that the template's schema knows"
			}
			if problem := property.unknown(v[name], join(at, name), depth+1); problem != "" {
				return problem
			}
		}
	case []any:
		var items *schema
		if s.Items != nil {
			items = s.Items.schema
		} else if !nothing {
			return ""
		}
		for i, item := range v {
			if problem := items.unknown(item, fmt.Sprintf("%s[%d]", at, i), depth+1); problem != "" {
				return problem
			}
		}
	}
	return ""
}

// fits compares the value itself with its type and its list of allowed values.
func (s *schema) fits(value any, at string) string {
	if value == nil || s.IntOrString {
		return ""
	}
	ok := true
	switch s.Type {
	case "object":
		_, ok = value.(map[string]any)
	case "array":
		_, ok = value.([]any)
	case "string":
		_, ok = value.(string)
	case "boolean":
		_, ok = value.(bool)
	case "number":
		_, ok = value.(json.Number)
	case "integer":
		var n json.Number
		if n, ok = value.(json.Number); ok {
			_, err := n.Int64()
			ok = err == nil
		}
	}
	if at == "" {
		at = "spec.parameters"
	}
	if !ok {
		return fmt.Sprintf("%s is not of the type %s", at, s.Type)
	}
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(allowed any) bool { return fmt.Sprint(allowed) == fmt.Sprint(value) }) {
		return fmt.Sprintf("%s is %v; wanted: one of %v", at, value, s.Enum)
	}
	return ""
}

// readSchema reads a schema in two forms: what is completed here, and what Kubernetes' own library validates.
func readSchema(text json.RawMessage) (*schema, *spec.Schema, error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil, nil
	}
	var own schema
	if err := json.Unmarshal(text, &own); err != nil {
		return nil, nil, err
	}
	var whole any
	if err := kubejson.Unmarshal(text, &whole); err != nil {
		return nil, nil, err
	}
	intOrString(whole, 0)
	adapted, err := json.Marshal(whole)
	if err != nil {
		return nil, nil, err
	}
	facets := &spec.Schema{}
	if err := json.Unmarshal(adapted, facets); err != nil {
		return nil, nil, err
	}
	return &own, facets, nil
}

// intOrString writes Kubernetes' extension as what it means.
func intOrString(at any, depth int) {
	switch v := at.(type) {
	case map[string]any:
		if v["x-kubernetes-int-or-string"] == true {
			v["type"] = []any{"integer", "string"}
		}
		for _, item := range v {
			if depth < maxSchemaDepth {
				intOrString(item, depth+1)
			}
		}
	case []any:
		for _, item := range v {
			intOrString(item, depth+1)
		}
	}
}

// facetsMissed holds completed parameters, or a default that stands at a place among them, against everything else that a schema may ask for:
// patterns, bounds, oneOf and the like.
func facetsMissed(facets *spec.Schema, at string, values any) (problem string) {
	if facets == nil {
		return ""
	}
	defer func() {
		if r := recover(); r != nil { // of the validator, over a schema that is none
			problem = clean(fmt.Sprintf("they cannot be held against the schema: %v", r), 300)
		}
	}()
	text, err := json.Marshal(values)
	if err != nil {
		return err.Error()
	}
	var plain any
	if err := kubejson.Unmarshal(text, &plain); err != nil {
		return err.Error()
	}
	result := validate.NewSchemaValidator(facets, nil, at, strfmt.Default).Validate(plain)
	if result.IsValid() {
		return ""
	}
	said := make([]string, len(result.Errors))
	for i, err := range result.Errors {
		said[i] = err.Error()
	}
	slices.Sort(said)
	return clean(strings.ReplaceAll(strings.Join(slices.Compact(said), "; "), " in body", ""), 500)
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}
