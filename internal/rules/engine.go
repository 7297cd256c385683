package rules

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/version"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Engine is a set of rules in force. It is safe for use by several goroutines, and worth keeping: what it has compiled for one
// evaluation serves the next.
type Engine struct {
	options Options
	catalog []Rule
	rules   []*source            // in force, in the order of the catalogue
	known   map[string][]*source // all sources by package
	foreign foreign              // rules of other dialects
	digest  string
	apart   bool // judges each document by itself; tests hold the two ways against each other

	mu      sync.Mutex
	program *program
}

// New loads rules. A *[LoadError] lists all that is wrong with them or with their settings; no other error is returned.
func New(ctx context.Context, o Options) (*Engine, error) {
	l := &loader{plain: o.plainYAML}
	packs := l.builtin(o.Builtin)
	for _, d := range o.Dirs {
		l.dir(d)
	}
	l.metadata()
	l.unique()
	other := l.otherDialects(&o)
	l.others = other.rules()
	l.configure(&o, packs)
	o.Limits = o.Limits.withDefaults()
	e := &Engine{options: o, known: map[string][]*source{}, foreign: other}
	var own []*source
	for _, s := range l.sources {
		e.known[s.header.pkg] = append(e.known[s.header.pkg], s)
		if s.rule != nil && s.rule.Off == "" {
			e.rules = append(e.rules, s)
			if !s.builtin {
				own = append(own, s)
			}
		}
	}
	slices.SortFunc(e.rules, func(a, b *source) int { return compareRules(a.rule, b.rule) })
	if len(e.rules)+other.inForce() == 0 && len(l.problems) == 0 && !o.withoutGatekeeper && (len(o.Dirs) > 0 || len(o.Only) > 0 || o.Packs == nil && o.Builtin != nil || len(packs) > 0 && asked(o.Packs)) {
		l.problem("", 0, "no rule is in force", "Put a pack or a folder of rules in force, or write \"packs: []\" to mean none.")
	}
	e.digest = e.computeDigest()
	if len(l.problems) == 0 && !(o.Sound != nil && o.Sound(e.digest)) && len(own) > 0 {
		l.problems = e.verify(own)
	}
	if err := ctx.Err(); err != nil {
		l.problem("", 0, "loading the rules was interrupted: "+err.Error(), "Try again.")
	}
	if len(l.problems) > 0 {
		sortProblems(l.problems)
		return nil, &LoadError{Problems: l.problems}
	}
	for _, s := range l.sources {
		if s.rule != nil {
			e.catalog = append(e.catalog, s.rule.clone())
		}
	}
	for _, r := range l.others {
		e.catalog = append(e.catalog, r.clone())
	}
	slices.SortFunc(e.catalog, func(a, b Rule) int { return compareRules(&a, &b) })
	return e, nil
}

// asked reports whether a list of packs names any.
func asked(packs []string) bool {
	return slices.ContainsFunc(packs, func(p string) bool { return p != "none" })
}

// Rules is the catalogue, sorted by pack and id: every rule that was loaded, in force or not. [Rule.Off] tells.
func (e *Engine) Rules() []Rule {
	list := make([]Rule, len(e.catalog))
	for i := range e.catalog {
		list[i] = e.catalog[i].clone()
	}
	return list
}

// Digest names what judges, as "sha256:HEX": the sources in force, their settings, the scope and the engine's version. Two
// engines of one digest judge alike.
func (e *Engine) Digest() string { return e.digest }

// Check parses and compiles every rule in force, also those that are otherwise left until a document needs them, and gives
// what is wrong with them.
func (e *Engine) Check() []gate.Problem {
	_, problems := e.programFor(e.rules)
	return problems
}

// programFor gives a program that holds at least the wanted rules. What was compiled before stays in it, so that the kinds of
// documents seen in the end settle on one program.
func (e *Engine) programFor(wanted []*source) (*program, []gate.Problem) {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := wanted
	if e.program != nil {
		missing := slices.ContainsFunc(wanted, func(s *source) bool { return e.program.rules[s] == nil })
		if !missing {
			return e.program, nil
		}
		all = slices.Clone(wanted)
		for s := range e.program.rules {
			if !slices.Contains(wanted, s) {
				all = append(all, s)
			}
		}
	}
	slices.SortFunc(all, func(a, b *source) int { return compareRules(a.rule, b.rule) })
	p, problems := compileSafely(func() (*program, []gate.Problem) { return compile(all, e.known) })
	if len(problems) > 0 {
		return nil, problems
	}
	e.program = p
	return p, nil
}

func (e *Engine) computeDigest() string {
	h := newHasher()
	h.text("gatehouse rules 1", e.options.Version, version.Version, e.options.scope())
	for _, s := range e.rules {
		digestRule(h, s)
	}
	// Helpers, and rules that are off, may be referred to by those in force.
	for _, s := range e.sorted() {
		h.text("source", s.file)
		h.bytes(s.text)
	}
	e.foreign.digest(h)
	digest := h.sum()
	return "sha256:" + hex.EncodeToString(digest[:])
}

// sorted gives all sources by file.
func (e *Engine) sorted() []*source {
	var all []*source
	for _, list := range e.known {
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b *source) int { return strings.Compare(a.file, b.file) })
	return all
}

// compileSafely compiles, with a failure of the Rego engine as a problem.
func compileSafely(compile func() (*program, []gate.Problem)) (p *program, problems []gate.Problem) {
	defer func() {
		if r := recover(); r != nil {
			p, problems = nil, []gate.Problem{{
				Code: "rules", Message: clean(fmt.Sprintf("the rules do not compile: %v: %v", errPanic, r), 500), Remedy: compileRemedy,
			}}
		}
	}()
	return compile()
}

// digestRule writes what makes one rule judge as it does.
func digestRule(h hasher, s *source) {
	values := map[string]any{}
	for _, p := range s.rule.Parameters {
		values[p.Name] = p.Value
	}
	parameters, err := json.Marshal(values)
	if err != nil { // normalized values always can be written
		parameters = []byte(err.Error())
	}
	h.text("rule", s.rule.ID, s.file, s.rule.Enforcement, s.rule.Unknown)
	h.bytes(parameters)
	h.bytes(s.text)
}

func (o *Options) scope() string {
	if o.Scope == "" {
		return ScopeChanged
	}
	return o.Scope
}
