package pipeline

import (
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Bounds of what one decision is found by; the facts have everything.
const (
	maxFileTerms   = 5000
	maxCommitTerms = 250
	maxWaiverUses  = 1000
)

// terms is what a decision is found by besides the resources it changes: its files, people and commits, and the rules that
// found something.
func terms(f gate.Facts, d gate.Decision) []store.Term {
	var out []store.Term
	seen := map[store.Term]bool{}
	add := func(kind, term string) {
		t := store.Term{Kind: kind, Term: term}
		if term != "" && !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	add(store.TermPerson, f.PullRequest.Author)
	add(store.TermCommit, d.Head)
	for i, c := range f.Commits {
		if i < maxCommitTerms {
			add(store.TermCommit, c.SHA)
		}
		for _, by := range c.Contributors {
			add(store.TermPerson, by.Login)
		}
	}
	for _, r := range f.Reviews {
		add(store.TermPerson, r.Login)
	}
	for _, file := range f.Files[:min(len(f.Files), maxFileTerms)] {
		add(store.TermFile, file.Path)
		add(store.TermFile, file.OldPath)
	}
	fired := map[string]int{}
	var rules []string
	for i := range d.Findings {
		rule := d.Findings[i].Rule
		if _, known := fired[rule]; !known {
			rules = append(rules, rule)
			fired[rule] = 0
		}
		if s := d.Findings[i].Status; s == gate.StatusNew || s == gate.StatusWorse {
			fired[rule]++
		}
	}
	for _, rule := range rules {
		out = append(out, store.Term{Kind: store.TermRule, Term: rule, N: fired[rule]})
	}
	return out
}

// waiverUses are the findings that a waiver in force covered.
func waiverUses(d gate.Decision) []store.WaiverUse {
	var out []store.WaiverUse
	for i := range d.Findings {
		f := &d.Findings[i]
		if f.Waiver == nil || f.Status != gate.StatusWaived || len(out) == maxWaiverUses {
			continue
		}
		out = append(out, store.WaiverUse{Rule: f.Rule, Resource: f.Resource, Reason: f.Waiver.Reason, Owner: f.Waiver.Owner, Expires: f.Waiver.Expires})
	}
	return out
}
