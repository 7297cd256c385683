package rules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Input is what is judged.
type Input struct {
	Documents   []gate.Document
	Files       []File            // for rules of conftest's dialect; see [Engine.WantsFiles]
	PullRequest *gate.PullRequest // nil outside a pull request
	Watcher     Watcher           // nil: nobody is told

	// Answers are what Keep was given about documents that were the same, by their places among Documents; nil: it must be judged.
	// A document with an answer is judged by it alone and needs no values. Whoever keeps answers vouches that they are of an
	// engine of the same digest, and must ask [Engine.Alone] about the other documents.
	Answers [][]byte

	// Keep is called for each document with what the rules say about it, when that depends on nothing else and when nothing went
	// wrong; nil: nobody wants to know.
	Keep func(i int, answer []byte)
}

// answered reports whether there is an answer about a document.
func (in *Input) answered(i int) bool { return i < len(in.Answers) && in.Answers[i] != nil }

// evaluation is one run of the rules.
type evaluation struct {
	ctx     context.Context
	engine  *Engine
	limits  *Limits
	program *program

	limitsText string // part of every cache key: with other limits a rule may fail
	names      *names
	docs       []gate.Document
	watcher    Watcher
	setOf      []*documentSet
	values     []decoded
	batches    [][]*batch // by document
	workers    []worker

	pullRequest     *ast.Term
	pullRequestText []byte

	failures  failures
	once      sync.Once
	rulesByID map[string]*compiledRule // made once, for answers from earlier

	answers [][]byte      // by document, from earlier
	keeping bool          // somebody wants to know what the rules say about each document
	dead    []atomic.Bool // by rule number: it ran out of time or memory and is not asked again
	total   atomic.Int64
	results []outcome // by document
}

// worker is what one goroutine uses for one document after the other.
type worker struct {
	decoder  *decoder
	stop     *stopper
	memories map[memoryKey]*shareMemory
}

// outcome is what the rules say about one document.
type outcome struct {
	judged       bool
	answer       []byte // what is kept of it
	findings     []gate.Finding
	requirements []gate.Requirement
}

// evaluateOwn judges the documents with Gatehouse's own rules.
func (e *Engine) evaluateOwn(ctx context.Context, in Input) gate.Evaluation {
	answer := gate.Evaluation{Rules: len(e.rules), Policy: gate.Policy{Digest: e.digest}}
	wanted := e.dispatch(&in)
	if len(wanted.sources) == 0 && in.Answers == nil && in.Keep == nil {
		return answer
	}
	p, problems := e.programFor(wanted.sources)
	if len(problems) > 0 {
		answer.Problems = problems
		return answer
	}
	run, err := e.newEvaluation(ctx, p, in, wanted)
	if err != nil {
		answer.Problems = []gate.Problem{internalProblem(err)}
		return answer
	}
	run.decodeCompanions()
	parallel(len(run.docs), func(w, i int) { run.judge(&run.workers[w], i) })
	run.collect(&answer)
	if in.Keep != nil && len(answer.Problems) == 0 && run.alone() {
		for i := range run.results {
			in.Keep(i, run.results[i].answer)
		}
	}
	return answer
}

func (e *Engine) newEvaluation(ctx context.Context, p *program, in Input, d *dispatched) (*evaluation, error) {
	run := &evaluation{
		ctx: ctx, engine: e, limits: &e.options.Limits, program: p, names: newNames(), docs: in.Documents, watcher: in.Watcher,
		values: make([]decoded, len(in.Documents)), batches: make([][]*batch, len(in.Documents)),
		results: make([]outcome, len(in.Documents)), dead: make([]atomic.Bool, len(p.rules)),
	}
	run.limitsText = fmt.Sprint(*run.limits)
	run.setOf = setsOf(in.Documents)
	var err error
	if run.pullRequest, run.pullRequestText, err = pullRequestTerm(in.PullRequest); err != nil {
		return nil, err
	}
	byKey := map[documentType][]*batch{}
	for key, sources := range d.byType {
		list := make([]*compiledRule, len(sources))
		for i, s := range sources {
			list[i] = p.rules[s]
		}
		if byKey[key], err = p.batchesOf(list); err != nil {
			return nil, err
		}
	}
	for i := range in.Documents {
		if !in.answered(i) {
			run.batches[i] = byKey[typeOf(&in.Documents[i])]
		}
	}
	run.answers, run.keeping = in.Answers, in.Keep != nil
	run.workers = make([]worker, maxWorkers())
	for i := range run.workers {
		run.workers[i] = worker{newDecoder(), newStopper(ctx, time.Now, run.limits.Memory), map[memoryKey]*shareMemory{}}
	}
	return run, nil
}

// decodeCompanions decodes the documents that are others' companions, before any rule asks for them.
func (e *evaluation) decodeCompanions() {
	needed := map[*documentSet]bool{}
	for i, batches := range e.batches {
		for _, b := range batches {
			if b.uses.companions() {
				needed[e.setOf[i]] = true
			}
		}
	}
	var list []int
	for i := range e.docs {
		if needed[e.setOf[i]] && e.program.uses.reads(&e.docs[i]) {
			list = append(list, i)
		}
	}
	parallel(len(list), func(w, i int) {
		i = list[i]
		defer e.recover(&e.docs[i])
		if err := e.names.decode(e.workers[w].decoder, &e.docs[i], &e.values[i]); err != nil {
			e.values[i] = decoded{}
			e.failures.document(&e.docs[i], err)
		}
	})
}

// recover makes a failure of ours or of the Rego engine's a problem of the document at hand; the server goes on.
func (e *evaluation) recover(doc *gate.Document) {
	if r := recover(); r != nil {
		e.failures.document(doc, fmt.Errorf("%w: %v", errPanic, r))
	}
}

// judge asks all rules about one document.
func (e *evaluation) judge(w *worker, i int) {
	if i < len(e.answers) && e.answers[i] != nil {
		e.recalled(i)
		return
	}
	batches := e.batches[i]
	if len(batches) == 0 {
		return
	}
	doc := &e.docs[i]
	defer e.recover(doc)
	if e.ctx.Err() != nil {
		e.failures.unfinished()
		return
	}
	e.results[i].judged = true
	j := &judgement{evaluation: e, worker: w, index: i, doc: doc, set: e.setOf[i], unchanged: noChange(doc)}
	values := e.values[i] // companions are shared: never write to theirs
	j.values = &values
	var said []raw
	for _, b := range batches {
		if j.idle(b) {
			continue
		}
		raws := j.ask(b, head)
		if e.keeping {
			said = append(said, raws...)
		}
		j.settle(raws)
	}
	e.results[i].answer = encodeAnswer(e.keeping, said)
	if int(e.total.Add(int64(len(j.findings)))) > 2*e.limits.Total {
		return // far too many to list; collect says so
	}
	e.results[i].findings, e.results[i].requirements = j.findings, j.requirements
}

// judgement is the work on one document.
type judgement struct {
	*evaluation
	*worker
	index     int
	doc       *gate.Document
	set       *documentSet
	unchanged bool // nothing happens to the document
	values    *decoded
	recall    map[string]*compiledRule // rules by id, where the document is judged by an earlier answer

	findings     []gate.Finding
	requirements []gate.Requirement
}

// idle reports whether nobody needs what the batch says of the document: nothing that it looks at changes, and existing findings
// were not asked for.
func (j *judgement) idle(b *batch) bool {
	o := &j.engine.options
	return o.IgnoreExisting && o.scope() == ScopeChanged && j.unchanged && !j.set.companionsChanged(&b.uses)
}

// ask gives what the batch's rules say about the document on one side, from the cache when it is there.
func (j *judgement) ask(b *batch, s side) []raw {
	key, caching := j.cacheKey(b, s)
	if caching {
		if value, ok := j.engine.options.Cache.Get(key); ok {
			if raws, ok := decodeRaws(value); ok {
				return raws
			}
		}
	}
	raws, complete := []raw(nil), false
	if s == head {
		raws, complete = j.sharedQuery(b)
	}
	if !complete {
		if err := j.names.decode(j.decoder, j.doc, j.values); err != nil {
			j.failures.document(j.doc, err)
			return nil
		}
		raws, complete = j.query(b, s)
	}
	if caching && complete {
		j.engine.options.Cache.Put(key, encodeRaws(raws))
	}
	return raws
}

func (j *judgement) cacheKey(b *batch, s side) (key [32]byte, ok bool) {
	if j.engine.options.Cache == nil {
		return key, false
	}
	h := newHasher()
	h.text(b.key, j.limitsText)
	if s == base {
		h.text("base")
	}
	h.document(j.doc)
	if b.uses.companions() {
		digest := j.companionDigest(j.set, b)
		h.bytes(digest[:])
	}
	if b.uses.pullRequest {
		h.bytes(j.pullRequestText)
	}
	return h.sum(), true
}

// query runs the batch. complete is false when a rule failed: what the others said then stands, but is not kept.
func (j *judgement) query(b *batch, s side) (raws []raw, complete bool) {
	var context, neighbours *ast.Term
	if b.uses.companions() {
		context = j.view(j.set, s)
	}
	if b.uses.neighbours && j.doc.Kind == gate.KindTerraform {
		neighbours = j.neighbours(j.set, j.doc, j.values)
	}
	input := j.names.input(j.doc, j.values, s, context, neighbours, j.pullRequest, nil)
	if !slices.ContainsFunc(b.rules, func(r *compiledRule) bool { return j.dead[r.number].Load() }) {
		raws, err := j.run(b, input)
		if err == nil {
			return raws, true
		}
		if errors.Is(err, errRun) {
			j.failures.unfinished()
			return nil, false
		}
		if j.outOfTime(b, err) {
			return nil, false
		}
	}
	for i, one := range b.alone {
		rule := b.rules[i]
		if j.dead[rule.number].Load() {
			continue
		}
		found, err := j.run(one, input)
		switch {
		case errors.Is(err, errRun):
			j.failures.unfinished()
			return nil, false
		case errors.Is(err, errTime), errors.Is(err, errMemory):
			j.dead[rule.number].Store(true)
			j.failures.rule(rule, j.doc, err)
		case err != nil:
			j.failures.rule(rule, j.doc, err)
		default:
			raws = append(raws, found...)
		}
	}
	return raws, false
}

// outOfTime notes the failure of a rule that had all its time, alone: asking it again, to find out who failed, would only take as long once
// more. false: that is not what the error says.
func (j *judgement) outOfTime(b *batch, err error) bool {
	if len(b.rules) != 1 || !errors.Is(err, errTime) {
		return false
	}
	j.dead[b.rules[0].number].Store(true)
	j.failures.rule(b.rules[0], j.doc, err)
	return true
}

// run asks one query.
func (j *judgement) run(b *batch, input *ast.Term) ([]raw, error) {
	if j.watcher != nil {
		defer j.watcher.End(j.watcher.Begin(j.doc.Resource, j.doc.File, ruleNames(b.rules)))
	}
	var raws []raw
	var bad error
	err := b.query.run(j.ctx, input, j.stop, j.limits.RuleTime, func(a ask, members ast.Value) {
		if bad != nil {
			return
		}
		var found []raw
		found, bad = readSet(b.rules[a.rule].rule.ID, a.set, members, j.limits)
		raws = append(raws, found...)
	})
	if err = cmp.Or(err, bad); err != nil {
		return nil, err
	}
	return raws, nil
}
