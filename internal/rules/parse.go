package rules

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// parsedSource is a source with its Rego read.
type parsedSource struct {
	module   *ast.Module // nil when there are problems
	needs    []string    // packages of other sources that it refers to
	broad    bool        // it refers to a part of data that is no package: to whatever is below it, or to nothing
	sets     []string    // which of resultSets it defines
	problems []gate.Problem
}

// parametersKey is what data.parameters becomes in the module of a rule: one root a rule, so that one compiler serves all of
// them. The blank keeps it apart from every package name.
func parametersKey(id string) string { return "parameters " + id }

// parse reads the source's Rego once. known tells the packages of all sources.
func (s *source) parse(known map[string][]*source) *parsedSource {
	s.once.Do(func() {
		s.parsed = parseModule(s.file, s.text, s.rule, known)
		if s.rule != nil && s.parsed.module != nil && len(s.parsed.sets) == 0 {
			s.parsed.problems = append(s.parsed.problems, gate.Problem{
				Code: "rules", File: s.file, Line: s.header.pkgLine,
				Message: fmt.Sprintf("the rule %s defines none of %s", s.rule.ID, strings.Join(resultSets(), ", ")),
				Remedy:  "Begin a rule with \"deny contains finding if {\".",
			})
		}
	})
	return s.parsed
}

// parseModule parses one file, turns data.parameters into the parameters of the rule and finds what it must not do. Without a
// rule the file is a helper, which has no parameters.
func parseModule(file string, text []byte, rule *Rule, known map[string][]*source) (p *parsedSource) {
	p = &parsedSource{}
	defer func() {
		if r := recover(); r != nil { // of the parser, in a goroutine of ours
			p = &parsedSource{problems: []gate.Problem{{
				Code: "rules", File: file, Line: 1, Message: clean(fmt.Sprintf("the file cannot be read: %v: %v", errPanic, r), 500), Remedy: compileRemedy,
			}}}
		}
	}()
	module, err := ast.ParseModuleWithOpts(file, string(text), ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: parsing()})
	if err != nil {
		p.problems = compileProblems(err)
		return p
	}
	if module == nil {
		p.problems = []gate.Problem{{Code: "rules", File: file, Line: 1, Message: "the file holds no Rego", Remedy: "Delete it or write a rule."}}
		return p
	}
	p.module = module
	v := &moduleVisitor{file: file, rule: rule, forbidden: forbidden(), known: known, needs: map[string]bool{}, own: packageName(module)}
	for _, imported := range module.Imports {
		if ref, ok := imported.Path.Value.(ast.Ref); ok && refersToParameters(ref) && len(ref) == 2 && imported.Alias == "" {
			imported.Alias = "parameters"
		}
	}
	ast.WalkRefs(module, v.ref)
	p.problems, p.broad = v.problems, v.broad
	for name := range v.needs {
		p.needs = append(p.needs, name)
	}
	slices.Sort(p.needs)
	p.sets = definedSets(module)
	if rule != nil {
		p.problems = append(p.problems, notSets(file, module)...)
	}
	return p
}

// notSets names the definitions of result sets that can only ever be something else: "deny if { ... }" is true or not, "deny := "x"" a text,
// and "deny[msg] if { ... }" an object. Each would fail on whatever it finds, of everybody.
func notSets(file string, module *ast.Module) []gate.Problem {
	var problems []gate.Problem
	for _, r := range module.Rules {
		ref := r.Head.Ref()
		name, ok := ref[0].Value.(ast.Var)
		if !ok || !slices.Contains(resultSets(), string(name)) || len(r.Head.Args) > 0 {
			continue
		}
		is := "an object"
		if len(ref) == 1 {
			if r.Head.Value == nil {
				continue // contains
			}
			switch r.Head.Value.Value.(type) {
			case ast.Null, ast.Boolean, ast.Number, ast.String, *ast.Array, ast.Object:
				is = article(r.Head.Value.Value)
			default:
				continue // it may be a set
			}
		}
		problems = append(problems, gate.Problem{
			Code: "rules", File: file, Line: r.Head.Location.Row, Message: fmt.Sprintf("%s is %s here; wanted: a set of findings", name, is),
			Remedy: fmt.Sprintf("Write \"%s contains finding if { ... }\".", name),
		})
	}
	return problems
}

// packageName is the dotted name of the module's package.
func packageName(m *ast.Module) string { return refName(m.Package.Path) }

// refName is data.a.b as "a.b", as far as its parts are plain strings.
func refName(ref ast.Ref) string {
	var parts []string
	for _, term := range ref[1:] {
		part, ok := term.Value.(ast.String)
		if !ok {
			break
		}
		parts = append(parts, string(part))
	}
	return strings.Join(parts, ".")
}

func definedSets(m *ast.Module) []string {
	var sets []string
	for _, name := range resultSets() {
		if slices.ContainsFunc(m.Rules, func(r *ast.Rule) bool {
			head, ok := r.Head.Reference[0].Value.(ast.Var)
			return ok && string(head) == name
		}) {
			sets = append(sets, name)
		}
	}
	return sets
}

type moduleVisitor struct {
	file      string
	rule      *Rule // nil: a helper
	own       string
	forbidden map[string]string
	known     map[string][]*source
	needs     map[string]bool
	broad     bool
	problems  []gate.Problem
}

func refersToParameters(ref ast.Ref) bool {
	if len(ref) < 2 || !ref[0].Equal(ast.DefaultRootDocument) {
		return false
	}
	second, ok := ref[1].Value.(ast.String)
	return ok && second == "parameters"
}

// ref looks at one reference; it always descends.
func (v *moduleVisitor) ref(ref ast.Ref) bool {
	if ref[0].Equal(ast.InputRootDocument) {
		return false
	}
	if !ref[0].Equal(ast.DefaultRootDocument) {
		if what := v.forbidden[ref.String()]; what != "" {
			v.problem(ref, fmt.Sprintf("%s is not available to rules: it would bring in %s", ref, what),
				"Decide from input and data.parameters alone.")
		}
		return false
	}
	if refersToParameters(ref) {
		v.parameters(ref)
		return false
	}
	name, found := "", false
	for _, term := range ref[1:] {
		part, ok := term.Value.(ast.String)
		if !ok {
			break
		}
		name = strings.TrimPrefix(name+"."+string(part), ".")
		found = found || v.known[name] != nil
		if v.known[name] != nil && name != v.own {
			v.needs[name] = true
		}
	}
	v.broad = v.broad || !found
	return false
}

// parameters turns a reference to data.parameters into one to the rule's own. A name that the metadata does not declare would be
// undefined for ever, and the rule silent.
func (v *moduleVisitor) parameters(ref ast.Ref) {
	if v.rule == nil {
		v.problem(ref, "data.parameters in a helper: parameters belong to a rule", "Hand the value to the helper as an argument.")
		return
	}
	if len(ref) > 2 {
		names := make([]string, len(v.rule.Parameters))
		for i, p := range v.rule.Parameters {
			names[i] = p.Name
		}
		if name, ok := ref[2].Value.(ast.String); ok && !slices.Contains(names, string(name)) {
			v.problem(ref, fmt.Sprintf("the rule %s has no parameter %s%s", v.rule.ID, string(name), suggest(string(name), names)),
				"Declare it under custom.parameters in the rule's METADATA.")
		}
	}
	ref[1] = ast.StringTerm(parametersKey(v.rule.ID)).SetLocation(ref[1].Location)
}

func (v *moduleVisitor) problem(ref ast.Ref, message, remedy string) {
	line := 0
	if ref[0].Location != nil {
		line = ref[0].Location.Row
	}
	v.problems = append(v.problems, gate.Problem{Code: "rules", File: v.file, Line: line, Message: message, Remedy: remedy})
}

// compileProblems turns OPA's errors into problems with file and line.
func compileProblems(err error) []gate.Problem {
	var list ast.Errors
	if !errors.As(err, &list) {
		var one *ast.Error
		if !errors.As(err, &one) {
			return []gate.Problem{{Code: "rules", Message: "the rules do not compile: " + err.Error(), Remedy: compileRemedy}}
		}
		list = ast.Errors{one}
	}
	problems := make([]gate.Problem, 0, len(list))
	for _, e := range list {
		p := gate.Problem{Code: "rules", Message: strings.TrimPrefix(e.Code, "rego_") + ": " + e.Message, Remedy: compileRemedy}
		if e.Location != nil {
			p.File, p.Line = e.Location.File, e.Location.Row
		}
		problems = append(problems, p)
	}
	sortProblems(problems)
	return slices.Compact(problems)
}

const compileRemedy = "Correct the rule; \"gatehouse rules lint DIR\" checks it without a pull request."

func sortProblems(problems []gate.Problem) {
	slices.SortStableFunc(problems, func(a, b gate.Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Message, b.Message))
	})
}
