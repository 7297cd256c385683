package githubsim

import (
	"maps"
	"slices"
)

// SetProperty gives the repository a value of a custom property of its organisation, and sends custom_property_values.updated. One
// value is a string on GitHub, several are a list; none takes the value away. Repositories of people have no such properties.
func (r *Repo) SetProperty(name string, values ...string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	o := r.s.orgs[key(r.owner.login)]
	if o == nil {
		panic("githubsim: " + r.fullName() + " belongs to no organisation and has no custom properties")
	}
	old := r.propertiesJSON(name)
	delete(r.properties, name)
	if len(values) > 0 {
		r.properties[name] = slices.Clone(values)
	}
	extra := object{"old_property_values": old, "new_property_values": r.propertiesJSON(name)}
	r.s.emit("custom_property_values", "updated", r, o.owner(), extra)
}

// propertiesJSON is the values of some properties, in the order of their names; a property without a value has null.
func (r *Repo) propertiesJSON(names ...string) []object {
	items := []object{}
	for _, name := range names {
		var value any
		switch set := r.properties[name]; len(set) {
		case 0:
		case 1:
			value = set[0]
		default:
			value = set
		}
		items = append(items, object{"property_name": name, "value": value})
	}
	return items
}

func (c *call) listProperties() (reply, error) {
	return ok(c.repo.propertiesJSON(slices.Sorted(maps.Keys(c.repo.properties))...))
}
