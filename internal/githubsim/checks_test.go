package githubsim

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// note is a valid annotation, changed by edit.
func noteWith(edit func(map[string]any)) map[string]any {
	a := map[string]any{"path": "main.tf", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "no"}
	if edit != nil {
		edit(a)
	}
	return a
}

func notes(n int) []any {
	var out []any
	for range n {
		out = append(out, noteWith(nil))
	}
	return out
}

func TestCheckRunValidation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sha, token := w.repo.Head("main"), w.inst.Token()
	output := func(more map[string]any) map[string]any {
		out := map[string]any{"title": "t", "summary": "s"}
		for k, v := range more {
			out[k] = v
		}
		return map[string]any{"name": "gatehouse", "head_sha": sha, "output": out}
	}
	annotated := func(edit func(map[string]any)) map[string]any {
		return output(map[string]any{"annotations": []any{noteWith(edit)}})
	}
	button := func(label, description, identifier string) map[string]any {
		return map[string]any{"label": label, "description": description, "identifier": identifier}
	}
	const bad = "422 Invalid request.\n\n"
	for _, tc := range []struct {
		name string
		body any
		want string
	}{
		{"good", output(map[string]any{"annotations": notes(50), "summary": strings.Repeat("é", 65535)}), "201 "},
		{"not JSON", "{", "400 Problems parsing JSON"},
		{"not an object", "[]", "400 Body should be a JSON object"},
		{"nothing", map[string]any{}, bad + `"head_sha", "name" weren't supplied.`},
		{"no name", map[string]any{"head_sha": sha}, bad + `"name" wasn't supplied.`},
		{
			"no such commit", map[string]any{"name": "g", "head_sha": strings.Repeat("1", 40)},
			"422 No commit found for SHA: " + strings.Repeat("1", 40),
		},
		{"51 annotations", output(map[string]any{"annotations": notes(51)}), bad + "No more than 50 items are allowed; 51 were supplied."},
		{
			"a long summary", output(map[string]any{"summary": strings.Repeat("é", 65536)}),
			bad + "Only 65535 characters are allowed; 65536 were supplied.",
		},
		{"a long text", output(map[string]any{"text": strings.Repeat("x", 70000)}), bad + "Only 65535 characters are allowed; 70000 were supplied."},
		{"no title", map[string]any{"name": "g", "head_sha": sha, "output": map[string]any{"summary": "s"}}, bad + `"title" wasn't supplied.`},
		{
			"an unknown status", map[string]any{"name": "g", "head_sha": sha, "status": "done"},
			bad + `"done" is not a possible value. Must be one of the following: queued, in_progress, completed, waiting, requested, pending.`,
		},
		{
			"an unknown conclusion", map[string]any{"name": "g", "head_sha": sha, "conclusion": "stale"},
			bad + `"stale" is not a possible value. Must be one of the following: action_required, cancelled, failure, neutral, success, skipped, timed_out.`,
		},
		{
			"completed without a conclusion", map[string]any{"name": "g", "head_sha": sha, "status": "completed"},
			"422 Validation Failed [conclusion missing_field conclusion is required when the status is completed]",
		},
		{"an annotation without a path", annotated(func(a map[string]any) { delete(a, "path") }), bad + `"path" wasn't supplied.`},
		{
			"an unknown level", annotated(func(a map[string]any) { a["annotation_level"] = "error" }),
			bad + `"error" is not a possible value. Must be one of the following: notice, warning, failure.`,
		},
		{
			"columns over several lines", annotated(func(a map[string]any) { a["end_line"], a["start_column"] = 2, 1 }),
			bad + "start_column and end_column need start_line and end_line to be the same.",
		},
		{
			"a long message", annotated(func(a map[string]any) { a["message"] = strings.Repeat("x", 65537) }),
			bad + "Only 65536 characters are allowed; 65537 were supplied.",
		},
		{
			"four buttons", map[string]any{"name": "g", "head_sha": sha, "actions": []any{
				button("a", "b", "c"), button("a", "b", "c"), button("a", "b", "c"), button("a", "b", "c"),
			}},
			bad + "No more than 3 items are allowed; 4 were supplied.",
		},
		{
			"a wordy button", map[string]any{"name": "g", "head_sha": sha, "actions": []any{
				button(strings.Repeat("a", 21), strings.Repeat("b", 41), strings.Repeat("c", 21)),
			}},
			bad + "Only 20 characters are allowed; 21 were supplied.\nOnly 40 characters are allowed; 41 were supplied.\n" +
				"Only 20 characters are allowed; 21 were supplied.",
		},
	} {
		if diff := cmp.Diff(tc.want, w.call(token, "POST", "/repos/acme/infra/check-runs", tc.body).said()); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

func TestCheckRunLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	w.settle()
	w.hooks.names()
	token := w.inst.Token()
	made := w.call(token, "POST", "/repos/acme/infra/check-runs", map[string]any{
		"name": "gatehouse", "head_sha": p.HeadSHA(), "status": "in_progress", "external_id": "x1",
		"output":  map[string]any{"title": "Working", "summary": "s", "annotations": notes(50)},
		"actions": []any{map[string]any{"label": "Re-evaluate", "description": "Look again", "identifier": "reevaluate"}},
	}).object(t)
	path := fmt.Sprintf("/repos/acme/infra/check-runs/%.0f", made["id"])
	done := w.call(token, "PATCH", path, map[string]any{
		"conclusion": "failure", "output": map[string]any{"title": "No", "summary": "s", "annotations": notes(30)},
	}).object(t)
	if done["status"] != "completed" || done["conclusion"] != "failure" || done["completed_at"] != "2026-03-01T12:00:00Z" {
		t.Errorf("completed: %v %v %v", done["status"], done["conclusion"], done["completed_at"])
	}
	if n := done["output"].(map[string]any)["annotations_count"]; n != 80.0 {
		t.Errorf("%v annotations, wanted those of both requests", n)
	}
	first := w.call(token, "GET", path+"/annotations?per_page=100", nil)
	if len(first.list(t)) != 80 {
		t.Errorf("%d annotations listed", len(first.list(t)))
	}
	cr := w.repo.CheckRun(p.HeadSHA(), "gatehouse")
	cr.Rerequest("wendy")
	cr.RequestAction("wendy", "reevaluate")
	again := w.call(token, "PATCH", path, map[string]any{"status": "in_progress"}).object(t)
	if again["conclusion"] != nil || again["completed_at"] != nil {
		t.Errorf("in progress again: %v %v", again["conclusion"], again["completed_at"])
	}
	w.settle()
	last := w.hooks.all()[len(w.hooks.all())-1].body
	if id := last["requested_action"].(map[string]any)["identifier"]; id != "reevaluate" {
		t.Errorf("requested action %v", id)
	}
	want := []string{
		"check_run.created", "check_run.completed", "check_suite.completed", "check_run.rerequested", "check_run.requested_action",
	}
	if diff := cmp.Diff(want, w.hooks.names()); diff != "" {
		t.Error(diff)
	}
	other := w.AddApp(AppSpec{Slug: "other", Key: testKey(), Permissions: allPermissions}).Install("acme")
	wantRefusal := fmt.Sprintf("403 Invalid app_id `%d` - check run can only be modified by the GitHub App that created it.", other.app.ID())
	if got := w.call(other.Token(), "PATCH", path, map[string]any{"conclusion": "success"}).said(); got != wantRefusal {
		t.Errorf("another App: %s", got)
	}
	w.clock.advance(15 * 24 * time.Hour)
	stale := w.call(w.inst.Token(), "GET", path, nil).object(t)
	if stale["status"] != "completed" || stale["conclusion"] != "stale" {
		t.Errorf("after 15 days: %v %v", stale["status"], stale["conclusion"])
	}
}

func TestCheckRunsAreListedAndFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repo.CreateBranch("olga", "some/branch", "main") // slashes are read unescaped and escaped
	sha, token := w.repo.Head("main"), w.inst.Token()
	other := w.AddApp(AppSpec{Slug: "other", Key: testKey(), Permissions: allPermissions})
	w.app.PostCheck(w.repo, sha, "gatehouse", "failure")
	w.app.PostCheck(w.repo, sha, "gatehouse", "success")
	w.app.PostCheck(w.repo, sha, "lint", "neutral")
	other.PostCheck(w.repo, sha, "gatehouse", "failure")
	for query, want := range map[string]string{
		"":                     "other/gatehouse=failure gatehouse/lint=neutral gatehouse/gatehouse=success",
		"?filter=all":          "other/gatehouse=failure gatehouse/lint=neutral gatehouse/gatehouse=success gatehouse/gatehouse=failure",
		"?check_name=lint":     "gatehouse/lint=neutral",
		"?status=queued":       "",
		"?per_page=1&page=2":   "gatehouse/lint=neutral",
		"?check_name=g&app_id": "",
		fmt.Sprintf("?check_name=gatehouse&app_id=%d", w.app.ID()): "gatehouse/gatehouse=success",
	} {
		var got []string
		for _, raw := range w.call(token, "GET", "/repos/acme/infra/commits/some/branch/check-runs"+query, nil).object(t)["check_runs"].([]any) {
			cr := raw.(map[string]any)
			got = append(got, fmt.Sprintf("%v/%v=%v", cr["app"].(map[string]any)["slug"], cr["name"], cr["conclusion"]))
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
}

func TestOldRunsOfOneNameAreDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.app.SetWebhook("", "")
	sha := w.repo.Head("main")
	first := w.app.PostCheck(w.repo, sha, "gatehouse", "success")
	for range 1000 {
		w.app.PostCheck(w.repo, sha, "gatehouse", "failure")
	}
	runs := w.call(w.inst.Token(), "GET", "/repos/acme/infra/commits/main/check-runs?filter=all&per_page=1", nil).object(t)
	gone := w.call(w.inst.Token(), "GET", fmt.Sprintf("/repos/acme/infra/check-runs/%d", first.ID()), nil).status
	if runs["total_count"] != 1000.0 || gone != 404 {
		t.Errorf("%v runs, the first answers %d", runs["total_count"], gone)
	}
}

func TestWaitForACheckThatIsPostedLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.openPR()
	sha, token := p.HeadSHA(), w.inst.Token()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	done := make(chan int)
	go func() {
		done <- w.call(token, "POST", "/repos/acme/infra/check-runs", map[string]any{"name": "gatehouse", "head_sha": sha, "conclusion": "failure"}).status
	}()
	got, err := w.repo.WaitCheck(ctx, sha, "gatehouse", nil)
	if err != nil || got.Conclusion != "failure" || got.App != "gatehouse" {
		t.Errorf("%+v, %v", got, err)
	}
	if st := <-done; st != 201 {
		t.Errorf("status %d", st)
	}
	cancel()
	_, err = w.repo.WaitCheck(ctx, sha, "other", nil)
	if want := fmt.Sprintf("check other of %.12s is missing", sha); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, wanted %s", err, want)
	}
}

func TestRefsWithSlashes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repo.CreateBranch("olga", "some/branch", "main")
	w.repo.Protect("some/*", Protection{})
	for path, want := range map[string]string{
		"commits/some/branch": "200 ", "commits/some%2Fbranch/status": "200 ", "commits/some/branch/status": "200 ", "commits/some/other/status": "422 No commit found for SHA: some/other",
		"branches/some/branch": "200 ", "branches/some/branch/protection": "200 ", "branches/some%2Fbranch": "200 ", "rules/branches/some/branch": "200 ",
		"git/ref/heads/some/branch": "200 ", "compare/main...some/branch": "200 ", "contents/main.tf?ref=some/branch": "200 ",
	} {
		if got := w.call(w.inst.Token(), "GET", "/repos/acme/infra/"+path, nil).said(); got != want {
			t.Errorf("%s: %s, wanted %s", path, got, want)
		}
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Unlimited = true })
	sha, token := w.repo.Head("main"), w.inst.Token()
	path := "/repos/acme/infra/statuses/" + sha
	post := func(context, state, description string) string {
		return w.call(token, "POST", path, map[string]any{"context": context, "state": state, "description": description}).said()
	}
	got := map[string]string{
		"good":        post("a", "pending", strings.Repeat("x", 140)),
		"long":        post("a", "pending", strings.Repeat("x", 141)),
		"state":       post("a", "done", ""),
		"no commit":   w.call(token, "POST", "/repos/acme/infra/statuses/"+strings.Repeat("2", 40), map[string]any{"state": "success"}).said(),
		"other state": post("b", "success", ""),
	}
	want := map[string]string{
		"good": "201 ", "long": "422 Validation Failed [description custom description is too long (maximum is 140 characters)]",
		"state":     "422 Validation Failed [state custom state is not included in the list]",
		"no commit": "422 No commit found for SHA: " + strings.Repeat("2", 40), "other state": "201 ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c := w.call(token, "GET", "/repos/acme/infra/commits/main/status", nil).object(t); c["state"] != "pending" || c["total_count"] != 2.0 {
		t.Errorf("combined: %v %v", c["state"], c["total_count"])
	}
	w.mu.Lock()
	for range 999 { // as many as are left, without their events
		w.repo.statuses = append(w.repo.statuses, &status{sha: sha, context: "a", state: "success", creator: actor{user: w.app.bot}})
	}
	w.mu.Unlock()
	full := "422 Validation Failed [<nil> custom This SHA and context has reached the maximum number of statuses.]"
	if got := post("a", "success", ""); got != full {
		t.Errorf("status 1001: %s", got)
	}
}
