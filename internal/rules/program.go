package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// A program is a set of rules compiled together. It does not change once made, and any number of evaluations share it.
type program struct {
	rules    map[*source]*compiledRule
	compiler *ast.Compiler
	store    storage.Store
	txn      storage.Transaction // for reading, never ended: nothing writes
	uses     uses                // of all rules together

	mu      sync.Mutex
	batches map[string]*batch
}

// compiledRule is one rule of a program.
type compiledRule struct {
	*source
	number int // place among the rules of the program
	sets   []string
	uses   uses
	reads  *reads
	key    string // digest of the rule and of all that it refers to
}

// compile makes a program of the wanted rules and of everything that they refer to.
func compile(wanted []*source, known map[string][]*source) (*program, []gate.Problem) {
	compiler, sources, problems := compileModules(wanted, known)
	if len(problems) > 0 {
		return nil, problems
	}
	store, err := parameterStore(sources, nil)
	if err != nil {
		return nil, []gate.Problem{internalProblem(err)}
	}
	txn, err := store.NewTransaction(context.Background())
	if err != nil {
		return nil, []gate.Problem{internalProblem(err)}
	}
	p := &program{compiler: compiler, store: store, txn: txn, rules: map[*source]*compiledRule{}, batches: map[string]*batch{}}
	analyzer, tracer := newAnalyzer(compiler), newTracer(compiler)
	for i, s := range wanted {
		rule := &compiledRule{source: s, number: i, sets: s.parsed.sets, key: closureKey(s, known)}
		rule.uses = analyzer.rule(s.header.pkg, rule.sets)
		rule.uses.settle(s.rule)
		rule.reads = tracer.rule(s.header.pkg, rule.sets)
		p.uses.add(rule.uses)
		p.rules[s] = rule
	}
	return p, nil
}

// compileModules compiles the wanted rules and everything that they refer to, which it gives too, without the stages named.
func compileModules(wanted []*source, known map[string][]*source, without ...ast.StageID) (*ast.Compiler, []*source, []gate.Problem) {
	sources, problems := closure(wanted, known)
	if len(problems) > 0 {
		return nil, nil, problems
	}
	modules := make(map[string]*ast.Module, len(sources))
	for _, s := range sources {
		modules[s.file] = s.parsed.module // the compiler copies it
	}
	compiler := ast.NewCompiler().WithCapabilities(capabilities()).WithDefaultRegoVersion(ast.RegoV1).WithSkipStages(without...)
	compiler.Compile(modules)
	if compiler.Failed() {
		return nil, nil, compileProblems(compiler.Errors)
	}
	return compiler, sources, nil
}

// closure parses the wanted sources and, again and again, those that they refer to.
func closure(wanted []*source, known map[string][]*source) (all []*source, problems []gate.Problem) {
	seen := map[*source]bool{}
	for _, s := range wanted {
		seen[s] = true
	}
	for round := wanted; len(round) > 0; {
		parallel(len(round), func(_, i int) { round[i].parse(known) })
		all = append(all, round...)
		var next []*source
		for _, s := range round {
			problems = append(problems, s.parsed.problems...)
			for _, name := range s.parsed.needs {
				for _, other := range known[name] {
					if !seen[other] {
						seen[other] = true
						next = append(next, other)
					}
				}
			}
		}
		round = next
	}
	sortProblems(problems)
	return all, problems
}

func internalProblem(err error) gate.Problem {
	return gate.Problem{Code: "internal", Message: err.Error(), Remedy: "Report this to Gatehouse's maintainers."}
}

// parameterStore holds the parameters of every rule among the sources, each under its own root, and other data.
func parameterStore(sources []*source, other ast.Object) (storage.Store, error) {
	roots := ast.NewObject()
	if other != nil {
		other.Foreach(roots.Insert)
	}
	for _, s := range sources {
		if s.rule == nil {
			continue
		}
		values := map[string]any{}
		for _, p := range s.rule.Parameters {
			if p.Value != nil {
				values[p.Name] = p.Value
			}
		}
		value, err := ast.InterfaceToValue(values)
		if err != nil {
			return nil, fmt.Errorf("turning the parameters of %s into Rego values: %w", s.rule.ID, err)
		}
		roots.Insert(ast.StringTerm(parametersKey(s.rule.ID)), ast.NewTerm(value))
	}
	return inmem.NewFromASTObject(roots), nil
}

// A batch is what is asked of one document at once. Rules that see nothing but the document are kept apart from those that see
// its companions, because their results can be kept by the document alone.
type batch struct {
	rules []*compiledRule
	query *query
	uses  uses
	share *sharePlan // nil: their answers cannot be shared
	key   string     // digest of the rules and of all that they refer to

	// alone asks one rule each: to find out which of them fails, and for the base.
	alone []*batch
}

// batchesOf gives the batches for a set of rules.
func (p *program) batchesOf(rules []*compiledRule) ([]*batch, error) {
	var local, wide []*compiledRule
	for _, r := range rules {
		if r.uses.context() {
			wide = append(wide, r)
		} else {
			local = append(local, r)
		}
	}
	var list []*batch
	for _, part := range [][]*compiledRule{local, wide} {
		if len(part) == 0 {
			continue
		}
		b, err := p.batch(part)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, nil
}

func (p *program) batch(rules []*compiledRule) (*batch, error) {
	slices.SortFunc(rules, func(a, b *compiledRule) int { return a.number - b.number })
	var name strings.Builder
	for _, r := range rules {
		fmt.Fprintf(&name, "%d ", r.number)
	}
	p.mu.Lock()
	b := p.batches[name.String()]
	p.mu.Unlock()
	if b != nil {
		return b, nil
	}
	b = &batch{rules: rules}
	var err error
	if b.query, err = p.newQuery(rules); err != nil {
		return nil, err
	}
	h := newHasher()
	for _, r := range rules {
		h.text(r.key)
		b.uses.add(r.uses)
		one := b
		if len(rules) > 1 {
			if one, err = p.batch([]*compiledRule{r}); err != nil {
				return nil, err
			}
		}
		b.alone = append(b.alone, one)
	}
	digest := h.sum()
	b.key = string(digest[:])
	b.share = newSharePlan(rules)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.batches[name.String()] = b
	return b, nil
}
