package judge_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/judge"
	"github.com/gatehouse-dev/gatehouse/internal/sandbox"
)

const (
	tryAgain = "Comment `/gatehouse recheck` to try again; if it stays so, look at what was being worked on."
	splitUp  = "Look there for what repeats itself without end or grows without bound, or split the change."
	judging  = "judging what the pull request changes "
	ended    = ", at which a worker process is ended"
	onePod   = "judging v1/Pod/b/a in k8s/a.yaml with T-1 "
)

// judgeTitle judges one Pod under a title that tells the worker how to misbehave.
func judgeTitle(ctx context.Context, j *judge.Judges, title string, head document.Tree) (*judge.Result, error) {
	return j.Judge(ctx, judge.Job{
		PullRequest: &gate.PullRequest{Title: title}, Policies: judge.Policies{Key: "none", Packs: []string{}},
	}, judge.Source{Repository: 1, Head: head, Folders: noFolders})
}

// TestAWorkerThatMisbehavesIsOneProblem: whatever a worker does, what comes of it is one blocking problem, and the next change of the
// same repository is judged.
func TestAWorkerThatMisbehavesIsOneProblem(t *testing.T) {
	t.Parallel()
	judges := newJudges(t, judge.Options{Time: 5 * time.Second})
	for _, c := range []struct{ title, message, code, remedy string }{
		{exits, "failed: the worker process ended (exit status 9)", "internal", tryAgain},
		{garbage, "failed: the worker process answered with something that is no answer", "internal", tryAgain},
		{strange, "failed: the worker process answered with something that is no answer", "internal", tryAgain},
		{huge, "made more than 256 MiB" + ended, "limit", splitUp},
		{hangs, "took more than 5s" + ended, "limit", splitUp},
		{snoops, "failed: the worker process asked something that makes no sense", "internal", tryAgain},
		{floods, "failed: the worker process asked something that makes no sense", "internal", tryAgain},
	} {
		got, err := judgeTitle(t.Context(), judges, c.title, document.MapTree{"a.yaml": pod})
		want := &judge.Result{Problems: []gate.Problem{{Code: c.code, Message: judging + c.message, Remedy: c.remedy}}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", c.title, err, diff)
		}
		if got, err := judgeTitle(t.Context(), judges, "sound", document.MapTree{"a.yaml": pod}); err != nil || len(got.Problems) > 0 || len(got.Changes) != 1 {
			t.Errorf("after %s: %+v, %v", c.title, got, err)
		}
	}
}

// countingTree counts how often it is read, and says so in the file "attempt".
type countingTree struct {
	document.MapTree
	reads *atomic.Int64
}

func (t countingTree) Read(ctx context.Context, paths []string) (map[string][]byte, error) {
	if slices.Equal(paths, []string{"attempt"}) {
		return map[string][]byte{"attempt": []byte(strconv.FormatInt(t.reads.Add(1), 10))}, nil
	}
	return t.MapTree.Read(ctx, paths)
}

// TestAnAccidentIsForgiven: a worker that ends once, as when the kernel kills it, costs time and nothing else.
func TestAnAccidentIsForgiven(t *testing.T) {
	t.Parallel()
	var reads atomic.Int64
	var deaths []string
	judges := newJudges(t, judge.Options{Died: func(repository int64, d *sandbox.Death) {
		deaths = append(deaths, fmt.Sprint(repository, ": ", d, ", ", d.Limit))
	}})
	got, err := judgeTitle(t.Context(), judges, exitsFirst, countingTree{document.MapTree{"a.yaml": pod}, &reads})
	if err != nil || len(got.Problems) > 0 || len(got.Changes) != 1 || reads.Load() != 2 {
		t.Errorf("%+v, %v after %d attempts", got, err, reads.Load())
	}
	if want := []string{"1: the worker process ended (exit status 9), false"}; !slices.Equal(deaths, want) {
		t.Errorf("told of %q; wanted %q", deaths, want)
	}
}

// TestOneRepositorysWorkerIsNotAnothers: a worker that hangs keeps nobody else waiting.
func TestOneRepositorysWorkerIsNotAnothers(t *testing.T) {
	t.Parallel()
	judges := newJudges(t, judge.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := judgeTitle(ctx, judges, hangs, document.MapTree{})
		ended <- err
	}()
	for _, title := range []string{"one", "two"} {
		if got, err := judgeTitle(t.Context(), judges, title, document.MapTree{"a.yaml": pod}); err != nil || len(got.Changes) != 1 {
			t.Errorf("%s: %+v, %v", title, got, err)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// own judges one Pod with a rule of the repository's own.
func own(t *testing.T, judges *judge.Judges, rule string) *judge.Result {
	t.Helper()
	got, err := judges.Judge(t.Context(), judge.Job{Policies: judge.Policies{Key: rule, Packs: []string{}}}, judge.Source{
		Repository: 1, Head: document.MapTree{"k8s/a.yaml": pod},
		Folders: func(context.Context) ([]judge.Folder, error) { return []judge.Folder{ownRule(rule)}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestRulesThatExplode: a rule that the engine can stop is blamed by name. One that it cannot, because a single built-in function eats
// everything, costs the worker its life, and is named all the same.
func TestRulesThatExplode(t *testing.T) {
	t.Parallel()
	judges := newJudges(t, judge.Options{Memory: 384 << 20, Time: 20 * time.Second})
	stopped := own(t, judges, `deny contains "much" if {
	long := concat("", [x | some i in numbers.range(1, 1000); x := "0123456789"])
	count({x | some a in numbers.range(1, 100000); x := sprintf("%d %s", [a, long])}) > 1
}
`)
	want := []gate.Problem{{
		Code: "rules", File: "rules/t1.rego", Line: 8, Message: "the rule T-1 failed: it used more memory than its limit (on v1/Pod/b/a)",
		Remedy: "Correct the rule or set its enforcement to off.",
	}}
	if diff := cmp.Diff(want, stopped.Evaluation.Problems); diff != "" {
		t.Errorf("%s\n%v", diff, stopped.Problems)
	}
	killed := own(t, judges, `deny contains "much" if {
	numbers_of_a_megabyte := concat("", [x | some i in numbers.range(1, 2000); x := "%0999999[1]d"])
	count(sprintf(numbers_of_a_megabyte, [7])) > 1
}
`)
	want = []gate.Problem{{
		Code: "limit", Message: onePod + "took more than 384 MiB of memory" + ended, Remedy: splitUp,
	}}
	if diff := cmp.Diff(want, killed.Problems); diff != "" {
		t.Errorf("%s\n%v", diff, killed.Evaluation.Problems)
	}
	if sound := own(t, judges, "deny contains \"no\" if input.resource.kind == \"Job\"\n"); len(sound.Problems) > 0 || sound.Evaluation.Documents != 1 {
		t.Errorf("afterwards %+v", sound)
	}
}

// TestRulesWithoutEnd: the engine's own clock stops a rule and blames it; where the worker's is shorter, it ends the worker.
func TestRulesWithoutEnd(t *testing.T) {
	t.Parallel()
	rule := `deny contains "never" if {
	some a in numbers.range(1, 100000)
	some b in numbers.range(1, 100000)
	some c in numbers.range(1, 100000)
	a + b + c == 0
}
`
	stopped := own(t, newJudges(t, judge.Options{Time: time.Minute}), rule)
	want := []gate.Problem{{
		Code: "rules", File: "rules/t1.rego", Line: 8, Message: "the rule T-1 failed: it ran longer than its time limit of 5s (on v1/Pod/b/a)",
		Remedy: "Correct the rule or set its enforcement to off.",
	}}
	if diff := cmp.Diff(want, stopped.Evaluation.Problems); diff != "" {
		t.Errorf("%s\n%v", diff, stopped.Problems)
	}
	killed := own(t, newJudges(t, judge.Options{Time: 2 * time.Second}), rule)
	if len(killed.Problems) != 1 || killed.Problems[0].Code != "limit" ||
		!strings.HasPrefix(killed.Problems[0].Message, onePod+"took more than 2s") {
		t.Errorf("%+v", killed.Problems)
	}
}

// TestYAMLBombs: what repeats itself is refused by the reader, with its line, and does not even end the worker.
func TestYAMLBombs(t *testing.T) {
	t.Parallel()
	bomb := pod + "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		at, next := string(rune('a'+i)), string(rune('b'+i))
		bomb += next + ": &" + next + " [" + strings.Repeat("*"+at+", ", 9) + "*" + at + "]\n"
	}
	judges := newJudges(t, judge.Options{Memory: 384 << 20})
	got, err := judgeTitle(t.Context(), judges, "bomb", document.MapTree{"k8s/a.yaml": bomb})
	if err != nil || len(got.Problems) != 1 || got.Problems[0].File != "k8s/a.yaml" || strings.Contains(got.Problems[0].Message, "worker") {
		t.Errorf("%+v, %v", got, err)
	}
}
