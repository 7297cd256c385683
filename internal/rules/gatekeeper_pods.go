package rules

import (
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Unseen is what Gatekeeper's constraints about Pods miss among documents that are no Pods but make some.
type Unseen struct {
	Constraints, Workloads []string // ids and resources, in the order of the rules and of the documents
}

// UnseenPods tells which constraints are about Pods and which workloads they say nothing about, since no ExpansionTemplate says what those
// make. A cluster behaves so, too, but refuses the Pods afterwards; before a merge nobody does.
func (e *Engine) UnseenPods(docs []gate.Document) Unseen {
	var out Unseen
	g := e.foreign.gatekeeper
	if g == nil {
		return out
	}
	for i := range docs {
		d := &docs[i]
		if len(d.PodPath) == 0 || len(d.After) == 0 || g.makesPods(d) {
			continue
		}
		missed := false
		for _, c := range g.constraints {
			if c.rule.Off != "" || !c.match.podsAlone(d.Type) {
				continue
			}
			missed = true
			if !slices.Contains(out.Constraints, c.rule.ID) {
				out.Constraints = append(out.Constraints, c.rule.ID)
			}
		}
		if missed {
			out.Workloads = append(out.Workloads, d.Resource)
		}
	}
	return out
}

// makesPods tells whether an ExpansionTemplate makes Pods of a workload.
func (g *gatekeeper) makesPods(d *gate.Document) bool {
	children, err := g.expand(d.After)
	return err != nil || slices.ContainsFunc(children, func(m made) bool { return m.about.kind == "Pod" && m.about.group == "" })
}

// podsAlone tells whether a match names Pods and leaves out a workload of the kind. One that wants Pods as they were written means it.
func (m *match) podsAlone(kind string) bool {
	pods := false
	for _, k := range m.Kinds {
		if slices.Contains(k.Kinds, "*") || slices.Contains(k.Kinds, kind) {
			return false
		}
		pods = pods || slices.Contains(k.Kinds, "Pod")
	}
	return pods && m.source != "Original"
}
