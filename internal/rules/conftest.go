package rules

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// KindFile is the document kind of findings about whole files.
const KindFile = "file"

// File is a whole file, for the rules of conftest's dialect. It holds the documents that conftest's parsers find in it: one, or
// several for YAML with separators and for formats whose outermost value is a list.
type File struct {
	Path   string
	After  []json.RawMessage // after the change; nil: the file is gone, or it cannot be read
	Before []json.RawMessage // before it; nil: the file is new, or nothing is known of it
}

// Conftest says how rules of conftest's dialect are run, in the words of conftest's own flags.
type Conftest struct {
	Namespaces []string // packages, with globs; empty: all that hold rules
	Combine    bool     // all files are one input: a list of {path, contents}
	Data       []Data   // what the rules read as data
}

// Data is a file of JSON or YAML that rules read under the names of its folders: exceptions/list.yaml as data.exceptions.
type Data struct {
	File string // for people
	At   []string
	Text []byte
}

// conftest is every rule of that dialect, compiled together, as conftest does it.
type conftest struct {
	combine bool
	data    ast.Object
	rules   []*conftestRule

	builtins map[string]*topdown.Builtin
}

// conftestRule is one set of one package: data.main.deny_root.
type conftestRule struct {
	rule      *Rule
	warns     bool
	value     *foreignQuery
	exception *foreignQuery // nil: the package has no exceptions
	planwise  []planwise    // its definitions, when some of them look at a plan's changes one by one
}

// Names of rules that conftest runs.
var (
	conftestWarn = regexp.MustCompile(`^warn(_[a-zA-Z0-9]+)*$`)
	conftestDeny = regexp.MustCompile(`^(deny|violation)(_[a-zA-Z0-9]+)*$`)

	conftestHead = regexp.MustCompile(`(?m)^(?:default[ \t]+)?(?:warn|deny|violation)(?:_[a-zA-Z0-9]+)*\b`)
	ownMetadata  = regexp.MustCompile(`(?m)^[ \t]+(?:id|inspects|severity|remedy):`)
	ownWords     = regexp.MustCompile(`\binput\.(?:change|objects|neighbours|pod_path|pull_request)\b|\bdata\.(?:parameters|gatehouse)\b|(?m:^(?:require_approval|unknown)\b)`)
)

// isConftest tells a rule of conftest's dialect from one of Gatehouse's own whose author forgot its metadata: in package main it
// always is one, elsewhere when nothing in it speaks of what only Gatehouse's rules know.
func isConftest(s *source) bool {
	if s.builtin || !conftestHead.Match(s.text) {
		return false
	}
	if s.header.pkg == "main" || strings.HasPrefix(s.header.pkg, "main.") {
		return true
	}
	if s.header.pkg == "gatehouse" || strings.HasPrefix(s.header.pkg, "gatehouse.") {
		return false
	}
	return !ownMetadata.Match(s.header.metadata) && !ownWords.Match(s.text)
}

// conftest compiles the rules of that dialect in all folders together; nil when there are none.
func (l *loader) conftest(o *Options) *conftest {
	var wanted []*source
	for _, s := range l.sources {
		if s.conftest {
			wanted = append(wanted, s)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	c := &conftest{combine: o.Conftest.Combine, data: l.conftestData(o), builtins: parseInForce(o.Parse, o.Limits.withDefaults().RuleTime)}
	modules := l.conftestModules(wanted)
	l.modules = modules
	if modules == nil {
		return nil
	}
	compiler := ast.NewCompiler().WithCapabilities(conftestCapabilities())
	compiler.Compile(modules)
	if compiler.Failed() {
		l.problems = append(l.problems, compileProblems(compiler.Errors)...)
		return nil
	}
	files := make([]string, 0, len(modules))
	for file := range modules {
		files = append(files, file)
	}
	slices.Sort(files)
	origins := map[string]string{}
	for _, s := range l.sources {
		origins[s.file] = s.origin
	}
	for _, file := range files {
		if err := c.add(compiler, modules[file], file, origins[file], o.Conftest.Namespaces); err != nil {
			l.problem(file, 0, err.Error(), compileRemedy)
		}
	}
	for _, pattern := range o.Conftest.Namespaces {
		if !slices.ContainsFunc(c.rules, func(r *conftestRule) bool { return inNamespace([]string{pattern}, r.rule.Package) }) {
			l.problem("", 0, fmt.Sprintf("no package with rules is called %q", pattern), "Correct --namespace.")
		}
	}
	return c
}

// add takes the rules of one file. The same rule may stand in several files: its first one names it.
func (c *conftest) add(compiler *ast.Compiler, module *ast.Module, file, origin string, namespaces []string) error {
	pkg := packageName(module)
	if !inNamespace(namespaces, pkg) {
		return nil
	}
	for _, r := range module.Rules {
		name := r.Head.Name.String()
		if name == "" && len(r.Head.Reference) > 0 && r.Head.Value != nil {
			// The trap that conftest refuses too: OPA reads "deny if" as a rule that is true, not as a set of messages.
			if first := r.Head.Reference[0].Value.String(); (conftestDeny.MatchString(first) || conftestWarn.MatchString(first)) && r.Head.Value.String() == "true" {
				return fmt.Errorf("line %d uses \"if\" without \"contains\", so %s is no set of messages", r.Head.Location.Row, first)
			}
		}
		warns := conftestWarn.MatchString(name)
		id := pkg + "." + name
		if !warns && !conftestDeny.MatchString(name) || slices.ContainsFunc(c.rules, func(r *conftestRule) bool { return r.rule.ID == id }) {
			continue
		}
		rule := &conftestRule{warns: warns, rule: &Rule{
			ID: id, Title: conftestTitle(module, r, id), Severity: foreignDeny, Enforcement: gate.EnforceDeny, Unknown: gate.EnforceWarn,
			Pack: origin, Package: pkg, File: file, Line: r.Head.Location.Row, Inspects: map[string][]string{KindFile: {"*"}},
		}}
		if warns {
			rule.rule.Severity, rule.rule.Enforcement = foreignWarn, gate.EnforceWarn
		}
		var err error
		if rule.value, err = valueQuery(compiler, dataRef(pkg, name)); err != nil {
			return err
		}
		rule.value.builtins = c.builtins
		if compiler.GetRulesExact(dataRef(pkg, "exception")) != nil {
			ref := append(dataRef(pkg, "exception"), ast.VarTerm("_a"), ast.VarTerm("_b"))
			equal := ast.Equality.Expr(ast.NewTerm(ref), ast.StringTerm(withoutPrefix(name)))
			if rule.exception, err = newForeignQuery(compiler, equal); err != nil {
				return err
			}
			rule.exception.builtins = c.builtins
		} else if !c.combine {
			rule.planwise = planwiseOf(compiler, dataRef(pkg, name))
		}
		c.rules = append(c.rules, rule)
	}
	return nil
}

// silent gives the rules of conftest's dialect that can never say anything, for conftest as for us: "deny if { ... }" is true or not, and
// no set of messages.
func silent(file string, module *ast.Module) []gate.Problem {
	var problems []gate.Problem
	for _, r := range module.Rules {
		name := r.Head.Name.String()
		if !conftestDeny.MatchString(name) && !conftestWarn.MatchString(name) || r.Default || r.Head.Key != nil || len(r.Head.Args) > 0 ||
			r.Head.Value == nil || r.Head.Value.Value.Compare(ast.Boolean(true)) != 0 {
			continue
		}
		problems = append(problems, gate.Problem{
			Code: "rules", File: file, Line: r.Head.Location.Row, Message: name + " is true or false here, so it can never say anything; wanted: a set of messages",
			Remedy: "Write \"" + name + " contains msg if { ... }\".",
		})
	}
	return problems
}

// conftestTitle is the title that the author wrote, for the rule or for its package, or else the rule's name.
func conftestTitle(module *ast.Module, rule *ast.Rule, id string) string {
	for _, a := range module.Annotations {
		if a.Title != "" && (a.Scope == "package" || a.GetTargetPath().Equal(rule.Ref())) {
			return clean(a.Title, maxPath)
		}
	}
	name := id[strings.LastIndexByte(id, '.')+1:]
	return fmt.Sprintf("%s of package %s", name, packageName(module))
}

// inNamespace reports whether a package is asked for. A star also matches dots, as in conftest.
func inNamespace(patterns []string, pkg string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool {
		matched, err := path.Match(pattern, pkg)
		return err == nil && matched
	})
}

// withoutPrefix is the name by which an exception names a rule.
func withoutPrefix(name string) string {
	for _, prefix := range []string{"violation", "deny", "warn"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return strings.TrimPrefix(rest, "_")
		}
	}
	return name
}

// conftestModules parses the wanted sources and the helpers that they refer to; nil when something is wrong with them.
func (l *loader) conftestModules(wanted []*source) map[string]*ast.Module {
	byPackage := map[string][]*source{}
	for _, s := range l.sources {
		if !s.builtin && s.rule == nil {
			byPackage[s.header.pkg] = append(byPackage[s.header.pkg], s)
		}
	}
	type parsedSource struct {
		module   *ast.Module
		problems []gate.Problem
	}
	parsed := make([]parsedSource, len(wanted))
	parallel(len(wanted), func(_, i int) { parsed[i].module, parsed[i].problems = parseEither(wanted[i].file, wanted[i].text) })
	modules := map[string]*ast.Module{}
	before := len(l.problems)
	for queue := slices.Clip(wanted); len(queue) > 0; queue = queue[1:] {
		s := queue[0]
		var module *ast.Module
		var problems []gate.Problem
		if len(parsed) > 0 { // the wanted ones come first
			module, problems, parsed = parsed[0].module, parsed[0].problems, parsed[1:]
		}
		if _, done := modules[s.file]; done {
			continue
		}
		if module == nil && problems == nil {
			module, problems = parseEither(s.file, s.text)
		}
		modules[s.file] = module
		l.problems = append(l.problems, problems...)
		if module == nil {
			continue
		}
		l.problems = append(l.problems, forbiddenCalls(s.file, module, 0)...)
		queue = append(queue, byPackage[s.header.pkg]...)
		ast.WalkRefs(module, func(ref ast.Ref) bool {
			if len(ref) > 1 && ref[0].Equal(ast.DefaultRootDocument) {
				name := refName(ref)
				for pkg, sources := range byPackage {
					if name == pkg || strings.HasPrefix(name, pkg+".") || strings.HasPrefix(pkg, name+".") {
						queue = append(queue, sources...)
					}
				}
			}
			return false
		})
	}
	if len(l.problems) > before {
		return nil
	}
	return modules
}

// parseEither reads a file as Rego v1 or, when it is none, as Rego v0. A file that is neither is judged by what it seems to be.
func parseEither(file string, text []byte) (module *ast.Module, problems []gate.Problem) {
	defer func() {
		if r := recover(); r != nil { // of the parser
			module, problems = nil, []gate.Problem{{
				Code: "rules", File: file, Line: 1, Message: clean(fmt.Sprintf("the file cannot be read: %v: %v", errPanic, r), 500), Remedy: compileRemedy,
			}}
		}
	}()
	parse := func(version ast.RegoVersion) (*ast.Module, error) {
		return ast.ParseModuleWithOpts(file, string(text), ast.ParserOptions{RegoVersion: version, ProcessAnnotation: true})
	}
	module, err := parse(ast.RegoV1)
	if err == nil {
		return module, nil
	}
	old, errOld := parse(ast.RegoV0)
	if errOld == nil {
		return old, nil
	}
	if oldHead.Match(text) {
		err = errOld
	}
	return nil, compileProblems(err)
}

// oldHead begins a rule as Rego v0 writes it: deny[msg] {.
var oldHead = regexp.MustCompile(`(?m)^\w+(?:\[[^\]\n]+\])?[ \t]*\{`)
