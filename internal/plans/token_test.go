package plans

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

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

	// An issuer that does not answer is no reason to call a token bad.
	issuer.Rotate(true)
	at.advance(refetch)
	issuer.SetDown(true)
	_, err := v.Verify(context.Background(), mint())
	if bad := (BadToken{}); err == nil || errors.As(err, &bad) {
		t.Errorf("without the issuer: %v", err)
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
