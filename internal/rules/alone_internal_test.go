package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/policies"
)

// aloneRules are the shipped rules that look at nothing but the document.
func aloneRules(t *testing.T) []string {
	t.Helper()
	e, err := New(t.Context(), Options{Builtin: policies.FS, Packs: []string{"all"}})
	if err != nil {
		t.Fatal(err)
	}
	p, problems := e.programFor(e.rules)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var ids []string
	for s, r := range p.rules {
		if !r.uses.context() {
			ids = append(ids, s.rule.ID)
		}
	}
	if len(ids) < 20 {
		t.Fatalf("only %d rules look at the document alone", len(ids))
	}
	return ids
}

// TestAnswersAreTheJudgement judges every example anew, and by what was kept of that, without its values.
func TestAnswersAreTheJudgement(t *testing.T) {
	t.Parallel()
	docs := everyExample(t)
	e, err := New(t.Context(), Options{Builtin: policies.FS, Packs: []string{"all"}, Only: aloneRules(t), Scope: ScopeAll})
	if err != nil {
		t.Fatal(err)
	}
	if !e.Alone(docs) {
		t.Fatal("the rules look at more than the document")
	}
	kept := make([][]byte, len(docs))
	keep := func(i int, answer []byte) { kept[i] = append([]byte{}, answer...) }
	want := e.Evaluate(t.Context(), Input{Documents: docs, Keep: keep})
	if len(want.Problems) > 0 || len(want.Findings) < 100 {
		t.Fatalf("%d findings, problems: %v", len(want.Findings), want.Problems)
	}
	bare := make([]gate.Document, len(docs))
	for i, d := range docs {
		d.After, d.Before, d.Change = nil, nil, nil
		bare[i] = d
	}
	again := make([][]byte, len(docs))
	for name, answers := range map[string]func(i int) bool{
		"all":            func(int) bool { return true },
		"every other":    func(i int) bool { return i%2 == 0 },
		"all but one":    func(i int) bool { return i != 7 },
		"the first half": func(i int) bool { return i < len(docs)/2 },
	} {
		in := Input{Documents: append([]gate.Document{}, docs...), Answers: make([][]byte, len(docs)), Keep: func(i int, answer []byte) {
			again[i] = append([]byte{}, answer...)
		}}
		for i := range docs {
			if answers(i) {
				in.Answers[i], in.Documents[i] = kept[i], bare[i]
			}
		}
		if diff := cmp.Diff(want, e.Evaluate(t.Context(), in)); diff != "" {
			t.Errorf("%s from answers:\n%s", name, diff)
		}
		if diff := cmp.Diff(kept, again); diff != "" {
			t.Errorf("%s from answers, what is kept:\n%s", name, diff)
		}
	}
}

// Where rules look at more than the document, or cannot be asked, nothing is kept.
func TestNothingIsKeptOfWhatIsNotAlone(t *testing.T) {
	t.Parallel()
	docs := everyExample(t)
	for name, o := range map[string]Options{
		"companions": {Builtin: policies.FS, Packs: []string{"all"}, Scope: ScopeAll},
		"changes":    {Builtin: policies.FS, Packs: []string{"all"}, Only: aloneRules(t), Scope: ScopeChanged},
	} {
		e, err := New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if e.Alone(docs) {
			t.Errorf("%s: the documents are said to be judged alone", name)
		}
		e.Evaluate(t.Context(), Input{Documents: docs[:50], Keep: func(i int, _ []byte) { t.Errorf("%s: %d is kept", name, i) }})
	}
	e, err := New(t.Context(), Options{Builtin: policies.FS, Packs: []string{"all"}, Only: aloneRules(t), Scope: ScopeAll})
	if err != nil {
		t.Fatal(err)
	}
	broken := append([]gate.Document{}, docs[:50]...)
	broken[7].After = []byte(`{"a":`)
	answer := e.Evaluate(t.Context(), Input{Documents: broken, Keep: func(i int, _ []byte) { t.Errorf("%d is kept beside a broken document", i) }})
	if len(answer.Problems) == 0 {
		t.Error("a broken document is no problem")
	}
	// An answer that cannot be understood is a problem, never a pass.
	for _, bad := range []string{`[`, `{}`, `[{"rule":"XX-99","set":"deny","message":"x"}]`} {
		answer := e.Evaluate(t.Context(), Input{Documents: docs[:1], Answers: [][]byte{[]byte(bad)}})
		if len(answer.Problems) != 1 {
			t.Errorf("the answer %s: problems %v", bad, answer.Problems)
		}
	}
}
