package work_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// The keys decide what folds and what never runs at once: the check belongs to the head, the comment to the pull request.
func TestKeys(t *testing.T) {
	t.Parallel()
	pr := work.Evaluate{Target: work.Target{InstallationID: 1, RepositoryID: 2, Owner: "acme", Name: "infra"}, Number: 7}
	works := append([]store.Work{pr.Work()}, work.Publication{Evaluate: pr, Head: "abc", Decision: "d-1"}.Works()...)
	got := map[string]string{}
	for _, w := range works {
		got[w.Kind] = w.Key
	}
	want := map[string]string{work.KindEvaluate: "2/7", work.KindCheck: "2/abc", work.KindComment: "2/7"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys differ (-want +got):\n%s", diff)
	}
	var back work.Publication
	if err := json.Unmarshal(works[1].Args, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(work.Publication{Evaluate: pr, Head: "abc", Decision: "d-1"}, back); diff != "" {
		t.Errorf("arguments do not survive (-want +got):\n%s", diff)
	}
}
