package document

import (
	"maps"
	"slices"
	"strings"
)

// configuration is what a plan tells of the source it was made from: which expression refers to what.
type configuration struct {
	root      *module
	providers map[string][]byte
	resources map[string]*configResource // by configuration address
	memo      map[string][]string
	resolved  int  // addresses that were found so far
	circular  bool // a reference led back to itself, or too far
}

// maxResolved is how many addresses the references of one plan may resolve to. A real plan of 10,000 resources has some 50,000; a
// forged one can multiply what it refers to through modules.
const maxResolved = 1_000_000

// overflow reports whether references were cut at the limit.
func (c *configuration) overflow() bool { return c.resolved > maxResolved }

// module is one module call, or the root.
type module struct {
	path      string // module.a.module.b; "" at the root
	name      string
	source    string
	version   string
	parent    *module
	arguments map[string][]byte // expressions of the call
	forEach   []byte
	variables map[string][]byte
	outputs   map[string][]byte
	calls     map[string]*module
}

type configResource struct {
	address      string
	kind, name   string
	data         bool // a data source
	module       *module
	expressions  []byte
	forEach      []byte
	provisioners []byte

	references []byte // {"attribute": ["module.a.aws_x.b", ...]} for the attributes whose expressions refer to something
	configured []byte // ["attribute", ...]: every argument and block that the configuration gives anything but null
}

// readConfiguration indexes the configuration of a plan, nil for none.
func readConfiguration(raw []byte) *configuration {
	c := &configuration{
		providers: map[string][]byte{}, resources: map[string]*configResource{}, memo: map[string][]string{}, root: &module{},
	}
	fields(raw, func(key, value []byte) {
		switch {
		case isKey(key, "provider_config"):
			c.providers = byName(value)
		case isKey(key, "root_module"):
			c.readModule(c.root, value)
		}
	})
	return c
}

func byName(object []byte) map[string][]byte {
	out := map[string][]byte{}
	fields(object, func(key, value []byte) { out[text(key)] = value })
	return out
}

func (c *configuration) readModule(m *module, raw []byte) {
	m.calls = map[string]*module{}
	fields(raw, func(key, value []byte) {
		switch text(key) {
		case "resources":
			elements(value, func(value []byte) { c.readResource(m, value) })
		case "variables":
			m.variables = byName(value)
		case "outputs":
			m.outputs = byName(value)
		case "module_calls":
			fields(value, func(key, value []byte) {
				name := text(key)
				call := &module{name: name, parent: m, path: joinAddress(m.path, "module."+name)}
				m.calls[name] = call
				c.readCall(call, value)
			})
		}
	})
}

func (c *configuration) readCall(call *module, raw []byte) {
	fields(raw, func(key, value []byte) {
		switch text(key) {
		case "source":
			call.source = text(value)
		case "version_constraint":
			call.version = text(value)
		case "expressions":
			call.arguments = byName(value)
		case "for_each_expression":
			call.forEach = value
		case "module":
			c.readModule(call, value)
		}
	})
}

func (c *configuration) readResource(m *module, raw []byte) {
	r := &configResource{module: m}
	fields(raw, func(key, value []byte) {
		switch text(key) {
		case "address":
			r.address = joinAddress(m.path, text(value))
		case "mode":
			r.data = text(value) == "data"
		case "type":
			r.kind = text(value)
		case "name":
			r.name = text(value)
		case "expressions":
			r.expressions = value
		case "for_each_expression":
			r.forEach = value
		case "provisioners":
			r.provisioners = value
		}
	})
	if r.address != "" {
		c.resources[r.address] = r
	}
}

// modules are all module calls, outer before inner, by path.
func (c *configuration) modules() []*module {
	var out []*module
	var visit func(m *module)
	visit = func(m *module) {
		for _, name := range slices.Sorted(maps.Keys(m.calls)) {
			out = append(out, m.calls[name])
			visit(m.calls[name])
		}
	}
	visit(c.root)
	return out
}

// resolveReferences fills in the references of all resources, in one order, so that the answer hangs on nothing else.
func (c *configuration) resolveReferences() {
	for address := range sorted(c.resources) {
		c.resolveReferencesOf(address)
	}
}

// resolveReferencesOf fills in those of one resource, by its address, if that has not been done.
func (c *configuration) resolveReferencesOf(address string) {
	r := c.resources[withoutIndexes(address)]
	if r == nil || r.references != nil {
		return
	}
	out := []byte{'{'}
	var names []string
	for name, expression := range sorted(byName(r.expressions)) {
		if !isNull(expression) {
			names = append(names, name)
		}
		addresses := c.resolveAll(r.module, expression, r.forEach, nil)
		if len(addresses) == 0 {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = appendStrings(append(appendString(out, name), ':'), addresses)
	}
	r.references = append(out, '}')
	r.configured = appendStrings(nil, names)
}

// isNull reports whether an expression is the literal null, which says no more than leaving the argument out.
func isNull(expression []byte) bool {
	null, only := false, true
	fields(expression, func(key, value []byte) {
		null = null || isKey(key, "constant_value") && value[0] == 'n'
		only = only && isKey(key, "constant_value")
	})
	return null && only
}

// resolveAll is every address that an expression refers to, sorted. forEach is what each.value stands for. trail holds the
// variables and outputs on the way here, so that a circle in a forged plan ends.
func (c *configuration) resolveAll(m *module, expression, forEach []byte, trail []string) []string {
	var references []string
	collectReferences(expression, 0, func(reference string) { references = append(references, reference) })
	found := map[string]bool{}
	for _, reference := range references {
		path := strings.Split(withoutIndexes(reference), ".")
		if path[0] == "module" && len(path) == 2 && anyHasPrefix(references, reference) {
			continue // Terraform lists module.a.out and then module.a
		}
		if path[0] == "each" {
			if len(forEach) > 0 {
				addAll(found, c.resolveAll(m, forEach, nil, trail))
			}
			continue
		}
		if c.overflow() {
			return nil
		}
		addAll(found, c.resolve(m, path, trail))
	}
	c.resolved += len(found)
	return slices.Sorted(maps.Keys(found))
}

// resolve follows one reference, already split at its dots and without indexes, to configuration addresses.
func (c *configuration) resolve(m *module, path, trail []string) []string {
	if len(path) > 1 && path[0] == "resource" {
		path = path[1:]
	}
	if len(path) < 2 {
		return nil
	}
	switch path[0] {
	case "count", "each", "path", "self", "terraform":
		return nil
	case "data", "ephemeral":
		if len(path) < 3 {
			return nil
		}
		return []string{joinAddress(m.path, strings.Join(path[:3], "."))}
	case "var", "module":
		return c.follow(m, path, trail)
	}
	return []string{joinAddress(m.path, path[0]+"."+path[1])}
}

// follow goes through a module's variable to the caller's expression, or through a module's output to its own. What the plan
// does not tell stays as it is: var.x at the root or with its default, module.a.out of a module that is not described.
func (c *configuration) follow(m *module, path, trail []string) []string {
	key := joinAddress(m.path, strings.Join(path[:min(len(path), 3)], "."))
	if path[0] == "var" {
		key = joinAddress(m.path, "var."+path[1])
	}
	if slices.Contains(trail, key) || len(trail) > 100 {
		c.circular = true
		return nil
	}
	if known, ok := c.memo[key]; ok {
		return known
	}
	trail = append(slices.Clone(trail), key)
	found := map[string]bool{}
	switch {
	case path[0] == "var":
		if argument, ok := argumentOf(m, path[1]); ok {
			addAll(found, c.resolveAll(m.parent, argument, m.forEach, trail))
		} else {
			found[key] = true
		}
	case m.calls[path[1]] == nil:
		found[key] = true
	default:
		call := m.calls[path[1]]
		for name, output := range call.outputs {
			if len(path) == 2 || path[2] == name {
				addAll(found, c.resolveAll(call, byName(output)["expression"], nil, trail))
			}
		}
	}
	addresses := slices.Sorted(maps.Keys(found))
	c.memo[key] = addresses
	return addresses
}

func argumentOf(m *module, variable string) ([]byte, bool) {
	if m.parent == nil {
		return nil, false
	}
	argument, ok := m.arguments[variable]
	return argument, ok
}

// collectReferences finds the references of an expression, or of a nested block and everything in it.
func collectReferences(raw []byte, depth int, found func(string)) {
	if len(raw) == 0 || depth > 100 {
		return
	}
	elements(raw, func(value []byte) { collectReferences(value, depth+1, found) })
	fields(raw, func(key, value []byte) {
		switch {
		case isKey(key, "constant_value"):
		case isKey(key, "references") && isStrings(value):
			elements(value, func(value []byte) { found(text(value)) })
		default:
			collectReferences(value, depth+1, found)
		}
	})
}

func isStrings(raw []byte) bool {
	strings := raw[0] == '['
	elements(raw, func(value []byte) { strings = strings && value[0] == '"' })
	return strings
}

func anyHasPrefix(references []string, reference string) bool {
	return slices.ContainsFunc(references, func(other string) bool {
		return strings.HasPrefix(other, reference+".") || strings.HasPrefix(other, reference+"[")
	})
}

func addAll(set map[string]bool, values []string) {
	for _, value := range values {
		set[value] = true
	}
}
