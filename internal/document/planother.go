package document

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// others are the documents of a plan that are no resources: module calls, provisioners, variables, outputs and providers. All of
// them except outputs come without actions and Before, for a plan does not say what they were.
func (r *planReader) others() []gate.Document {
	var docs []gate.Document
	for _, m := range r.config.modules() {
		parent := ""
		if m.parent != nil {
			parent = m.parent.path
		}
		docs = append(docs, r.other("module", m.name, m.path, parent, jsonObject(
			"source", appendString(nil, m.source), "version", appendString(nil, m.version), "name", appendString(nil, m.name))))
	}
	for address, resource := range sorted(r.config.resources) {
		i := 0
		elements(resource.provisioners, func(raw []byte) {
			kind, expressions := r.provisioner(raw)
			docs = append(docs, r.other("provisioner", kind, address+".provisioner["+strconv.Itoa(i)+"]", resource.module.path, jsonObject(
				"type", appendString(nil, kind), "resource", appendString(nil, address), "expressions", expressions)))
			i++
		})
	}
	docs = append(docs, r.variables()...)
	docs = append(docs, r.outputs()...)
	return append(docs, r.providers()...)
}

func (r *planReader) other(kind, name, resource, module string, value []byte) gate.Document {
	return gate.Document{
		Kind: gate.KindTerraform, Type: kind, Name: name, Resource: resource, After: value,
		Change: jsonObject("unknown", []byte("{}"), "sensitive", []byte("{}"), "module", appendString(nil, module),
			"config_address", appendString(nil, resource)),
	}
}

func (r *planReader) variables() []gate.Document {
	var docs []gate.Document
	for name, raw := range sorted(byName(r.plan.variables)) {
		value := byName(raw)["value"]
		declared, ok := r.config.root.variables[name]
		flags := byName(declared)
		// A variable whose declaration the plan does not show may be secret.
		sensitive := !ok || string(flags["sensitive"]) == "true" || string(flags["ephemeral"]) == "true"
		docs = append(docs, r.other("variable", name, "var."+name, "", r.named(name, value, sensitive, nil)))
	}
	return docs
}

// named is {name, value, sensitive} with the value replaced when it is secret.
func (r *planReader) named(name string, value []byte, sensitive bool, mask []byte) []byte {
	if len(value) == 0 {
		value = []byte("null")
	}
	switch {
	case sensitive:
		value = r.redactor.Token(value)
	default:
		value = r.redactor.masked(value, mask)
	}
	return jsonObject("name", appendString(nil, name), "value", value, "sensitive", strconv.AppendBool(nil, sensitive || hasTrue(mask)))
}

func (r *planReader) outputs() []gate.Document {
	var docs []gate.Document
	for name, raw := range sorted(byName(r.plan.outputs)) {
		change := byName(raw)
		declared, ok := r.config.root.outputs[name]
		sensitive := ok && string(byName(declared)["sensitive"]) == "true"
		masks := unionMask(change["after_sensitive"], change["before_sensitive"])
		doc := r.other("output", name, "output."+name, "", nil)
		doc.Actions = actionWords(change["actions"])
		if doc.Actions == nil {
			doc.Actions = []string{"update"}
		}
		if !slices.Equal(doc.Actions, []string{"delete"}) {
			doc.After = r.named(name, change["after"], sensitive, masks)
		}
		if !slices.Equal(doc.Actions, []string{"create"}) {
			doc.Before = r.named(name, change["before"], sensitive, unionMask(change["before_sensitive"], change["after_sensitive"]))
		}
		unknown := jsonObject("value", mask(change["after_unknown"]))
		if !hasTrue(change["after_unknown"]) {
			unknown = []byte("{}")
		}
		references := []byte("{}")
		if found := r.config.resolveAll(r.config.root, byName(declared)["expression"], nil, nil); len(found) > 0 {
			references = jsonObject("value", appendStrings(nil, found))
		}
		doc.Change = jsonObject("unknown", unknown, "sensitive", []byte("{}"), "module", []byte(`""`),
			"config_address", appendString(nil, "output."+name), "references", references)
		docs = append(docs, doc)
	}
	return docs
}

func (r *planReader) providers() []gate.Document {
	var docs []gate.Document
	for key, raw := range sorted(r.config.providers) {
		parts := byName(raw)
		value := jsonObject("name", orElse(parts["name"], `""`), "full_name", orElse(parts["full_name"], `""`),
			"version_constraint", orElse(parts["version_constraint"], `""`), "alias", orElse(parts["alias"], `""`),
			"expressions", r.expressions(parts["expressions"], nil))
		docs = append(docs, r.other("provider", text(parts["name"]), "provider."+key, text(parts["module_address"]), value))
	}
	return docs
}

// provisioners is the list in input.change.provisioners.
func (r *planReader) provisioners(resource *configResource) []byte {
	out := []byte{'['}
	elements(resource.provisioners, func(raw []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		kind, expressions := r.provisioner(raw)
		out = append(out, jsonObject("type", appendString(nil, kind), "expressions", expressions)...)
	})
	return append(out, ']')
}

func (r *planReader) provisioner(raw []byte) (kind string, expressions []byte) {
	parts := byName(raw)
	return text(parts["type"]), r.expressions(parts["expressions"], commandArguments)
}

// commandArguments are the arguments of provisioners whose constants a rule needs and a reviewer has read in the source anyway.
// What is passed along (environment, content) is where people put secrets, and becomes tokens.
var commandArguments = map[string]bool{
	"command": true, "destination": true, "inline": true, "interpreter": true, "on_failure": true, "quiet": true, "script": true,
	"scripts": true, "source": true, "when": true, "working_dir": true,
}

var (
	secretName = regexp.MustCompile(`(?i)pass|secret|token|key|cred|auth|private|cert|headers`)
	secretText = regexp.MustCompile(`(?i)((?:pass(?:word|wd|phrase)?|secret|token|api_?key|access_?key|credentials?)["']?\s*[=:]\s*|` +
		`--?[a-z-]*(?:password|secret|token|key)[ =]\s*|authorization:\s*(?:bearer|basic)\s+|(?:-u|--user)[ =]\s*["']?[^\s:"']+:|://[^/\s:@]+:)([^\s"'@$]+|"[^"$]+"|'[^'$]+')`)
	secretForm = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[opsu]_[A-Za-z0-9]{20,}|` +
		`\bgithub_pat_[A-Za-z0-9_]{20,}|\bxox[abpr]-[A-Za-z0-9-]{10,}|\bAIza[A-Za-z0-9_-]{30,}|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_.-]{10,}`)
)

// expressions are the expressions of a provisioner or a provider with their secrets replaced. A plan does not say which of their
// constants are secret, so with plain given only those arguments keep theirs, and otherwise all but those with a telling name.
// What looks like a secret inside a string that is kept becomes a token too.
func (r *planReader) expressions(raw []byte, plain map[string]bool) []byte {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var arguments map[string]any
	if decoder.Decode(&arguments) != nil || arguments == nil {
		return []byte("{}")
	}
	for name, argument := range arguments {
		keep := plain[name] || plain == nil && !secretName.MatchString(name)
		arguments[name] = r.scrub(argument, keep, false)
	}
	return marshal(arguments)
}

func (r *planReader) scrub(v any, keep, constant bool) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			switch {
			case !constant && key == "references":
			case !constant && key == "constant_value" && !keep:
				v[key] = r.hide(value)
			case !constant && key == "constant_value":
				v[key] = r.scrub(value, true, true)
			case secretName.MatchString(key) && constant:
				v[key] = r.hide(value)
			default:
				v[key] = r.scrub(value, keep && !secretName.MatchString(key), constant)
			}
		}
		return v
	case []any:
		for i := range v {
			v[i] = r.scrub(v[i], keep, constant)
		}
		return v
	case string:
		if r.redactor.keeps() {
			return v // it was looked through when the plan was stored; a token is not a secret that follows the word "token"
		}
		v = secretText.ReplaceAllStringFunc(v, func(found string) string {
			parts := secretText.FindStringSubmatch(found)
			return parts[1] + r.redactor.text(parts[2])
		})
		return secretForm.ReplaceAllStringFunc(v, r.redactor.text)
	}
	return v
}

// hide is a constant as a token; true and false tell nothing and stay.
func (r *planReader) hide(value any) any {
	switch value.(type) {
	case bool, nil:
		return value
	}
	return r.redactor.token(marshal(value))
}

// jsonObject is a JSON object of keys and JSON values, in their order.
func jsonObject(pairs ...any) json.RawMessage {
	out := []byte{'{'}
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendString(out, pairs[i].(string)), ':')
		switch value := pairs[i+1].(type) {
		case []byte:
			out = append(out, value...)
		case json.RawMessage:
			out = append(out, value...)
		}
	}
	return append(out, '}')
}

// withActions puts the document's actions into its Change, where rules look for them.
func withActions(change []byte, actions []string) []byte {
	out := appendStrings([]byte(`{"actions":`), actions)
	rest := bytes.TrimPrefix(change, []byte("{"))
	if len(rest) > 1 {
		out = append(out, ',')
	}
	return append(out, rest...)
}

// compareOthers gives the documents that are no resources their Before, from the same plan file at the merge base: nil when
// there is none. Then same says whether the source that a document comes from is untouched; if so the document is as well.
func compareOthers(docs, base []gate.Document, known bool, same func(*gate.Document) bool) []gate.Document {
	old := map[string]*gate.Document{}
	for i := range base {
		old[base[i].Resource] = &base[i]
	}
	for i := range docs {
		doc := &docs[i]
		if doc.Actions == nil { // an output has its own
			if before := old[doc.Resource]; before != nil {
				doc.Before = before.After
			} else if !known && same(doc) {
				doc.Before = doc.After
			}
			doc.Actions = compare(doc.Before, doc.After)
			if isDataSource(doc) {
				doc.Actions = []string{actionRead}
			}
		}
		delete(old, doc.Resource)
		doc.Change = withActions(doc.Change, doc.Actions)
	}
	for _, key := range slices.Sorted(maps.Keys(old)) {
		doc := *old[key]
		if doc.Type == "output" || isDataSource(&doc) {
			continue // the plan itself says when an output goes away, and nothing is lost with a data source
		}
		doc.Before, doc.After, doc.Actions = doc.After, nil, []string{"delete"}
		doc.Change = withActions(doc.Change, doc.Actions)
		docs = append(docs, doc)
	}
	return docs
}

// compare is the action that leads from before to after, both canonical.
func compare(before, after []byte) []string {
	switch {
	case before == nil:
		return []string{"create"}
	case after == nil:
		return []string{"delete"}
	case bytes.Equal(before, after):
		return []string{"no-op"}
	}
	return []string{"update"}
}
