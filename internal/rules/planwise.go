package rules

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Most rules that teams bring for plans go through input.resource_changes, take one change at a time and look at its type first. What
// such a rule says about a plan is what it says about each change put together, and of the changes of other types it says nothing.
// planwise finds those rules, so that they need not go through all changes: for each definition of a rule by itself, since the
// definitions of one set hardly ever want the same types. It errs in one direction only: what it cannot follow is asked of the whole.

// planwise is how one definition of a set looks at a plan.
type planwise struct {
	body  ast.Body // the definition's own, and what it adds to the set as [resultVar]
	types []string // of the changes that it can say something about; nil: all
	whole bool     // it must see all of the input
	reads *reads   // what it reads of a change; nil: all of it
	guard *guard   // nil: it is asked about every change of its types
}

// planwiseOf takes a rule apart; nil when nothing is gained.
func planwiseOf(c *ast.Compiler, ref ast.Ref) []planwise {
	a := &changeAnalyzer{compiler: c, touched: map[*ast.Rule]bool{}}
	var out []planwise
	gained := false
	for _, r := range c.GetRulesExact(ref) {
		if !isSet(r) {
			return nil
		}
		d := planwise{body: slices.Clone(r.Body), whole: true}
		if looks, ok := a.definition(r); ok {
			d.whole, d.types, d.reads, d.guard, gained = false, looks.types, looks.reads, looks.guard, true
		}
		result := ast.Equality.Expr(ast.NewTerm(resultVar), r.Head.Key)
		result.Index = len(d.body)
		result.Location = r.Head.Location
		d.body = append(d.body, result)
		out = append(out, d)
	}
	if !gained {
		return nil
	}
	return out
}

// isSet reports whether a definition adds to a set under a fixed name, and does nothing else.
func isSet(r *ast.Rule) bool {
	return r.Head.RuleKind() == ast.MultiValue && r.Head.Key != nil && len(r.Head.Args) == 0 && r.Else == nil && !r.Default &&
		r.Head.Reference.IsGround()
}

// changeAnalyzer finds out which definitions look at one change at a time, in a compiled program.
type changeAnalyzer struct {
	compiler *ast.Compiler
	touched  map[*ast.Rule]bool // rules that read input, themselves or through others
	depth    int
}

// looks is how a definition looks at changes.
type looks struct {
	types []string // nil: all
	same  bool     // what it adds to its set is the change itself
	reads *reads
	guard *guard
}

// definition reports whether what r adds to its set for a list of changes is what it adds for each of them put together: its only way to
// input is one reference to an element of input.resource_changes, or of a set that is made of the changes in the same way.
func (a *changeAnalyzer) definition(r *ast.Rule) (looks, bool) {
	if !isSet(r) || a.depth > 10 {
		return looks{}, false
	}
	from, ok := a.source(r)
	if !ok {
		return looks{}, false
	}
	w := &changeWalker{source: from.ref, ok: true}
	w.visitor = ast.NewGenericVisitor(w.visit)
	for range 2 { // the second time the variable is known
		w.visitor.Walk(r)
	}
	if !w.ok || w.element == "" || !w.bound(r.Body) {
		return looks{}, false
	}
	out := w.looks(r, from)
	if a.depth == 0 && w.fromInput() {
		out.reads, out.guard = a.reads(r), a.guardOf(r, w)
	}
	return out, true
}

// changeSource is where the elements come from.
type changeSource struct {
	ref   ast.Ref // input.resource_changes, or the name of a set
	looks looks   // how the set looks at changes
}

func planChanges() ast.Ref {
	return ast.Ref{ast.InputRootDocument, ast.StringTerm("resource_changes")}
}

// source finds out through what a definition gets at input: directly, or through one set.
func (a *changeAnalyzer) source(r *ast.Rule) (changeSource, bool) {
	direct := changeSource{ref: planChanges(), looks: looks{same: true}}
	var set ast.Ref
	for next := range a.compiler.Graph.Dependencies(r) {
		rule, ok := next.(*ast.Rule)
		if !ok || !a.touches(rule) {
			continue
		}
		if path := rule.Ref().GroundPrefix(); set == nil {
			set = path
		} else if !set.Equal(path) {
			return changeSource{}, false
		}
	}
	switch {
	case set == nil:
		return direct, true
	case mentionsInput(r):
		return changeSource{}, false // two ways
	}
	out := changeSource{ref: set, looks: looks{same: true}}
	a.depth++
	defer func() { a.depth-- }()
	for i, d := range a.compiler.GetRulesExact(set) {
		l, ok := a.definition(d)
		if !ok {
			return changeSource{}, false
		}
		out.looks.same = out.looks.same && l.same
		if i == 0 {
			out.looks.types = l.types
		} else {
			out.looks.types = union(out.looks.types, l.types)
		}
	}
	return out, true
}

// union is all types of both; nil stands for all there are.
func union(a, b []string) []string {
	if a == nil || b == nil {
		return nil
	}
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// touches reports whether a rule reads input, itself or through others.
func (a *changeAnalyzer) touches(r *ast.Rule) bool {
	if known, ok := a.touched[r]; ok {
		return known
	}
	a.touched[r] = true // should a rule ever lead to itself
	touches := mentionsInput(r)
	for next := range a.compiler.Graph.Dependencies(r) {
		if rule, ok := next.(*ast.Rule); ok && !touches {
			touches = a.touches(rule)
		}
	}
	a.touched[r] = touches
	return touches
}

// mentionsInput reports whether a rule and its else branches name input, or give others another one.
func mentionsInput(r *ast.Rule) bool {
	found := false
	visitor := ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case ast.Var:
			found = found || x == ast.InputRootDocument.Value
		case *ast.With:
			found = true
		}
		return found
	})
	visitor.Walk(r)
	return found
}

// changeWalker looks for the elements of the source in one definition.
type changeWalker struct {
	source  ast.Ref
	visitor *ast.GenericVisitor
	element ast.Var // the variable in the one reference's place for the element
	ok      bool
}

func (w *changeWalker) fromInput() bool { return w.source[0].Equal(ast.InputRootDocument) }

// at gives the variable by which a reference picks an element of the source.
func (w *changeWalker) at(ref ast.Ref) (ast.Var, bool) {
	if len(ref) <= len(w.source) || !ref.HasPrefix(w.source) {
		return "", false
	}
	v, ok := ref[len(w.source)].Value.(ast.Var)
	return v, ok
}

// visit looks at one node of the syntax tree; true: there is nothing more to see in it.
func (w *changeWalker) visit(x any) bool {
	switch x := x.(type) {
	case *ast.With:
		w.ok = false
	case ast.Ref:
		if v, ok := w.at(x); ok {
			w.ok = w.ok && (w.element == "" || w.element == v)
			w.element = v
			for _, part := range x[len(w.source)+1:] {
				w.visitor.Walk(part)
			}
			return true
		}
		if mayReach(x, w.source) {
			w.ok = false // all of the source, one element by its number, or something that may be either
		}
	case ast.Var:
		// The number of a change says where it stands among the others. An element of a set is what it is.
		if x == ast.InputRootDocument.Value || x == w.element && w.fromInput() {
			w.ok = false
		}
	}
	return !w.ok
}

// mayReach reports whether a reference may lead to the source, into it or past it.
func mayReach(ref, source ast.Ref) bool {
	if _, name := ref[0].Value.(ast.Var); name && !ref[0].Equal(source[0]) {
		return false
	}
	for i := 1; i < min(len(ref), len(source)); i++ {
		if _, text := ref[i].Value.(ast.String); text && !ref[i].Equal(source[i]) {
			return false
		}
	}
	return true
}

// bound reports whether the element is picked by a condition of the body itself. Inside of a comprehension, or of "not" and "every",
// all elements would be gone through at once.
func (w *changeWalker) bound(body ast.Body) bool {
	for _, e := range body {
		switch e.Terms.(type) {
		case *ast.Term, []*ast.Term:
		default: // "every", or "not", "and", "or" with bodies of their own
			continue
		}
		if e.Negated {
			continue
		}
		found := false
		visitor := ast.NewGenericVisitor(func(x any) bool {
			switch x := x.(type) {
			case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
				return true
			case ast.Ref:
				_, ok := w.at(x)
				found = found || ok
			}
			return found
		})
		visitor.Walk(e)
		if found {
			return true
		}
	}
	return false
}

// looks reads off the conditions of the body which types of changes can fulfil them.
func (w *changeWalker) looks(r *ast.Rule, from changeSource) looks {
	elements, kinds := map[ast.Var]bool{}, map[ast.Var]bool{}
	if !w.fromInput() {
		elements[w.element] = true
	}
	isElement := func(t *ast.Term) bool {
		switch v := t.Value.(type) {
		case ast.Var:
			return elements[v]
		case ast.Ref:
			_, ok := w.at(v)
			return ok && len(v) == len(w.source)+1
		}
		return false
	}
	isKind := func(t *ast.Term) bool {
		switch v := t.Value.(type) {
		case ast.Var:
			return kinds[v]
		case ast.Ref:
			return len(v) > 1 && v[len(v)-1].Equal(ast.InternedTerm("type")) && isElement(prefix(v))
		}
		return false
	}
	for again := true; again; {
		again = false
		for left, right := range equalities(r.Body) {
			v, ok := left.Value.(ast.Var)
			if ok && !elements[v] && isElement(right) {
				elements[v], again = true, true
			}
			if ok && !kinds[v] && isKind(right) {
				kinds[v], again = true, true
			}
		}
	}
	out := looks{types: from.looks.types, same: from.looks.same && isElement(r.Head.Key)}
	if !from.looks.same {
		return out
	}
	for left, right := range equalities(r.Body) {
		if text, ok := right.Value.(ast.String); ok && isKind(left) {
			out.types = []string{string(text)}
		}
	}
	for _, e := range r.Body {
		if !e.Negated && len(e.With) == 0 && e.IsCall() && e.Operator().Equal(ast.Member.Ref()) && len(e.Operands()) == 2 && isKind(e.Operand(0)) {
			if texts := textsOf(e.Operand(1)); texts != nil {
				out.types = texts
			}
		}
	}
	return out
}

// prefix is a reference without its last part, or the variable that it begins with.
func prefix(ref ast.Ref) *ast.Term {
	if len(ref) == 2 {
		return ref[0]
	}
	return ast.NewTerm(ref[:len(ref)-1])
}

// equalities are the two sides of what a body holds equal, each pair both ways round.
func equalities(body ast.Body) func(yield func(left, right *ast.Term) bool) {
	return func(yield func(left, right *ast.Term) bool) {
		for _, e := range body {
			if e.Negated || len(e.With) > 0 || !e.IsEquality() && !e.IsAssignment() && !(e.IsCall() && e.Operator().Equal(ast.Equal.Ref())) {
				continue
			}
			if len(e.Operands()) != 2 {
				continue
			}
			if !yield(e.Operand(0), e.Operand(1)) || !yield(e.Operand(1), e.Operand(0)) {
				return
			}
		}
	}
}

// textsOf are the members of a constant set or list of texts; nil when it is something else.
func textsOf(t *ast.Term) []string {
	var members []*ast.Term
	switch v := t.Value.(type) {
	case ast.Set:
		members = v.Slice()
	case *ast.Array:
		for i := range v.Len() {
			members = append(members, v.Elem(i))
		}
	default:
		return nil
	}
	out := []string{}
	for _, m := range members {
		text, ok := m.Value.(ast.String)
		if !ok {
			return nil
		}
		out = append(out, string(text))
	}
	return out
}
