package forge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// TestTokenStaysAtHome shows that a redirect to another host does not get the token.
func TestTokenStaysAtHome(t *testing.T) {
	t.Parallel()
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked, with %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(thief.Close)
	_, repo := play(t, step{request: permissionOfMei, status: 302, header: map[string]string{"Location": thief.URL + "/x"}})
	_, err := repo.Actor(background(), "mei")
	if !errors.As(err, new(Unprocessable)) {
		t.Errorf("got %T %v", err, err)
	}
}

func TestTokenThatGitHubNoLongerTakesIsReplaced(t *testing.T) {
	t.Parallel()
	_, repo := play(t, step{request: permissionOfMei, status: 401, answer: `{"message":"Bad credentials"}`},
		step{request: permissionOfMei, auth: "token ghs_2", answer: `{"role_name":"read","user":{"type":"User"}}`})
	got, err := repo.Actor(background(), "mei")
	check(t, gate.Actor{Login: "mei", Type: "User", Permission: "read", Teams: []string{}}, got, err)
}

func TestRefusedToken(t *testing.T) {
	t.Parallel()
	const request = "POST /app/installations/1/access_tokens"
	for name, c := range map[string]struct {
		answer step
		want   error
	}{
		"a wrong key":           {step{status: 401, answer: `{"message":"A JSON web token could not be decoded"}`}, Unauthorized{What: "a token of the installation", Message: "A JSON web token could not be decoded"}},
		"no longer installed":   {step{status: 404, answer: `{"message":"Not Found"}`}, Unauthorized{What: "a token of the installation", Message: "the App is not installed there any more"}},
		"GitHub is not well":    {step{status: 502}, nil},
		"GitHub wants patience": {step{status: 403, header: map[string]string{"Retry-After": "60"}}, RateLimited{Until: now().Add(time.Minute)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.answer.request, c.answer.auth = request, "app"
			_, repo := play(t, c.answer)
			_, err := repo.Actor(background(), "mei")
			if c.want == nil && errors.As(err, new(Temporary)) {
				return
			}
			if diff := cmp.Diff(c.want, err); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTokenForGit(t *testing.T) {
	t.Parallel()
	_, repo := play(t)
	token, err := repo.Token(background())
	check(t, "ghs_1", token, err)
}

func TestLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	s, _ := play(t, step{request: permissionOfMei, status: 422, answer: `{"message":"no"}`})
	var out bytes.Buffer
	log := logrus.New()
	log.SetOutput(&out)
	log.SetLevel(logrus.TraceLevel)
	a, err := New(Options{AppID: appID, PrivateKey: key(), APIURL: s.url + "/api/v3", ServerURL: s.url, Clock: now, Log: logrus.NewEntry(log)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Repo(1, "acme", "shop").Actor(background(), "mei"); err == nil {
		t.Fatal("no error")
	}
	if s := out.String(); !strings.Contains(s, "collaborators/mei") || strings.Contains(s, "ghs_") || strings.Contains(s, "Bearer") || strings.Contains(s, "KEY") {
		t.Errorf("the log says %q", s)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	ok := Options{AppID: 1, PrivateKey: key(), APIURL: "https://api.github.com", ServerURL: "https://github.com"}
	if _, err := New(ok); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"no id":     {func(o *Options) { o.AppID = 0 }, "the GitHub App's id must be a positive number"},
		"no key":    {func(o *Options) { o.PrivateKey = []byte("s3cret") }, "the GitHub App's private key is not an RSA key in PEM form; download it again from the App's settings"},
		"no scheme": {func(o *Options) { o.APIURL = "api.github.com" }, `the GitHub API's URL "api.github.com": wanted: https://HOST or https://HOST/PATH`},
		"password":  {func(o *Options) { o.ServerURL = "ftp://github.com" }, `the GitHub server's URL "ftp://github.com": wanted: https://HOST or https://HOST/PATH`},
	} {
		o := ok
		c.change(&o)
		_, err := New(o)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	_, repo := play(t, step{request: "GET /app", auth: "app", answer: identity})
	for range 2 { // the second time from memory
		got, err := repo.app.Identity(background())
		check(t, Identity{ID: 7, Slug: "gate", Name: "Gate", Permissions: map[string]string{"checks": "write"}, Events: []string{"push"}}, got, err)
	}
	_, other := play(t, step{request: "GET /app", auth: "app", answer: `{"id":8,"slug":"x"}`})
	if _, err := other.app.Identity(background()); err == nil {
		t.Error("another App's identity was taken")
	}
}

func TestInstallation(t *testing.T) {
	t.Parallel()
	_, repo := play(t, step{request: "GET /repos/acme/shop/installation", auth: "app", answer: `{"id":99}`},
		step{request: "GET /repos/acme/x/installation", auth: "app", status: 404, answer: `{"message":"Not Found"}`})
	got, err := repo.app.Installation(background(), "acme", "shop")
	check(t, int64(99), got, err)
	if _, err := repo.app.Installation(background(), "acme", "x"); !errors.As(err, new(NotFound)) {
		t.Errorf("got %v", err)
	}
}

func TestManyAtOnceShareOneToken(t *testing.T) {
	t.Parallel()
	var tokens, calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/access_tokens") {
			tokens.Add(1)
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"token":"x","expires_at":"2126-01-02T03:04:05Z"}`)
			return
		}
		calls.Add(1)
		w.Header().Set("ETag", `"e"`)
		_, _ = io.WriteString(w, `{"role_name":"read","user":{"type":"User"}}`)
	}))
	t.Cleanup(server.Close)
	app := newApp(t, server.URL)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			login := fmt.Sprint("u", i%5)
			got, err := app.Repo(1, "acme", "shop").Actor(background(), login)
			want := gate.Actor{Login: login, Type: "User", Permission: "read", Teams: []string{}}
			if err != nil || !cmp.Equal(want, got) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if tokens.Load() != 1 || calls.Load() != 50 {
		t.Errorf("%d tokens and %d calls, want 1 and 50", tokens.Load(), calls.Load())
	}
}
