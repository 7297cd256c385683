package rules

import (
	"errors"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// errAnswer is what a document fails of whose answer from an earlier run cannot be understood.
var errAnswer = errors.New("what is remembered about it is broken; run again with --no-cache")

// Alone reports whether what the rules in force say about each of the documents depends on that document alone, so that what they
// said about others needs not be asked again. Rules that do not compile are for [Engine.Evaluate] to report: false.
func (e *Engine) Alone(docs []gate.Document) bool {
	if e.options.scope() != ScopeAll || e.foreign.inForce() > 0 {
		return false
	}
	p, problems := e.programFor(e.dispatch(&Input{Documents: docs}).sources)
	return len(problems) == 0 && !p.uses.context()
}

// alone reports the same of the documents of an evaluation.
func (e *evaluation) alone() bool {
	return e.engine.options.scope() == ScopeAll && e.engine.foreign.inForce() == 0 && !e.program.uses.context()
}

// encodeAnswer is what is kept of a document that was judged.
func encodeAnswer(keeping bool, raws []raw) []byte {
	if !keeping {
		return nil
	}
	return encodeRaws(raws)
}

// recalled judges a document by an earlier answer.
func (e *evaluation) recalled(i int) {
	doc := &e.docs[i]
	answer := e.answers[i]
	e.results[i].answer = answer
	if len(answer) == 0 {
		return // no rule looks at it
	}
	raws, ok := decodeRaws(answer)
	if !ok {
		e.failures.document(doc, errAnswer)
		return
	}
	e.results[i].judged = true
	if len(raws) == 0 {
		return
	}
	j := &judgement{evaluation: e, index: i, doc: doc, set: e.setOf[i], unchanged: noChange(doc), recall: e.byID()}
	for _, r := range raws {
		if j.recall[r.Rule] == nil {
			e.failures.document(doc, errAnswer)
			return
		}
	}
	j.settle(raws)
	if int(e.total.Add(int64(len(j.findings)))) > 2*e.limits.Total {
		return
	}
	e.results[i].findings, e.results[i].requirements = j.findings, j.requirements
}

// byID is the rules in force, compiled or not: what they found is described by their metadata.
func (e *evaluation) byID() map[string]*compiledRule {
	e.once.Do(func() {
		e.rulesByID = make(map[string]*compiledRule, len(e.engine.rules))
		for _, s := range e.engine.rules {
			e.rulesByID[s.rule.ID] = &compiledRule{source: s}
		}
	})
	return e.rulesByID
}
