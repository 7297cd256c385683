package githubsim

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCustomProperties(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inst.SetPermissions(map[string]string{"metadata": "read", "organization_custom_properties": "read"}, []string{"custom_property_values"})
	w.settle()
	w.hooks.names()
	w.repo.SetProperty("tier", "critical")
	w.repo.SetProperty("languages", "go", "hcl")
	w.repo.SetProperty("owner", "mei")
	w.repo.SetProperty("owner")
	got := w.call(w.inst.Token(), http.MethodGet, "/repos/acme/infra/properties/values", nil).list(t)
	want := []map[string]any{
		{"property_name": "languages", "value": []any{"go", "hcl"}},
		{"property_name": "tier", "value": "critical"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the values (-want +got):\n%s", diff)
	}
	w.settle()
	events := w.hooks.all()
	if len(events) != 4 {
		t.Fatalf("%d events were sent; wanted 4", len(events))
	}
	last := map[string]any{"old": events[3].body["old_property_values"], "new": events[3].body["new_property_values"]}
	wantLast := map[string]any{
		"old": []any{map[string]any{"property_name": "owner", "value": "mei"}}, "new": []any{map[string]any{"property_name": "owner", "value": nil}},
	}
	if diff := cmp.Diff(wantLast, last); diff != "" {
		t.Errorf("the last event (-want +got):\n%s", diff)
	}
	w.inst.SetPermissions(map[string]string{"metadata": "read"}, []string{"custom_property_values"})
	w.settle()
	w.hooks.names()
	w.repo.SetProperty("owner", "sam")
	w.settle()
	if names := w.hooks.names(); len(names) > 0 {
		t.Errorf("an App that may not see properties was sent %v", names)
	}
}

func TestARunningWorkflowEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.inst.SetPermissions(map[string]string{"actions": "read"}, nil)
	pr := w.openPR()
	run := w.repo.AddRun(RunSpec{Workflow: ".github/workflows/ci.yml", HeadSHA: pr.HeadSHA(), By: "wendy", Running: true})
	state := func() [2]any {
		runs := w.call(w.inst.Token(), http.MethodGet, "/repos/acme/infra/actions/runs?head_sha="+pr.HeadSHA(), nil).object(t)["workflow_runs"]
		one := runs.([]any)[0].(map[string]any)
		return [2]any{one["status"], one["conclusion"]}
	}
	got := [][2]any{state()}
	run.End("failure")
	got = append(got, state())
	if diff := cmp.Diff([][2]any{{"in_progress", nil}, {"completed", "failure"}}, got); diff != "" {
		t.Errorf("status and conclusion, before and after (-want +got):\n%s", diff)
	}
}

// What a force-push left behind can be fetched for a while, and after the clean-up no more.
func TestForget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pr := w.openPR()
	old := pr.HeadSHA()
	pr.ForcePush(CommitSpec{Files: map[string]string{"main.tf": "a = 3\n"}})
	commit := func(sha string) int {
		return w.call(w.inst.Token(), http.MethodGet, "/repos/acme/infra/git/commits/"+sha, nil).status
	}
	before := commit(old)
	w.repo.Forget()
	if got := [3]int{before, commit(old), commit(pr.HeadSHA())}; got != [3]int{200, 404, 200} {
		t.Errorf("the old head before and after, and the new one: %v", got)
	}
}
