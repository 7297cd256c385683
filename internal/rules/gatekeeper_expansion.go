package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Expansion templates say which objects make others, a Deployment Pods, so that constraints about Pods judge a Deployment too.
const (
	expansionGroup = "expansion.gatekeeper.sh"
	expansionKind  = "ExpansionTemplate"
)

// expansion is an ExpansionTemplate, as https://open-policy-agent.github.io/gatekeeper/website/docs/expansion describes it.
type expansion struct {
	name, file, text     string
	line                 int
	from                 []appliesTo
	source               []string
	group, version, kind string
	enforcement          string // "": the constraint's own
}

type appliesTo struct {
	Groups   []string `json:"groups"`
	Versions []string `json:"versions"`
	Kinds    []string `json:"kinds"`
}

// applies tells whether objects of the kind make others this way.
func (e *expansion) applies(group, version, kind string) bool {
	return slices.ContainsFunc(e.from, func(a appliesTo) bool {
		return slices.Contains(a.Groups, group) && slices.Contains(a.Versions, version) && slices.Contains(a.Kinds, kind)
	})
}

// expansion reads one ExpansionTemplate.
func (l *loader) expansion(o foundObject, g *gatekeeper) {
	var read struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Spec struct {
			ApplyTo        []appliesTo `json:"applyTo"`
			TemplateSource string      `json:"templateSource"`
			GeneratedGVK   struct {
				Group   string `json:"group"`
				Version string `json:"version"`
				Kind    string `json:"kind"`
			} `json:"generatedGVK"`
			EnforcementAction string `json:"enforcementAction"`
		} `json:"spec"`
	}
	wrong := func(what string, at ...any) {
		l.problem(o.file, o.lineOf(at...), "the ExpansionTemplate "+read.Metadata.Name+" "+what, "Correct it; Gatekeeper would refuse it too.")
	}
	if err := json.Unmarshal(o.text, &read); err != nil {
		wrong("cannot be read: "+err.Error(), "spec")
		return
	}
	made := read.Spec.GeneratedGVK
	e := &expansion{
		name: read.Metadata.Name, file: o.file, text: string(o.text), line: o.line, from: read.Spec.ApplyTo, source: strings.Split(read.Spec.TemplateSource, "."),
		group: made.Group, version: made.Version, kind: made.Kind,
	}
	switch action := read.Spec.EnforcementAction; {
	case e.name == "":
		wrong("has no name", "metadata")
	case read.Spec.TemplateSource == "":
		wrong("has no templateSource", "spec")
	case e.version == "" || e.kind == "":
		wrong("does not say the version and the kind of what is made", "spec", "generatedGVK")
	case len(e.from) == 0:
		wrong("applies to nothing", "spec", "applyTo")
	case action != "" && enforcementOf(action) == "":
		wrong(fmt.Sprintf("has the enforcementAction %q; wanted: deny, warn or dryrun", action), "spec", "enforcementAction")
	default:
		for _, other := range g.expansions {
			if other.name == e.name && other.text == string(o.text) {
				return // a copy
			}
			if other.name == e.name {
				l.problem(o.file, o.lineOf("metadata", "name"), fmt.Sprintf("the ExpansionTemplate %s is already in %s:%d, and says something else", e.name, other.file, other.line),
					"Give each one a name of its own.")
				return
			}
		}
		e.enforcement = enforcementOf(action)
		g.expansions = append(g.expansions, e)
	}
}

// circles refuses templates by which an object would, in the end, make itself.
func (l *loader) circles(all []*expansion) {
	state := map[*expansion]int{} // 1: being followed, 2: done
	var follow func(e *expansion) bool
	follow = func(e *expansion) bool {
		state[e] = 1
		for _, next := range all {
			if next.applies(e.group, e.version, e.kind) && (state[next] == 1 || state[next] == 0 && follow(next)) {
				state[e] = 2
				return true
			}
		}
		state[e] = 2
		return false
	}
	for _, e := range all {
		if state[e] == 0 && follow(e) {
			l.problem(e.file, e.line, "by the ExpansionTemplate "+e.name+" a "+e.kind+" would make itself", "Correct applyTo or generatedGVK.")
		}
	}
}

// made is an object that another would make.
type made struct {
	by    *expansion
	about subject
	text  []byte
}

// maxMade bounds what one object makes; templates that lead to each other could multiply without end.
const maxMade = 100

// expand gives what an object would make, and what that would make.
func (g *gatekeeper) expand(text []byte) ([]made, error) {
	if len(g.expansions) == 0 {
		return nil, nil
	}
	about, ok := subjectOf(text)
	if !ok {
		return nil, nil
	}
	var out []made
	parents := []made{{about: about, text: text}}
	for len(parents) > 0 {
		parent := parents[0]
		parents = parents[1:]
		for _, e := range g.expansions {
			if !e.applies(parent.about.group, parent.about.version, parent.about.kind) {
				continue
			}
			child, err := e.child(parent.text)
			if err != nil {
				return nil, fmt.Errorf("what it makes by the ExpansionTemplate %s is not known: %w", e.name, err)
			}
			if out = append(out, child); len(out) > maxMade {
				return nil, fmt.Errorf("it makes more than %d objects by ExpansionTemplates", maxMade)
			}
			parents = append(parents, child)
		}
	}
	return out, nil
}

// child makes one object of another, as Gatekeeper does: its name, which the cluster would choose, is the parent's with its kind.
func (e *expansion) child(parent []byte) (made, error) {
	decoder := json.NewDecoder(bytes.NewReader(parent))
	decoder.UseNumber()
	var whole map[string]any
	if err := decoder.Decode(&whole); err != nil {
		return made{}, err
	}
	var at any = whole
	for _, step := range e.source {
		object, _ := at.(map[string]any)
		at = object[step]
	}
	object, ok := at.(map[string]any)
	if !ok {
		return made{}, fmt.Errorf("there is no %s in it", strings.Join(e.source, "."))
	}
	of, _ := whole["metadata"].(map[string]any)
	meta, _ := object["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	name, _ := of["name"].(string)
	meta["name"] = strings.ToLower(name + "-" + e.kind)
	delete(meta, "namespace")
	if namespace, ok := of["namespace"].(string); ok && namespace != "" {
		meta["namespace"] = namespace
	}
	owner := map[string]any{"apiVersion": whole["apiVersion"], "kind": whole["kind"], "name": name, "uid": ""}
	owners, _ := meta["ownerReferences"].([]any)
	if name != "" && !slices.ContainsFunc(owners, func(o any) bool { return sameOwner(o, owner) }) {
		meta["ownerReferences"] = append(owners, owner)
	}
	object["metadata"], object["kind"], object["apiVersion"] = meta, e.kind, e.version
	if e.group != "" {
		object["apiVersion"] = e.group + "/" + e.version
	}
	text, err := json.Marshal(object)
	if err != nil {
		return made{}, err
	}
	about, _ := subjectOf(text)
	about.generated = true
	return made{by: e, about: about, text: text}, nil
}

func sameOwner(a any, b map[string]any) bool {
	o, _ := a.(map[string]any)
	return o["apiVersion"] == b["apiVersion"] && o["kind"] == b["kind"] && o["name"] == b["name"]
}

// implied marks a message about what an object makes, in Gatekeeper's words.
func (e *expansion) implied(messages []message) []message {
	out := slices.Clone(messages)
	for i := range out {
		out[i].text = "[Implied by " + e.name + "] " + out[i].text
	}
	return out
}

// generated asks the constraints about what an object makes; the findings name the object.
func (r *gatekeeperRun) generated(doc *gate.Document, d *decoder, stop *stopper) ([]gate.Finding, error) {
	g, clusters := r.engine.foreign.gatekeeper, r.clusters[doc.Set]
	children, err := g.expand(doc.After)
	if err != nil || len(children) == 0 {
		return nil, err
	}
	var before []made
	if !r.strictly {
		before, _ = g.expand(doc.Before) // what could not be said about the base counts as new
	}
	var findings []gate.Finding
	for _, child := range children {
		object, err := d.decode(child.text)
		if err != nil {
			return nil, err
		}
		for _, c := range r.constraints {
			answer := c.match.matches(&child.about, clusters[0].namespaces)
			if r.skip(c.rule) || answer == no {
				continue
			}
			done := watching(r.watcher, doc.Resource, doc.File, ruleName(c.rule.ID))
			found, err := r.violations(c, &clusters[0], review(&child.about, "CREATE", object, nil, &clusters[0]), stop)
			var old []message
			if err == nil && len(found) > 0 {
				old = r.madeBefore(c, &clusters[1], &child, before, d, stop)
			}
			done()
			if err != nil {
				r.failed(c.rule, doc.Resource, err)
				continue
			}
			more := r.findings(c, doc, child.by.implied(found), child.by.implied(old), answer, child.about.namespace)
			for i := range more {
				if f := &more[i]; child.by.enforcement != "" && !f.Unknown && c.rule.Enforcement == c.asked {
					f.Enforcement, f.Severity = child.by.enforcement, severityOf(child.by.enforcement)
				}
			}
			findings = append(findings, more...)
		}
	}
	return findings, nil
}

// madeBefore is what a constraint says of what the object made before the change.
func (r *gatekeeperRun) madeBefore(c *constraint, base *cluster, child *made, before []made, d *decoder, stop *stopper) []message {
	for i := range before {
		was := &before[i]
		if was.by != child.by || c.match.matches(&was.about, base.namespaces) == no {
			continue
		}
		object, err := d.decode(was.text)
		if err != nil {
			return nil
		}
		if old, err := r.violations(c, base, review(&was.about, "CREATE", object, nil, base), stop); err == nil {
			return old
		}
	}
	return nil
}

// distinct drops what two constraints of one name both say of one object, and keeps what weighs more.
func distinct(findings []gate.Finding) []gate.Finding {
	weight := func(f *gate.Finding) int {
		n := 0
		if f.Enforcement == gate.EnforceDeny {
			n += 2
		}
		if f.Status == gate.StatusNew {
			n++
		}
		return n
	}
	var out []gate.Finding
	for _, f := range findings {
		i := slices.IndexFunc(out, func(o gate.Finding) bool { return o.Rule == f.Rule && o.Message == f.Message && o.Unknown == f.Unknown })
		switch {
		case i < 0:
			out = append(out, f)
		case weight(&f) > weight(&out[i]):
			out[i] = f
		}
	}
	return out
}
