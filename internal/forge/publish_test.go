package forge

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	runs     = "GET /repos/acme/shop/commits/" + sha1 + "/check-runs?check_name=gatehouse&app_id=7&per_page=100&page=1"
	postRun  = "POST /repos/acme/shop/check-runs"
	patchRun = "PATCH /repos/acme/shop/check-runs/31"
	noRuns   = `{"total_count":0,"check_runs":[]}`
)

func run() CheckRun {
	return CheckRun{
		HeadSHA: sha1, Name: "gatehouse", Status: "completed", Conclusion: "failure", Title: "T", Summary: "S", Text: "X",
		DetailsURL: "https://gate/d-1", ExternalID: "d-1", StartedAt: now(), CompletedAt: now().Add(time.Second),
		Actions: []Action{{Label: "Re-evaluate", Description: "D", Identifier: "recheck"}},
	}
}

// sent is the body of a request that writes run(), with the annotations numbered from..to-1.
func sent(post bool, from, to int) string {
	sha, annotations := "", ""
	if post {
		sha = `"head_sha":"` + sha1 + `",`
	}
	if to > from {
		annotations = `,"annotations":[` + annotationsJSON(from, to) + `]`
	}
	return `{` + sha + `"name":"gatehouse","details_url":"https://gate/d-1","external_id":"d-1","status":"completed","conclusion":"failure",
	 "started_at":"2126-01-02T03:04:05Z","completed_at":"2126-01-02T03:04:06Z","output":{"title":"T","summary":"S","text":"X"` + annotations + `},
	 "actions":[{"label":"Re-evaluate","description":"D","identifier":"recheck"}]}`
}

func annotationsJSON(from, to int) string {
	var items []string
	for i := from; i < to; i++ {
		items = append(items, fmt.Sprintf(`{"path":"f","start_line":%d,"end_line":%[1]d,"annotation_level":"failure","message":"m","title":"t"}`, i))
	}
	return strings.Join(items, ",")
}

func annotated(n int) CheckRun {
	r := run()
	for i := range n {
		r.Annotations = append(r.Annotations, Annotation{Path: "f", StartLine: i, EndLine: i, Level: "failure", Title: "t", Message: "m"})
	}
	return r
}

// shown is a run as GitHub shows it; other is put in place of, or added to, its members.
func shown(id int, other string) string {
	members := []string{
		fmt.Sprintf(`"id":%d`, id), `"head_sha":"` + sha1 + `"`, `"name":"gatehouse"`, `"status":"completed"`, `"conclusion":"failure"`,
		`"details_url":"https://gate/d-1"`, `"external_id":"d-1"`, `"app":{"id":7}`, `"output":{"title":"T","summary":"S","text":"X","annotations_count":0}`,
	}
	if other != "" {
		members = append(members, other) // the last of a name wins
	}
	return "{" + strings.Join(members, ",") + "}"
}

func listed(items ...string) string { return `{"check_runs":[` + strings.Join(items, ",") + `]}` }

func TestCheckRun(t *testing.T) {
	t.Parallel()
	const gone = `{"message":"Not Found"}`
	for name, c := range map[string]struct {
		run   CheckRun
		steps []step
		want  int64
	}{
		"is made": {run(), []step{{request: runs, answer: noRuns}, {request: postRun, body: sent(true, 0, 0), status: 201, answer: shown(31, "")}}, 31},
		"is changed": {run(), []step{
			{request: runs, answer: listed(shown(31, `"conclusion":"success"`))}, {request: patchRun, body: sent(false, 0, 0), answer: shown(31, "")},
		}, 31},
		"is found again after a lost answer, and is as wanted": {run(), []step{{request: runs, answer: listed(shown(31, ""))}}, 31},
		"the one with our id is preferred":                     {run(), []step{{request: runs, answer: listed(shown(40, `"external_id":"d-0"`), shown(31, ""))}}, 31},
		"the newest is preferred":                              {run(), []step{{request: runs, answer: listed(shown(30, ""), shown(31, ""), shown(29, ""))}}, 31},
		"the remembered one is preferred": {func() CheckRun { r := run(); r.ID = 31; return r }(), []step{
			{request: runs, answer: listed(shown(40, ""), shown(31, `"external_id":"d-0"`))}, {request: patchRun, body: sent(false, 0, 0), answer: shown(31, "")},
		}, 31},
		"another App's run of the name is not ours": {run(), []step{
			{request: runs, answer: listed(shown(40, `"app":{"id":15368}`), shown(41, `"app":null`))}, {request: postRun, body: sent(true, 0, 0), answer: shown(31, "")},
		}, 31},
		"a run of another commit or name is not ours": {func() CheckRun { r := run(); r.ID = 40; return r }(), []step{
			{request: runs, answer: listed(shown(40, `"head_sha":"`+sha2+`"`), shown(41, `"name":"other"`))}, {request: postRun, body: sent(true, 0, 0), answer: shown(31, "")},
		}, 31},
		"is made anew when it goes away meanwhile": {run(), []step{
			{request: runs, answer: listed(shown(31, `"status":"in_progress"`))}, {request: patchRun, body: sent(false, 0, 0), status: 404, answer: gone},
			{request: postRun, body: sent(true, 0, 0), answer: shown(32, "")},
		}, 32},
		"is made anew when GitHub keeps the old verdict": {run(), []step{
			{request: runs, answer: listed(shown(31, `"conclusion":"success"`))}, {request: patchRun, body: sent(false, 0, 0), answer: shown(31, `"conclusion":"success"`)},
			{request: postRun, body: sent(true, 0, 0), answer: shown(32, "")},
		}, 32},
		"annotations go out by fifty": {annotated(120), []step{
			{request: runs, answer: noRuns}, {request: postRun, body: sent(true, 0, 50), answer: shown(31, "")},
			{request: patchRun, body: sent(false, 50, 100), answer: shown(31, "")}, {request: patchRun, body: sent(false, 100, 120), answer: shown(31, "")},
		}, 31},
		"a refused annotation does not keep the verdict back": {annotated(60), []step{
			{request: runs, answer: noRuns}, {request: postRun, body: sent(true, 0, 50), status: 422, answer: `{"message":"Invalid"}`},
			{request: postRun, body: sent(true, 0, 0), answer: shown(31, "")},
		}, 31},
		"nor does one on a run that is there": {annotated(60), []step{
			{request: runs, answer: listed(shown(31, `"conclusion":"success"`))}, {request: patchRun, body: sent(false, 0, 50), status: 422, answer: `{"message":"Invalid"}`},
			{request: patchRun, body: sent(false, 0, 0), answer: shown(31, "")},
		}, 31},
		"nor does one of a later batch": {annotated(120), []step{
			{request: runs, answer: noRuns}, {request: postRun, body: sent(true, 0, 50), answer: shown(31, "")},
			{request: patchRun, body: sent(false, 50, 100), status: 422, answer: `{"message":"Invalid"}`}, {request: patchRun, body: sent(false, 100, 120), answer: shown(31, "")},
		}, 31},
		"only new annotations are added": {annotated(3), []step{
			{request: runs, answer: listed(shown(31, `"output":{"title":"T","summary":"S","text":"X","annotations_count":2}`))},
			{request: "GET /repos/acme/shop/check-runs/31/annotations?per_page=100&page=1", answer: "[" + annotationsJSON(0, 2) + "]"},
			{request: patchRun, body: sent(false, 2, 3), answer: shown(31, "")},
		}, 31},
		"all annotations are there": {annotated(2), []step{
			{request: runs, answer: listed(shown(31, `"output":{"title":"T","summary":"S","text":"X","annotations_count":2}`))},
			{request: "GET /repos/acme/shop/check-runs/31/annotations?per_page=100&page=1", answer: "[" + annotationsJSON(0, 2) + "]"},
		}, 31},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := play(t, c.steps...)
			got, err := r.PutCheckRun(background(), c.run)
			check(t, c.want, got, err)
		})
	}
}

// What must not let a success stand is written while GitHub does not show the runs, and that it was not seen is an error with the id of
// what was written. A limit is obeyed all the same.
func TestCheckRunRegardless(t *testing.T) {
	t.Parallel()
	wants := func(id int64, r CheckRun) CheckRun { r.ID, r.Regardless = id, true; return r }
	down := step{request: runs, status: 502}
	for name, c := range map[string]struct {
		run   CheckRun
		steps []step
		want  int64
		says  string
	}{
		"over the remembered one, without annotations": {wants(31, annotated(2)), []step{down, {request: patchRun, body: sent(false, 0, 0), answer: shown(31, "")}}, 31, "could not be seen"},
		"as a new one": {wants(0, run()), []step{down, {request: postRun, body: sent(true, 0, 0), answer: shown(31, "")}}, 31, "could not be seen"},
		"GitHub keeps the old verdict": {wants(31, run()), []step{
			down, {request: patchRun, body: sent(false, 0, 0), answer: shown(31, `"conclusion":"success"`)}, {request: postRun, body: sent(true, 0, 0), answer: shown(32, "")},
		}, 32, "could not be seen"},
		"it is refused, too": {wants(31, run()), []step{down, {request: patchRun, body: sent(false, 0, 0), status: 502}}, 0, "the check run gatehouse just now"},
		"the App may not even read": {wants(31, run()), []step{
			{request: runs, status: 403, header: map[string]string{"X-Accepted-GitHub-Permissions": "checks=read"}, answer: `{"message":"Resource not accessible by integration"}`},
			{request: patchRun, body: sent(false, 0, 0), status: 403, auth: "token ghs_2", answer: `{"message":"Resource not accessible by integration"}`},
		}, 0, "lacks the permission checks=write"},
		"a limit": {wants(31, run()), []step{{request: runs, status: 429, header: map[string]string{"Retry-After": "90"}}}, 0, "rate limit"},
		"what lets a change through is not written so": {func() CheckRun { r := wants(31, run()); r.Regardless = false; return r }(), []step{down}, 0, "502"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := play(t, c.steps...)
			got, err := r.PutCheckRun(background(), c.run)
			if got != c.want || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%d, %v; wanted %d, %q", got, err, c.want, c.says)
			}
		})
	}
}

// Who reads that the App lacks a permission grants it once: the one to write, also where GitHub refuses to read first.
func TestThePermissionToWriteIsNamed(t *testing.T) {
	t.Parallel()
	refused := func(request, permission string) step {
		return step{request: request, status: 403, header: map[string]string{"X-Accepted-GitHub-Permissions": permission}, answer: `{"message":"Resource not accessible by integration"}`}
	}
	wants := func(want string, err error) {
		t.Helper()
		var lacks MissingPermission
		if !errors.As(err, &lacks) || lacks.Permission != want {
			t.Errorf("%v; wanted %s", err, want)
		}
	}
	_, r := play(t, refused(runs, "checks=read"))
	_, err := r.PutCheckRun(background(), run())
	wants("checks=write", err)
	_, r = play(t, step{request: "GET /app", answer: identity, auth: "app"}, refused("GET /repos/acme/shop/issues/3/comments?per_page=100&page=1", "issues=read"))
	_, err = r.PutComment(background(), 3, 0, "<!-- x -->", "<!-- x -->\nB")
	wants("issues=write or pull_requests=write", err)
	_, r = play(t, step{request: "GET /app", answer: identity, auth: "app"},
		refused("GET /repos/acme/shop/issues?state=all&sort=created&direction=desc&creator=gate%5Bbot%5D&per_page=100&page=1", "issues=read"))
	_, err = r.OpenIssue(background(), "T", "B", "<!-- x -->")
	wants("issues=write", err)
}

func TestCheckRunInProgressHasNoConclusion(t *testing.T) {
	t.Parallel()
	r := run()
	r.Status, r.Conclusion, r.StartedAt, r.Actions, r.Text = "in_progress", "", time.Time{}, nil, ""
	body := `{"head_sha":"` + sha1 + `","name":"gatehouse","details_url":"https://gate/d-1","external_id":"d-1","status":"in_progress","output":{"title":"T","summary":"S"}}`
	_, repo := play(t, step{request: runs, answer: noRuns}, step{request: postRun, body: body, answer: shown(31, `"status":"in_progress","conclusion":null`)})
	got, err := repo.PutCheckRun(background(), r)
	check(t, int64(31), got, err)
}

// TestCheckRunIsNeverMadeTwice fails every write, once as "failed" and once as "failed, but it was stored", and tries again.
func TestCheckRunIsNeverMadeTwice(t *testing.T) {
	t.Parallel()
	_, repo := play(t,
		step{request: runs, status: 502},
		step{request: runs, answer: noRuns}, step{request: postRun, body: sent(true, 0, 0), status: 502},
		step{request: runs, answer: noRuns}, step{request: postRun, body: sent(true, 0, 0), answer: `{"id":`}, // stored
		step{request: runs, answer: listed(shown(31, ""))},
	)
	for range 3 {
		if _, err := repo.PutCheckRun(background(), run()); !errors.As(err, new(Temporary)) {
			t.Fatalf("got %v", err)
		}
	}
	got, err := repo.PutCheckRun(background(), run())
	check(t, int64(31), got, err)
}

func TestCheckRunThatWasNotStoredAsSent(t *testing.T) {
	t.Parallel()
	_, repo := play(t, step{request: runs, answer: noRuns}, step{request: postRun, body: sent(true, 0, 0), answer: shown(31, `"conclusion":"success"`)})
	if _, err := repo.PutCheckRun(background(), run()); !errors.As(err, new(Temporary)) {
		t.Errorf("got %v", err)
	}
}

const (
	marker   = "<!-- m -->"
	comments = "GET /repos/acme/shop/issues/5/comments?per_page=100&page="
	edit     = "PATCH /repos/acme/shop/issues/comments/61"
	add      = "POST /repos/acme/shop/issues/5/comments"
	body     = `{"body":"<!-- m -->\nhello"}`
)

func said(id int, login, text string) string {
	return fmt.Sprintf(`{"id":%d,"user":{"login":%q},"body":%q}`, id, login, text)
}

func TestComment(t *testing.T) {
	t.Parallel()
	me := step{request: "GET /app", auth: "app", answer: identity}
	gone := step{request: edit, body: body, status: 404, answer: `{"message":"Not Found"}`}
	for name, c := range map[string]struct {
		id    int64
		steps []step
		want  int64
	}{
		"is edited in place": {61, []step{{request: edit, body: body, answer: `{"id":61}`}}, 61},
		"is made":            {0, []step{me, {request: comments + "1", answer: "[]"}, {request: add, body: body, status: 201, answer: `{"id":62}`}}, 62},
		"is found again after a lost answer": {0, []step{me,
			{request: comments + "1", header: map[string]string{"Link": `<HOST/api/v3/x?page=2>; rel="next"`}, answer: "[" + said(59, "gate[bot]", "hello") + "]"},
			{request: comments + "2", answer: "[" + said(60, "octo", marker) + "," + said(61, "Gate[bot]", marker+"\nold") + "," + said(63, "gate[bot]", marker) + "]"},
			{request: edit, body: body, answer: `{"id":61}`},
		}, 61},
		"is found as wanted":     {0, []step{me, {request: comments + "1", answer: "[" + said(61, "gate[bot]", marker+"\nhello") + "]"}}, 61},
		"is made anew when gone": {61, []step{gone, me, {request: comments + "1", answer: "[]"}, {request: add, body: body, answer: `{"id":62}`}}, 62},
		"a person's with the marker, quoted or not, is not ours": {0, []step{me,
			{request: comments + "1", answer: "[" + said(59, "mallory", marker+"\nAll clear") + "," + said(60, "gate[bot]", "> "+marker) + `,{"id":58,"user":null,"body":"<!-- m -->"}]`},
			{request: add, body: body, answer: `{"id":62}`},
		}, 62},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := play(t, c.steps...)
			got, err := r.PutComment(background(), 5, c.id, marker, marker+"\nhello")
			check(t, c.want, got, err)
		})
	}
}

func TestCommentFailures(t *testing.T) {
	t.Parallel()
	me := step{request: "GET /app", auth: "app", answer: identity}
	_, r := play(t, step{request: edit, body: body, status: 502}, step{request: edit, body: body, answer: "<html>the proxy is being set up</html>"},
		me, step{request: comments + "1", status: 502},
		step{request: comments + "1", answer: "[]"}, step{request: add, body: body, status: 502})
	for _, id := range []int64{61, 61, 0, 0} {
		if _, err := r.PutComment(background(), 5, id, marker, marker+"\nhello"); !errors.As(err, new(Temporary)) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := r.PutComment(background(), 5, 61, marker, "hello"); err == nil {
		t.Error("a comment without its marker was sent; it could not be found again")
	}
}

func TestReaction(t *testing.T) {
	t.Parallel()
	_, r := play(t, step{request: "POST /repos/acme/shop/issues/comments/61/reactions", body: `{"content":"eyes"}`, answer: `{"id":1}`})
	check(t, true, true, r.React(background(), 61, "eyes"))
}

func TestIssue(t *testing.T) {
	t.Parallel()
	const (
		issues = "GET /repos/acme/shop/issues?state=all&sort=created&direction=desc"
		mine   = issues + "&creator=gate%5Bbot%5D&per_page=100&page=1"
		post   = "POST /repos/acme/shop/issues"
		body   = `{"title":"T","body":"<!-- m -->\nhello"}`
	)
	me := step{request: "GET /app", auth: "app", answer: identity}
	for name, c := range map[string]struct {
		steps []step
		want  int
	}{
		"is opened": {[]step{me, {request: mine, answer: "[]"}, {request: post, body: body, status: 201, answer: `{"number":12}`}}, 12},
		"is open":   {[]step{me, {request: mine, answer: `[{"number":11,"user":{"login":"gate[bot]"},"body":"<!-- m -->"}]`}}, 11},
		"a pull request or a person's is another": {[]step{me,
			{request: mine, answer: `[{"number":9,"pull_request":{},"user":{"login":"gate[bot]"},"body":"<!-- m -->"},{"number":8,"user":{"login":"octo"},"body":"<!-- m -->"}]`},
			{request: post, body: body, answer: `{"number":12}`},
		}, 12},
		"on a GitHub that takes no bot for a creator": {[]step{me,
			{request: mine, status: 422, answer: `{"message":"Validation Failed"}`},
			{request: issues + "&per_page=100&page=1", answer: `[{"number":11,"user":{"login":"gate[bot]"},"body":"<!-- m -->"}]`},
		}, 11},
		"on a GitHub that does not say who the App is": {[]step{
			{request: "GET /app", auth: "app", status: 404, answer: `{"message":"Not Found"}`},
			{request: issues + "&per_page=100&page=1", answer: `[
				{"number":9,"user":{"login":"octo","type":"User"},"performed_via_github_app":{"id":7},"body":"<!-- m -->"},
				{"number":10,"user":{"login":"x[bot]","type":"Bot"},"performed_via_github_app":{"id":8},"body":"<!-- m -->"},
				{"number":11,"user":{"login":"g[bot]","type":"Bot"},"performed_via_github_app":{"id":7},"body":"<!-- m -->"}]`},
		}, 11},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, r := play(t, c.steps...)
			got, err := r.OpenIssue(background(), "T", "hello", marker)
			check(t, c.want, got, err)
		})
	}
}
