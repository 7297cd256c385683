package rules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Report is what came of the unit tests and examples of rules.
type Report struct {
	Cases []Case // by file and name
}

// Case is one unit test or one example.
type Case struct {
	File    string
	Line    int // 0 for an example
	Name    string
	Example bool   // else a unit test in Rego
	Failure string // "" when it came out as it should

	// Elsewhere says that it failed because it needs a file that is not among the rules.
	Elsewhere bool
}

// Failed counts the cases that did not come out as they should.
func (r *Report) Failed() int {
	n := 0
	for _, c := range r.Cases {
		if c.Failure != "" {
			n++
		}
	}
	return n
}

// tests is a folder of rules with their tests.
type tests struct {
	options Options
	loader  *loader
	known   map[string][]*source
	bases   []testBase
	suites  []suite // of Gatekeeper's form
}

type testBase struct {
	fsys   fs.FS
	prefix string
}

// RunTests runs the unit tests (NAME_test.rego), the examples (NAME.examples.yaml) and Gatekeeper's test suites of the rules in o.Dirs,
// or, when there are none, of the built-in packs. Of the other options Conftest.Data, Parse and TestFile matter. A *[LoadError] says why the rules cannot be run at all.
func RunTests(ctx context.Context, o Options) (Report, error) {
	t, err := loadTests(o, true)
	if err != nil {
		return Report{}, err
	}
	var report Report
	if report.Cases, err = t.unit(ctx); err != nil {
		return Report{}, err
	}
	examples, err := t.examples(ctx)
	if err != nil {
		return Report{}, err
	}
	report.Cases = append(report.Cases, examples...)
	for _, s := range t.suites {
		report.Cases = append(report.Cases, s.run(ctx)...)
	}
	slices.SortStableFunc(report.Cases, func(a, b Case) int {
		return strings.Compare(a.File+"\x00"+a.Name, b.File+"\x00"+b.Name)
	})
	return report, nil
}

// Lint gives everything that is wrong with the rules in o.Dirs, or, when there are none, with the built-in packs: metadata, Rego,
// and examples that cannot be read.
func Lint(o Options) []gate.Problem {
	t, err := loadTests(o, false)
	var load *LoadError
	if errors.As(err, &load) {
		return load.Problems
	}
	var all []*source
	for _, s := range t.loader.sources {
		if (!s.builtin || len(o.Dirs) == 0) && t.loader.modules[s.file] == nil {
			all = append(all, s)
		}
	}
	_, problems := compile(slices.DeleteFunc(slices.Clone(all), func(s *source) bool { return s.rule == nil }), t.known)
	for _, s := range all { // helpers that no rule uses
		problems = append(problems, s.parse(t.known).problems...)
	}
	for _, file := range slices.Sorted(maps.Keys(t.loader.modules)) {
		problems = append(problems, silent(file, t.loader.modules[file])...)
	}
	for _, b := range t.bases {
		problems = append(problems, b.lintExamples()...)
	}
	sortProblems(problems)
	return slices.Compact(problems)
}

// loadTests loads rules with their tests. Where suites are to be run, they say which of the templates and constraints belong together:
// a library's samples are not in force at once.
func loadTests(o Options, suites bool) (*tests, error) {
	t := &tests{options: o, loader: &loader{}, known: map[string][]*source{}}
	t.loader.builtin(o.Builtin)
	for _, d := range o.Dirs {
		t.loader.dir(d)
		t.bases = append(t.bases, testBase{d.FS, d.Name})
	}
	if len(o.Dirs) == 0 {
		t.bases = []testBase{{o.Builtin, "policies"}}
	}
	for _, b := range t.bases {
		found, err := b.suites()
		if err != nil {
			return nil, err
		}
		t.suites = append(t.suites, found...)
	}
	t.options.withoutGatekeeper = suites && len(t.suites) > 0
	t.loader.metadata()
	t.loader.unique()
	t.loader.otherDialects(&t.options)
	if len(t.loader.problems) > 0 {
		sortProblems(t.loader.problems)
		return nil, &LoadError{t.loader.problems}
	}
	for _, s := range t.loader.sources {
		t.known[s.header.pkg] = append(t.known[s.header.pkg], s)
	}
	return t, nil
}

// files gives the names that end in suffix.
func (b testBase) files(suffix string) ([]string, error) {
	var names []string
	err := fs.WalkDir(b.fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(name, suffix) {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for tests in %s: %w", b.prefix, err)
	}
	return names, nil
}

// unit runs the unit tests in OPA's own runner.
func (t *tests) unit(ctx context.Context) ([]Case, error) {
	own := slices.DeleteFunc(slices.Clone(t.loader.sources), func(s *source) bool { return t.loader.modules[s.file] != nil })
	sources, problems := closure(own, t.known)
	modules := maps.Clone(t.loader.modules)
	if modules == nil {
		modules = map[string]*ast.Module{}
	}
	for _, s := range sources {
		modules[s.file] = s.parsed.module
	}
	testFiles := map[string]bool{}
	for _, b := range t.bases {
		names, err := b.files("_test.rego")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			shown := path.Join(b.prefix, name)
			p, err := t.parseTest(b.fsys, name, shown)
			if err != nil {
				return nil, err
			}
			problems = append(problems, p.problems...)
			modules[shown] = p.module
			testFiles[shown] = true
		}
	}
	if len(problems) > 0 {
		sortProblems(problems)
		return nil, &LoadError{problems}
	}
	if len(testFiles) == 0 {
		return nil, nil
	}
	return t.runUnit(ctx, sources, modules, testFiles)
}

// runUnit runs the tests among the modules; testFiles tells them apart.
func (t *tests) runUnit(ctx context.Context, sources []*source, modules map[string]*ast.Module, testFiles map[string]bool) ([]Case, error) {
	store, err := parameterStore(sources, t.loader.conftestData(&t.options))
	if err != nil {
		return nil, err
	}
	compiler := ast.NewCompiler().WithCapabilities(testCapabilities()).WithEnablePrintStatements(true).WithDefaultRegoVersion(ast.RegoV1)
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading parameters for unit tests: %w", err)
	}
	defer store.Abort(ctx, txn)
	results, err := tester.NewRunner().SetCompiler(compiler).SetStore(store).SetModules(modules).AddCustomBuiltins(t.parseInTests()).RunTests(ctx, txn)
	if err != nil {
		return nil, &LoadError{compileProblems(err)}
	}
	var cases []Case
	for r := range results {
		if r.Location == nil || !testFiles[r.Location.File] {
			continue
		}
		c := Case{File: r.Location.File, Line: r.Location.Row, Name: r.Name}
		switch {
		case r.Error != nil && strings.HasSuffix(r.Error.Error(), errNotHere.Error()): // OPA hands on its text alone
			c.Failure, c.Elsewhere = r.Error.Error(), true
		case r.Error != nil:
			c.Failure = r.Error.Error()
		case r.Fail:
			c.Failure = strings.TrimSpace("it is not true\n" + string(r.Output))
		case r.Skip:
			c.Failure = "it is skipped: rename todo_test_ to test_, or delete it"
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// parseTest parses a unit test; data.parameters there are the parameters of the rule that it tests.
func (t *tests) parseTest(fsys fs.FS, name, shown string) (*parsedSource, error) {
	text, err := readCapped(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", shown, err)
	}
	h, _ := scanHeader(text)
	var rule *Rule
	sibling := strings.TrimSuffix(shown, "_test.rego") + ".rego"
	for _, s := range t.loader.sources {
		if s.rule != nil && (s.file == sibling || s.header.pkg == strings.TrimSuffix(h.pkg, "_test")) {
			rule = s.rule
		}
	}
	if slices.ContainsFunc(t.loader.sources, func(s *source) bool {
		return s.conftest && (s.file == sibling || s.header.pkg == strings.TrimSuffix(h.pkg, "_test"))
	}) {
		module, problems := parseEither(shown, text)
		return &parsedSource{module: module, problems: problems}, nil
	}
	p := parseModule(shown, text, rule, t.known)
	p.problems = slices.DeleteFunc(p.problems, func(p gate.Problem) bool { return strings.Contains(p.Message, "it would bring in output") })
	return p, nil
}

// testCapabilities are what unit tests may call: what rules may, and print.
func testCapabilities() *ast.Capabilities {
	c := capabilities()
	for _, b := range ast.CapabilitiesForThisVersion().Builtins {
		if slices.Contains([]string{"print", "trace", "internal.print", "internal.test_case"}, b.Name) {
			c.Builtins = append(c.Builtins, b)
		}
	}
	c.Builtins = append(c.Builtins, parseDeclarations()...)
	return c
}
