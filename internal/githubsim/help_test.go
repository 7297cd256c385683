package githubsim

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// testKey is one App key for all tests: making one takes a while.
var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// clock is a hand-driven clock.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

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

// world is acme/infra with an owner (olga), a writer (wendy), a second writer (walt), a reader (rita) and an installed App.
type world struct {
	*Server
	t     *testing.T
	clock *clock
	org   *Org
	repo  *Repo
	app   *App
	inst  *Installation
	hooks *receiver
	hook  string // the receiver's address
}

// receiver is a webhook endpoint that keeps what it gets.
type receiver struct {
	mu     sync.Mutex
	got    []received
	status int
}

type received struct {
	header http.Header
	body   map[string]any
	raw    []byte
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	raw, _ := io.ReadAll(req.Body)
	var body map[string]any
	_ = json.Unmarshal(raw, &body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, received{header: req.Header.Clone(), body: body, raw: raw})
	if r.status == 0 {
		r.status = http.StatusAccepted
	}
	w.WriteHeader(r.status)
}

// names lists event.action in the order of arrival and forgets.
func (r *receiver) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := []string{}
	for _, g := range r.got {
		n := g.header.Get("X-GitHub-Event")
		if a, _ := g.body["action"].(string); a != "" {
			n += "." + a
		}
		out = append(out, n)
	}
	r.got = nil
	return out
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.got...)
}

var allPermissions = map[string]string{
	"checks": "write", "contents": "write", "pull_requests": "write", "issues": "write", "statuses": "write", "members": "read",
	"administration": "read",
}

var allEvents = []string{
	"pull_request", "pull_request_review", "issue_comment", "issues", "push", "create", "delete", "status", "team", "membership", "member",
	"organization", "branch_protection_rule", "repository_ruleset",
}

func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, clock: newClock(), hooks: &receiver{}}
	opt := Options{Dir: t.TempDir(), Clock: w.clock.now}
	for _, f := range change {
		f(&opt)
	}
	gh, err := Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gh.Close)
	endpoint := httptest.NewServer(w.hooks)
	t.Cleanup(endpoint.Close)
	w.Server, w.hook = gh, endpoint.URL+"/hook"
	for _, l := range []string{"olga", "wendy", "walt", "rita", "stranger"} {
		gh.AddUser(l)
	}
	w.org = gh.AddOrg("acme", "olga")
	w.org.AddMember("wendy", "walt", "rita")
	w.repo = gh.CreateRepo(RepoSpec{Owner: "acme", Name: "infra", Private: true, Files: map[string]string{"main.tf": "a = 1\n"}})
	w.repo.AddCollaborator("wendy", "write")
	w.repo.AddCollaborator("walt", "write")
	w.app = gh.AddApp(AppSpec{
		Slug: "gatehouse", Key: testKey(), WebhookURL: w.hook, WebhookSecret: "s3cret",
		Permissions: allPermissions, Events: allEvents,
	})
	w.inst = w.app.Install("acme")
	w.settle()
	w.hooks.names()
	return w
}

// settle waits for the webhooks.
func (w *world) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := w.WaitIdle(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// openPR opens a pull request by wendy that changes main.tf.
func (w *world) openPR() *PR {
	w.repo.Commit("feature", CommitSpec{Author: "wendy", Message: "change", Files: map[string]string{"main.tf": "a = 2\n"}})
	return w.repo.OpenPR(PRSpec{By: "wendy", Title: "Change a", Head: "feature"})
}

// jwt makes an App token; edit may spoil the claims.
func (w *world) jwt(edit func(claims map[string]any)) string {
	now := w.clock.now().Unix()
	claims := map[string]any{"iss": w.app.ID(), "iat": now - 30, "exp": now + 300}
	if edit != nil {
		edit(claims)
	}
	return signJWT(w.t, testKey(), map[string]any{"alg": "RS256", "typ": "JWT"}, claims)
}

func signJWT(t *testing.T, k *rsa.PrivateKey, head, claims map[string]any) string {
	t.Helper()
	enc := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := enc(head) + "." + enc(claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// answer is a REST answer.
type answer struct {
	status int
	header http.Header
	raw    []byte
}

func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.raw, &v); err != nil {
		t.Fatalf("status %d: %v: %s", a.status, err, a.raw)
	}
	return v
}

func (a answer) list(t *testing.T) []map[string]any {
	t.Helper()
	var v []map[string]any
	if err := json.Unmarshal(a.raw, &v); err != nil {
		t.Fatalf("status %d: %v: %s", a.status, err, a.raw)
	}
	return v
}

// said is status and message, for tables.
func (a answer) said() string {
	var v struct {
		Message string
		Errors  []any
	}
	_ = json.Unmarshal(a.raw, &v)
	out := fmt.Sprintf("%d %s", a.status, v.Message)
	for _, e := range v.Errors {
		if m, isMap := e.(map[string]any); isMap {
			out += fmt.Sprintf(" [%v %v %v]", m["field"], m["code"], m["message"])
		} else {
			out += fmt.Sprintf(" [%v]", e)
		}
	}
	return out
}

// call asks REST; token may be "".
func (w *world) call(token, method, path string, body any, header ...string) answer {
	w.t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = bytes.NewReader([]byte(b))
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, w.URL()+"/api/v3"+path, in)
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end below
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, raw: raw}
}
