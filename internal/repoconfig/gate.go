package repoconfig

import "github.com/gatehouse-dev/gatehouse/internal/gate"

// Gate is who must agree, in the core's own types.
func (c Config) Gate() gate.Approvals {
	a := c.Approvals
	out := gate.Approvals{
		CountAuthor: a.CountAuthor, Count: a.Count, From: a.From.gate(), Rules: []gate.ApprovalRule{}, Comments: a.Comments,
	}
	if a.Required != nil {
		out.Required = *a.Required
	}
	for _, r := range a.Rules {
		rule := gate.ApprovalRule{Name: r.Name, When: r.When.gate(), Required: r.Required, From: r.From.gate(), Count: r.Count}
		if r.Unless != nil {
			unless := r.Unless.gate()
			rule.Unless = &unless
		}
		out.Rules = append(out.Rules, rule)
	}
	if a.Request != nil {
		request := gate.Request(*a.Request)
		out.Request = &request
	}
	for _, r := range c.RequiredChecks {
		out.Checks = append(out.Checks, gate.RequiredCheck(r))
	}
	return out
}

func (f From) gate() gate.Who {
	out := gate.Who{Permission: f.Permission, Users: f.Users, Teams: f.Teams, Codeowners: f.Codeowners, Required: f.Required}
	for _, g := range f.And {
		out.And = append(out.And, g.gate())
	}
	for _, g := range f.Or {
		out.Or = append(out.Or, g.gate())
	}
	return out
}

func (w When) gate() gate.When {
	out := gate.When{
		Paths: w.Paths, OnlyPaths: w.OnlyPaths, Kinds: w.Kinds, Resources: w.Resources, Actions: w.Actions, Environments: w.Environments,
		Labels: w.Labels, Title: w.Title, Base: w.BaseBranch, Head: w.HeadBranch, Fork: w.Fork, Draft: w.Draft,
		Author: w.Author.gate(), AnyOf: w.Contributor.gate(), AllOf: w.ContributorsOnly.gate(),
		Signed: w.Signed, Checks: w.Checks, Workflows: w.Workflows, Properties: w.Properties,
	}
	if f := w.Findings; f != nil {
		out.Findings = &gate.FindingCondition{Rules: f.Rules, Severities: f.Severities}
	}
	if s := w.Size; s != nil {
		out.Size = &gate.Size{Files: s.FilesOver, Lines: s.LinesOver, Added: s.AddedOver, Removed: s.RemovedOver}
	}
	return out
}

func (p *People) gate() *gate.Who {
	if p == nil {
		return nil
	}
	return &gate.Who{Permission: p.Permission, Users: p.Users, Teams: p.Teams}
}

// conditions are all sets of conditions in the configuration.
func (c Config) conditions() []When {
	var out []When
	for _, r := range c.Approvals.Rules {
		out = append(out, r.When)
		if r.Unless != nil {
			out = append(out, *r.Unless)
		}
	}
	return out
}

// Needs are the facts that the configuration asks for besides those that every decision needs.
type Needs struct {
	Checks, Workflows, Properties bool
	People                        bool // author and contributors are looked up, too
}

// Needs tells what must be gathered.
func (c Config) Needs() Needs {
	n := Needs{Checks: len(c.RequiredChecks) > 0}
	for _, w := range c.conditions() {
		n.Checks = n.Checks || len(w.Checks) > 0
		n.Workflows = n.Workflows || len(w.Workflows) > 0
		n.Properties = n.Properties || len(w.Properties) > 0
		n.People = n.People || w.Author != nil || w.Contributor != nil || w.ContributorsOnly != nil
	}
	return n
}

// Teams lists every team that the configuration names, for the look-up of memberships.
func (c Config) Teams() []string {
	var out []string
	add := func(w gate.Who) { out = append(out, w.Teams...) }
	approvals := c.Gate()
	approvals.From.Each(add)
	for _, r := range approvals.Rules {
		r.From.Each(add)
	}
	for _, w := range c.conditions() {
		for _, p := range []*People{w.Author, w.Contributor, w.ContributorsOnly} {
			if p != nil {
				out = append(out, p.Teams...)
			}
		}
	}
	if c.BreakGlass != nil {
		out = append(out, c.BreakGlass.Teams...)
	}
	return out
}
