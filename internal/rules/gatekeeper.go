package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// ConstraintGroup is the API group of Gatekeeper's constraints.
const ConstraintGroup = "constraints.gatekeeper.sh"

// What else a folder of rules may hold for Gatekeeper, and the one target that its templates have.
const (
	templateGroup   = "templates.gatekeeper.sh"
	admissionTarget = "admission.k8s.gatekeeper.sh"
)

// gatekeeper is every constraint, with its template compiled, and what is made of the objects that make others.
type gatekeeper struct {
	constraints []*constraint
	expansions  []*expansion
	repeated    bool // there are constraints of one name
}

// template is a ConstraintTemplate.
type template struct {
	kind      string
	file      string
	line      int
	schema    *schema
	facets    *spec.Schema
	open      bool // parameters need not be in the schema
	query     *foreignQuery
	inventory bool // its Rego reads data.inventory
	broken    bool // said already
	text      string

	annotations map[string]string
}

// constraint is one constraint and what it asks of its template.
type constraint struct {
	rule       *Rule
	template   *template
	match      match
	parameters *ast.Term
	key        string // its text and its template's
	asked      string // the enforcement that it asks for itself; settings may have changed its rule's
	bare       bool   // it has no spec, and so not even the defaults of parameters
	elsewhere  bool   // its scoped actions are all for other points than this one; Gatekeeper's own tool leaves it out then
}

// templateSpec is what is read of a ConstraintTemplate of any version. The API server prunes what it does not know, so nothing else
// is refused.
type templateSpec struct {
	APIVersion string `json:"apiVersion"`
	Metadata   struct {
		Name        string            `json:"name"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		CRD struct {
			Spec struct {
				Names struct {
					Kind string `json:"kind"`
				} `json:"names"`
				Validation struct {
					OpenAPIV3Schema json.RawMessage `json:"openAPIV3Schema"`
					LegacySchema    *bool           `json:"legacySchema"`
				} `json:"validation"`
			} `json:"spec"`
		} `json:"crd"`
		Targets []templateTarget `json:"targets"`
	} `json:"spec"`
}

type templateTarget struct {
	Target string   `json:"target"`
	Rego   string   `json:"rego"`
	Libs   []string `json:"libs"`
	Code   []struct {
		Engine string          `json:"engine"`
		Source json.RawMessage `json:"source"`
	} `json:"code"`
}

// regoSource is the source of a code entry whose engine is Rego.
type regoSource struct {
	Version string   `json:"version"`
	Rego    string   `json:"rego"`
	Libs    []string `json:"libs"`
}

// gatekeeper reads the templates and constraints of all folders; nil when there are none.
func (l *loader) gatekeeper() *gatekeeper {
	if len(l.found) == 0 {
		return nil
	}
	g := &gatekeeper{}
	templates := map[string]*template{}
	for _, o := range l.found {
		switch {
		case o.group == templateGroup && o.kind == "ConstraintTemplate":
			t := l.template(o)
			if t == nil {
				continue
			}
			first := templates[t.kind]
			if first != nil && first.text == t.text {
				continue // a copy
			}
			if first != nil {
				l.problem(t.file, t.line, fmt.Sprintf("the template of %s is already in %s:%d", t.kind, first.file, first.line), "Keep one of them.")
				continue
			}
			templates[t.kind] = t
		case o.group == expansionGroup:
			l.expansion(o, g)
		}
	}
	seen := map[string][]string{} // the constraints of one name: what each says
	for _, o := range l.found {
		if o.group != ConstraintGroup {
			continue
		}
		c := l.constraint(o, templates)
		if c == nil || slices.Contains(seen[c.rule.ID], string(o.text)) {
			continue
		}
		// A cluster holds one constraint of a name, whichever comes last. Nobody can tell here which that would be, so all of them judge.
		seen[c.rule.ID] = append(seen[c.rule.ID], string(o.text))
		g.repeated = g.repeated || len(seen[c.rule.ID]) > 1
		g.constraints = append(g.constraints, c)
	}
	l.circles(g.expansions)
	slices.SortStableFunc(g.constraints, func(a, b *constraint) int { return strings.Compare(a.rule.ID, b.rule.ID) })
	return g
}

// template reads and compiles one ConstraintTemplate. nil when it is not even known which kind it makes; broken when the
// constraints of that kind cannot be judged.
func (l *loader) template(o foundObject) *template {
	var read templateSpec
	if err := json.Unmarshal(o.text, &read); err != nil {
		l.problem(o.file, o.line, "the ConstraintTemplate cannot be read: "+err.Error(), "Correct it; Gatekeeper would refuse it too.")
		return nil
	}
	kind := read.Spec.CRD.Spec.Names.Kind
	if kind == "" {
		l.problem(o.file, o.lineOf("spec", "crd", "spec", "names"), "the ConstraintTemplate names no kind", "Set spec.crd.spec.names.kind.")
		return nil
	}
	t := &template{kind: kind, text: string(o.text), file: o.file, line: o.line, annotations: read.Metadata.Annotations}
	var err error
	if t.schema, t.facets, err = readSchema(read.Spec.CRD.Spec.Validation.OpenAPIV3Schema); err != nil {
		l.problem(o.file, o.lineOf("spec", "crd", "spec", "validation"), "the schema of the ConstraintTemplate of "+kind+" cannot be read: "+err.Error(), "Correct it.")
		return nil
	}
	// What the first versions of templates allowed unless they said otherwise, version 1 allows when it says so.
	t.open = read.APIVersion != templateGroup+"/v1"
	if legacy := read.Spec.CRD.Spec.Validation.LegacySchema; legacy != nil {
		t.open = *legacy
	}
	before := len(l.problems)
	if t.schema != nil {
		if problem := (structure{strict: !t.open}).flaw(t.schema, t.facets, "parameters", 0); problem != "" {
			l.problem(o.file, o.lineOf("spec", "crd", "spec", "validation"), "the schema of the ConstraintTemplate of "+kind+": "+clean(problem, 300), "Correct it; Gatekeeper would refuse it too.")
		}
	}
	if strings.ToLower(kind) != read.Metadata.Name {
		l.problem(o.file, o.lineOf("metadata", "name"), fmt.Sprintf("the ConstraintTemplate of %s is called %q; wanted: %q", kind, read.Metadata.Name, strings.ToLower(kind)),
			"Gatekeeper wants the name to be the kind in lower case.")
	}
	if len(read.Spec.Targets) != 1 || read.Spec.Targets[0].Target != admissionTarget {
		l.problem(o.file, o.lineOf("spec", "targets"), fmt.Sprintf("the ConstraintTemplate of %s must have one target, %s", kind, admissionTarget), "Correct spec.targets.")
	} else if source, path, ok := l.regoOf(o, &read.Spec.Targets[0], kind); ok {
		l.compileTemplate(t, o, source, path)
	}
	t.broken = len(l.problems) > before
	return t
}

// regoOf finds the Rego of a target and where it stands in the file.
func (l *loader) regoOf(o foundObject, target *templateTarget, kind string) (source regoSource, path []any, ok bool) {
	at := []any{"spec", "targets", 0}
	for i, code := range target.Code {
		if code.Engine != "Rego" {
			continue
		}
		path = append(at, "code", i, "source")
		if err := json.Unmarshal(code.Source, &source); err != nil || source.Rego == "" {
			l.problem(o.file, o.lineOf(path...), "the Rego of the ConstraintTemplate of "+kind+" cannot be read: it has no source.rego", "Correct it.")
			return source, nil, false
		}
		return source, path, true
	}
	if target.Rego != "" {
		return regoSource{Rego: target.Rego, Libs: target.Libs}, at, true
	}
	engines := make([]string, len(target.Code))
	for i, code := range target.Code {
		engines[i] = code.Engine
	}
	message := "has no Rego"
	if len(engines) > 0 {
		message = "is written for " + strings.Join(engines, ", ") + ", and only Rego is run here"
	}
	l.problem(o.file, o.lineOf("spec", "targets", 0), "the ConstraintTemplate of "+kind+" "+message,
		"Add a code entry with the engine Rego, or take the template and its constraints out of the folder.")
	return source, nil, false
}

// compileTemplate parses and compiles the template's Rego with its libraries, which are its own: two templates may each bring
// another package lib.helpers.
func (l *loader) compileTemplate(t *template, o foundObject, source regoSource, path []any) {
	version := ast.RegoV0
	if source.Version == "v1" {
		version = ast.RegoV1
	}
	modules := map[string]*ast.Module{}
	parse := func(name, text string, at ...any) (module *ast.Module, line int) {
		// A block text begins on the line after its key. Parsed behind as many empty lines, everything has the line that it has in the file, also
		// in what is said of a rule that fails.
		line = o.lineOf(append(slices.Clone(path), at...)...)
		module, problems := parseTemplate(t.file, strings.Repeat("\n", max(line, 0))+text, version)
		l.inTemplate(t, problems)
		if module != nil {
			modules[name] = module
			l.inTemplate(t, forbiddenCalls(t.file, module, 0))
			l.inTemplate(t, strangeData(t.file, module))
		}
		return module, line
	}
	before := len(l.problems)
	entry, line := parse("rego", source.Rego, "rego")
	for i, lib := range source.Libs {
		if m, at := parse(fmt.Sprintf("libs[%d]", i), lib, "libs", i); m != nil && !strings.HasPrefix(packageName(m)+".", "lib.") {
			l.problem(t.file, at, fmt.Sprintf("the library package %s of the ConstraintTemplate of %s must begin with lib", packageName(m), t.kind), "Call it package lib.NAME.")
		}
	}
	if len(l.problems) > before {
		return
	}
	if !slices.ContainsFunc(entry.Rules, func(r *ast.Rule) bool {
		return r.Head.Name == "violation" // a head such as violation[x] if, of Rego v1, is no set, and has no name
	}) {
		l.problem(t.file, line, "the ConstraintTemplate of "+t.kind+" has no rule violation", "Write violation[{\"msg\": msg}] { ... }, or violation contains {\"msg\": msg} if { ... } in Rego v1.")
		return
	}
	for _, m := range modules {
		t.inventory = t.inventory || readsInventory(m)
	}
	compiler := ast.NewCompiler().WithCapabilities(foreignCapabilities())
	compiler.Compile(modules)
	if compiler.Failed() {
		l.inTemplate(t, compileProblems(compiler.Errors))
		return
	}
	ref := append(slices.Clone(entry.Package.Path), ast.StringTerm("violation"))
	var err error
	if t.query, err = valueQuery(compiler, ref); err != nil {
		l.problem(t.file, t.line, err.Error(), compileRemedy)
	}
}

// inTemplate takes problems with the Rego of a template over.
func (l *loader) inTemplate(t *template, problems []gate.Problem) {
	for _, p := range problems {
		p.File = t.file
		p.Message = "in the ConstraintTemplate of " + t.kind + ": " + p.Message
		p.Remedy = "Correct the template."
		l.problems = append(l.problems, p)
	}
}

func parseTemplate(name, text string, version ast.RegoVersion) (module *ast.Module, problems []gate.Problem) {
	defer func() {
		if r := recover(); r != nil { // of the parser
			module, problems = nil, []gate.Problem{{Code: "rules", File: name, Message: clean(fmt.Sprintf("it cannot be read: %v: %v", errPanic, r), 500)}}
		}
	}()
	module, err := ast.ParseModuleWithOpts(name, text, ast.ParserOptions{RegoVersion: version})
	if err != nil {
		return nil, compileProblems(err)
	}
	if module == nil {
		return nil, []gate.Problem{{Code: "rules", File: name, Message: "it holds no Rego"}}
	}
	return module, nil
}

// strangeData refuses references to data that no template has: Gatekeeper does so too, and they would be undefined, which passes.
func strangeData(name string, module *ast.Module) []gate.Problem {
	var problems []gate.Problem
	own := packageName(module)
	ast.WalkRefs(module, func(ref ast.Ref) bool {
		if len(ref) < 2 || !ref[0].Equal(ast.DefaultRootDocument) {
			return false
		}
		first, ok := ref[1].Value.(ast.String)
		if path := refName(ref); ok && (first == "lib" || first == "inventory" || path == own || strings.HasPrefix(path, own+".")) {
			return false
		}
		problems = append(problems, gate.Problem{
			Code: "rules", File: name, Line: rowOf(ref), Message: ref.String() + " is neither data.lib nor data.inventory, and a template sees no other data",
		})
		return false
	})
	return problems
}

func rowOf(ref ast.Ref) int {
	if ref[0].Location != nil {
		return ref[0].Location.Row
	}
	return 0
}

func readsInventory(module *ast.Module) bool {
	found := false
	ast.WalkRefs(module, func(ref ast.Ref) bool {
		if len(ref) > 1 && ref[0].Equal(ast.DefaultRootDocument) && ref[1].Value.Compare(ast.String("inventory")) == 0 {
			found = true
		}
		return false
	})
	return found
}
