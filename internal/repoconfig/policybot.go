package repoconfig

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Migrated is another tool's policy as a configuration of Gatehouse.
type Migrated struct {
	Config []byte   // a gate file
	Left   []string // what has no equivalent, and why; one sentence each
}

// policyBot is a policy.yml of palantir/policy-bot.
type policyBot struct {
	Policy struct {
		Approval    []any          `yaml:"approval"`
		Disapproval map[string]any `yaml:"disapproval"`
	} `yaml:"policy"`
	Rules    []policyRule   `yaml:"approval_rules"`
	Defaults map[string]any `yaml:"approval_defaults"`
}

type policyRule struct {
	Name        string               `yaml:"name"`
	Description string               `yaml:"description"`
	If          map[string]yaml.Node `yaml:"if"`
	Options     map[string]yaml.Node `yaml:"options"`
	Requires    policyRequires       `yaml:"requires"`
}

type policyRequires struct {
	Count         int      `yaml:"count"`
	Users         []string `yaml:"users"`
	Teams         []string `yaml:"teams"`
	Organizations []string `yaml:"organizations"`
	Permissions   []string `yaml:"permissions"`
	Admins        bool     `yaml:"admins"`
	Write         bool     `yaml:"write_collaborators"`
	Conditions    any      `yaml:"conditions"`
}

// outRule is a rule as it is written.
type outRule struct {
	Name     string         `yaml:"name"`
	When     map[string]any `yaml:"when,omitempty"`
	Unless   map[string]any `yaml:"unless,omitempty"`
	Required int            `yaml:"required"`
	From     map[string]any `yaml:"from,omitempty"`
	Count    []string       `yaml:"count,omitempty"`
}

type migration struct {
	rules    map[string]*policyRule
	out      []outRule
	left     []string
	comments []string
	request  map[string]any
	floor    bool // something applies to every change
}

// MigratePolicyBot turns a policy-bot policy into a configuration. Where there is no equivalent, it says so and leaves the stricter
// side: no approval becomes easier than it was.
func MigratePolicyBot(data []byte) (Migrated, error) {
	var in policyBot
	if err := yaml.Unmarshal(data, &in); err != nil {
		return Migrated{}, fmt.Errorf("it is not valid YAML: %w", err)
	}
	if len(in.Policy.Approval) == 0 {
		return Migrated{}, fmt.Errorf("it has no policy.approval, so it is no policy-bot policy")
	}
	m := &migration{rules: map[string]*policyRule{}}
	for i := range in.Rules {
		m.rules[in.Rules[i].Name] = &in.Rules[i]
	}
	for _, entry := range in.Policy.Approval {
		m.entry(entry)
	}
	if len(in.Policy.Disapproval) > 0 {
		m.leave("policy.disapproval: on Gatehouse changes requested by anybody with write access block, and nothing else does")
	}
	if len(in.Defaults) > 0 {
		m.leave("approval_defaults: defaults are not read; write the options into the rules before you migrate")
	}
	m.leave("invalidate_on_push: an approval is always for the change that was seen; a clean rebase keeps it")
	approvals := map[string]any{"rules": m.out}
	if m.floor {
		approvals["required"] = 0
	} else {
		approvals["required"] = 1
		m.leave("a change to which no rule applies: policy-bot never approves it; here it needs one approval of somebody with write access")
	}
	if len(m.comments) > 0 {
		approvals["comments"] = m.comments
	}
	if m.request != nil {
		approvals["request"] = m.request
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(map[string]any{"version": 1, "approvals": approvals}); err != nil {
		return Migrated{}, fmt.Errorf("write the configuration: %w", err)
	}
	if _, problems := Parse(Path, out.Bytes()); len(problems) > 0 {
		return Migrated{}, fmt.Errorf("it says something that Gatehouse refuses: %s", problems[0].String())
	}
	return Migrated{Config: out.Bytes(), Left: m.left}, nil
}

func (m *migration) leave(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(m.left, s) {
		m.left = append(m.left, s)
	}
}

// entry is one of the things that must all hold.
func (m *migration) entry(entry any) {
	switch e := entry.(type) {
	case string:
		if r := m.rule(e); r != nil {
			when, _ := m.conditions(r)
			m.add(r, when)
		}
	case map[string]any:
		if list, ok := e["and"].([]any); ok {
			for _, x := range list {
				m.entry(x)
			}
			return
		}
		if list, ok := e["or"].([]any); ok {
			m.either(list)
		}
	}
}

func (m *migration) rule(name string) *policyRule {
	r := m.rules[name]
	if r == nil {
		m.leave("rule %q: policy.approval names it, and approval_rules has none of that name", name)
		return nil
	}
	m.options(r)
	return r
}

// add writes a rule that asks for what r requires.
func (m *migration) add(r *policyRule, when map[string]any) {
	if r.Requires.Count == 0 && r.Requires.Conditions == nil {
		m.floor = m.floor || len(r.If) == 0
		return // it approves by itself
	}
	m.floor = m.floor || len(when) == 0
	m.out = append(m.out, outRule{Name: r.Name, When: when, Required: max(r.Requires.Count, 1), From: m.from(r), Count: m.counts(r)})
}

// either turns alternatives into one rule. Those without conditions become groups. One with conditions splits the rule in two: where they
// hold it is an alternative, or approves by itself; where not, the others remain.
func (m *migration) either(list []any) {
	var always []map[string]any
	var sometimes []*policyRule
	var names, counts []string
	required := 0
	for _, x := range list {
		group, r := m.group(x)
		switch {
		case r != nil && r.Requires.Conditions != nil && len(list) > 1:
			continue // m.from has said so
		case r != nil && len(r.If) > 0:
			sometimes = append(sometimes, r)
		case r != nil && r.Requires.Count == 0 && r.Requires.Conditions == nil:
			m.floor = true
			return // it always approves
		case group != nil:
			always = append(always, group)
		}
		if r != nil {
			names = append(names, r.Name)
			if len(r.If) == 0 {
				required = max(required, r.Requires.Count)
				counts = m.counts(r)
			}
		}
	}
	name := strings.Join(names, " or ")
	if len(sometimes) > 1 {
		var other []string
		for _, r := range sometimes[1:] {
			other = append(other, strconv.Quote(r.Name))
		}
		m.leave("%s: only one alternative with conditions can be kept beside others; these no longer help: %s", name, strings.Join(other, ", "))
	}
	if len(always) == 0 {
		if len(sometimes) > 0 {
			when, _ := m.conditions(sometimes[0])
			m.add(sometimes[0], when)
		}
		return
	}
	rule := outRule{Name: name, Required: max(required, 1), From: one(always), Count: counts}
	m.floor = true
	if len(sometimes) == 0 {
		m.out = append(m.out, rule)
		return
	}
	r := sometimes[0]
	when, whole := m.conditions(r)
	if len(when) == 0 || !whole { // the alternative would hold too often
		m.leave("%q: its conditions cannot all be kept, so it is no alternative any more", r.Name)
		m.out = append(m.out, rule)
		return
	}
	rule.Unless = when
	m.out = append(m.out, rule)
	if r.Requires.Count > 0 {
		with := outRule{Name: name + ", where " + r.Name + " applies", When: when, Required: max(required, 1), Count: counts}
		with.From = one(append([]map[string]any{m.grouped(r)}, always...))
		m.out = append(m.out, with)
	}
}

// one is a list of alternatives as a from.
func one(groups []map[string]any) map[string]any {
	if len(groups) == 1 {
		g := map[string]any{}
		for k, v := range groups[0] {
			if k != "required" {
				g[k] = v
			}
		}
		return g
	}
	return map[string]any{"or": groups}
}

// group is an alternative: a rule, or several that must all approve.
func (m *migration) group(x any) (map[string]any, *policyRule) {
	switch e := x.(type) {
	case string:
		if r := m.rule(e); r != nil {
			return m.grouped(r), r
		}
	case map[string]any:
		for _, word := range []string{"and", "or"} {
			list, ok := e[word].([]any)
			if !ok {
				continue
			}
			var groups []map[string]any
			for _, y := range list {
				g, r := m.group(y)
				if r != nil && len(r.If) > 0 {
					m.leave("%q: conditions within a nested %s cannot be kept; it is asked for always", r.Name, word)
				}
				if g != nil {
					groups = append(groups, g)
				}
			}
			return map[string]any{word: groups}, nil
		}
	}
	return nil, nil
}

func (m *migration) grouped(r *policyRule) map[string]any {
	from := m.from(r)
	if r.Requires.Count > 0 {
		from["required"] = r.Requires.Count
	}
	return from
}

// from is who may approve.
func (m *migration) from(r *policyRule) map[string]any {
	q, out := &r.Requires, map[string]any{}
	if len(q.Users) > 0 {
		out["users"] = q.Users
	}
	if len(q.Teams) > 0 {
		out["teams"] = q.Teams
	}
	if len(q.Organizations) > 0 {
		m.leave("%q: members of the organisation %s; name a team, or a permission", r.Name, strings.Join(q.Organizations, ", "))
	}
	permissions := slices.Clone(q.Permissions)
	if q.Admins {
		permissions = append(permissions, "admin")
	}
	if q.Write {
		permissions = append(permissions, "write")
	}
	for _, p := range []string{"read", "triage", "write", "maintain", "admin"} { // the lowest includes the others
		if slices.Contains(permissions, p) {
			out["permission"] = p
			break
		}
	}
	if q.Conditions != nil {
		m.leave("%q: requires.conditions; use required_checks or a rule's when. As an alternative it is dropped", r.Name)
	}
	if len(out) == 0 {
		out["permission"] = "write"
	}
	return out
}

func flag(nodes map[string]yaml.Node, name string) bool {
	n := nodes[name]
	return n.Value == "true"
}

// counts is whose approvals count although they would not.
func (m *migration) counts(r *policyRule) []string {
	var out []string
	if flag(r.Options, "allow_author") || flag(r.Options, "allow_contributor") {
		out = append(out, "author")
	}
	if flag(r.Options, "allow_contributor") || flag(r.Options, "allow_non_author_contributor") {
		out = append(out, "contributors", "last_pusher")
	}
	return out
}

// options takes what a rule says about comments and review requests, which Gatehouse has once for all rules.
func (m *migration) options(r *policyRule) {
	for _, name := range names(r.Options) {
		node := r.Options[name]
		switch name {
		case "allow_author", "allow_contributor", "allow_non_author_contributor", "invalidate_on_push", "ignore_edited_comments":
		case "methods":
			var methods struct {
				Comments []string `yaml:"comments"`
				Review   *bool    `yaml:"github_review"`
			}
			if node.Decode(&methods) != nil {
				m.leave("%q: options.methods cannot be read", r.Name)
				continue
			}
			for _, c := range methods.Comments {
				if !slices.Contains(m.comments, c) {
					m.comments = append(m.comments, c)
				}
			}
			if len(methods.Comments) > 0 {
				m.leave("%q: its comments approve for every rule, and only as the whole first line", r.Name)
			}
			if methods.Review != nil && !*methods.Review {
				m.leave("%q: reviews always count as approvals", r.Name)
			}
		case "request_review":
			var ask struct {
				Enabled bool   `yaml:"enabled"`
				Mode    string `yaml:"mode"`
				Count   int    `yaml:"count"`
			}
			if node.Decode(&ask) != nil || !ask.Enabled {
				continue
			}
			if ask.Mode == "teams" {
				m.request = map[string]any{"teams": true}
			} else if m.request == nil {
				m.request = map[string]any{"people": max(ask.Count, 1)}
			}
			m.leave("%q: reviews are requested for every rule alike", r.Name)
		default:
			m.leave("%q: options.%s", r.Name, name)
		}
	}
}
