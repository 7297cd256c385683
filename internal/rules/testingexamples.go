package rules

import (
	"context"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

func (b testBase) lintExamples() []gate.Problem {
	names, err := b.files(".examples.yaml")
	if err != nil {
		return []gate.Problem{{Code: "rules", File: b.prefix, Message: err.Error(), Remedy: "Check that the folder can be read."}}
	}
	var problems []gate.Problem
	for _, name := range names {
		if _, err := b.readExamples(name); err != nil {
			problems = append(problems, gate.Problem{
				Code: "rules", File: path.Join(b.prefix, name), Message: err.Error(), Remedy: "docs/writing-rules.md shows the form.",
			})
		}
	}
	return problems
}

func (b testBase) readExamples(name string) (*Examples, error) {
	text, err := readCapped(b.fsys, name)
	if err != nil {
		return nil, err
	}
	return ParseExamples(text)
}

// examples runs every example through the engine.
func (t *tests) examples(ctx context.Context) ([]Case, error) {
	all, err := New(ctx, Options{
		Builtin: t.options.Builtin, Packs: []string{"all"}, Dirs: t.options.Dirs, Version: t.options.Version,
		withoutGatekeeper: t.options.withoutGatekeeper,
	})
	if err != nil {
		return nil, err
	}
	if problems := all.Check(); len(problems) > 0 {
		return nil, &LoadError{problems}
	}
	var cases []Case
	for _, b := range t.bases {
		names, err := b.files(".examples.yaml")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			shown := path.Join(b.prefix, name)
			examples, err := b.readExamples(name)
			if err != nil {
				cases = append(cases, Case{File: shown, Name: "the file", Example: true, Failure: err.Error()})
				continue
			}
			sibling := strings.TrimSuffix(shown, ".examples.yaml") + ".rego"
			for _, example := range slices.Concat(examples.Good, examples.Bad) {
				c := Case{File: shown, Name: example.Name, Example: true}
				c.Failure = t.example(ctx, all, sibling, &example)
				cases = append(cases, c)
			}
		}
	}
	return cases, nil
}

// example says how the engine's answer differs from the example's.
func (t *tests) example(ctx context.Context, all *Engine, file string, example *Example) string {
	i := slices.IndexFunc(t.loader.sources, func(s *source) bool { return s.file == file && s.rule != nil })
	if i < 0 {
		return "there is no rule " + file
	}
	id := t.loader.sources[i].rule.ID
	engine := all.restricted(id)
	if len(example.Parameters) > 0 || engine == nil {
		var err error
		o := Options{Builtin: t.options.Builtin, Packs: []string{}, Dirs: t.options.Dirs, Only: []string{id}, withoutGatekeeper: t.options.withoutGatekeeper}
		o.Rules = map[string]Setting{id: {Parameters: example.Parameters, Enforcement: recommended(t.loader.sources[i].rule.Severity)}}
		if engine, err = New(ctx, o); err != nil {
			return err.Error()
		}
	}
	docs, err := example.Documents(ctx)
	if err != nil {
		return err.Error()
	}
	answer := engine.Evaluate(ctx, Input{Documents: docs})
	if len(answer.Problems) > 0 {
		return (&LoadError{answer.Problems}).Error()
	}
	return differences(example.Findings, &answer)
}

// restricted is the engine with one rule in force, sharing what is compiled; nil when the rule is off.
func (e *Engine) restricted(id string) *Engine {
	i := slices.IndexFunc(e.rules, func(s *source) bool { return s.rule.ID == id })
	if i < 0 {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return &Engine{options: e.options, rules: e.rules[i : i+1], known: e.known, digest: e.digest, program: e.program}
}

// differences compares the whole list of findings; of a path or line only where the example gives one.
func differences(want []ExampleFinding, answer *gate.Evaluation) string {
	var got []ExampleFinding
	for _, f := range answer.Findings {
		got = append(got, ExampleFinding{Resource: f.Resource, Message: f.Message, Path: f.Path, Line: f.Line, Unknown: f.Unknown})
	}
	for _, r := range answer.Requirements {
		got = append(got, ExampleFinding{Resource: r.Resource, Reason: r.Reason, Count: r.Count, Teams: r.Teams, Users: r.Users})
	}
	missing := map[string]int{}
	matched := make([]bool, len(got))
	for _, w := range want {
		if w.Reason != "" && w.Count == 0 {
			w.Count = 1
		}
		i := slices.IndexFunc(got, func(g ExampleFinding) bool { return w.matches(g) })
		for i >= 0 && matched[i] {
			next := slices.IndexFunc(got[i+1:], func(g ExampleFinding) bool { return w.matches(g) })
			if next < 0 {
				i = -1
				break
			}
			i += next + 1
		}
		if i < 0 {
			missing[w.String()]++
			continue
		}
		matched[i] = true
	}
	var lines []string
	for _, text := range slices.Sorted(maps.Keys(missing)) {
		lines = append(lines, "missing:    "+text)
	}
	for i, g := range got {
		if !matched[i] {
			lines = append(lines, "unexpected: "+g.String())
		}
	}
	return strings.Join(lines, "\n")
}

func (w *ExampleFinding) matches(g ExampleFinding) bool {
	return w.Resource == g.Resource && w.Message == g.Message && w.Unknown == g.Unknown && w.Reason == g.Reason && w.Count == g.Count &&
		slices.Equal(w.Teams, g.Teams) && slices.Equal(w.Users, g.Users) && (w.Path == "" || w.Path == g.Path) && (w.Line == 0 || w.Line == g.Line)
}

// String is the finding as one line of an examples file.
func (w ExampleFinding) String() string {
	text, err := json.Marshal(w)
	if err != nil { // plain fields: cannot fail
		return w.Message
	}
	return string(text)
}
