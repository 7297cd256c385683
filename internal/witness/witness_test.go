package witness_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/witness"
)

// rootOf is a root that only this test knows: of the first size entries of a log.
func rootOf(size int64) ledger.Hash { return ledger.Leaf([]byte(fmt.Sprint("root of ", size))) }

// aLog has ten entries; entry 2 is decision d-a, which failed, entry 6 decision d-b, which passed. Entries 4 and 8 say that their check
// runs were posted.
func aLog() witness.Log {
	return witness.Log{
		Size: 10, Root: func(size int64) (ledger.Hash, error) { return rootOf(size), nil },
		Decisions: map[string]witness.Decision{"d-a": {Index: 2, Verdict: "fail"}, "d-b": {Index: 6, Verdict: "pass"}},
		Published: []witness.Publication{
			{Index: 4, Repository: "acme/infra", Commit: "aaaa", CheckRun: 11, Conclusion: "failure"},
			{Index: 8, Repository: "acme/infra", Commit: "bbbb", CheckRun: 12, Conclusion: "success"},
		},
	}
}

// onGitHub are the check runs that this log has posted.
func onGitHub() (a, b witness.Posted) {
	a = witness.Posted{
		Repository: "acme/infra", Commit: "aaaa", CheckRun: 11, URL: "u11", Status: "completed", Conclusion: "failure",
		Decision: "d-a", Index: 2, Size: 3, Root: rootOf(3).String(),
	}
	b = witness.Posted{
		Repository: "acme/infra", Commit: "bbbb", CheckRun: 12, URL: "u12", Status: "completed", Conclusion: "success",
		Decision: "d-b", Index: 6, Size: 7, Root: rootOf(7).String(),
	}
	return a, b
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(log *witness.Log, a, b *witness.Posted)
		gone   bool     // GitHub has no check run on aaaa any more
		want   []string // beginnings of what is found: INDEX-END reason
	}{
		"the same log": {change: func(*witness.Log, *witness.Posted, *witness.Posted) {}},
		"GitHub knows of more": {
			change: func(l *witness.Log, _, _ *witness.Posted) {
				l.Size = 5
				delete(l.Decisions, "d-b")
				l.Published = l.Published[:1]
			},
			want: []string{"5-7 the check run 12 on acme/infra@bbbb knows of 7 entries, and the log has 5"},
		},
		"another root, between two that agree or not": {
			change: func(_ *witness.Log, _, b *witness.Posted) { b.Root = rootOf(99).String() },
			want:   []string{"3-7 the check run 12 on acme/infra@bbbb says that the first 7 entries have the root " + rootOf(99).String()},
		},
		"another decision in its place": {
			change: func(l *witness.Log, _, _ *witness.Posted) {
				l.Decisions["d-a"] = witness.Decision{Index: 5, Verdict: "fail"}
			},
			want: []string{"2-3 the check run 11 on acme/infra@aaaa says that it is decision d-a, which it is not"},
		},
		"a verdict that was made better afterwards": {
			change: func(l *witness.Log, _, _ *witness.Posted) {
				l.Decisions["d-a"] = witness.Decision{Index: 2, Verdict: "pass"}
			},
			want: []string{`2-3 the check run 11 on acme/infra@aaaa is "completed/failure", and the log's verdict "pass"`},
		},
		"a check that lets through what was denied": {
			change: func(_ *witness.Log, a, _ *witness.Posted) { a.Conclusion = "neutral" },
			want: []string{
				`2-3 the check run 11 on acme/infra@aaaa is "completed/neutral", and the log's verdict "fail"`,
				`4-5 it says that the check run 11 was posted on acme/infra@aaaa as "failure", and GitHub shows "neutral"`,
			},
		},
		"a check that waits while nothing is denied": {
			change: func(l *witness.Log, a, _ *witness.Posted) {
				l.Decisions["d-a"] = witness.Decision{Index: 2, Verdict: "wait"}
				a.Status, a.Conclusion = "in_progress", ""
			},
		},
		"one that says that nothing could be recorded": {
			change: func(_ *witness.Log, _, b *witness.Posted) { b.Blocked, b.Conclusion = true, "failure" },
		},
		"a check run that is gone": {
			change: func(*witness.Log, *witness.Posted, *witness.Posted) {}, gone: true,
			want: []string{"4-5 it says that the check run 11 was posted on acme/infra@aaaa, and GitHub has none"},
		},
		"a newer text whose entry is still to come": {
			change: func(l *witness.Log, _, b *witness.Posted) {
				b.Size, b.Root, b.Conclusion, b.Decision, b.Index = 10, rootOf(10).String(), "failure", "d-c", 9
				l.Decisions["d-c"] = witness.Decision{Index: 9, Verdict: "fail"}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := aLog()
			a, b := onGitHub()
			c.change(&log, &a, &b)
			posted := []witness.Posted{b, a} // in any order
			if c.gone {
				posted = posted[:1]
			}
			found, err := witness.Compare(log, posted, map[string]bool{"acme/infra@aaaa": true, "acme/infra@bbbb": true})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, f := range found {
				text := fmt.Sprintf("%d-%d %s", f.Index, f.End, f.Reason)
				if i < len(c.want) && strings.HasPrefix(text, c.want[i]) {
					text = c.want[i]
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Of a commit that GitHub was not asked about nothing is missing, and a log that cannot be read is no contradiction.
func TestCompareWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	if found, err := witness.Compare(aLog(), nil, nil); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
	log, down := aLog(), errors.New("the database is down")
	log.Root = func(int64) (ledger.Hash, error) { return ledger.Hash{}, down }
	a, _ := onGitHub()
	if _, err := witness.Compare(log, []witness.Posted{a}, nil); !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}

func TestContradictionInWords(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]witness.Contradiction{
		"entry 3: it is gone":                           {Index: 3, End: 4, Reason: "it is gone"},
		"entry 3 (or another before 9): it was changed": {Index: 3, End: 9, Reason: "it was changed"},
	} {
		if got := c.String(); got != want {
			t.Errorf("got %q, wanted %q", got, want)
		}
	}
}
