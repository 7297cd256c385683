package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Why a rule of the catalogue is not in force.
const (
	offPack    = "its pack is not on"
	offOnly    = "other rules were asked for"
	offSetting = "enforcement is off"
)

// configure applies the options to the catalogue: which rules are in force, and how.
func (l *loader) configure(o *Options, packs []string) {
	if o.Scope != "" && o.Scope != ScopeChanged && o.Scope != ScopeAll {
		l.problem("", 0, fmt.Sprintf("the scope is %q; wanted: changed or all", o.Scope), "Set policies.scope to one of them.")
	}
	on := l.packs(o, packs)
	byID := map[string][]*Rule{} // constraints of Gatekeeper may share a name
	for _, s := range l.sources {
		if s.rule == nil || s.rule.ID == "" {
			continue
		}
		byID[s.rule.ID] = append(byID[s.rule.ID], s.rule)
		if s.builtin && !on[s.origin] {
			s.rule.Off = offPack
		}
	}
	for _, r := range l.others {
		byID[r.ID] = append(byID[r.ID], r)
	}
	ids := slices.Sorted(maps.Keys(byID))
	l.only(o.Only, byID, ids)
	for _, id := range slices.Sorted(maps.Keys(o.Rules)) {
		if byID[id] == nil {
			l.problem("", 0, fmt.Sprintf("there is no rule %s%s", id, suggest(id, ids)),
				"Correct the id under policies.rules; \"gatehouse rules list\" shows all.")
		}
		for _, rule := range byID[id] {
			l.set(rule, o.Rules[id])
		}
	}
	for _, id := range ids {
		for _, rule := range byID[id] {
			l.switchOff(rule)
		}
	}
}

// packs gives the built-in packs that are on.
func (l *loader) packs(o *Options, known []string) map[string]bool {
	on := map[string]bool{}
	names := o.Packs
	if names == nil {
		names = DefaultPacks()
	}
	for _, name := range names {
		switch {
		case name == "all":
			for _, k := range known {
				on[k] = true
			}
		case name == "none":
		case slices.Contains(known, name):
			on[name] = true
		case o.Packs != nil:
			l.problem("", 0, fmt.Sprintf("there is no pack %s; known: %s", name, strings.Join(known, ", ")),
				"Correct the name under policies.packs or after --pack.")
		}
	}
	return on
}

// only leaves the named rules in force, whatever their packs: who asks for a rule by its id wants it.
func (l *loader) only(wanted []string, byID map[string][]*Rule, ids []string) {
	if len(wanted) == 0 {
		return
	}
	for _, rules := range byID {
		for _, rule := range rules {
			rule.Off = offOnly
		}
	}
	for _, id := range wanted {
		for _, rule := range byID[id] {
			rule.Off = ""
		}
		if byID[id] != nil {
			continue
		}
		l.problem("", 0, fmt.Sprintf("there is no rule %s%s", id, suggest(id, ids)), "Correct the id; \"gatehouse rules list\" shows all.")
	}
}

func (l *loader) set(rule *Rule, s Setting) {
	word := func(key, value string, allowed ...string) bool {
		if value != "" && !slices.Contains(allowed, value) {
			l.problem("", 0, fmt.Sprintf("%s of the rule %s is %q; wanted: %s", key, rule.ID, value, strings.Join(allowed, ", ")),
				"Correct it under policies.rules.")
			return false
		}
		return value != ""
	}
	if word("enforcement", s.Enforcement, gate.EnforceDeny, gate.EnforceWarn, gate.EnforceOff) {
		rule.Enforcement = s.Enforcement
	}
	if word("unknown", s.Unknown, gate.EnforceDeny, gate.EnforceWarn) {
		rule.Unknown = s.Unknown
	}
	names := make([]string, len(rule.Parameters))
	for i, p := range rule.Parameters {
		names[i] = p.Name
	}
	for _, name := range slices.Sorted(maps.Keys(s.Parameters)) {
		i := slices.Index(names, name)
		if i < 0 {
			known := suggest(name, names)
			if len(names) == 0 {
				known = "; it has none"
			}
			l.problem("", 0, fmt.Sprintf("the rule %s has no parameter %s%s", rule.ID, name, known),
				fmt.Sprintf("Correct the name under policies.rules; \"gatehouse rules show %s\" lists them.", rule.ID))
			continue
		}
		l.parameter(rule, &rule.Parameters[i], s.Parameters[name])
	}
}

func (l *loader) parameter(rule *Rule, p *Parameter, raw any) {
	value, err := normalize(raw, 0)
	if err != nil {
		l.problem("", 0, fmt.Sprintf("the parameter %s of the rule %s %s", p.Name, rule.ID, err), "Correct it under policies.rules.")
		return
	}
	if want, got := typeName(p.Default), typeName(value); p.Default != nil && want != got {
		l.problem("", 0, fmt.Sprintf("the parameter %s of the rule %s is %s; wanted: %s", p.Name, rule.ID, got, want),
			"Correct it under policies.rules.")
		return
	}
	p.Value = value
}

// switchOff says why a rule that is still on cannot be in force.
func (l *loader) switchOff(rule *Rule) {
	if rule.Off != "" {
		return
	}
	if rule.Enforcement == gate.EnforceOff {
		rule.Off = offSetting
		return
	}
	for _, p := range rule.Parameters {
		if p.Required && p.Value == nil {
			rule.Off = fmt.Sprintf("its parameter %s is not set", p.Name)
			return
		}
	}
}
