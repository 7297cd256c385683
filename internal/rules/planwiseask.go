package rules

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
)

// planAnswer is what a rule says about a plan, change by change.
type planAnswer struct {
	set ast.Value
	err error
}

// inquiry is one definition on its way through a plan.
type inquiry struct {
	rule *conftestRule
	planwise
	query   foreignQuery
	changes []int // that it is asked about
	sorts   []sameChanges
	members []*ast.Term
	err     error
}

// sameChanges are changes that are alike in all that a guard reads of them.
type sameChanges struct{ changes []int }

// ofPlan is what a rule says about a plan. The first time all rules are asked, at once.
func (r *foreignRun) ofPlan(rule *conftestRule, store storage.Store, file *fileInput, plan *plannedChanges) planAnswer {
	if plan.answers == nil {
		plan.answers = map[*conftestRule]planAnswer{}
		if r.engine != nil {
			r.planned(slices.DeleteFunc(slices.Clone(r.engine.foreign.conftest.rules), func(c *conftestRule) bool {
				return c.planwise == nil || r.skip(c.rule)
			}), store, file, plan)
		}
	}
	if _, ok := plan.answers[rule]; !ok {
		r.planned([]*conftestRule{rule}, store, file, plan)
	}
	return plan.answers[rule]
}

// planned asks rules about a plan, each definition about the changes that it can say something about.
func (r *foreignRun) planned(rules []*conftestRule, store storage.Store, file *fileInput, plan *plannedChanges) {
	var all []*inquiry
	for _, rule := range rules {
		for _, d := range rule.planwise {
			a := &inquiry{rule: rule, planwise: d, query: foreignQuery{rule.value.compiler, d.body, rule.value.builtins}}
			if !d.whole {
				a.changes = plan.of(d.types)
			}
			all = append(all, a)
		}
	}
	plan.prepare(all)
	plan.sieve(all)
	p := &plannedRun{foreignRun: r, store: store, file: file, plan: plan, stoppers: r.stoppers()}
	p.guards(all)
	p.definitions(all)
	for _, a := range all {
		answer, begun := plan.answers[a.rule]
		if !begun {
			answer.set = ast.NewSet()
		}
		if answer.err == nil {
			answer.err = a.err
		}
		if set, ok := answer.set.(ast.Set); ok {
			for _, member := range a.members {
				set.Add(member)
			}
		}
		plan.answers[a.rule] = answer
	}
}

// plannedRun is the questions about one plan.
type plannedRun struct {
	*foreignRun
	store    storage.Store
	file     *fileInput
	plan     *plannedChanges
	stoppers []*stopper
}

// guards asks the guard of each definition about one change of each sort, and leaves those to be asked about of which it holds. A guard
// that fails says nothing: the definition is asked about all.
func (p *plannedRun) guards(all []*inquiry) {
	var guarded []*inquiry
	wanted := make([]bool, len(p.plan.texts))
	for _, a := range all {
		if a.sorts != nil {
			guarded = append(guarded, a)
			for _, s := range a.sorts {
				wanted[s.changes[0]] = true
			}
		}
	}
	if err := p.plan.read(wanted); err != nil {
		return // the definitions say so
	}
	parallel(len(guarded), func(worker, i int) {
		a := guarded[i]
		first := make([]int, len(a.sorts))
		for i, s := range a.sorts {
			first[i] = s.changes[0]
		}
		query := a.query
		query.body = a.guard.body
		held := []int{}
		ok := true
		err := p.ask(a, query, p.plan.input(first), p.stoppers[worker], func(number ast.Value) {
			n, isNumber := number.(ast.Number)
			i, isInt := n.Int()
			if ok = ok && isNumber && isInt && i >= 0 && i < len(a.sorts); ok {
				held = append(held, i)
			}
		})
		if err != nil || !ok {
			return
		}
		slices.Sort(held)
		a.changes = nil
		for _, i := range slices.Compact(held) {
			a.changes = append(a.changes, a.sorts[i].changes...)
		}
	})
}

// definitions asks each definition about the changes that are left.
func (p *plannedRun) definitions(all []*inquiry) {
	wanted := make([]bool, len(p.plan.texts))
	for _, a := range all {
		for _, i := range a.changes {
			wanted[i] = true
		}
	}
	failed := p.plan.read(wanted)
	parallel(len(all), func(worker, i int) {
		a := all[i]
		var input *ast.Term
		switch {
		case a.whole:
			input, a.err = p.file.whole()
		case failed != nil:
			a.err = failed
		case len(a.changes) == 0:
			return
		default:
			input = p.plan.input(a.changes)
		}
		if a.err == nil {
			a.err = p.ask(a, a.query, input, p.stoppers[worker], func(v ast.Value) { a.members = append(a.members, ast.NewTerm(v)) })
		}
	})
}

func (p *plannedRun) ask(a *inquiry, q foreignQuery, input *ast.Term, stop *stopper, use func(ast.Value)) error {
	defer watching(p.watcher, "", p.file.name, ruleName(a.rule.rule.ID))()
	return q.run(p.ctx, p.store, input, stop, p.limits.RuleTime, use)
}
