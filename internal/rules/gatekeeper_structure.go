package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

// structure is how strictly schemas of parameters are looked at.
type structure struct {
	strict bool // everything must have a type; the first versions of templates need none
	inMap  bool // below additionalProperties, where Kubernetes does not look at defaults
}

// flaw says what makes a schema of parameters one that no cluster takes, "" when nothing does: Gatekeeper makes a CustomResourceDefinition
// of it, and parameters that are held against a schema with a slip in it are held against nothing. facets is the same schema as Kubernetes'
// library reads it. Source: the rules for structural schemas in Kubernetes' documentation of CustomResourceDefinitions.
func (c structure) flaw(s *schema, facets *spec.Schema, at string, depth int) string {
	if s == nil {
		s = &schema{}
	}
	if facets == nil {
		facets = &spec.Schema{}
	}
	if depth > maxSchemaDepth {
		return at + " nests too deep"
	}
	problem := c.ownFlaw(s, facets, at)
	if problem == "" && !c.inMap {
		problem = c.defaultFlaw(s, facets, at)
	}
	if problem != "" {
		return problem
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		below := facets.Properties[name]
		if problem := c.flaw(s.Properties[name], &below, join(at, name), depth+1); problem != "" {
			return problem
		}
	}
	if more := s.AdditionalProperties; more != nil && more.schema != nil {
		var below *spec.Schema
		if facets.AdditionalProperties != nil {
			below = facets.AdditionalProperties.Schema
		}
		if problem := (structure{c.strict, true}).flaw(more.schema, below, at+".additionalProperties", depth+1); problem != "" {
			return problem
		}
	}
	if s.Items != nil {
		var below *spec.Schema
		if facets.Items != nil {
			below = facets.Items.Schema
		}
		return c.flaw(s.Items.schema, below, at+"[]", depth+1)
	}
	return ""
}

// ownFlaw is what is wrong with the schema itself, whatever is below it.
func (c structure) ownFlaw(s *schema, facets *spec.Schema, at string) string {
	switch {
	case s.Type == "" && c.strict && !s.IntOrString && !s.Preserve:
		return at + " has no type"
	case !slices.Contains([]string{"", "array", "boolean", "integer", "number", "object", "string"}, s.Type):
		return fmt.Sprintf("%s has the type %q; wanted: array, boolean, integer, number, object or string", at, s.Type)
	case s.Type == "array" && s.Items == nil && c.strict:
		return at + " does not say what its items are"
	case s.IntOrString && !c.strict:
		return at + " has x-kubernetes-int-or-string, which goes with no schema of the first versions; wanted: a template of version v1 without legacySchema"
	case s.Embedded && s.Type != "object":
		return at + " has x-kubernetes-embedded-resource and not the type object"
	case s.Embedded && c.strict && len(s.Properties) == 0 && !s.Preserve:
		return at + " has x-kubernetes-embedded-resource and no properties"
	case s.Embedded && s.AdditionalProperties != nil:
		return at + " has x-kubernetes-embedded-resource and additionalProperties; wanted: one of them"
	case facets.UniqueItems:
		return at + " has uniqueItems, which takes too long with many"
	case s.Items != nil && s.Items.schema == nil:
		return at + " has several schemas for its items; wanted: one"
	case len(s.Properties) > 0 && s.AdditionalProperties != nil && (s.AdditionalProperties.none || s.AdditionalProperties.schema != nil):
		return at + " has both properties and additionalProperties; wanted: one of them"
	}
	if _, err := regexp.Compile(s.Pattern); err != nil {
		return fmt.Sprintf("%s has a pattern that is none: %s", at, err)
	}
	return ""
}

// defaultFlaw is what is wrong with the default, which is held against its schema as it stands: what the schema would fill into it does not
// count.
func (c structure) defaultFlaw(s *schema, facets *spec.Schema, at string) string {
	if len(s.Default) == 0 || string(s.Default) == "null" {
		return ""
	}
	var value, filled any
	for _, into := range []*any{&value, &filled} {
		decoder := json.NewDecoder(bytes.NewReader(s.Default))
		decoder.UseNumber()
		if err := decoder.Decode(into); err != nil {
			return fmt.Sprintf("%s has a default that cannot be read: %s", at, err)
		}
	}
	problem := s.complete(filled, at, 0)
	if problem == "" && c.strict {
		problem = s.unknown(value, at, 0)
	}
	if problem == "" {
		problem = facetsMissed(facets, at, value)
	}
	if problem != "" {
		return "the default of " + at + ": " + problem
	}
	return ""
}
