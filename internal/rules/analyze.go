package rules

import (
	"maps"

	"github.com/open-policy-agent/opa/v1/ast"
)

// uses are the parts of input beyond the document itself that a rule reads. Only those are built, and only their change can
// change what the rule says of a document that did not change.
type uses struct {
	plan        map[string]bool // Terraform types
	planAll     bool
	objects     map[string]bool // Kubernetes Kinds
	objectsAll  bool
	pullRequest bool
}

func (u *uses) add(v uses) {
	u.planAll = u.planAll || v.planAll
	u.objectsAll = u.objectsAll || v.objectsAll
	u.pullRequest = u.pullRequest || v.pullRequest
	if u.plan == nil {
		u.plan, u.objects = map[string]bool{}, map[string]bool{}
	}
	maps.Copy(u.plan, v.plan)
	maps.Copy(u.objects, v.objects)
}

// companions reports whether other documents are read.
func (u *uses) companions() bool {
	return u.planAll || u.objectsAll || len(u.plan) > 0 || len(u.objects) > 0
}

// context reports whether anything but the document is read.
func (u *uses) context() bool { return u.companions() || u.pullRequest }

func everything() uses { return uses{planAll: true, objectsAll: true, pullRequest: true} }

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
	seen := map[*ast.Rule]bool{}
	var visit func(r *ast.Rule)
	visit = func(r *ast.Rule) {
		if seen[r] {
			return
		}
		seen[r] = true
		total.add(a.own(r))
		for next := range a.compiler.Graph.Dependencies(r) {
			if rule, ok := next.(*ast.Rule); ok {
				visit(rule)
			}
		}
	}
	for _, set := range sets {
		for _, r := range a.compiler.GetRules(dataRef(pkg, set)) {
			visit(r)
		}
	}
	return total
}

// own gives what one definition reads by itself, with the functions that it hands input to.
func (a *analyzer) own(r *ast.Rule) uses {
	if u, ok := a.memo[r]; ok {
		return u
	}
	w := &walker{analyzer: a, isInput: func(t *ast.Term) bool { return isInput(t) }}
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
	w := &walker{analyzer: a, isInput: func(t *ast.Term) bool { return t.Value.Compare(argument) == 0 }}
	w.skip = c.rule.Head.Args[c.argument]
	w.walk(c.rule)
	a.calls[c] = w.uses
	return w.uses
}

// isInput reports whether a term is input itself.
func isInput(t *ast.Term) bool {
	if ref, ok := t.Value.(ast.Ref); ok {
		return len(ref) == 1 && ref[0].Equal(ast.InputRootDocument)
	}
	return t.Equal(ast.InputRootDocument)
}

// walker looks at one definition.
type walker struct {
	*analyzer
	isInput func(*ast.Term) bool // the term is input, or the variable that stands for it
	skip    *ast.Term            // the variable's own declaration
	uses    uses
}

func (w *walker) walk(x any) {
	var visitor *ast.GenericVisitor
	visitor = ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Rule:
			return false
		case *ast.Expr:
			terms, ok := x.Terms.([]*ast.Term)
			if !ok {
				return false
			}
			rest := w.call(terms)
			for _, with := range x.With {
				visitor.Walk(with)
			}
			for _, t := range rest {
				visitor.Walk(t)
			}
			return true
		case *ast.Term:
			return w.term(x, visitor)
		}
		return false
	})
	visitor.Walk(x)
}

// term looks at one term; true: there is nothing more to see in it.
func (w *walker) term(t *ast.Term, visitor *ast.GenericVisitor) bool {
	if t == w.skip {
		return true
	}
	if w.isInput(t) {
		w.uses.add(everything())
		return true
	}
	switch v := t.Value.(type) {
	case ast.Ref:
		if w.isInput(v[0]) {
			w.path(v[1:])
		} else if _, isVar := v[0].Value.(ast.Var); !isVar {
			visitor.Walk(v[0])
		}
		for _, part := range v[1:] {
			visitor.Walk(part)
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

// path looks at what follows input in a reference.
func (w *walker) path(path []*ast.Term) {
	key, ok := path[0].Value.(ast.String)
	if !ok {
		w.uses.add(everything())
		return
	}
	second, known := "", false
	if len(path) > 1 {
		var s ast.String
		if s, known = path[1].Value.(ast.String); known {
			second = string(s)
		}
	}
	w.key(string(key), second, known)
}

// key notes input.KEY.SECOND; known is false when the second step is missing or not a plain text.
func (w *walker) key(key, second string, known bool) {
	switch key {
	case "pull_request":
		w.uses.pullRequest = true
	case "plan":
		if known {
			w.uses.add(uses{plan: map[string]bool{second: true}})
		} else {
			w.uses.planAll = true
		}
	case "objects":
		if known {
			w.uses.add(uses{objects: map[string]bool{second: true}})
		} else {
			w.uses.objectsAll = true
		}
	}
}

// call follows input into a call and gives the terms that are left to look at.
func (w *walker) call(terms []*ast.Term) (rest []*ast.Term) {
	operator, ok := terms[0].Value.(ast.Ref)
	if !ok {
		return terms
	}
	arguments := terms[1:]
	if operator.Equal(ast.ObjectGet.Ref()) && len(arguments) >= 2 {
		if w.objectGet(arguments[0], arguments[1]) {
			return arguments[2:]
		}
		return arguments
	}
	functions := w.compiler.GetRulesExact(operator)
	for i, argument := range arguments {
		if !w.isInput(argument) || len(functions) == 0 {
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
func (w *walker) objectGet(object, path *ast.Term) bool {
	var steps []*ast.Term
	switch v := path.Value.(type) {
	case ast.String:
		steps = []*ast.Term{path}
	case *ast.Array:
		v.Foreach(func(t *ast.Term) { steps = append(steps, t) })
	}
	if len(steps) == 0 {
		return false
	}
	if w.isInput(object) {
		w.path(steps)
		return true
	}
	ref, ok := object.Value.(ast.Ref)
	if !ok || len(ref) != 2 || !w.isInput(ref[0]) {
		return false
	}
	w.path(append([]*ast.Term{ref[1]}, steps...))
	return true
}
