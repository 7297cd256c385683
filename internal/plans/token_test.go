package plans

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
)

// clock is a hand-driven clock.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// issued is an issuer, and what makes tokens of it.
func issued(t *testing.T) (*githubsim.OIDC, *clock, func() string) {
	t.Helper()
	at := &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	gh, err := githubsim.Start(githubsim.Options{Dir: t.TempDir(), Clock: at.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gh.Close)
	gh.AddUser("ann")
	repo := gh.CreateRepo(githubsim.RepoSpec{Owner: "ann", Name: "infra"})
	return gh.OIDC(), at, func() string {
		return gh.OIDC().Mint(gh.OIDC().Claims(githubsim.JobSpec{
			Repo: repo, SHA: strings.Repeat("a", 40), Ref: "refs/pull/1/merge", Workflow: "ann/ci/plan.yml@refs/heads/main", Actor: "ann",
		}, Audience))
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	issuer, at, mint := issued(t)
	v := NewVerifier(issuer.Issuer()+"/", at.now)
	verify := func(token, want string) {
		t.Helper()
		_, err := v.Verify(context.Background(), token)
		if got := text(err); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	first := mint()
	verify(first, "")
	verify(mint(), "")
	if n := issuer.KeysAsked(); n != 1 {
		t.Errorf("two tokens of one key asked for the keys %d times", n)
	}

	// A new key is found by a look at the issuer, which made-up key ids cannot bring about more than once in five seconds.
	at.advance(refetch)
	issuer.Rotate(false)
	verify(mint(), "")
	verify(first, "")
	forged := githubsim.SignJWT(testKey(t), map[string]any{"alg": "RS256", "kid": "made up"}, map[string]any{})
	for range 3 {
		verify(forged, "no key of ")
	}
	if n := issuer.KeysAsked(); n != 2 {
		t.Errorf("the keys were asked for %d times", n)
	}

	// A key that was taken back stops working within the hour.
	issuer.Rotate(true)
	verify(first, "")
	at.advance(stale)
	verify(first, "no key of ")

	// Another key behind a known id is found as a new id is, and forged tokens cannot bring that about more often.
	known := strings.Split(mint(), ".")[0]
	header, err := base64.RawURLEncoding.DecodeString(known)
	if err != nil {
		t.Fatal(err)
	}
	var named map[string]any
	if err := json.Unmarshal(header, &named); err != nil {
		t.Fatal(err)
	}
	asked := issuer.KeysAsked()
	at.advance(refetch)
	for range 3 {
		verify(githubsim.SignJWT(testKey(t), named, map[string]any{}), "no key of ")
	}
	if n := issuer.KeysAsked() - asked; n != 1 {
		t.Errorf("forged tokens with a known key id asked for the keys %d times", n)
	}

	// An issuer that does not answer is no reason to call a token bad.
	issuer.Rotate(true)
	at.advance(refetch)
	issuer.SetDown(true)
	_, err = v.Verify(context.Background(), mint())
	if bad := (BadToken{}); err == nil || errors.As(err, &bad) {
		t.Errorf("without the issuer: %v", err)
	}
}

// An issuer that is set up anew may call its new key as the old one.
func TestAnotherKeyBehindAnID(t *testing.T) {
	t.Parallel()
	at := &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	var key atomic.Pointer[rsa.PrivateKey]
	key.Store(testKey(t))
	mux := http.NewServeMux()
	issuer := httptest.NewServer(mux)
	t.Cleanup(issuer.Close)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, issuer.URL, issuer.URL+"/keys")
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Load().Public(), KeyID: "k1", Algorithm: "RS256", Use: "sig"}}}
		_ = json.NewEncoder(w).Encode(set)
	})
	// Of a job that no reusable workflow defines, the token may name the run's own workflow alone.
	token := func() string {
		return githubsim.SignJWT(key.Load(), map[string]any{"alg": "RS256", "kid": "k1"}, map[string]any{
			"iss": issuer.URL, "aud": Audience, "exp": at.now().Add(time.Hour).Unix(), "jti": "1", "sha": strings.Repeat("a", 40),
			"repository": "ann/infra", "repository_id": "5", "workflow_ref": "ann/infra/plan.yml@refs/heads/main",
		})
	}
	v := NewVerifier(issuer.URL, at.now)
	want := Claims{ID: "1", SHA: strings.Repeat("a", 40), Repository: "ann/infra", RepositoryID: "5", Workflow: "ann/infra/plan.yml@refs/heads/main"}
	for range 2 {
		got, err := v.Verify(context.Background(), token())
		if err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
		key.Store(testKey(t))
		at.advance(refetch)
	}
}

func TestIssuerMustCallItselfSo(t *testing.T) {
	t.Parallel()
	issuer, at, mint := issued(t)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, issuer.Issuer()+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(other.Close)
	_, err := NewVerifier(other.URL, at.now).Verify(context.Background(), mint())
	if want := "it calls itself"; !strings.Contains(text(err), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
