package document

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Whole is a document of any format, as JSON, with everything replaced by tokens that a [gate.Document] would not hold either: the
// data of Kubernetes Secrets, however deep they stand, and what a Terraform plan marks sensitive, wherever the plan repeats it.
func (r *Redactor) Whole(data json.RawMessage) json.RawMessage {
	if out, ok := r.WholePlain(data); ok {
		return out
	}
	return r.atOnce(data, IsPlan(data))
}

// WholePlain is [Redactor.Whole] for JSON whose keys and words are spelled out, so that they can be looked for as text: without escapes
// but those that encoders write. ok is false for anything else.
func (r *Redactor) WholePlain(data json.RawMessage) (out json.RawMessage, ok bool) {
	switch {
	case !plainEscapes(data) || !isJSON(data):
		return nil, false
	case IsPlan(data):
		if out, ok := r.plan(data); ok {
			return out, true
		}
	case withoutObjects(data):
		return data, true
	}
	return r.atOnce(data, IsPlan(data)), true
}

// IsPlan reports whether JSON may be a plan of Terraform's, or a state, by words that are in every one.
func IsPlan(data []byte) bool {
	return bytes.Contains(data, []byte(`"format_version"`)) && bytes.Contains(data, []byte(`"terraform_version"`))
}

// atOnce reads all of a document to replace what it must.
func (r *Redactor) atOnce(data json.RawMessage, isPlan bool) json.RawMessage {
	if !json.Valid(data) {
		return data
	}
	root := decodeAny(data)
	secrets := map[string]bool{}
	if plan, ok := root.(map[string]any); ok && isPlan {
		r.maskPlan(plan, secrets)
	}
	return r.without(marshal(r.maskSecrets(root)), secrets)
}

// maskSecrets replaces the data of every Secret and the copies that kubectl keeps of objects.
func (r *Redactor) maskSecrets(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = r.maskSecrets(v[i])
		}
	case map[string]any:
		kind, _ := v["kind"].(string)
		for key, value := range v {
			switch {
			case strings.EqualFold(kind, "Secret") && (strings.EqualFold(key, "data") || strings.EqualFold(key, "stringData")):
				v[key] = r.tokens(value)
			case strings.EqualFold(kind, "SecretList") && key == "items":
				v[key] = r.items(value)
			case strings.HasPrefix(kind, "Encryption") && key == "resources":
				v[key] = r.keys(value)
			case key == lastApplied:
				v[key] = r.tokenOf(value)
			default:
				v[key] = r.maskSecrets(value)
			}
		}
	}
	return v
}

// items are the Secrets of a list that says what they are in their place.
func (r *Redactor) items(v any) any {
	list, _ := v.([]any)
	for _, item := range list {
		if object, ok := item.(map[string]any); ok && object["kind"] == nil {
			object["kind"] = "Secret"
			r.maskSecrets(object)
			delete(object, "kind")
		}
	}
	return r.maskSecrets(v)
}

// keys replaces the keys of an API server's encryption configuration.
func (r *Redactor) keys(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = r.keys(v[i])
		}
	case map[string]any:
		for key, value := range v {
			if key == "secret" {
				v[key] = r.tokenOf(value)
			} else {
				v[key] = r.keys(value)
			}
		}
	}
	return v
}

// tokens is an object with each value replaced, or anything else replaced as a whole.
func (r *Redactor) tokens(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return r.tokenOf(v)
	}
	for key, value := range object {
		object[key] = r.tokenOf(value)
	}
	return object
}

func (r *Redactor) tokenOf(v any) any {
	if v == nil {
		return nil
	}
	return r.token(marshal(v))
}

// maskPlan replaces what a plan marks, and collects the marked texts.
func (r *Redactor) maskPlan(plan map[string]any, secrets map[string]bool) {
	for _, list := range []string{"resource_changes", "resource_drift", "deferred_changes"} {
		items, _ := plan[list].([]any)
		for _, item := range items {
			resource, _ := item.(map[string]any)
			if inner, ok := resource["resource_change"].(map[string]any); ok {
				resource = inner
			}
			r.maskChange(resource["change"], secrets)
		}
	}
	if outputs, ok := plan["output_changes"].(map[string]any); ok {
		for _, change := range outputs {
			r.maskChange(change, secrets)
		}
	}
	r.maskValues(plan["planned_values"], secrets)
	r.maskValues(plan["prior_state"], secrets)
	r.maskValues(plan["values"], secrets) // of a state
	r.maskVariables(plan, secrets)
}

func (r *Redactor) maskChange(v any, secrets map[string]bool) {
	change, ok := v.(map[string]any)
	if !ok {
		return
	}
	for _, side := range []string{"before", "after"} {
		if value, ok := change[side]; ok {
			change[side] = r.maskPart(value, change[side+"_sensitive"], secrets)
		}
	}
}

// maskValues goes through a state: outputs with sensitive, resources with sensitive_values, modules within modules.
func (r *Redactor) maskValues(v any, secrets map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			r.maskValues(item, secrets)
		}
	case map[string]any:
		if mask, ok := v["sensitive_values"]; ok {
			v["values"] = r.maskPart(v["values"], mask, secrets)
			return
		}
		if marked, ok := v["sensitive"].(bool); ok {
			if _, isOutput := v["value"]; isOutput {
				v["value"] = r.maskPart(v["value"], marked, secrets)
				return
			}
		}
		for _, part := range v {
			r.maskValues(part, secrets)
		}
	}
}

func (r *Redactor) maskVariables(plan map[string]any, secrets map[string]bool) {
	values, _ := plan["variables"].(map[string]any)
	configuration, _ := plan["configuration"].(map[string]any)
	root, _ := configuration["root_module"].(map[string]any)
	declared, _ := root["variables"].(map[string]any)
	for name, v := range values {
		declaration, known := declared[name].(map[string]any)
		value, ok := v.(map[string]any)
		if marked, _ := declaration["sensitive"].(bool); ok && (marked || !known) {
			value["value"] = r.maskPart(value["value"], true, secrets)
		}
		if marked, _ := declaration["sensitive"].(bool); marked {
			declaration["default"] = r.maskPart(declaration["default"], true, secrets)
		}
	}
}

func (r *Redactor) maskPart(v, mask any, secrets map[string]bool) any {
	if v == nil || mask == nil {
		return v
	}
	marks := marshal(mask)
	if !hasTrue(marks) {
		return v
	}
	value := marshal(v)
	secretStrings(value, marks, secrets)
	return decodeAny(r.masked(value, marks)) // a value and no text: there may be a Secret of Kubernetes in it, too
}

func decodeAny(data []byte) (v any) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	_ = decoder.Decode(&v) //nolint:errcheck // the JSON was checked
	return v
}
