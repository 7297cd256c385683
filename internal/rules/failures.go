package rules

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// failures collects what went wrong, from all workers.
type failures struct {
	mu      sync.Mutex
	byRule  []ruleFailure
	byDoc   []gate.Problem
	stopped bool
}

type ruleFailure struct {
	rule *compiledRule
	doc  *gate.Document
	err  error
}

func (f *failures) rule(r *compiledRule, doc *gate.Document, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byRule = append(f.byRule, ruleFailure{r, doc, err})
}

func (f *failures) document(doc *gate.Document, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byDoc = append(f.byDoc, gate.Problem{
		Code: "rules", File: doc.File, Line: doc.Line,
		Message: clean(fmt.Sprintf("%s cannot be judged: %s", doc.Resource, err), 500),
		Remedy:  "Check that the file is complete and of a supported version.",
	})
}

// unfinished notes that the run ended before all was judged.
func (f *failures) unfinished() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
}

// problems gives everything that went wrong, in a fixed order and not the same thing for every document.
func (f *failures) problems(limits *Limits) []gate.Problem {
	var list []gate.Problem
	if f.stopped {
		list = append(list, gate.Problem{
			Code: "rules", Message: fmt.Sprintf("the evaluation was stopped before its end (its limit is %s)", limits.RunTime),
			Remedy: "Try again; split the change, or find the slow rule with \"gatehouse rules test\".",
		})
	}
	type group struct {
		file, message string
		line          int
	}
	groups := map[group][]string{}
	for _, r := range f.byRule {
		file, line, text := describe(r.rule, r.err)
		g := group{file, fmt.Sprintf("the rule %s failed: %s", r.rule.rule.ID, text), line}
		groups[g] = append(groups[g], r.doc.Resource)
	}
	for g, resources := range groups {
		slices.Sort(resources)
		resources = slices.Compact(resources)
		where := clean(resources[0], 300)
		if n := len(resources) - 1; n > 0 {
			where = fmt.Sprintf("%s and %d more", where, n)
		}
		list = append(list, gate.Problem{
			Code: "rules", File: g.file, Line: g.line, Message: g.message + " (on " + where + ")",
			Remedy: "Correct the rule or set its enforcement to off.",
		})
	}
	sortProblems(f.byDoc)
	docs := slices.Compact(f.byDoc)
	if n := len(docs) - maxDocumentProblems; n > 0 {
		docs = append(slices.Clip(docs[:maxDocumentProblems]), gate.Problem{
			Code: "rules", Message: fmt.Sprintf("%d more documents cannot be judged", n), Remedy: "Mend the first ones and try again.",
		})
	}
	list = append(list, docs...)
	sortProblems(list)
	return list
}

// maxDocumentProblems is how many broken documents are named; nobody reads more.
const maxDocumentProblems = 50

// describe says what a rule failed of, and where.
func describe(r *compiledRule, err error) (file string, line int, text string) {
	var located *topdown.Error
	if !errors.As(err, &located) {
		return r.file, r.header.pkgLine, clean(err.Error(), 500)
	}
	if at := located.Location; at != nil && at.File != "" {
		return at.File, at.Row, clean(located.Message, 500)
	}
	return r.file, r.header.pkgLine, clean(located.Message, 500)
}
