package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/types"
)

// Parse reads a text of one of conftest's formats, for rules and unit tests that call its parse_config: by the name of a parser, or
// of a file when parser is "". It gives JSON.
type Parse func(parser, file string, text []byte) (json.RawMessage, error)

// Conftest's own builtins. Those that read files are for unit tests.
const (
	parseConfig        = "parse_config"
	parseConfigFile    = "parse_config_file"
	parseCombinedFiles = "parse_combined_config_files"
)

// errNotHere says that a unit test needs a file that cannot be had where it runs.
var errNotHere = errors.New("is outside of the folder of rules")

func parseDeclarations() []*ast.Builtin {
	object := types.NewObject(nil, types.NewDynamicProperty(types.S, types.A))
	return []*ast.Builtin{
		{Name: parseConfig, Decl: types.NewFunction(types.Args(types.S, types.S), object)},
		{Name: parseConfigFile, Decl: types.NewFunction(types.Args(types.S), object)},
		{Name: parseCombinedFiles, Decl: types.NewFunction(types.Args(types.NewArray(nil, types.S)), object)},
	}
}

// conftestCapabilities are what rules of conftest's dialect may call.
func conftestCapabilities() *ast.Capabilities {
	c := foreignCapabilities()
	c.Builtins = append(c.Builtins, parseDeclarations()[0])
	return c
}

// parseInForce is parse_config for rules that judge. The text may come from anybody, so parsers that look at files or at the
// environment are left out, and none of them takes longer than a rule may.
func parseInForce(parse Parse, limit time.Duration) map[string]*topdown.Builtin {
	if parse == nil {
		parse = func(string, string, []byte) (json.RawMessage, error) {
			return nil, topdown.Halt{Err: errors.New("parse_config is not there")}
		}
	}
	call := func(bctx topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
		name, text, err := twoTexts(operands)
		if err != nil {
			return err
		}
		if slices.Contains([]string{"jsonnet", "properties", "dotenv", "textproto"}, name) {
			return topdown.Halt{Err: fmt.Errorf("parse_config cannot be used with %s in a rule, only in its tests: that parser looks at files or at the environment", name)}
		}
		value, err := within(bctx.Context, limit, func() (*ast.Term, error) { return parsed(parse, name, "", []byte(text)) })
		if err != nil {
			return err
		}
		return iter(value)
	}
	return map[string]*topdown.Builtin{parseConfig: {Decl: parseDeclarations()[0], Func: call}}
}

// within gives up waiting for a parser, which nobody can stop; the process it runs in has limits of its own.
func within(ctx context.Context, limit time.Duration, work func() (*ast.Term, error)) (*ast.Term, error) {
	type result struct {
		value *ast.Term
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := work()
		done <- result{value, err}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return nil, topdown.Halt{Err: ctx.Err()}
	case <-timer.C:
		return nil, topdown.Halt{Err: fmt.Errorf("%w: parse_config takes longer than %s", errTime, limit)}
	}
}

func twoTexts(operands []*ast.Term) (first, second string, err error) {
	a, ok := operands[0].Value.(ast.String)
	b, also := operands[1].Value.(ast.String)
	if !ok || !also {
		return "", "", errors.New("parse_config takes two texts")
	}
	return string(a), string(b), nil
}

func parsed(parse Parse, parser, file string, text []byte) (*ast.Term, error) {
	value, err := parse(parser, file, text)
	if err != nil {
		return nil, err
	}
	return newDecoder().decode(value)
}

// parseInTests are conftest's builtins for the unit tests of its rules. Files are named from the test's own folder.
func (t *tests) parseInTests() []*tester.Builtin {
	if t.options.Parse == nil {
		return nil
	}
	declarations := parseDeclarations()
	function := func(i int) *rego.Function {
		return &rego.Function{Name: declarations[i].Name, Decl: declarations[i].Decl}
	}
	config := func(_ rego.BuiltinContext, parser, text *ast.Term) (*ast.Term, error) {
		name, body, err := twoTexts([]*ast.Term{parser, text})
		if err != nil {
			return nil, err
		}
		return parsed(t.options.Parse, name, "", []byte(body))
	}
	file := func(bctx rego.BuiltinContext, name *ast.Term) (*ast.Term, error) {
		_, value, err := t.parsedFile(bctx, name)
		return value, err
	}
	combined := func(bctx rego.BuiltinContext, names *ast.Term) (*ast.Term, error) {
		list, ok := names.Value.(*ast.Array)
		if !ok {
			return nil, errors.New(parseCombinedFiles + " takes a list of texts")
		}
		return t.combined(bctx, list)
	}
	return []*tester.Builtin{
		{Decl: declarations[0], Func: rego.Function2(function(0), config)},
		{Decl: declarations[1], Func: rego.Function1(function(1), file)},
		{Decl: declarations[2], Func: rego.Function1(function(2), combined)},
	}
}

// combined is the input that --combine gives: a list of paths and contents.
func (t *tests) combined(bctx rego.BuiltinContext, names *ast.Array) (*ast.Term, error) {
	type entry struct {
		at    string
		value *ast.Term
	}
	var all []entry
	for i := range names.Len() {
		at, value, err := t.parsedFile(bctx, names.Elem(i))
		if err != nil {
			return nil, err
		}
		documents := []*ast.Term{value}
		if several, ok := value.Value.(*ast.Array); ok {
			documents = documents[:0]
			for j := range several.Len() {
				documents = append(documents, several.Elem(j))
			}
		}
		for _, d := range documents {
			all = append(all, entry{at, d})
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return strings.Compare(a.at, b.at) })
	terms := make([]*ast.Term, len(all))
	for i, e := range all {
		terms[i] = ast.ObjectTerm([2]*ast.Term{ast.StringTerm("path"), ast.StringTerm(e.at)}, [2]*ast.Term{ast.StringTerm("contents"), e.value})
	}
	return ast.ArrayTerm(terms...), nil
}

// parsedFile reads a file that a unit test names.
func (t *tests) parsedFile(bctx rego.BuiltinContext, name *ast.Term) (at string, value *ast.Term, err error) {
	text, ok := name.Value.(ast.String)
	if !ok || bctx.Location == nil {
		return "", nil, errors.New("the name of a file is no text")
	}
	at = path.Join(path.Dir(bctx.Location.File), string(text))
	data, err := t.fileAt(at)
	if err != nil {
		return "", nil, rego.NewHaltError(err)
	}
	value, err = parsed(t.options.Parse, "", at, data)
	return at, value, err
}

// fileAt reads a file from the folders of rules, or from wherever the options allow it.
func (t *tests) fileAt(at string) ([]byte, error) {
	for _, b := range t.bases {
		rel, ok := strings.CutPrefix(at, b.prefix+"/")
		if b.prefix == "." {
			rel, ok = at, true
		}
		if ok && fs.ValidPath(rel) {
			return readCapped(b.fsys, rel)
		}
	}
	if t.options.TestFile != nil {
		return t.options.TestFile(at)
	}
	return nil, fmt.Errorf("%s %w", at, errNotHere)
}
