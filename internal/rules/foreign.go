package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	opametrics "github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Severities of rules whose dialect has none.
const (
	foreignDeny = gate.SeverityHigh
	foreignWarn = gate.SeverityMedium
)

// foreign are the rules of other dialects than Gatehouse's own: conftest's judge whole files, Gatekeeper's judge Kubernetes objects
// as a cluster's admission would.
type foreign struct {
	conftest   *conftest
	gatekeeper *gatekeeper
}

// rules are all of them, as the catalogue shows them.
func (f *foreign) rules() []*Rule {
	var list []*Rule
	if f.conftest != nil {
		for _, r := range f.conftest.rules {
			list = append(list, r.rule)
		}
	}
	if f.gatekeeper != nil {
		for _, c := range f.gatekeeper.constraints {
			list = append(list, c.rule)
		}
	}
	return list
}

// inForce counts those that judge.
func (f *foreign) inForce() int {
	n := 0
	for _, r := range f.rules() {
		if r.Off == "" {
			n++
		}
	}
	return n
}

// WantsFiles reports whether rules are in force that judge whole files, and so whether [Input.Files] is looked at.
func (e *Engine) WantsFiles() bool {
	return e.foreign.conftest != nil && slices.ContainsFunc(e.foreign.conftest.rules, func(r *conftestRule) bool { return r.rule.Off == "" })
}

// otherDialects loads the rules of other dialects that the folders hold.
func (l *loader) otherDialects(o *Options) foreign {
	f := foreign{conftest: l.conftest(o)}
	if !o.withoutGatekeeper {
		f.gatekeeper = l.gatekeeper()
	}
	return f
}

// Evaluate judges the documents and files. Whatever keeps it from judging all of them with all rules is in the Problems of the
// answer, and the rest is judged all the same. Documents are not changed.
func (e *Engine) Evaluate(ctx context.Context, in Input) gate.Evaluation {
	ctx, cancel := context.WithTimeout(ctx, e.options.Limits.RunTime)
	defer cancel()
	answer := e.evaluateOwn(ctx, in)
	n := e.foreign.inForce()
	if n == 0 {
		return answer
	}
	answer.Rules += n
	run := &foreignRun{ctx: ctx, engine: e, watcher: in.Watcher, limits: &e.options.Limits, dead: map[*Rule]bool{}, failures: map[*Rule]foreignFailure{}}
	run.conftest(in.Files)
	run.gatekeeper(in.Documents)
	run.finish(&answer)
	return answer
}

// foreignRun is one evaluation by foreign rules.
type foreignRun struct {
	ctx     context.Context
	engine  *Engine
	limits  *Limits
	watcher Watcher

	mu       sync.Mutex
	findings []gate.Finding
	problems []gate.Problem
	dead     map[*Rule]bool // ran out of time or memory
	failures map[*Rule]foreignFailure
	stopped  bool
	files    int // judged
	objects  int // judged
}

// foreignFailure is what a rule failed of, and on which of the files and objects first, by name.
type foreignFailure struct {
	on  string
	err error
}

// failed notes that a rule failed on a file or an object. One that ran out of time or memory is not asked again.
func (r *foreignRun) failed(rule *Rule, on string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case errors.Is(err, errRun):
		r.stopped = true
		return
	case errors.Is(err, errTime), errors.Is(err, errMemory):
		r.dead[rule] = true
	}
	if first, ok := r.failures[rule]; !ok || on < first.on {
		r.failures[rule] = foreignFailure{on, err}
	}
}

func (r *foreignRun) skip(rule *Rule) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return rule.Off != "" || r.dead[rule]
}

// count counts what is judged: a file, or an object that Gatehouse's own rules may have counted already.
func (r *foreignRun) count(object *gate.Document) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if object == nil {
		r.files++
	} else {
		r.objects++
	}
}

func (r *foreignRun) add(findings []gate.Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.findings) > r.limits.Total {
		return // far too many to list; finish says so
	}
	r.findings = append(r.findings, findings...)
}

// finish puts everything into the answer, in an order that does not depend on how the work was shared.
func (r *foreignRun) finish(answer *gate.Evaluation) {
	if r.stopped {
		answer.Problems = append(answer.Problems, gate.Problem{
			Code: "rules", Message: fmt.Sprintf("the evaluation was stopped before its end (its limit is %s)", r.limits.RunTime),
			Remedy: "Try again; split the change, or find the slow rule.",
		})
	}
	for rule, failure := range r.failures {
		file, line, text := locate(rule, failure.err)
		r.problems = append(r.problems, gate.Problem{
			Code: "rules", File: file, Line: line,
			Message: fmt.Sprintf("the rule %s failed: %s (on %s)", rule.ID, text, clean(failure.on, 300)),
			Remedy:  "Correct the rule or set its enforcement to off.",
		})
	}
	dead := map[string]bool{}
	for rule := range r.dead {
		dead[rule.ID] = true
	}
	for _, f := range r.findings {
		// How far a rule got before its time was up is chance; its problem is in the answer.
		if !dead[f.Rule] && !(r.engine.options.IgnoreExisting && f.Status == gate.StatusExisting) {
			answer.Findings = append(answer.Findings, f)
		}
	}
	answer.Documents = max(answer.Documents, r.objects) + r.files
	slices.SortStableFunc(answer.Findings, compareFindings)
	if n := len(answer.Findings); n > r.limits.Total {
		answer.Findings = answer.Findings[:r.limits.Total]
		answer.Problems = append(answer.Problems, gate.Problem{
			Code: "limit", Message: fmt.Sprintf("the rules found more than %d things, too many to list", r.limits.Total),
			Remedy: "Split the change, or correct the rule that finds so much.",
		})
	}
	answer.Problems = append(answer.Problems, r.problems...)
	sortProblems(answer.Problems)
	answer.Problems = slices.Compact(answer.Problems)
}

// foreignQuery is "result = data.PACKAGE.RULE" or another query with one variable, ready to run.
type foreignQuery struct {
	compiler *ast.Compiler
	body     ast.Body
	builtins map[string]*topdown.Builtin // beside OPA's
}

// resultVar is the variable whose values a foreign query gives. A query may be the body of somebody's rule, who has not thought of it.
const resultVar = ast.Var("__gatehouse_result__")

func newForeignQuery(compiler *ast.Compiler, expr *ast.Expr) (*foreignQuery, error) {
	body, err := compiler.QueryCompiler().Compile(ast.NewBody(expr))
	if err != nil {
		return nil, fmt.Errorf("compiling the query: %w", err)
	}
	return &foreignQuery{compiler: compiler, body: body}, nil
}

// valueQuery asks for the value of a rule.
func valueQuery(compiler *ast.Compiler, ref ast.Ref) (*foreignQuery, error) {
	return newForeignQuery(compiler, ast.Equality.Expr(ast.NewTerm(resultVar), ast.NewTerm(ref)))
}

// run hands every answer to use: the value of the result, or nil for a query without one.
func (q *foreignQuery) run(ctx context.Context, store storage.Store, input *ast.Term, stop *stopper, limit time.Duration, use func(ast.Value)) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return fmt.Errorf("reading data: %w", err)
	}
	defer store.Abort(ctx, txn)
	stop.start(limit)
	err = topdown.NewQuery(q.body).
		WithCompiler(q.compiler).
		WithStore(store).
		WithTransaction(txn).
		WithInput(input).
		WithCancel(stop).
		WithMetrics(opametrics.NoOp()).
		WithTime(time.Unix(0, 1)).
		WithSeed(noSeed{}).
		WithBuiltins(q.builtins).
		Iter(ctx, func(result topdown.QueryResult) error {
			if value := result[resultVar]; value != nil {
				use(value.Value)
			} else {
				use(nil)
			}
			return nil
		})
	if err != nil && stop.reason != nil {
		return stop.reason
	}
	return err
}

// foreignCapabilities are those of Gatehouse's own rules, and what says something to the author, which comes to nothing here.
func foreignCapabilities() *ast.Capabilities {
	c := capabilities()
	for _, b := range ast.CapabilitiesForThisVersion().Builtins {
		switch b.Name {
		case "print", "internal.print", "trace":
			c.Builtins = append(c.Builtins, b)
		}
	}
	return c
}

// forbiddenCalls gives the builtins of a module that no rule may call. moved is added to each line.
func forbiddenCalls(file string, module *ast.Module, moved int) []gate.Problem {
	names := forbidden()
	for _, harmless := range []string{"print", "internal.print", "trace"} {
		delete(names, harmless)
	}
	var problems []gate.Problem
	ast.WalkRefs(module, func(ref ast.Ref) bool {
		if what := names[ref.String()]; what != "" {
			line := moved
			if ref[0].Location != nil {
				line += ref[0].Location.Row
			}
			problems = append(problems, gate.Problem{
				Code: "rules", File: file, Line: line,
				Message: fmt.Sprintf("%s is not available to rules: it would bring in %s", ref, what),
				Remedy:  "Decide from input and data alone.",
			})
		}
		return false
	})
	return problems
}

// message is one thing that a foreign rule says.
type message struct {
	text     string
	file     string // where it points, "" for what is judged
	line     int
	severity string
	remedy   string
}

// messageStatuses compares what a rule says about the head with what it says about the base. A message of the base accounts for one
// of the head.
func messageStatuses(head, base []message) []string {
	left := map[string]int{}
	for _, m := range base {
		left[m.text]++
	}
	statuses := make([]string, len(head))
	for i, m := range head {
		statuses[i] = gate.StatusNew
		if left[m.text] > 0 {
			left[m.text]--
			statuses[i] = gate.StatusExisting
		}
	}
	return statuses
}

// readMessage reads an object that holds its text under key.
func readMessage(object ast.Object, key string, limits *Limits) (m message, ok bool) {
	text, ok := textAt(object, key)
	if !ok {
		return m, false
	}
	m.text = clean(text, limits.Message)
	if severity, ok := textAt(object, "severity"); ok && slices.Contains(severities(), strings.ToLower(severity)) {
		m.severity = strings.ToLower(severity)
	}
	for _, name := range []string{"remedy", "remediation"} {
		if remedy, ok := textAt(object, name); ok && m.remedy == "" {
			m.remedy = clean(remedy, limits.Message)
		}
	}
	if term := object.Get(ast.StringTerm("_loc")); term != nil {
		if at, ok := term.Value.(ast.Object); ok {
			file, _ := textAt(at, "file")
			m.file = clean(file, maxPath)
			if line := at.Get(ast.StringTerm("line")); line != nil {
				if number, ok := line.Value.(ast.Number); ok {
					if n, whole := number.Int(); whole && n > 0 && n < 1<<30 {
						m.line = n
					}
				}
			}
		}
	}
	return m, true
}

func textAt(object ast.Object, key string) (string, bool) {
	term := object.Get(ast.StringTerm(key))
	if term == nil {
		return "", false
	}
	text, ok := term.Value.(ast.String)
	return string(text), ok
}

// locate says what a rule failed of, and where.
func locate(rule *Rule, err error) (file string, line int, text string) {
	var located *topdown.Error
	if !errors.As(err, &located) {
		return rule.File, rule.Line, clean(err.Error(), 500)
	}
	if at := located.Location; at != nil && at.File != "" { // for a constraint, a line of its template
		return at.File, at.Row, clean(located.Message, 500)
	}
	return rule.File, rule.Line, clean(located.Message, 500)
}

// digest writes what makes the rules judge as they do. The Rego of conftest's dialect is among the sources already.
func (f *foreign) digest(h hasher) {
	if c := f.conftest; c != nil {
		h.text("conftest", fmt.Sprint(c.combine), ast.NewTerm(c.data).String())
		for _, r := range c.rules {
			h.text(r.rule.ID, r.rule.Enforcement, r.rule.Off)
		}
	}
	if g := f.gatekeeper; g != nil {
		for _, c := range g.constraints {
			h.text("constraint", c.rule.ID, c.rule.Enforcement, c.rule.Off, c.key)
		}
	}
}
