package rules

import (
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// manyRules is from how many rules on they are verified in parts.
const manyRules = 100

// verify gives what is wrong with rules before any document asks for them. Few rules are compiled to the program that judges. Of many,
// most will be on types that nobody has: these are compiled only to see that they can be, on every processor, and what comes of it is
// given up again.
func (e *Engine) verify(own []*source) []gate.Problem {
	if len(own) < manyRules {
		_, problems := e.programFor(own)
		return problems
	}
	all, problems := closure(own, e.known)
	if len(problems) > 0 {
		return problems
	}
	// What is wrong with one may depend on another that it does not name only where it refers to all of data, or to a part of it that is no
	// package. One whose package is within another's names that.
	if slices.ContainsFunc(all, func(s *source) bool { return s.parsed.broad }) {
		_, problems := e.programFor(own)
		return problems
	}
	parts := maxWorkers()
	found := make([][]gate.Problem, parts)
	parallel(parts, func(_, i int) {
		part := own[i*len(own)/parts : (i+1)*len(own)/parts]
		_, found[i] = compileSafely(func() (*program, []gate.Problem) {
			_, _, problems := compileModules(part, e.known, // without what finds nothing wrong and serves only to judge
				ast.StageBuildRuleIndices, ast.StageBuildComprehensionIndices, ast.StageBuildRequiredCapabilities)
			return nil, problems
		})
	})
	for _, s := range all {
		s.once, s.parsed = sync.Once{}, nil // most are not needed again, and would fill memory that the documents want
	}
	problems = slices.Concat(found...)
	sortProblems(problems)
	return slices.Compact(problems)
}
