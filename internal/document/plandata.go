package document

import (
	"bytes"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// actionRead is what happens to a data source.
const actionRead = "read"

// dataSources are the data sources that were read while planning. A plan does not list them among its changes: what they gave
// stands in prior_state, and that they are there at all in the configuration. known are the addresses of the documents so far.
// They come without Before and without actions; see compareOthers.
func (r *planReader) dataSources(known []gate.Document) []gate.Document {
	var seen map[string]bool // made when there is something to look for: most plans have many resources and few data sources
	taken := func(address string) bool {
		if seen == nil {
			seen = make(map[string]bool, 2*len(known))
			for i := range known {
				seen[known[i].Resource] = true
				seen[withoutIndexes(known[i].Resource)] = true
			}
		}
		return seen[address]
	}
	var docs []gate.Document
	add := func(c rawChange, address string) {
		if taken(address) {
			return
		}
		seen[address], seen[withoutIndexes(address)] = true, true
		r.config.resolveReferencesOf(address)
		_, c.afterSensitive = marks(&c)
		after := r.state(c.after, c.afterSensitive)
		if after == nil {
			after = []byte("{}")
		}
		docs = append(docs, gate.Document{
			Kind: gate.KindTerraform, Type: text(c.kind), Name: text(c.name), Resource: address,
			After: after, Change: withoutActions(r.change(c, address)),
		})
	}
	r.stateModule(byName(byName(r.plan.prior)["values"])["root_module"], 0, func(c rawChange) {
		if address := text(c.address); address != "" && text(c.kind) != "" {
			add(c, address)
		}
	})
	if len(r.plan.prior) > 0 && r.plan.prior[0] == '{' {
		return docs // what the state does not hold has no instance
	}
	for address, resource := range sorted(r.config.resources) {
		if resource.data {
			add(rawChange{
				mode: []byte(`"data"`), kind: appendString(nil, resource.kind), name: appendString(nil, resource.name),
				after: []byte("{}"), unknown: []byte("true"), module: appendString(nil, resource.module.path),
			}, address)
		}
	}
	return docs
}

// stateModule visits the data sources of a module of a state and of the modules in it.
func (r *planReader) stateModule(raw []byte, depth int, visit func(rawChange)) {
	if len(raw) == 0 || depth > 100 {
		return
	}
	var address []byte
	var resources, children [][]byte
	fields(raw, func(key, value []byte) {
		switch text(key) {
		case "address":
			address = value
		case "resources":
			elements(value, func(value []byte) { resources = append(resources, value) })
		case "child_modules":
			elements(value, func(value []byte) { children = append(children, value) })
		}
	})
	for _, raw := range resources {
		c := rawChange{module: address}
		fields(raw, func(key, value []byte) {
			switch text(key) {
			case "address":
				c.address = value
			case "mode":
				c.mode = value
			case "type":
				c.kind = value
			case "name":
				c.name = value
			case "index":
				c.index = value
			case "provider_name":
				c.provider = value
			case "values":
				c.after = value
			case "sensitive_values":
				c.afterSensitive = value
			}
		})
		if text(c.mode) == "data" {
			visit(c)
		}
	}
	for _, child := range children {
		r.stateModule(child, depth+1, visit)
	}
}

// withoutActions cuts the actions, which come first, out of a Change that has none to say.
func withoutActions(change []byte) []byte {
	_, rest, _ := bytes.Cut(change, []byte(`,`))
	return append([]byte{'{'}, rest...)
}

// isDataSource reports whether the document is a data source.
func isDataSource(doc *gate.Document) bool {
	return exists(doc) && bytes.Contains(doc.Change, []byte(`"mode":"data"`))
}
