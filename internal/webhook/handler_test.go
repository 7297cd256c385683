package webhook_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/webhook"
)

const (
	secret = "It's a Secret to Everybody"
	ourApp = 4711
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// memory is an Acceptor that keeps everything, and fails on demand before or after keeping it.
type memory struct {
	mu         sync.Mutex
	failBefore error
	failAfter  error
	deliveries map[string]store.Delivery
	works      []store.Work
}

func (m *memory) Accept(ctx context.Context, d store.Delivery, works []store.Work) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(ctx.Err(), m.failBefore); err != nil {
		return false, err
	}
	if _, ok := m.deliveries[d.ID]; ok {
		return true, nil
	}
	if m.deliveries == nil {
		m.deliveries = map[string]store.Delivery{}
	}
	m.deliveries[d.ID] = d
	m.works = append(m.works, works...)
	return false, m.failAfter
}

func handler(t testing.TB, s webhook.Acceptor, secrets ...string) *webhook.Handler {
	t.Helper()
	if len(secrets) == 0 {
		secrets = []string{secret}
	}
	h, err := webhook.New(webhook.Options{Secrets: secrets, AppID: ourApp, Store: s, Clock: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// request is a signed delivery.
func request(event, id, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/github", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-GitHub-Delivery", id)
	r.Header.Set("X-Hub-Signature-256", webhook.Sign(secret, []byte(body)))
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const opened = `{"action":"opened","installation":{"id":3},"sender":{"login":"dana"},
	"repository":{"id":1,"name":"infra","full_name":"acme/infra","default_branch":"main","owner":{"login":"acme"}},
	"pull_request":{"number":2,"head":{"sha":"abc","ref":"topic"},"base":{"ref":"main","sha":"def"}}}`

func TestSignature(t *testing.T) {
	t.Parallel()
	// The first is GitHub's own example of the computation.
	if got := webhook.Sign("It's a Secret to Everybody", []byte("Hello, World!")); got != "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" {
		t.Errorf("Sign: %s", got)
	}
	good := webhook.Sign(secret, []byte(opened))
	for name, test := range map[string]struct {
		header  string
		secrets []string
		want    int
	}{
		"right":                {good, nil, 202},
		"the newer of two":     {good, []string{"old", secret}, 202},
		"the older of two":     {good, []string{secret, "new"}, 202},
		"upper-case digits":    {"sha256=" + strings.ToUpper(good[7:]), nil, 202},
		"none":                 {"", nil, 401},
		"another secret":       {webhook.Sign("other", []byte(opened)), nil, 401},
		"an empty secret":      {webhook.Sign("", []byte(opened)), nil, 401},
		"another body":         {webhook.Sign(secret, []byte(opened+" ")), nil, 401},
		"SHA-1":                {"sha1=" + good[7:47], nil, 401},
		"no prefix":            {good[7:], nil, 401},
		"short":                {good[:len(good)-2], nil, 401},
		"long":                 {good + "00", nil, 401},
		"not digits":           {"sha256=" + strings.Repeat("zz", 32), nil, 401},
		"only the prefix":      {"sha256=", nil, 401},
		"one bit":              {good[:len(good)-1] + string(good[len(good)-1]^1), nil, 401},
		"a rotated-out secret": {good, []string{"new"}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &memory{}
			r := request("pull_request", "1", opened)
			r.Header.Del("X-Hub-Signature-256")
			if test.header != "" {
				r.Header.Set("X-Hub-Signature-256", test.header)
			}
			w := serve(handler(t, m, test.secrets...), r)
			if w.Code != test.want || (test.want == 202) != (len(m.works) == 1) {
				t.Errorf("answered %d, wanted %d; stored %v", w.Code, test.want, m.works)
			}
			if test.want == 401 && !strings.Contains(w.Body.String(), `{"error":"the `) {
				t.Errorf("no reason given: %s", w.Body)
			}
		})
	}
	for _, secrets := range [][]string{nil, {""}, {"a", ""}} {
		if _, err := webhook.New(webhook.Options{Secrets: secrets, Store: &memory{}}); err == nil {
			t.Errorf("secrets %q were taken", secrets)
		}
	}
}

// endless is a body that says how much of it was read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

func TestRefused(t *testing.T) {
	t.Parallel()
	change := func(f func(*http.Request)) *http.Request {
		r := request("pull_request", "1", opened)
		f(r)
		return r
	}
	unread := &endless{}
	for name, test := range map[string]struct {
		request *http.Request
		want    int
	}{
		"GET":                       {change(func(r *http.Request) { r.Method = http.MethodGet }), 405},
		"no delivery id":            {change(func(r *http.Request) { r.Header.Del("X-GitHub-Delivery") }), 400},
		"a strange delivery id":     {change(func(r *http.Request) { r.Header.Set("X-GitHub-Delivery", "a b") }), 400},
		"a long delivery id":        {change(func(r *http.Request) { r.Header.Set("X-GitHub-Delivery", strings.Repeat("a", 101)) }), 400},
		"no event":                  {change(func(r *http.Request) { r.Header.Del("X-GitHub-Event") }), 400},
		"a strange event":           {change(func(r *http.Request) { r.Header.Set("X-GitHub-Event", "Pull Request") }), 400},
		"no content type":           {change(func(r *http.Request) { r.Header.Del("Content-Type") }), 400},
		"a form":                    {change(func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }), 400},
		"not JSON":                  {request("pull_request", "1", "payload=%7B%7D"), 400},
		"nothing":                   {request("pull_request", "1", ""), 400},
		"cut off":                   {request("pull_request", "1", opened[:len(opened)-1]), 400},
		"two values":                {request("pull_request", "1", opened+opened), 400},
		"unknown event, not JSON":   {request("star", "1", "{"), 400},
		"a list":                    {request("pull_request", "1", "[]"), 400},
		"null":                      {request("pull_request", "1", "null"), 400},
		"no pull request":           {request("pull_request", "1", `{"repository":{"id":1,"name":"a","owner":{"login":"b"}}}`), 400},
		"no repository":             {request("pull_request", "1", `{"pull_request":{"number":1}}`), 400},
		"a number that is text":     {request("pull_request", "1", strings.Replace(opened, `"number":2`, `"number":"2"`, 1)), 400},
		"a number that is negative": {request("pull_request", "1", strings.Replace(opened, `"number":2`, `"number":-2`, 1)), 400},
		"a number that is too big":  {request("pull_request", "1", strings.Replace(opened, `"number":2`, `"number":1e99`, 1)), 400},
		"deep nesting":              {request("pull_request", "1", strings.Repeat("[", 1<<20)+strings.Repeat("]", 1<<20)), 400},
		"said to be too large":      {change(func(r *http.Request) { r.ContentLength, r.Body = webhook.MaxBody+1, io.NopCloser(unread) }), 413},
		"too large":                 {change(func(r *http.Request) { r.ContentLength, r.Body = -1, io.NopCloser(&endless{}) }), 413},
		"truncated": {change(func(r *http.Request) {
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader(opened[:10]), errorReader{io.ErrUnexpectedEOF}))
		}), 400},
	} {
		m := &memory{}
		w := serve(handler(t, m), test.request)
		var body struct{ Error string }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error == "" {
			t.Errorf("%s: no reason given: %q", name, w.Body)
		}
		if w.Code != test.want || len(m.works) != 0 || len(m.deliveries) != 0 {
			t.Errorf("%s: answered %d %s, wanted %d; stored %v", name, w.Code, w.Body, test.want, m.works)
		}
	}
	if unread.read > 2*webhook.MaxBody+1<<16 {
		t.Errorf("%d bytes of a body that says it is too large were read", unread.read)
	}
	unsigned := &endless{}
	r := httptest.NewRequest(http.MethodPost, "/", unsigned)
	if w := serve(handler(t, &memory{}), r); w.Code != 401 || unsigned.read > 2*webhook.MaxBody+1<<16 {
		t.Errorf("without a signature: answered %d after %d bytes", w.Code, unsigned.read)
	}
	asking := &endless{}
	r = httptest.NewRequest(http.MethodPost, "/", asking)
	r.Header.Set("Expect", "100-continue")
	if w := serve(handler(t, &memory{}), r); w.Code != 401 || asking.read != 0 {
		t.Errorf("asking before it sends: answered %d after %d bytes", w.Code, asking.read)
	}
}

// Most HTTP clients send their whole body before they look for an answer: who is refused must be able to, or sees a broken connection.
func TestRefusalIsHeard(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(handler(t, &memory{}))
	defer server.Close()
	for name, test := range map[string]struct{ header, want string }{
		"too large":           {"X-Hub-Signature-256: sha256=" + strings.Repeat("0", 64) + "\r\n", "HTTP/1.1 413 "},
		"without a signature": {"", "HTTP/1.1 401 "},
	} {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		size := webhook.MaxBody + 1<<20
		fmt.Fprintf(c, "POST /webhooks/github HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n", test.header, size)
		if _, err := io.CopyN(c, &endless{}, int64(size)); err != nil {
			t.Errorf("%s: cut off while sending: %v", name, err)
			continue
		}
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, test.want) {
			t.Errorf("%s: heard %q, %v", name, line, err)
		}
	}
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

func TestLargestBody(t *testing.T) {
	t.Parallel()
	body := opened + strings.Repeat(" ", webhook.MaxBody-len(opened))
	if w := serve(handler(t, &memory{}), request("pull_request", "1", body)); w.Code != 202 {
		t.Errorf("a body of exactly 25 MB: %d %s", w.Code, w.Body)
	}
	if w := serve(handler(t, &memory{}), request("pull_request", "1", body+" ")); w.Code != 413 {
		t.Errorf("a body of 25 MB and a byte: %d %s", w.Code, w.Body)
	}
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	m := &memory{}
	w := serve(handler(t, m), request("pull_request", "72d3162e-cc78-11e3-81ab-4c9367dc0958", opened))
	if diff := cmp.Diff(`{"result":"accepted"}`+"\n", w.Body.String()); w.Code != 202 || diff != "" {
		t.Error(w.Code, diff)
	}
	want := map[string]store.Delivery{"72d3162e-cc78-11e3-81ab-4c9367dc0958": {
		ID: "72d3162e-cc78-11e3-81ab-4c9367dc0958", Event: "pull_request", Action: "opened", InstallationID: 3, Repository: "acme/infra", Received: noon,
		SourceIP: "192.0.2.1", Summary: json.RawMessage(`{"base":"main","head":"abc","number":2,"repository_id":1,"sender":"dana"}`),
	}}
	if diff := cmp.Diff(want, m.deliveries, cmpopts.IgnoreFields(store.Delivery{}, "Digest")); diff != "" {
		t.Error(diff)
	}
	for _, d := range m.deliveries {
		if !strings.HasPrefix(d.Digest, "sha256:") {
			t.Errorf("digest %q", d.Digest)
		}
	}
}

func TestStoreFails(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := &memory{failBefore: errors.New("disk full: /secret/path")}
	h, err := webhook.New(webhook.Options{Secrets: []string{secret}, Store: m, Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	w := serve(h, request("pull_request", "1", opened))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("failed: %d %s %v", w.Code, w.Body, w.Header())
	}
	m.failBefore, m.failAfter = nil, errors.New("the connection broke")
	if w := serve(h, request("pull_request", "1", opened)); w.Code != 503 {
		t.Errorf("failed, but stored: %d", w.Code)
	}
	m.failAfter = nil
	w = serve(h, request("pull_request", "1", opened)) // GitHub was asked for it again
	if diff := cmp.Diff(`{"result":"duplicate"}`+"\n", w.Body.String()); w.Code != 202 || diff != "" || len(m.works) != 1 {
		t.Error(w.Code, diff, m.works)
	}
	serve(h, request("invented_by_a_stranger", "2", "{}"))
	serve(h, httptest.NewRequest(http.MethodGet, "/", nil))
	want := map[string]float64{"other ignored": 1, "other refused": 1, "pull_request duplicate": 1, "pull_request failed": 2}
	if diff := cmp.Diff(want, counts(t, registry)); diff != "" {
		t.Error(diff)
	}
	if _, err := webhook.New(webhook.Options{Secrets: []string{secret}, Store: m, Metrics: registry}); err == nil {
		t.Error("two handlers share one registry's counters")
	}
}

// counts are the deliveries by event and result.
func counts(t testing.TB, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "gatehouse_webhook_deliveries_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			found[m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue()] = m.GetCounter().GetValue()
		}
	}
	return found
}

// TestSenderHangsUp: what GitHub sent counts, also when it does not wait for the answer.
func TestSenderHangsUp(t *testing.T) {
	t.Parallel()
	m := &memory{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	serve(handler(t, m), request("pull_request", "1", opened).WithContext(ctx))
	if len(m.works) != 1 {
		t.Error("the delivery was dropped")
	}
}

// TestNoRoom: bodies that never end hold the memory there is for them; others are answered 503, and served again afterwards.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := handler(t, &memory{})
		release := make(chan struct{})
		var slow sync.WaitGroup
		for range 8 {
			r := request("pull_request", "1", opened)
			r.ContentLength, r.Body = webhook.MaxBody, io.NopCloser(stalled(release))
			slow.Go(func() {
				if w := serve(h, r); w.Code != 400 {
					t.Errorf("a body that ends early: %d", w.Code)
				}
			})
		}
		synctest.Wait()
		if w := serve(h, request("pull_request", "2", opened)); w.Code != 503 {
			t.Errorf("without room: %d %s", w.Code, w.Body)
		}
		close(release)
		slow.Wait()
		if w := serve(h, request("pull_request", "2", opened)); w.Code != 202 {
			t.Errorf("with room again: %d %s", w.Code, w.Body)
		}
	})
}

// stalled is a body that says nothing until it is closed, and then breaks off.
type stalled <-chan struct{}

func (s stalled) Read([]byte) (int, error) { <-s; return 0, io.ErrUnexpectedEOF }
