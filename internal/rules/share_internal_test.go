package rules

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/policies"
)

// everyExample is the documents of all examples of the shipped rules in one plan and one manifest set, several times over under
// other names, so that most answers could be shared.
func everyExample(t *testing.T) []gate.Document {
	t.Helper()
	names, err := fs.Glob(policies.FS, "*/*.examples.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	var docs []gate.Document
	for _, name := range names {
		text, err := fs.ReadFile(policies.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		examples, err := ParseExamples(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range slices.Concat(examples.Good, examples.Bad) {
			list, err := e.Documents(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for copies := range 2 {
				for _, d := range list {
					d.Resource = fmt.Sprintf("%s-%d", d.Resource, len(docs))
					d.Name = fmt.Sprintf("%s-%d", d.Name, copies)
					docs = append(docs, d)
				}
			}
		}
	}
	return docs
}

// TestSharedAnswersAreTheAnswers holds shared answers against asking for each document.
func TestSharedAnswersAreTheAnswers(t *testing.T) {
	t.Parallel()
	docs := everyExample(t)
	judge := func(apart bool, scope string) gate.Evaluation {
		e, err := New(t.Context(), Options{Builtin: policies.FS, Packs: []string{"all"}, Scope: scope})
		if err != nil {
			t.Fatal(err)
		}
		e.apart = apart
		return e.Evaluate(t.Context(), Input{Documents: docs})
	}
	for _, scope := range []string{ScopeAll, ScopeChanged} {
		want, got := judge(true, scope), judge(false, scope)
		if len(want.Findings) < 500 || len(want.Requirements) == 0 {
			t.Fatalf("%s: only %d findings and %d requirements to compare", scope, len(want.Findings), len(want.Requirements))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", scope, diff)
		}
	}
}

// readsOf gives what a rule's text reads, one path a line; a star stands for all below.
func readsOf(t *testing.T, body string) []string {
	t.Helper()
	module := "# METADATA\n# title: t\n# custom:\n#   id: T-1\n#   severity: low\n#   remedy: r\n#   inspects: {terraform: [x]}\npackage acme.t\n\n" + body + "\n"
	known := map[string][]*source{}
	header, ok := scanHeader([]byte(module))
	if !ok {
		t.Fatal("no header")
	}
	s := &source{file: "t.rego", text: []byte(module), header: header, rule: &Rule{ID: "T-1"}}
	known["acme.t"] = []*source{s}
	p, problems := compile([]*source{s}, known)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var lines []string
	var walk func(r *reads, path []string)
	walk = func(r *reads, path []string) {
		switch {
		case r.whole:
			lines = append(lines, strings.Join(append(slices.Clone(path), "*"), "."))
			return
		case len(r.keys) == 0:
			lines = append(lines, strings.Join(path, "."))
		}
		for _, key := range r.sortedKeys() {
			walk(r.keys[key], append(slices.Clone(path), key))
		}
	}
	walk(p.rules[s].reads, nil)
	return lines
}

func TestReads(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"a path":               {`deny contains "x" if input.resource.tags.Team`, []string{"resource.tags.Team.*"}},
		"with a constant":      {`deny contains "x" if input.resource.tags == "a"`, []string{"resource.tags"}},
		"not null":             {"deny contains \"x\" if {\n\tinput.resource != null\n\tinput.resource.a == 1\n}", []string{"resource.a"}},
		"null, by a name":      {"deny contains \"x\" if {\n\tr := input.resource\n\tnull != r\n\tr.a < 1\n}", []string{"resource.a.*"}},
		"with an object":       {`deny contains "x" if input.resource == {}`, []string{"resource.*"}},
		"with a list":          {`deny contains "x" if input.resource != []`, []string{"resource.*"}},
		"its type":             {"deny contains \"x\" if {\n\tis_object(input.resource)\n\ttype_name(input.before) == \"null\"\n}", []string{"before", "resource"}},
		"through a variable":   {"deny contains \"x\" if {\n\tr := input.resource\n\tnot r.tags.Team\n}", []string{"resource.tags.Team.*"}},
		"a variable's value":   {"deny contains r if {\n\tr := input.resource.name\n}", []string{"resource.name.*"}},
		"only that it is":      {"deny contains \"x\" if {\n\t_ := input.resource.tags\n}", []string{"resource.tags"}},
		"two compared":         {"deny contains \"x\" if {\n\tr := input.resource\n\tr == input.before\n}", []string{"before.*", "resource.*"}},
		"compared by a name":   {"deny contains \"x\" if {\n\tr := input.resource\n\tb := input.before\n\tr.a == b.a\n}", []string{"before.a.*", "resource.a.*"}},
		"an element":           {`deny contains "x" if input.resource.ingress[_].port == 22`, []string{"resource.ingress.*"}},
		"any attribute":        {"deny contains \"x\" if {\n\tsome k\n\tinput.resource[k] == 1\n}", []string{"resource.*"}},
		"an attribute by name": {"deny contains \"x\" if {\n\tk := input.type\n\tinput.resource[k] == 1\n}", []string{"resource.*", "type.*"}},
		"object.get":           {`deny contains "x" if object.get(input.resource, ["a", "b"], null) == null`, []string{"resource.a.b.*"}},
		"object.get, unknown":  {"deny contains \"x\" if {\n\tsome k in [\"a\"]\n\tobject.get(input.resource, k, null) == null\n}", []string{"resource.*"}},
		"a function":           {"deny contains \"x\" if f(input.resource)\n\nf(r) if r.a.b\n\nf(r) if r.c == 1", []string{"resource.a.b.*", "resource.c"}},
		"a function's value":   {"deny contains x if x := f(input.resource)\n\nf(r) := r", []string{"resource.*"}},
		"a function with else": {"deny contains \"x\" if f(input.resource) == 1\n\nf(r) := 1 if {\n\tr.a\n} else := 2 if {\n\tr.b\n}", []string{"resource.a.*", "resource.b.*"}},
		"a pattern":            {"deny contains \"x\" if f(input.resource.l)\n\nf([a, _]) if a", []string{"resource.l.*"}},
		"a helper":             {"deny contains \"x\" if h\n\nh if input.resource.a", []string{"resource.a.*"}},
		"every":                {"deny contains \"x\" if {\n\tevery r in input.resource.l { r.a }\n}", []string{"resource.l.*"}},
		"a comprehension":      {`deny contains "x" if count([1 | input.resource.a == 1]) > 0`, []string{"resource.a"}},
		"walk":                 {"deny contains \"x\" if {\n\twalk(input.resource, [_, v])\n\tv == 1\n}", []string{"resource.*"}},
		"another input":        {"deny contains \"x\" if {\n\th with input as {\"a\": 1}\n}\n\nh if input.a", []string{"*"}},
		"all of it":            {`deny contains "x" if count(input) > 3`, []string{"*"}},
		"its keys":             {"deny contains k if some k, _ in input", []string{"*"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, readsOf(t, c.body)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestDocumentsThatDifferInOneThing: answers are not shared across any difference that the rule can see.
func TestDocumentsThatDifferInOneThing(t *testing.T) {
	t.Parallel()
	p := &sharePlan{}
	p.root = p.node()
	r := &reads{}
	r.at([]string{"resource", "tags", "Team"}).whole = true
	r.at([]string{"change", "actions"}).whole = true
	r.at([]string{"pod", "spec"}).whole = true
	r.at([]string{"before"}) // its shape
	tokens := p.add(p.root, r, nil)
	m := &shareMemory{plan: p, ids: map[string]uint32{}, tokens: make([]uint32, p.tokens)}
	seen := map[string]string{}
	for _, d := range []gate.Document{
		{}, {After: json.RawMessage(`{}`)}, {After: json.RawMessage(`{"tags":null}`)}, {After: json.RawMessage(`{"tags":{}}`)},
		{After: json.RawMessage(`{"tags":{"Team":null}}`)}, {After: json.RawMessage(`{"tags":{"Team":"a"}}`)}, {After: json.RawMessage(`{"tags":"Team"}`)},
		{After: json.RawMessage(`{"tags":{"Team":"a"},"tags":{}}`), Name: "the last counts, as if it had none"},
		{Actions: []string{"create"}}, {Actions: []string{"delete", "create"}}, {Change: json.RawMessage(`{"actions":["create"]}`), Name: "not its word"},
		{Before: json.RawMessage(`{"a":1}`)}, {Before: json.RawMessage(`{"a":2}`), Name: "an object as well"},
		{Before: json.RawMessage(`[]`)}, {Before: json.RawMessage(`"a"`)},
		{After: json.RawMessage(`{"spec":1}`), PodPath: []string{}}, {After: json.RawMessage(`{"spec":2}`), PodPath: []string{}},
		{After: json.RawMessage(`{"t":{"spec":1,"x":1}}`), PodPath: []string{"u"}},
	} {
		clear(m.tokens)
		if !m.look(&d) {
			t.Fatalf("%s is not looked at", d.After)
		}
		key := ""
		for _, token := range tokens {
			key += fmt.Sprint(m.tokens[token], " ")
		}
		text := fmt.Sprint(string(d.After), string(d.Before), d.Actions, string(d.Change), d.PodPath)
		if other, there := seen[key]; there && d.Name == "" {
			t.Errorf("%s counts as %s", text, other)
		}
		seen[key] = text
	}
}
