package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// settle turns what the rules said about the head into findings and requirements, by comparing it with the base where needed.
func (j *judgement) settle(raws []raw) {
	for len(raws) > 0 {
		end := 1
		for end < len(raws) && raws[end].Rule == raws[0].Rule {
			end++
		}
		j.settleRule(raws[:end])
		raws = raws[end:]
	}
}

// settleRule does it for the results of one rule.
func (j *judgement) settleRule(raws []raw) {
	rule := j.ruleOf(raws[0].Rule)
	if rule == nil {
		return
	}
	statuses := j.statuses(rule, raws)
	for i, r := range raws {
		if r.Set != setApproval {
			j.findings = append(j.findings, j.finding(rule.rule, r, statuses[i]))
			continue
		}
		// A demand for approvals is about the change: where there is none, nobody need agree. Where there is one, it does not
		// matter that the same would have been demanded before.
		if j.unchanged && statuses[i] != gate.StatusNew {
			continue
		}
		if rule.rule.Enforcement != gate.EnforceDeny {
			f := j.finding(rule.rule, r, gate.StatusNew)
			j.findings = append(j.findings, f)
			continue
		}
		j.requirements = append(j.requirements, gate.Requirement{
			Count: r.Count, Teams: r.Teams, Users: r.Users, Reason: r.Message, Rule: r.Rule, Resource: cmp.Or(r.Resource, j.doc.Resource),
		})
	}
}

func (j *judgement) ruleOf(id string) *compiledRule {
	if j.recall != nil {
		return j.recall[id]
	}
	for _, b := range j.batches[j.index] {
		for _, r := range b.rules {
			if r.rule.ID == id {
				return r
			}
		}
	}
	return nil
}

func (j *judgement) finding(rule *Rule, r raw, status string) gate.Finding {
	f := gate.Finding{
		Rule: rule.ID, Title: rule.Title, Severity: rule.Severity, Enforcement: rule.Enforcement, Status: status,
		Resource: cmp.Or(r.Resource, j.doc.Resource), Kind: j.doc.Kind, File: j.doc.File, Line: cmp.Or(r.Line, j.doc.Line),
		Path: r.Path, Message: r.Message, Remedy: rule.Remedy, Docs: rule.Docs,
	}
	switch r.Set {
	case setWarn, setApproval:
		f.Enforcement = gate.EnforceWarn
	case setUnknown:
		f.Unknown = true
		if rule.Unknown == gate.EnforceWarn { // a rule that only warns never blocks, whatever it does not know
			f.Enforcement = gate.EnforceWarn
		}
	}
	return f
}

// statuses compares what a rule says about the head with what it says about the base.
func (j *judgement) statuses(rule *compiledRule, raws []raw) []string {
	statuses := make([]string, len(raws))
	fill := func(status string) []string {
		for i := range statuses {
			statuses[i] = status
		}
		return statuses
	}
	switch {
	case j.engine.options.scope() == ScopeAll:
		return fill(gate.StatusNew)
	case j.unchanged && !j.set.companionsChanged(&rule.uses):
		return fill(gate.StatusExisting)
	case j.doc.Before == nil:
		return fill(gate.StatusNew)
	}
	one, err := j.program.batch([]*compiledRule{rule})
	if err != nil { // it compiled for the head
		j.failures.rule(rule, j.doc, err)
		return fill(gate.StatusNew)
	}
	return compare(raws, j.ask(one, base))
}

// compare gives each finding of the head its status. A finding of the base accounts for one of the head: two open ports with one
// message where there was one are one existing and one new finding.
func compare(head, base []raw) []string {
	statuses := make([]string, len(head))
	used := make([]bool, len(base))
	match := func(status string, same func(h, b *raw) bool) {
		for i := range head {
			if statuses[i] != "" {
				continue
			}
			for k := range base {
				if !used[k] && (head[i].Set == setApproval) == (base[k].Set == setApproval) &&
					head[i].Resource == base[k].Resource && same(&head[i], &base[k]) {
					statuses[i], used[k] = status, true
					break
				}
			}
		}
	}
	match(gate.StatusExisting, func(h, b *raw) bool {
		return h.Set == b.Set && h.Key == b.Key && h.Message == b.Message && h.Path == b.Path
	})
	match(gate.StatusExisting, func(h, b *raw) bool { return h.Set == b.Set && h.Key == b.Key && h.Message == b.Message })
	match(gate.StatusExisting, func(h, b *raw) bool { return h.Set == b.Set && h.Key == b.Key && h.Key != "" })
	match(gate.StatusWorse, func(h, b *raw) bool { return h.Path != "" && h.Path == b.Path })
	for i := range statuses {
		statuses[i] = cmp.Or(statuses[i], gate.StatusNew)
	}
	return statuses
}

// collect puts the results of all documents together, in an order that does not depend on how the work was shared.
func (e *evaluation) collect(answer *gate.Evaluation) {
	dead := map[string]bool{}
	for source, r := range e.program.rules {
		if e.dead[r.number].Load() {
			dead[source.rule.ID] = true
		}
	}
	for i := range e.results {
		r := &e.results[i]
		if r.judged {
			answer.Documents++
		}
		// How far a rule got before its time was up is chance; its problem is in the answer.
		for _, f := range r.findings {
			if !dead[f.Rule] && !(e.engine.options.IgnoreExisting && f.Status == gate.StatusExisting) {
				answer.Findings = append(answer.Findings, f)
			}
		}
		for _, q := range r.requirements {
			if !dead[q.Rule] {
				answer.Requirements = append(answer.Requirements, q)
			}
		}
	}
	answer.Problems = e.failures.problems(e.limits)
	slices.SortStableFunc(answer.Findings, compareFindings)
	// Two overlays that make the same of one base are one thing to mend.
	answer.Findings = slices.CompactFunc(answer.Findings, func(a, b gate.Finding) bool {
		return a == b && a.Kind == gate.KindKubernetes && a.Line > 0
	})
	slices.SortStableFunc(answer.Requirements, func(a, b gate.Requirement) int {
		return cmp.Or(strings.Compare(a.Resource, b.Resource), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Reason, b.Reason))
	})
	if n := int(e.total.Load()); n > e.limits.Total {
		if n > 2*e.limits.Total { // which ones are there is chance
			answer.Findings = nil
		}
		answer.Findings = slices.Clip(answer.Findings[:min(len(answer.Findings), e.limits.Total)])
		answer.Problems = append(answer.Problems, gate.Problem{
			Code: "limit", Message: fmt.Sprintf("the rules found %d things; at most %d can be listed", n, e.limits.Total),
			Remedy: "Split the change, or turn off the rule that finds most of them.",
		})
	}
}

func compareFindings(a, b gate.Finding) int {
	return cmp.Or(
		strings.Compare(a.Kind, b.Kind), strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
		strings.Compare(a.Resource, b.Resource), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Message, b.Message),
		strings.Compare(a.Path, b.Path))
}
