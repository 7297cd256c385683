package rules

import (
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	opametrics "github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// query asks several rules at once: one expression "result = data.PACKAGE.SET" for each set of each rule.
type query struct {
	program *program
	body    ast.Body
	asks    []ask
}

// ask is one expression of a query.
type ask struct {
	variable ast.Var
	rule     int // place in the batch
	set      string
}

// dataRef is data.PKG.NAME.
func dataRef(pkg, name string) ast.Ref {
	ref := ast.Ref{ast.DefaultRootDocument}
	for part := range strings.SplitSeq(pkg, ".") {
		ref = append(ref, ast.StringTerm(part))
	}
	return append(ref, ast.StringTerm(name))
}

func (p *program) newQuery(rules []*compiledRule) (*query, error) {
	q := &query{program: p}
	for i, r := range rules {
		for _, set := range r.sets {
			variable := ast.Var(fmt.Sprintf("result%d", len(q.asks)))
			q.asks = append(q.asks, ask{variable, i, set})
			q.body = append(q.body, ast.Equality.Expr(ast.NewTerm(variable), ast.NewTerm(dataRef(r.header.pkg, set))))
		}
	}
	for i, expr := range q.body {
		expr.Index = i
	}
	var err error
	if q.body, err = p.compiler.QueryCompiler().Compile(q.body); err != nil {
		return nil, fmt.Errorf("compiling the query for %d rules: %w", len(rules), err)
	}
	return q, nil
}

// run evaluates the query and hands every set that has members to use.
func (q *query) run(ctx context.Context, input *ast.Term, stop *stopper, limit time.Duration, use func(a ask, members ast.Value)) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	stop.start(limit)
	answered := false
	err = topdown.NewQuery(q.body).
		WithCompiler(q.program.compiler).
		WithStore(q.program.store).
		WithTransaction(q.program.txn).
		WithInput(input).
		WithCancel(stop).
		WithMetrics(opametrics.NoOp()).
		WithTime(time.Unix(0, 1)).
		WithSeed(noSeed{}).
		Iter(ctx, func(result topdown.QueryResult) error {
			answered = true
			for _, a := range q.asks {
				value := result[a.variable]
				if value == nil {
					continue
				}
				if set, ok := value.Value.(ast.Set); ok && set.Len() == 0 {
					continue
				}
				use(a, value.Value)
			}
			return nil
		})
	switch {
	case err != nil && stop.reason != nil:
		return stop.reason
	case err != nil:
		return err
	case !answered:
		return errUndefined
	}
	return nil
}

// Reasons why a query ended without an answer.
var (
	errPanic     = errors.New("the Rego engine failed")
	errUndefined = errors.New("a result is undefined: it must be a set, written \"deny contains finding if { ... }\"")
	errTime      = errors.New("it ran longer than its time limit")
	errMemory    = errors.New("it used more memory than its limit")
	errRun       = errors.New("the evaluation ended before it was done")
)

// noSeed stands for randomness, which no rule can reach.
type noSeed struct{}

func (noSeed) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// stopper ends a query that takes too long or too much. One worker uses it for one query after the other; the Rego engine asks
// it before every expression, so that no goroutine need watch.
type stopper struct {
	ctx      context.Context
	now      func() time.Time
	memory   uint64
	asked    uint
	limit    time.Duration
	began    time.Time
	deadline time.Time
	spent    func() (time.Duration, bool) // processor time of the process
	before   time.Duration                // of it when it was first looked at for this query; 0: not yet
	sample   []metrics.Sample
	reason   error
}

func newStopper(ctx context.Context, now func() time.Time, memory uint64) *stopper {
	return &stopper{ctx: ctx, now: now, memory: memory, spent: processorTime, sample: []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}}
}

func (s *stopper) start(limit time.Duration) {
	s.asked, s.reason, s.limit, s.before = 0, nil, limit, 0
	s.began = s.now()
	s.deadline = s.began.Add(limit)
}

// Cancel is what the engine's interface wants; nobody calls it.
func (s *stopper) Cancel() { s.reason = errRun }

// Cancelled reports whether the query must end. Only the goroutine that runs the query calls it.
func (s *stopper) Cancelled() bool {
	if s.reason != nil {
		return true
	}
	// Looking at the clock for every expression would cost more than the expressions.
	if s.asked++; s.asked%64 != 0 {
		return false
	}
	now := s.now()
	if s.before == 0 && now.Sub(s.began) > 20*time.Millisecond {
		s.before, _ = s.spent()
	}
	switch {
	case now.After(s.deadline) && !s.held():
		s.reason = fmt.Errorf("%w of %s", errTime, s.limit)
	case s.ctx.Err() != nil:
		s.reason = errRun
	case now.Sub(s.began) > 20*time.Millisecond && s.asked%1024 == 0 && s.heap() > s.memory:
		s.reason = errMemory
	}
	return s.reason != nil
}

// held reports whether the query cannot have had its time yet, whatever the clock says, and gives it what is missing: on a machine
// that has much else to do, the whole process has had less. So no rule is called slow because something else is.
func (s *stopper) held() bool {
	spent, ok := s.spent()
	left := s.limit - (spent - s.before)
	if !ok || left <= 0 {
		return false
	}
	s.deadline = s.now().Add(left)
	return true
}

// heap is what the process has on its heap, in bytes.
func (s *stopper) heap() uint64 {
	metrics.Read(s.sample)
	if s.sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s.sample[0].Value.Uint64()
}
