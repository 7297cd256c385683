package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// flaw says what makes a schema of parameters one that no cluster takes, "" when nothing does: Gatekeeper makes a CustomResourceDefinition
// of it, and parameters that are held against a schema with a slip in it are held against nothing. Where strict, everything must
// have a type; the first versions of templates need none.
// Source: the rules for structural schemas in Kubernetes' documentation of CustomResourceDefinitions.
func (s *schema) flaw(at string, strict bool, depth int) string {
	if s == nil {
		s = &schema{}
	}
	if depth > maxSchemaDepth {
		return at + " nests too deep"
	}
	if problem := s.flawOfItself(at, strict); problem != "" {
		return problem
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if problem := s.Properties[name].flaw(join(at, name), strict, depth+1); problem != "" {
			return problem
		}
	}
	if more := s.AdditionalProperties; more != nil && more.schema != nil {
		if problem := more.schema.flaw(at+".additionalProperties", strict, depth+1); problem != "" {
			return problem
		}
	}
	if s.Items != nil {
		return s.Items.schema.flaw(at+"[]", strict, depth+1)
	}
	return ""
}

func (s *schema) flawOfItself(at string, strict bool) string {
	switch {
	case s.Type == "" && strict && !s.IntOrString && !s.Preserve:
		return at + " has no type"
	case !slices.Contains([]string{"", "array", "boolean", "integer", "number", "object", "string"}, s.Type):
		return fmt.Sprintf("%s has the type %q; wanted: array, boolean, integer, number, object or string", at, s.Type)
	case s.Type == "array" && s.Items == nil && strict:
		return at + " does not say what its items are"
	case s.Items != nil && s.Items.schema == nil:
		return at + " has several schemas for its items; wanted: one"
	case len(s.Properties) > 0 && s.AdditionalProperties != nil && s.AdditionalProperties.schema != nil:
		return at + " has properties and a schema of additionalProperties; wanted: one of them"
	}
	if _, err := regexp.Compile(s.Pattern); err != nil {
		return fmt.Sprintf("%s has a pattern that is none: %s", at, err)
	}
	if len(s.Default) == 0 || string(s.Default) == "null" {
		return ""
	}
	decoder := json.NewDecoder(bytes.NewReader(s.Default))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return fmt.Sprintf("%s has a default that cannot be read: %s", at, err)
	}
	problem := s.complete(value, at, 0)
	if problem == "" && strict {
		problem = s.unknown(value, at, 0)
	}
	if problem != "" {
		return "the default of " + at + ": " + problem
	}
	return ""
}
