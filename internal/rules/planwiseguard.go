package rules

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Large plans have many changes that are alike in all that a definition asks of them, and differ in what its message names: their
// addresses. guard is what is left of a definition without its message. It holds of every change of which the definition says
// something, and of two changes alike it holds of both or of none; so it is asked once for each sort of change, and the definition
// itself only about those that it holds of.
type guard struct {
	body  ast.Body // [resultVar] is the number of a change that it holds of
	reads *reads   // of a change
}

// guardOf takes the guard from a definition that goes through input.resource_changes by one variable; nil when it would tell all changes
// apart.
func (a *changeAnalyzer) guardOf(r *ast.Rule, w *changeWalker) *guard {
	body := withoutMessage(r.Body)
	if !w.bound(body) {
		return nil
	}
	of := a.reads(&ast.Rule{Head: &ast.Head{}, Body: body})
	if of == nil || of.whole || len(of.keys) == 0 {
		return nil
	}
	number := ast.Equality.Expr(ast.NewTerm(resultVar), ast.NewTerm(w.element))
	number.Location = r.Head.Location
	body = append(body, number)
	for i := range body {
		body[i] = body[i].Copy()
		body[i].Index = i
	}
	return &guard{body: body, reads: of}
}

// reads is what a definition reads of a change; nil: all of it.
func (a *changeAnalyzer) reads(r *ast.Rule) *reads {
	tracer := newTracer(a.compiler)
	tracer.elements = true
	all := tracer.trace(r, ast.InputRootDocument.Value.(ast.Var))
	of := all.keys["resource_changes"]
	if all.whole || of == nil || of.whole {
		return nil
	}
	return of.keys[anyElement]
}

// withoutMessage leaves conditions out that only give a value to a variable which no other condition mentions: the texts of messages, and
// what they are made of. Without them a body holds of no fewer changes. What authors print goes, too.
func withoutMessage(body ast.Body) ast.Body {
	body = slices.DeleteFunc(slices.Clone(body), func(e *ast.Expr) bool {
		return e.IsCall() && e.Operator().Equal(ast.InternalPrint.Ref()) && !e.Negated
	})
	for i := len(body) - 1; i >= 0; i-- {
		if slices.ContainsFunc(mayGive(body[i]), func(v ast.Var) bool { return !mentionedElsewhere(body, i, v) }) {
			body = slices.Delete(body, i, i+1)
			i = len(body) // what only it needed may go now
		}
	}
	return body
}

// mayGive are the variables to which a condition gives a value and does nothing else, if no other condition mentions them. Definitions
// with another input ("with") have no guard.
func mayGive(e *ast.Expr) []ast.Var {
	operands := e.Operands() // none: it is no call
	if e.Negated || len(operands) == 0 {
		return nil
	}
	if !e.IsEquality() && !e.IsAssignment() {
		operands = operands[len(operands)-1:] // the result of a function, if it is asked for
	}
	out := []ast.Var{}
	for _, operand := range operands {
		if v, ok := operand.Value.(ast.Var); ok {
			out = append(out, v)
		}
	}
	return out
}

func mentionedElsewhere(body ast.Body, at int, v ast.Var) bool {
	found := false
	for i, e := range body {
		if i == at {
			continue
		}
		ast.WalkVars(e, func(other ast.Var) bool {
			found = found || other == v
			return found
		})
	}
	return found
}
