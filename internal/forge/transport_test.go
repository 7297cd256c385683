package forge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

const permissionOfMei = "GET /repos/acme/shop/collaborators/mei/permission"

func TestErrors(t *testing.T) {
	t.Parallel()
	const what = "the permission of mei"
	for name, c := range map[string]struct {
		answer step
		want   error
	}{
		"a missing permission, named by GitHub": {
			step{status: 403, header: map[string]string{"X-Accepted-GitHub-Permissions": "metadata=read; members=read"}, answer: `{"message":"Resource not accessible by integration"}`},
			MissingPermission{What: what, Permission: "metadata=read or members=read", Message: "Resource not accessible by integration"},
		},
		"a missing permission": {
			step{status: 403, answer: `{"message":"Resource not accessible by integration"}`},
			MissingPermission{What: what, Permission: "metadata=read", Message: "Resource not accessible by integration"},
		},
		"suspended": {
			step{status: 403, answer: `{"message":"This installation has been suspended"}`},
			Unauthorized{What: what, Message: "This installation has been suspended"},
		},
		"a locked conversation": {
			step{status: 403, answer: `{"message":"Unable to create comment because issue is locked."}`},
			Unprocessable{What: what, Message: "Unable to create comment because issue is locked."},
		},
		"the primary limit": {
			step{status: 403, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4923000245"}, answer: `{"message":"API rate limit exceeded"}`},
			RateLimited{Until: time.Unix(4923000246, 0).UTC()},
		},
		"a secondary limit with a time": {
			step{status: 429, header: map[string]string{"Retry-After": "90"}, answer: `{"message":"You have exceeded a secondary rate limit"}`},
			RateLimited{Until: now().Add(90 * time.Second)},
		},
		"a secondary limit without": {
			step{status: 403, answer: `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes"}`},
			RateLimited{Until: now().Add(time.Minute)},
		},
		"a date to wait for": {
			step{status: 503, header: map[string]string{"Retry-After": "Wed, 02 Jan 2126 03:05:00 GMT"}},
			RateLimited{Until: time.Date(2126, 1, 2, 3, 5, 0, 0, time.UTC)},
		},
		"422": {
			step{status: 422, answer: `{"message":"Validation Failed","errors":[{"resource":"CheckRun","field":"title","code":"missing"},"odd"]}`},
			Unprocessable{What: what, Message: "422 Validation Failed CheckRun title missing; odd"},
		},
		"an error page": {step{status: 400, answer: "<html>\x1b[2J"}, Unprocessable{What: what, Message: "400 Bad Request"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.answer.request = permissionOfMei
			_, repo := play(t, c.answer)
			_, err := repo.Actor(background(), "mei")
			if diff := cmp.Diff(c.want, err); diff != "" {
				t.Error(diff)
			}
			if s := err.Error(); strings.Contains(s, "ghs_") || strings.ContainsAny(s, "\n\x1b") {
				t.Errorf("unfit to print: %q", s)
			}
		})
	}
}

func TestTemporary(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]step{
		"502":         {status: 502, answer: "<html>"},
		"500":         {status: 500},
		"no JSON":     {answer: "<html>"},
		"half a JSON": {answer: `{"permission":`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer.request = permissionOfMei
			_, repo := play(t, answer)
			_, err := repo.Actor(background(), "mei")
			if !errors.As(err, new(Temporary)) {
				t.Errorf("got %T %v", err, err)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := newApp(t, server.URL).Repo(1, "acme", "shop").Actor(background(), "mei")
	if !errors.As(err, new(Temporary)) {
		t.Errorf("got %T %v", err, err)
	}
}

func TestCancelledIsNotGitHubsFault(t *testing.T) {
	t.Parallel()
	_, repo := play(t)
	ctx, cancel := context.WithCancel(background())
	cancel()
	_, err := repo.Actor(ctx, "mei")
	if !errors.Is(err, context.Canceled) || errors.As(err, new(Temporary)) {
		t.Errorf("got %T %v", err, err)
	}
}

// TestLeavesGitHubAlone shows that one refusal stops the installation's requests, and no other's, without asking again.
func TestLeavesGitHubAlone(t *testing.T) {
	t.Parallel()
	_, repo := play(t, step{request: permissionOfMei, status: 429, header: map[string]string{"Retry-After": "90"}},
		step{request: "GET /app", auth: "app", answer: identity})
	want := RateLimited{Until: now().Add(90 * time.Second)}
	for range 3 {
		if _, err := repo.Actor(background(), "mei"); err != want {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := repo.app.Repo(1, "acme", "other").PutCheckRun(background(), CheckRun{HeadSHA: sha1}); err != want {
		t.Errorf("another repository of the installation: %v", err)
	}
	if _, err := repo.app.Identity(background()); err != nil {
		t.Errorf("the App itself: %v", err)
	}
}

func TestNothingRemains(t *testing.T) {
	t.Parallel()
	_, repo := play(t, step{request: permissionOfMei, answer: `{"role_name":"read","user":{"type":"User"}}`,
		header: map[string]string{"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4923000245"}})
	if _, err := repo.Actor(background(), "mei"); err != nil {
		t.Fatal(err)
	}
	_, err := repo.Actor(background(), "mei")
	if diff := cmp.Diff(RateLimited{Until: time.Unix(4923000246, 0).UTC()}, err); diff != "" {
		t.Error(diff)
	}
}

func TestGitHubTakesTooLong(t *testing.T) {
	t.Parallel()
	_, repo := play(t)
	repo.in.client = repo.app.client(roundTrip(func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }))
	_, err := repo.Actor(background(), "mei")
	if !errors.As(err, new(Temporary)) {
		t.Errorf("got %T %v", err, err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWaitsOnlyAsLongAsAsked(t *testing.T) {
	t.Parallel()
	s, _ := play(t, step{request: permissionOfMei, status: 429, header: map[string]string{"Retry-After": "90"}},
		step{request: permissionOfMei, answer: `{"permission":"read","role_name":"triage","user":{"type":"User"}}`})
	clock := now()
	a, err := New(Options{AppID: appID, PrivateKey: key(), APIURL: s.url + "/api/v3/", ServerURL: s.url, Clock: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	repo := a.Repo(1, "acme", "shop")
	if _, err := repo.Actor(background(), "mei"); !errors.As(err, new(RateLimited)) {
		t.Fatal(err)
	}
	clock = clock.Add(90 * time.Second)
	got, err := repo.Actor(background(), "mei")
	check(t, gate.Actor{Login: "mei", Type: "User", Permission: "triage", Teams: []string{}}, got, err)
}

func TestUnchangedAnswersCostNothing(t *testing.T) {
	t.Parallel()
	const path, body = "/repos/acme/shop/pulls/5/reviews?per_page=100&page=1", `[{"id":1,"state":"APPROVED"}]`
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/access_tokens"):
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"token":"x","expires_at":"2126-01-02T03:04:05Z"}`)
		case r.Header.Get("If-None-Match") == `"e1"`:
			w.WriteHeader(http.StatusNotModified)
		case r.URL.RequestURI() == "/api/v3"+path:
			asked++
			w.Header().Set("ETag", `"e1"`)
			_, _ = io.WriteString(w, body)
		default:
			t.Errorf("unexpected %s", r.URL)
		}
	}))
	t.Cleanup(server.Close)
	app := newApp(t, server.URL)
	for range 3 {
		got, _, err := app.Repo(1, "acme", "shop").Reviews(background(), 5)
		check(t, []gate.Review{{ID: 1, State: "APPROVED"}}, got, err)
	}
	if _, _, err := app.Repo(2, "acme", "shop").Reviews(background(), 5); err != nil {
		t.Fatal(err)
	}
	if asked != 2 {
		t.Errorf("the whole answer was sent %d times, want once for each installation", asked)
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newCache()
	for i := range 100 {
		c.put(&entry{key: fmt.Sprint("k", i), body: make([]byte, 1<<20)})
	}
	if len(c.entries) != 64 || c.get("k35") != nil || c.get("k36") == nil {
		t.Errorf("%d entries; wanted: the last 64", len(c.entries))
	}
	for i := range 2 * maxCached {
		c.put(&entry{key: fmt.Sprint("x", i)})
	}
	if len(c.entries) > maxCached || c.order.Len() != len(c.entries) || c.bytes > maxCachedBytes {
		t.Errorf("%d entries, %d in order, %d bytes", len(c.entries), c.order.Len(), c.bytes)
	}
}

func TestRenamedRepositoryIsFollowed(t *testing.T) {
	t.Parallel()
	_, repo := play(t, step{request: permissionOfMei, status: 301, header: map[string]string{"Location": "HOST/api/v3/repositories/9/collaborators/mei/permission"}},
		step{request: "GET /repositories/9/collaborators/mei/permission", answer: `{"role_name":"admin","user":{"type":"User"}}`})
	got, err := repo.Actor(background(), "mei")
	check(t, gate.Actor{Login: "mei", Type: "User", Permission: "admin", Teams: []string{}}, got, err)
}

func TestTooLargeAnswer(t *testing.T) {
	t.Parallel()
	c := &capped{ReadCloser: io.NopCloser(strings.NewReader("12345")), left: 4}
	if _, err := io.ReadAll(c); !errors.Is(err, errTooLarge) {
		t.Errorf("got %v", err)
	}
	c = &capped{ReadCloser: io.NopCloser(strings.NewReader("1234")), left: 4}
	got, err := io.ReadAll(c)
	check(t, "1234", string(got), err)
}

func TestNamesStayInTheirPlace(t *testing.T) {
	t.Parallel()
	_, repo := play(t) // nothing is asked
	for _, name := range []string{"", ".", "..", "a/b", "a?b", "a%2fb", "a b", "ä", strings.Repeat("a", 101)} {
		if _, err := repo.app.Installation(background(), name, "x"); !errors.As(err, new(Unprocessable)) {
			t.Errorf("owner %q: %v", name, err)
		}
		if _, _, err := repo.app.Repo(1, "acme", name).PullRequest(background(), 1); !errors.As(err, new(Unprocessable)) {
			t.Errorf("repository %q: %v", name, err)
		}
		if _, err := repo.InTeam(background(), "acme", name, "mei"); !errors.As(err, new(Unprocessable)) {
			t.Errorf("team %q: %v", name, err)
		}
	}
	for _, sha := range []string{"", "HEAD", "../x", sha1[:39], strings.ToUpper(sha1)} {
		if _, err := repo.PutCheckRun(background(), CheckRun{HeadSHA: sha}); !errors.As(err, new(Unprocessable)) {
			t.Errorf("SHA %q: %v", sha, err)
		}
		if _, err := repo.PullRequestsOf(background(), sha); !errors.As(err, new(Unprocessable)) {
			t.Errorf("SHA %q: %v", sha, err)
		}
		if _, err := repo.CommitLogins(background(), 1, sha, 1); !errors.As(err, new(Unprocessable)) {
			t.Errorf("SHA %q: %v", sha, err)
		}
	}
}

// The last requests of an hour are kept for check runs: nothing else is asked until the hour is over, and a check can still be written.
func TestTheReserve(t *testing.T) {
	t.Parallel()
	left := func(n string) map[string]string {
		return map[string]string{"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": n, "X-RateLimit-Reset": "4923000245", "X-RateLimit-Resource": "core"}
	}
	answer := `{"permission":"write","user":{"login":"mei","type":"User"}}`
	_, repo := play(t,
		step{request: permissionOfMei, header: left("100"), answer: answer},
		step{request: permissionOfMei, header: left("99"), answer: answer},
		step{request: runs, header: left("98"), answer: noRuns}, step{request: postRun, body: sent(true, 0, 0), status: 201, header: left("97"), answer: shown(31, "")},
	)
	for range 2 {
		if _, err := repo.Actor(background(), "mei"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := repo.Actor(background(), "mei")
	if diff := cmp.Diff(RateLimited{Until: time.Unix(4923000246, 0).UTC()}, err); diff != "" {
		t.Error(diff)
	}
	id, err := repo.PutCheckRun(background(), run())
	check(t, 31, id, err)
}

// However long a proxy asks to be left alone: GitHub's limits are of an hour, and the App comes back.
func TestAPauseOfYears(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]map[string]string{
		"seconds": {"Retry-After": "2000000000"},
		"a date":  {"Retry-After": "Wed, 02 Jan 2186 03:05:00 GMT"},
		"a reset": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9923007445"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, repo := play(t, step{request: permissionOfMei, status: 429, header: header})
			_, err := repo.Actor(background(), "mei")
			if diff := cmp.Diff(RateLimited{Until: now().Add(2 * time.Hour)}, err); diff != "" {
				t.Error(diff)
			}
		})
	}
}
