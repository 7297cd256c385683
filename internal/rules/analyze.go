package rules

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// uses are the parts of input beyond the document itself that a rule reads. Only those are built, and only their change can
// change what the rule says of a document that did not change.
type uses struct {
	plan        map[string]bool // Terraform types
	planAll     bool
	objects     map[string]bool // Kubernetes Kinds
	objectsAll  bool
	pullRequest bool
	neighbours  bool // the shortlist of companions
	own         bool // input.plan[input.type], settled by settle
}

func (u *uses) add(v uses) {
	u.planAll = u.planAll || v.planAll
	u.objectsAll = u.objectsAll || v.objectsAll
	u.pullRequest = u.pullRequest || v.pullRequest
	u.neighbours = u.neighbours || v.neighbours
	u.own = u.own || v.own
	if u.plan == nil {
		u.plan, u.objects = map[string]bool{}, map[string]bool{}
	}
	maps.Copy(u.plan, v.plan)
	maps.Copy(u.objects, v.objects)
}

// settle replaces own by the types that the rule inspects.
func (u *uses) settle(r *Rule) {
	if !u.own {
		return
	}
	u.own = false
	for _, t := range r.Inspects[gate.KindTerraform] {
		u.planAll = u.planAll || t == "*"
		u.plan[t] = true
	}
	for kind, types := range r.Inspects {
		if kind == gate.KindTerraform {
			continue
		}
		for _, t := range types {
			u.objectsAll = u.objectsAll || t == "*" || t == "Pod"
			u.objects[t[strings.LastIndex(t, "/")+1:]] = true
		}
	}
}

// companions reports whether other documents are read.
func (u *uses) companions() bool {
	return u.planAll || u.objectsAll || u.neighbours || len(u.plan) > 0 || len(u.objects) > 0
}

// context reports whether anything but the document is read.
func (u *uses) context() bool { return u.companions() || u.pullRequest }

func everything() uses {
	return uses{planAll: true, objectsAll: true, pullRequest: true, neighbours: true}
}

// analyzer finds out what rules read by following their references through the compiled modules. It errs on the side of
// "everything": what it cannot follow counts as all.
type analyzer struct {
	compiler *ast.Compiler
	memo     map[*ast.Rule]uses
	calls    map[call]uses
}

// call is a function into which input itself was handed as an argument.
type call struct {
	rule     *ast.Rule
	argument int
}

func newAnalyzer(c *ast.Compiler) *analyzer {
	return &analyzer{compiler: c, memo: map[*ast.Rule]uses{}, calls: map[call]uses{}}
}

// rule gives what the result sets of a package read, through all that they lead to.
func (a *analyzer) rule(pkg string, sets []string) uses {
	var total uses
	for r := range ledTo(a.compiler, pkg, sets) {
		total.add(a.own(r))
	}
	return total
}

// ledTo goes through the rules that sets of a package are made of, and through all that these lead to.
func ledTo(c *ast.Compiler, pkg string, sets []string) iter.Seq[*ast.Rule] {
	return func(yield func(*ast.Rule) bool) {
		var queue []*ast.Rule
		for _, set := range sets {
			queue = append(queue, c.GetRules(dataRef(pkg, set))...)
		}
		for seen := map[*ast.Rule]bool{}; len(queue) > 0; {
			r := queue[len(queue)-1]
			queue = queue[:len(queue)-1]
			if seen[r] {
				continue
			}
			seen[r] = true
			if !yield(r) {
				return
			}
			for next := range c.Graph.Dependencies(r) {
				if rule, ok := next.(*ast.Rule); ok {
					queue = append(queue, rule)
				}
			}
		}
	}
}

// own gives what one definition reads by itself, with the functions that it hands input to.
func (a *analyzer) own(r *ast.Rule) uses {
	if u, ok := a.memo[r]; ok {
		return u
	}
	w := &walker{analyzer: a, aliases: map[ast.Var][]inputPath{}}
	w.walk(r) // and its else branches
	a.memo[r] = w.uses
	return w.uses
}

// handed gives what a function reads of the input that it got as an argument.
func (a *analyzer) handed(c call) uses {
	if u, ok := a.calls[c]; ok {
		return u
	}
	a.calls[c] = uses{} // ends recursion, which Rego forbids anyway
	argument, ok := c.rule.Head.Args[c.argument].Value.(ast.Var)
	if !ok {
		a.calls[c] = everything()
		return a.calls[c]
	}
	w := &walker{analyzer: a, aliases: map[ast.Var][]inputPath{argument: {{}}}}
	w.walk(c.rule)
	a.calls[c] = w.uses
	return w.uses
}

// inputPath is what follows input in a reference.
type inputPath []*ast.Term

// walker looks at one definition.
type walker struct {
	*analyzer
	aliases map[ast.Var][]inputPath // variables that stand for input or for a whole part of it
	uses    uses
}

func (w *walker) walk(r *ast.Rule) {
	for before := -1; before != len(w.aliases); { // an alias may have an alias
		before = len(w.aliases)
		ast.WalkExprs(r, func(e *ast.Expr) bool {
			w.alias(e)
			return false
		})
	}
	var visitor *ast.GenericVisitor
	visitor = ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Head:
			for _, t := range append(slices.Clone(x.Reference), x.Key, x.Value) {
				if t != nil { // but no arguments: they are declarations
					visitor.Walk(t)
				}
			}
			return true
		case *ast.Expr:
			terms, ok := x.Terms.([]*ast.Term)
			if !ok {
				return false
			}
			for _, with := range x.With {
				visitor.Walk(with)
			}
			if w.alias(x) {
				return true
			}
			for _, t := range w.call(terms) {
				visitor.Walk(t)
			}
			return true
		case *ast.Term:
			return w.term(x, visitor)
		}
		return false
	})
	visitor.Walk(r)
}

// alias notes "variable = input", "variable = input.plan" and the like, which the compiler makes of arguments. It reports whether
// the expression is one.
func (w *walker) alias(e *ast.Expr) bool {
	if !e.IsEquality() && !e.IsAssignment() {
		return false
	}
	for i := range 2 {
		v, ok := e.Operand(i).Value.(ast.Var)
		if !ok {
			continue
		}
		paths := w.resolve(e.Operand(1 - i))
		if len(paths) == 0 {
			continue
		}
		if slices.ContainsFunc(paths, func(p inputPath) bool { return !p.whole() }) {
			return false
		}
		for _, p := range paths {
			if !slices.ContainsFunc(w.aliases[v], func(q inputPath) bool { return slices.EqualFunc(p, q, (*ast.Term).Equal) }) {
				w.aliases[v] = append(w.aliases[v], p)
			}
		}
		return true
	}
	return false
}

// whole reports whether the path leads to a part that is followed through aliases; the rest is looked at where it stands.
func (p inputPath) whole() bool {
	if len(p) == 0 {
		return true
	}
	key, _ := p[0].Value.(ast.String)
	return len(p) == 1 && (key == "plan" || key == "objects" || key == "type")
}

// resolve gives the paths in input that a term may stand for; none: it is not of input.
func (w *walker) resolve(t *ast.Term) []inputPath {
	switch v := t.Value.(type) {
	case ast.Var:
		if t.Equal(ast.InputRootDocument) {
			return []inputPath{{}}
		}
		return w.aliases[v]
	case ast.Ref:
		var paths []inputPath
		for _, p := range w.resolve(v[0]) {
			paths = append(paths, append(slices.Clip(slices.Clone(p)), v[1:]...))
		}
		return paths
	}
	return nil
}

// term looks at one term; true: there is nothing more to see in it.
func (w *walker) term(t *ast.Term, visitor *ast.GenericVisitor) bool {
	for _, p := range w.resolve(t) {
		w.read(p)
	}
	switch v := t.Value.(type) {
	case ast.Ref:
		if _, isVar := v[0].Value.(ast.Var); !isVar {
			visitor.Walk(v[0])
		}
		for _, part := range v[1:] {
			if !w.self(part) {
				visitor.Walk(part)
			}
		}
		return true
	case ast.Call:
		for _, t := range w.call(v) {
			visitor.Walk(t)
		}
		return true
	}
	return false
}

// read notes that input is read at a path.
func (w *walker) read(p inputPath) {
	if len(p) == 0 {
		w.uses.add(everything())
		return
	}
	key, ok := p[0].Value.(ast.String)
	if !ok {
		w.uses.add(everything())
		return
	}
	second, known := ast.String(""), false
	if len(p) > 1 {
		second, known = p[1].Value.(ast.String)
	}
	self := len(p) > 1 && w.self(p[1])
	switch {
	case key == "pull_request":
		w.uses.pullRequest = true
	case key == "neighbours":
		w.uses.neighbours = true
	case key == "plan" && known:
		w.uses.add(uses{plan: map[string]bool{string(second): true}})
	case key == "objects" && known:
		w.uses.add(uses{objects: map[string]bool{string(second): true}})
	case (key == "plan" || key == "objects") && self:
		w.uses.own = true
	case key == "plan":
		w.uses.planAll = true
	case key == "objects":
		w.uses.objectsAll = true
	}
}

// self reports whether a term is input.type: then input.plan[input.type] leads to the types that the rule inspects.
func (w *walker) self(t *ast.Term) bool {
	paths := w.resolve(t)
	for _, p := range paths {
		if len(p) != 1 || !p[0].Equal(ast.InternedTerm("type")) {
			return false
		}
	}
	return len(paths) > 0
}

// call follows input into a call and gives the terms that are left to look at.
func (w *walker) call(terms []*ast.Term) (rest []*ast.Term) {
	operator, ok := terms[0].Value.(ast.Ref)
	if !ok {
		return terms
	}
	arguments := terms[1:]
	if operator.Equal(ast.ObjectGet.Ref()) && len(arguments) >= 2 && w.objectGet(arguments[0], arguments[1]) {
		return arguments[2:]
	}
	functions := w.compiler.GetRulesExact(operator)
	for i, argument := range arguments {
		if w.self(argument) {
			continue
		}
		paths := w.resolve(argument)
		if len(functions) == 0 || len(paths) != 1 || len(paths[0]) > 0 {
			rest = append(rest, argument)
			continue
		}
		for _, f := range functions {
			for ; f != nil; f = f.Else {
				if i >= len(f.Head.Args) {
					w.uses.add(everything())
					continue
				}
				w.uses.add(w.handed(call{f, i}))
			}
		}
	}
	return rest
}

// objectGet understands object.get(input, "key" or ["key", ...], ...) and object.get(input.plan, "type", ...).
func (w *walker) objectGet(object, steps *ast.Term) bool {
	var tail inputPath
	switch v := steps.Value.(type) {
	case ast.String:
		tail = inputPath{steps}
	case *ast.Array:
		v.Foreach(func(t *ast.Term) { tail = append(tail, t) })
	}
	paths := w.resolve(object)
	if len(tail) == 0 || len(paths) == 0 {
		return false
	}
	for _, p := range paths {
		w.read(append(slices.Clip(slices.Clone(p)), tail...))
	}
	return true
}
