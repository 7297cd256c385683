package document

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Sources of plans that come from elsewhere than the tree.
const (
	SourceOIDC     = "oidc"
	SourceArtifact = "artifact"
)

// Plan checks a plan that was handed in and makes of it what may be kept: only the parts that documents are made of, with every
// secret replaced by its token. What comes out is a plan again. The problem says why it is none that can be judged; file is only
// for its words.
func (r *Redactor) Plan(data []byte, file string, limits Limits) ([]byte, *gate.Problem) {
	p, problem := readPlan(data, file, limits.withDefaults(), nil)
	if problem == nil {
		problem = p.incomplete(file)
	}
	if problem != nil {
		return nil, problem
	}
	reader := &planReader{plan: p, file: file, config: readConfiguration(p.configuration), redactor: r}
	changes, problem := reader.keptChanges("resource_changes", p.changed, false)
	if problem != nil {
		return nil, problem
	}
	deferred, problem := reader.keptChanges("deferred_changes", p.waiting, true)
	if problem != nil {
		return nil, problem
	}
	return pairs("format_version", p.version, "planned_values", []byte("{}"), "resource_changes", changes,
		"deferred_changes", deferred, "output_changes", reader.keptOutputs(), "variables", reader.keptVariables(),
		"prior_state", reader.keptState(), "configuration", reader.keptConfiguration()), nil
}

// keeping is a Redactor that leaves tokens alone, for plans that Plan has been over.
func (r *Redactor) keeping() *Redactor {
	if r == nil {
		return &Redactor{keep: true}
	}
	return &Redactor{key: r.key, keep: true}
}

func (r *Redactor) keeps() bool { return r != nil && r.keep }

// isToken reports whether JSON is a string that is a token.
func isToken(value []byte) bool {
	digits, ok := bytes.CutPrefix(value, []byte(`"`+TokenPrefix))
	return ok && len(digits) == 33 && digits[32] == '"' && strings.Trim(string(digits[:32]), "0123456789abcdef") == ""
}

// keptChanges is a list of resource changes, their values redacted as a document's are.
func (r *planReader) keptChanges(list string, of []span, deferred bool) ([]byte, *gate.Problem) {
	items, lines := r.items(of)
	out := []byte{'['}
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		change := item
		if deferred {
			change = byName(item)["resource_change"]
		}
		kept := r.keptChange(change)
		if kept == nil {
			return nil, r.broken(lines[i], list, i)
		}
		if deferred {
			kept = jsonObject("resource_change", kept)
		}
		out = append(out, kept...)
	}
	return append(out, ']'), nil
}

func (r *planReader) keptChange(raw []byte) []byte {
	var doc gate.Document
	if len(raw) == 0 || raw[0] != '{' || !r.document(&doc, raw, false) {
		return nil
	}
	c := cutChange(raw)
	completeMarks(&c)
	change := pairs("actions", c.actions, "before", doc.Before, "after", doc.After, "after_unknown", c.unknown,
		"before_sensitive", c.beforeSensitive, "after_sensitive", c.afterSensitive, "replace_paths", c.replacePaths)
	return pairs("address", c.address, "previous_address", c.previous, "module_address", c.module, "mode", c.mode, "type", c.kind,
		"name", c.name, "index", c.index, "provider_name", c.provider, "deposed", c.deposed, "action_reason", c.reason, "change", change)
}

// pairs is jsonObject without the keys that have no value.
func pairs(list ...any) []byte {
	var kept []any
	for i := 0; i+1 < len(list); i += 2 {
		switch value := list[i+1].(type) {
		case []byte:
			if len(value) > 0 {
				kept = append(kept, list[i], value)
			}
		case json.RawMessage:
			if len(value) > 0 {
				kept = append(kept, list[i], value)
			}
		}
	}
	return jsonObject(kept...)
}

// keptState is prior_state with the data sources in it, nil when the plan has none.
func (r *planReader) keptState() []byte {
	if len(r.plan.prior) == 0 || r.plan.prior[0] != '{' {
		return nil
	}
	modules := []byte{'['}
	r.stateModule(byName(byName(r.plan.prior)["values"])["root_module"], 0, func(c rawChange) {
		_, c.afterSensitive = marks(&c)
		values := r.state(c.after, c.afterSensitive)
		resource := pairs("address", c.address, "mode", c.mode, "type", c.kind, "name", c.name, "index", c.index,
			"provider_name", c.provider, "values", values, "sensitive_values", c.afterSensitive)
		if len(modules) > 1 {
			modules = append(modules, ',')
		}
		modules = append(modules, pairs("address", c.module, "resources", slices.Concat([]byte{'['}, resource, []byte{']'}))...)
	})
	root := jsonObject("child_modules", append(modules, ']'))
	return jsonObject("values", jsonObject("root_module", root))
}

// keptOutputs redacts output_changes.
func (r *planReader) keptOutputs() []byte {
	var out []any
	for name, raw := range sorted(byName(r.plan.outputs)) {
		change := byName(raw)
		declared, known := r.config.root.outputs[name]
		masks := unionMask(change["after_sensitive"], change["before_sensitive"])
		secret := known && string(byName(declared)["sensitive"]) == "true"
		value := func(raw []byte) []byte {
			switch {
			case len(raw) == 0:
				return nil
			case secret:
				return r.redactor.Token(raw)
			}
			return r.redactor.masked(raw, masks)
		}
		out = append(out, name, pairs("actions", change["actions"], "before", value(change["before"]), "after", value(change["after"]),
			"after_unknown", change["after_unknown"], "before_sensitive", change["before_sensitive"], "after_sensitive", change["after_sensitive"]))
	}
	return jsonObject(out...)
}

// keptVariables redacts the values of sensitive variables, and of those whose declaration the plan does not show.
func (r *planReader) keptVariables() []byte {
	var out []any
	for name, raw := range sorted(byName(r.plan.variables)) {
		value := byName(raw)["value"]
		if len(value) == 0 {
			out = append(out, name, []byte("{}"))
			continue
		}
		flags := byName(r.config.root.variables[name])
		if len(flags) == 0 && r.config.root.variables[name] == nil || string(flags["sensitive"]) == "true" || string(flags["ephemeral"]) == "true" {
			value = r.redactor.Token(value)
		}
		out = append(out, name, pairs("value", value))
	}
	return jsonObject(out...)
}

// keptConfiguration is the configuration without the constants in it: a plan does not say which of them are secret. Those of
// providers and provisioners, which rules see, are redacted as for rules.
func (r *planReader) keptConfiguration() []byte {
	if len(r.plan.configuration) == 0 || r.plan.configuration[0] != '{' {
		return []byte("{}")
	}
	var out []any
	fields(r.plan.configuration, func(key, value []byte) {
		switch text(key) {
		case "provider_config":
			var providers []any
			for name, raw := range sorted(byName(value)) {
				providers = append(providers, name, r.withExpressions(raw, nil))
			}
			out = append(out, "provider_config", []byte(jsonObject(providers...)))
		case "root_module":
			out = append(out, "root_module", r.keptModule(value))
		}
	})
	return jsonObject(out...)
}

// withExpressions is an object with its expressions redacted.
func (r *planReader) withExpressions(raw []byte, plain map[string]bool) []byte {
	var out []any
	fields(raw, func(key, value []byte) {
		if isKey(key, "expressions") {
			value = r.expressions(value, plain)
		}
		out = append(out, text(key), value)
	})
	return jsonObject(out...)
}

func (r *planReader) keptModule(raw []byte) []byte {
	var out []any
	fields(raw, func(key, value []byte) {
		switch name := text(key); name {
		case "resources":
			list := []byte{'['}
			elements(value, func(resource []byte) {
				if len(list) > 1 {
					list = append(list, ',')
				}
				list = append(list, r.keptResource(resource)...)
			})
			out = append(out, name, append(list, ']'))
		case "variables":
			var variables []any
			for variable, raw := range sorted(byName(value)) {
				flags := byName(raw)
				variables = append(variables, variable, pairs("sensitive", flags["sensitive"], "ephemeral", flags["ephemeral"]))
			}
			out = append(out, name, []byte(jsonObject(variables...)))
		case "outputs":
			out = append(out, name, withoutConstants(value))
		case "module_calls":
			var calls []any
			for call, raw := range sorted(byName(value)) {
				var parts []any
				fields(raw, func(key, value []byte) {
					if isKey(key, "module") {
						value = r.keptModule(value)
					} else {
						value = withoutConstants(value)
					}
					parts = append(parts, text(key), value)
				})
				calls = append(calls, call, []byte(jsonObject(parts...)))
			}
			out = append(out, name, []byte(jsonObject(calls...)))
		}
	})
	return jsonObject(out...)
}

func (r *planReader) keptResource(raw []byte) []byte {
	var out []any
	fields(raw, func(key, value []byte) {
		if isKey(key, "provisioners") {
			list := []byte{'['}
			elements(value, func(provisioner []byte) {
				if len(list) > 1 {
					list = append(list, ',')
				}
				list = append(list, r.withExpressions(provisioner, commandArguments)...)
			})
			value = append(list, ']')
		} else {
			value = withoutConstants(value)
		}
		out = append(out, text(key), value)
	})
	return jsonObject(out...)
}

// withoutConstants is checked JSON without the values of the key constant_value, wherever it stands. Null stays: it tells that an
// argument is not given.
func withoutConstants(value []byte) []byte {
	if !bytes.Contains(value, []byte("constant_value")) && !bytes.Contains(value, []byte(`\u`)) {
		return value
	}
	switch value[0] {
	case '{':
		var out []any
		fields(value, func(key, value []byte) {
			if !isKey(key, "constant_value") || string(value) == "null" {
				out = append(out, text(key), withoutConstants(value))
			}
		})
		return jsonObject(out...)
	case '[':
		list := []byte{'['}
		elements(value, func(item []byte) {
			if len(list) > 1 {
				list = append(list, ',')
			}
			list = append(list, withoutConstants(item)...)
		})
		return append(list, ']')
	}
	return value
}

// ProjectOf is the project and workspace that a plan belongs to, and the problem when it belongs to none. Without configured
// projects, a plan's own directory is its project.
func ProjectOf(plan PlanFile, projects []Project) (Project, *gate.Problem) {
	project, problem := projectOf(plan, projects)
	project.Dir = orRoot(project.Dir)
	return project, problem
}

// Touched reports whether changed paths belong to the source of the project in dir: its Terraform files, those of the local
// modules that it uses, variable values below it, or a file that its source names.
func Touched(ctx context.Context, tree Tree, projects []Project, dir string, changed map[string]bool) (bool, error) {
	b := &builder{head: tree, options: Options{Terraform: TerraformOptions{Projects: projects}}, limits: Limits{}.withDefaults()}
	touched := newSources(b, tree).touched(ctx, cleanDir(dir), changed)
	if b.result.Err != nil {
		return false, fmt.Errorf("read the source of %s: %w", orRoot(cleanDir(dir)), b.result.Err)
	}
	return touched, nil
}
