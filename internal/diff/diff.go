// Package diff says what a change does to each resource and object, value by value: what an attribute was, and what it becomes. It is
// pure, and bounded: of a large change it keeps what matters most and counts the rest.
//
// Documents hold tokens where secrets were; here a token becomes the word (sensitive), so that a reader is not shown noise. A value that
// is known only after apply is said to be that.
package diff

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Version is the version of the format that this program writes.
const Version = 1

// What stands for values that nobody is shown.
const (
	Sensitive = "(sensitive)"
	Unknown   = "(known after apply)"
)

// Changes are what happens to the resources and objects of one pull request.
type Changes struct {
	Version int      `json:"version"`
	Changes []Change `json:"changes"`
	More    int      `json:"more,omitempty"` // resources that are not listed, because there are too many
}

// Change is what happens to one resource or object.
type Change struct {
	Kind        string      `json:"kind"`
	Type        string      `json:"type"`
	Resource    string      `json:"resource"`
	File        string      `json:"file"`
	Environment string      `json:"environment,omitempty"`
	Actions     []string    `json:"actions"`
	Attributes  []Attribute `json:"attributes"`
	More        int         `json:"more,omitempty"` // attributes that are not listed
}

// Attribute is a value that changes. Its JSON is public: it stands in the answers of "audit who".
type Attribute struct {
	Attribute string          `json:"attribute"` // spec.replicas, ingress[0].cidr_blocks, containers[web].image
	Before    json.RawMessage `json:"before"`    // null: it is not there
	After     json.RawMessage `json:"after"`     // null: it is not there any more
	Line      int             `json:"line,omitempty"`

	Sensitive bool `json:"sensitive,omitempty"`          // "(sensitive)" stands for a value
	Unknown   bool `json:"unknown,omitempty"`            // "(known after apply)" stands for the value after
	Forces    bool `json:"forces_replacement,omitempty"` // it is why the resource is replaced
	Cut       bool `json:"cut,omitempty"`                // a value is longer than what is shown; of a text, the lines from Line on
}

// Limits bound what is kept; zero fields take the values of the defaults.
type Limits struct {
	Resources  int // 500
	Attributes int // of one resource; 40
	Value      int // characters of one value; 300
	Total      int // bytes of JSON; 256 KiB
}

func (l Limits) withDefaults() Limits {
	l.Resources = cmp.Or(l.Resources, 500)
	l.Attributes = cmp.Or(l.Attributes, 40)
	l.Value = cmp.Or(l.Value, 300)
	l.Total = cmp.Or(l.Total, 256<<10)
	return l
}

// Of works out what happens to the resources of the changes, whose documents are among the given ones. They are in the order of the
// changes; when there are too many, what is lost goes before what is changed, and that before what is new.
func Of(changes []gate.Change, documents []gate.Document, limits Limits) Changes {
	limits = limits.withDefaults()
	out := Changes{Version: Version, Changes: []Change{}}
	byKey := index(documents)
	order := make([]int, len(changes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank(changes[a].Actions), rank(changes[b].Actions)) })
	done := make([]*Change, len(changes))
	room := limits.Total
	docs := make([]*gate.Document, len(changes))
	for i := range changes { // in the order of the changes, in which documents of one name follow each other
		docs[i] = byKey.next(&changes[i])
	}
	for n, i := range order {
		if n == limits.Resources {
			break
		}
		c := change(&changes[i], docs[i], limits)
		size, err := json.Marshal(c)
		if err != nil || len(size) > room {
			continue
		}
		room -= len(size)
		done[i] = &c
	}
	for _, c := range done {
		if c == nil {
			out.More++
			continue
		}
		out.Changes = append(out.Changes, *c)
	}
	return out
}

// rank orders what happens by how much it matters. A word that nobody knows must not hide at the end.
func rank(actions []string) int {
	return slices.Index([]string{"update", "create", "read", "no-op"}, gate.Action(actions))
}

type key struct{ kind, resource, file, environment string }

type documentIndex map[key][]*gate.Document

func index(documents []gate.Document) documentIndex {
	out := documentIndex{}
	for i := range documents {
		d := &documents[i]
		k := key{d.Kind, d.Resource, d.File, d.Environment}
		out[k] = append(out[k], d)
	}
	return out
}

// next is the document of a change; each is given once.
func (x documentIndex) next(c *gate.Change) *gate.Document {
	k := key{c.Kind, c.Resource, c.File, c.Environment}
	list := x[k]
	if len(list) == 0 {
		return nil
	}
	x[k] = list[1:]
	return list[0]
}

// change compares both sides of one document.
func change(c *gate.Change, d *gate.Document, limits Limits) Change {
	out := Change{
		Kind: c.Kind, Type: c.Type, Resource: c.Resource, File: c.File, Environment: c.Environment, Actions: c.Actions, Attributes: []Attribute{},
	}
	if d == nil {
		return out
	}
	before, errBefore := decode(d.Before)
	after, errAfter := decode(d.After)
	about, errAbout := decode(d.Change)
	if errors.Join(errBefore, errAfter, errAbout) != nil {
		return out // the rules have said so already
	}
	masks, _ := about.(map[string]any)
	w := &walker{limits: limits, forcing: forcing(masks["replace_paths"])}
	var unknown any
	if d.After != nil {
		unknown = masks["unknown"]
	}
	w.walk("", before, after, unknown)
	slices.SortStableFunc(w.found, func(a, b Attribute) int { return cmp.Compare(weight(&a), weight(&b)) })
	kept := min(len(w.found), limits.Attributes)
	out.Attributes = append(out.Attributes, w.found[:kept]...)
	out.More = len(w.found) - kept
	return out
}

// weight puts what forces a replacement first and what nobody knows last.
func weight(a *Attribute) int {
	switch {
	case a.Forces:
		return 0
	case a.Unknown:
		return 2
	}
	return 1
}

// decode reads a document's JSON; nothing is nil.
func decode(data []byte) (any, error) {
	if len(data) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}

// forcing are the attributes of a plan's replace_paths.
func forcing(paths any) []string {
	list, _ := paths.([]any)
	var out []string
	for _, p := range list {
		steps, _ := p.([]any)
		path := ""
		for _, step := range steps {
			switch step := step.(type) {
			case string:
				path = field(path, step)
			case json.Number:
				path += fmt.Sprintf("[%s]", step)
			}
		}
		if path != "" {
			out = append(out, path)
		}
	}
	return out
}

// Find gives the change of a resource; false: it is not listed.
func (c *Changes) Find(kind, resource, file, environment string) (Change, bool) {
	for i := range c.Changes {
		x := &c.Changes[i]
		if x.Resource == resource && (kind == "" || x.Kind == kind && x.File == file && x.Environment == environment) {
			return *x, true
		}
	}
	return Change{}, false
}

// Decode reads what Of made, as JSON.
func Decode(data []byte) (*Changes, error) {
	var c Changes
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("read what becomes of the attributes: %w", err)
	}
	if c.Version != Version {
		return nil, fmt.Errorf("what becomes of the attributes is in format %d, this program reads %d", c.Version, Version)
	}
	return &c, nil
}

// Resource gives the attributes of everything of a name, in whatever file and environment, and how many more there are; nil when nothing
// of that name is listed.
func (c *Changes) Resource(name string) (attributes []Attribute, more int) {
	for i := range c.Changes {
		if x := &c.Changes[i]; x.Resource == name {
			attributes = append(attributes, x.Attributes...)
			if more += x.More; attributes == nil {
				attributes = []Attribute{}
			}
		}
	}
	return attributes, more
}
