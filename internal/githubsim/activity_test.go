package githubsim

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestActivity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.repo.Commit("main", CommitSpec{Author: "wendy", Files: map[string]string{"a": "1"}})
	merged, err := w.openPR().Merge("olga", MergeOptions{Method: "squash"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.repo.Push("olga", "main", first, true); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range w.call(w.inst.Token(), "GET", "/repos/acme/infra/activity?ref=refs/heads/main&per_page=3", nil).list(t) {
		got = append(got, fmt.Sprintf("%s %s %.7s", a["activity_type"], a["actor"].(map[string]any)["login"], a["after"]))
	}
	want := []string{fmt.Sprintf("force_push olga %.7s", first), fmt.Sprintf("pr_merge olga %.7s", merged), fmt.Sprintf("push wendy %.7s", first)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
