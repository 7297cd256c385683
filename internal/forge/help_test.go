package forge

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	sha1     = "8c0ffee4f2d1a90b5c6d7e8f9a0b1c2d3e4f5a6b"
	sha2     = "1111111111111111111111111111111111111111"
	appID    = 7
	identity = `{"id":7,"slug":"gate","name":"Gate","permissions":{"checks":"write"},"events":["push"]}`
)

// key is one RSA key for all tests: making one takes a while.
var key = sync.OnceValue(func() []byte {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})
})

// now is the tests' time. It lies in the future, so that limits which end after it are not over for libraries with a clock
// of their own.
func now() time.Time { return time.Date(2126, 1, 2, 3, 4, 5, 0, time.UTC) }

// step is one request that is expected and its answer. A body is compared as JSON.
type step struct {
	request string // METHOD URI
	body    string
	status  int // 0: 200
	header  map[string]string
	answer  string
	auth    string // wanted Authorization; "": token ghs_1
}

// script is a GitHub that expects exactly these requests.
type script struct {
	t     *testing.T
	url   string
	mu    sync.Mutex
	steps []step
	next  int
	fresh int // tokens given out
}

// play starts a server for the steps, and a repository that speaks with it.
func play(t *testing.T, steps ...step) (*script, *Repo) {
	t.Helper()
	s := &script{t: t, steps: steps}
	server := httptest.NewServer(s)
	s.url = server.URL
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !t.Failed() && s.next != len(s.steps) {
			t.Errorf("%d of %d requests were made; the next would be %s", s.next, len(s.steps), s.steps[s.next].request)
		}
	})
	return s, newApp(t, server.URL).Repo(1, "acme", "shop")
}

func newApp(t *testing.T, url string) *App {
	t.Helper()
	a, err := New(Options{AppID: appID, PrivateKey: key(), APIURL: url + "/api/v3", ServerURL: url, UserAgent: "test", Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	uri := strings.TrimPrefix(r.URL.RequestURI(), "/api/v3")
	if uri == "/app/installations/1/access_tokens" && !s.expects(uri) {
		s.fresh++
		w.WriteHeader(http.StatusCreated)
		s.write(w, fmt.Sprintf(`{"token":"ghs_%d","expires_at":"2126-01-02T03:04:05Z"}`, s.fresh))
		return
	}
	if s.next == len(s.steps) {
		s.t.Errorf("unexpected request: %s %s", r.Method, uri)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	want := s.steps[s.next]
	s.next++
	if diff := cmp.Diff(want.request, r.Method+" "+uri); diff != "" {
		s.t.Errorf("request %d: %s", s.next, diff)
	}
	if diff := cmp.Diff(parsed(s.t, want.body), parsed(s.t, string(body))); diff != "" {
		s.t.Errorf("body of %s: %s", want.request, diff)
	}
	switch auth := r.Header.Get("Authorization"); {
	case want.auth == "app":
		if !strings.HasPrefix(auth, "Bearer ") {
			s.t.Errorf("%s came with %q, not as the App", want.request, auth)
		}
	case want.auth == "":
		want.auth = "token ghs_1"
		fallthrough
	default:
		if auth != want.auth {
			s.t.Errorf("%s came with %q, want %q", want.request, auth, want.auth)
		}
	}
	for name, value := range want.header {
		w.Header().Set(name, strings.ReplaceAll(value, "HOST", "http://"+r.Host))
	}
	if want.status == 0 {
		want.status = http.StatusOK
	}
	w.WriteHeader(want.status)
	s.write(w, want.answer)
}

func (s *script) expects(uri string) bool {
	return s.next < len(s.steps) && strings.HasSuffix(s.steps[s.next].request, uri)
}

func (s *script) write(w io.Writer, text string) {
	if _, err := io.WriteString(w, text); err != nil {
		s.t.Error(err)
	}
}

func parsed(t *testing.T, body string) any {
	t.Helper()
	if body == "" {
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Errorf("%v in %q", err, body)
	}
	return v
}

// check fails the test unless both are as wanted.
func check[T any](t *testing.T, want T, got T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func background() context.Context { return context.Background() }
