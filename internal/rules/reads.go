package rules

import (
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// reads is what a rule reads of input, as a tree of keys. A rule cannot tell two inputs apart that agree on it: on the values of
// the nodes that are whole, and on the other nodes' being there and being objects.
type reads struct {
	whole bool
	keys  map[string]*reads
}

// wants reports whether a part of the root is read; of nil everything is.
func (r *reads) wants(key string) bool { return r == nil || r.whole || r.keys[key] != nil }

// at gives the node of a path, making it when it is not there.
func (r *reads) at(path []string) *reads {
	for _, key := range path {
		if r.keys == nil {
			r.keys = map[string]*reads{}
		}
		next := r.keys[key]
		if next == nil {
			next = &reads{}
			r.keys[key] = next
		}
		r = next
	}
	return r
}

// add puts all of other below r.
func (r *reads) add(other *reads) {
	r.whole = r.whole || other.whole
	for key, child := range other.keys {
		r.at([]string{key}).add(child)
	}
}

// tracer finds out what rules read of input by following references, variables and arguments through the compiled modules. Whatever
// it cannot follow counts as read as a whole, so that it can err in one direction only.
type tracer struct {
	compiler *ast.Compiler
	own      map[*ast.Rule]*reads
	calls    map[call]*reads
	elements bool // input.resource_changes[variable] is followed, too, as one change: [anyElement]
}

// anyElement stands for the one change of a plan that a definition looks at.
const anyElement = "[_]"

func newTracer(c *ast.Compiler) *tracer {
	return &tracer{compiler: c, own: map[*ast.Rule]*reads{}, calls: map[call]*reads{}}
}

// rule gives what the result sets of a package read, through all that they lead to.
func (t *tracer) rule(pkg string, sets []string) *reads {
	total := &reads{}
	for r := range ledTo(t.compiler, pkg, sets) {
		if t.own[r] == nil {
			t.own[r] = t.trace(r, ast.InputRootDocument.Value.(ast.Var))
		}
		total.add(t.own[r])
	}
	return total
}

// handed gives what a function reads of one of its arguments.
func (t *tracer) handed(c call) *reads {
	if r := t.calls[c]; r != nil {
		return r
	}
	t.calls[c] = &reads{whole: true} // should a function ever call itself
	arguments := c.rule.Head.Args
	if c.argument >= len(arguments) {
		return t.calls[c]
	}
	root, ok := arguments[c.argument].Value.(ast.Var)
	for i, other := range arguments {
		ok = ok && (i == c.argument || !mentions(other, root))
	}
	if ok {
		t.calls[c] = t.trace(c.rule, root)
	}
	return t.calls[c]
}

func mentions(t *ast.Term, v ast.Var) bool {
	found := false
	ast.WalkVars(t, func(other ast.Var) bool {
		found = found || other == v
		return found
	})
	return found
}

// trace gives what one definition, with its else branches, reads of what the variable root stands for.
func (t *tracer) trace(r *ast.Rule, root ast.Var) *reads {
	w := &traceWalker{tracer: t, root: root, paths: map[ast.Var][]string{root: {}}, definitions: map[*ast.Expr]ast.Var{}}
	w.define(r)
	w.visitor = ast.NewGenericVisitor(w.visit)
	w.visitor.Walk(r)
	return &w.reads
}

// traceWalker looks at one definition.
type traceWalker struct {
	*tracer
	root        ast.Var
	paths       map[ast.Var][]string // variables that stand for a part of the root
	definitions map[*ast.Expr]ast.Var
	visitor     *ast.GenericVisitor
	reads       reads
}

// define finds the variables that are names for parts of the root. A variable is one when a single expression equates it with such
// a part, and no other equates it with anything: whatever else is done with it is then a use of that part.
func (w *traceWalker) define(r *ast.Rule) {
	var equalities []*ast.Expr
	equated := map[ast.Var]int{}
	ast.WalkExprs(r, func(e *ast.Expr) bool {
		if e.IsEquality() || e.IsAssignment() {
			equalities = append(equalities, e)
			for i := range 2 {
				if v, ok := e.Operand(i).Value.(ast.Var); ok {
					equated[v]++
				}
			}
		}
		return false
	})
	for again := true; again; {
		again = false
		for _, e := range equalities {
			if _, done := w.definitions[e]; done {
				continue
			}
			for i := range 2 {
				v, ok := e.Operand(i).Value.(ast.Var)
				if !ok || equated[v] != 1 || w.paths[v] != nil || e.Negated {
					continue
				}
				if path, rest := w.resolve(e.Operand(1 - i)); path != nil && len(rest) == 0 {
					w.paths[v], w.definitions[e], again = path, v, true
					break
				}
			}
		}
	}
}

// resolve gives the path in the root that a term begins with, as far as it is constant, and what follows; nil: it is not of the root.
func (w *traceWalker) resolve(t *ast.Term) (path []string, rest []*ast.Term) {
	switch v := t.Value.(type) {
	case ast.Var:
		return w.paths[v], nil
	case ast.Ref:
		head, ok := v[0].Value.(ast.Var)
		if !ok || w.paths[head] == nil {
			return nil, nil
		}
		path = slices.Clone(w.paths[head])
		for i, part := range v[1:] {
			key, ok := part.Value.(ast.String)
			if _, any := part.Value.(ast.Var); any && w.isChanges(path) {
				key, ok = anyElement, true
			}
			if !ok {
				return path, v[1+i:]
			}
			path = append(path, string(key))
		}
		return path, nil
	}
	return nil, nil
}

func (w *traceWalker) isChanges(path []string) bool {
	return w.elements && w.root == ast.InputRootDocument.Value && len(path) == 1 && path[0] == "resource_changes"
}

// visit looks at one node of the syntax tree; true: there is nothing more to see in it.
func (w *traceWalker) visit(x any) bool {
	switch x := x.(type) {
	case *ast.Head:
		for _, t := range append(slices.Clone(x.Reference), x.Key, x.Value) {
			if t != nil { // but no arguments: they are declarations
				w.visitor.Walk(t)
			}
		}
		return true
	case *ast.Expr:
		if len(x.With) > 0 { // another input for some expressions: not worth following
			w.reads.whole = true
			return true
		}
		if v, ok := w.definitions[x]; ok {
			w.reads.at(w.paths[v])
			return true
		}
		if terms, ok := x.Terms.([]*ast.Term); ok {
			w.call(terms)
			return true
		}
		return false
	case *ast.Term:
		return w.term(x)
	}
	return false
}

func (w *traceWalker) term(t *ast.Term) bool {
	switch v := t.Value.(type) {
	case ast.Var:
		if path := w.paths[v]; path != nil {
			w.reads.at(path).whole = true
		}
		return true
	case ast.Ref:
		if path, rest := w.resolve(t); path != nil {
			w.reads.at(path).whole = true
			for _, part := range rest {
				w.visitor.Walk(part)
			}
			return true
		}
		return false
	case ast.Call:
		w.call(v)
		return true
	}
	return false
}

// call looks at an operator and its arguments.
func (w *traceWalker) call(terms []*ast.Term) {
	operator, ok := terms[0].Value.(ast.Ref)
	arguments := terms[1:]
	if !ok {
		operator = nil
		w.visitor.Walk(terms[0])
	}
	if operator.Equal(ast.ObjectGet.Ref()) && len(arguments) >= 2 && w.objectGet(arguments[0], arguments[1]) {
		arguments = arguments[2:]
	}
	var functions []*ast.Rule
	if operator != nil {
		functions = w.compiler.GetRulesExact(operator)
	}
	for i, argument := range arguments {
		path, rest := w.resolve(argument)
		if path != nil && len(rest) == 0 && ofShape(operator, arguments, i) {
			w.reads.at(path)
			continue
		}
		if path == nil || len(rest) > 0 || len(functions) == 0 {
			w.visitor.Walk(argument)
			continue
		}
		node := w.reads.at(path)
		for _, f := range functions {
			for ; f != nil; f = f.Else {
				node.add(w.handed(call{f, i}))
			}
		}
	}
}

// ofShape reports whether an operator cannot tell two values of one of its arguments apart that are both objects, or both the same:
// a comparison with a constant that is no object, or a question for the type.
func ofShape(operator ast.Ref, arguments []*ast.Term, i int) bool {
	for _, builtin := range []*ast.Builtin{
		ast.IsArray, ast.IsBoolean, ast.IsNull, ast.IsNumber, ast.IsObject, ast.IsSet, ast.IsString, ast.TypeNameBuiltin,
	} {
		if operator.Equal(builtin.Ref()) {
			return i == 0
		}
	}
	if i > 1 || len(arguments) < 2 {
		return false
	}
	for _, builtin := range []*ast.Builtin{ast.Equality, ast.Equal, ast.NotEqual} {
		if operator.Equal(builtin.Ref()) {
			switch arguments[1-i].Value.(type) {
			case ast.Null, ast.Boolean, ast.Number, ast.String:
				return true
			}
		}
	}
	return false
}

// objectGet understands object.get(part, "key" or ["key", ...], ...).
func (w *traceWalker) objectGet(object, steps *ast.Term) bool {
	path, rest := w.resolve(object)
	if path == nil || len(rest) > 0 {
		return false
	}
	path = slices.Clone(path)
	before := len(path)
	switch v := steps.Value.(type) {
	case ast.String:
		path = append(path, string(v))
	case *ast.Array:
		for i := range v.Len() {
			key, ok := v.Elem(i).Value.(ast.String)
			if !ok {
				return false
			}
			path = append(path, string(key))
		}
	}
	if len(path) == before {
		return false
	}
	w.reads.at(path).whole = true
	return true
}

// sortedKeys are the keys of a node in a fixed order.
func (r *reads) sortedKeys() []string { return slices.Sorted(maps.Keys(r.keys)) }
