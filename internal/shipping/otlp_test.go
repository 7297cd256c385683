package shipping_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/gatehouse-dev/gatehouse/internal/shipping"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// collector is an OTLP endpoint that decodes what it gets, strictly.
type collector struct {
	*httptest.Server
	mu      sync.Mutex
	records []*logs.LogRecord
	calls   int
	answer  func(call int, n int, w http.ResponseWriter) (taken bool)
}

func collect(t testing.TB) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var in logs.LogsData
		if err == nil {
			err = proto.UnmarshalOptions{}.Unmarshal(body, &in)
		}
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/logs" || r.Header.Get("Content-Type") != "application/x-protobuf" || len(in.ProtoReflect().GetUnknown()) > 0 {
			http.Error(w, "not OTLP", http.StatusBadRequest)
			return
		}
		var got []*logs.LogRecord
		for _, rl := range in.GetResourceLogs() {
			for _, sl := range rl.GetScopeLogs() {
				got = append(got, sl.GetLogRecords()...)
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.calls++
		if c.answer == nil || c.answer(c.calls, len(got), w) {
			c.records = append(c.records, got...)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) indexes() []int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []int64
	for _, r := range c.records {
		out = append(out, r.GetAttributes()[0].GetValue().GetIntValue())
	}
	return out
}

// A record has what docs/shipping.md says, and the whole entry as its body.
func TestOTLPRecord(t *testing.T) {
	t.Parallel()
	db := open(t)
	_, err := db.Append(t.Context(), []store.Entry{{
		Time: time.Date(2026, 11, 23, 10, 0, 0, 5000, time.UTC), Type: store.EntryBreakGlass, Actor: "ann", Repository: "acme/infra", PullRequest: 7,
		Commit: "abc", Verdict: "pass", Detail: map[string]any{"decision": "d-1"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := collect(t)
	d := shipping.NewOTLP(shipping.OTLPOptions{URL: c.URL + "/v1/logs", Host: "gate.example", Version: "1.2.3"})
	run(t, db, d)
	shipped(t, db, d)
	var leaf []byte
	for e, err := range db.Leaves(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		leaf = e.Data
	}
	want := &logs.LogRecord{}
	text := `{"timeUnixNano":"1795428000000005000","observedTimeUnixNano":"1795428000000005000","severityNumber":"SEVERITY_NUMBER_WARN",
		"severityText":"WARN","eventName":"gatehouse.audit.break_glass","attributes":[
		{"key":"gatehouse.audit.index","value":{"intValue":"0"}},{"key":"gatehouse.audit.type","value":{"stringValue":"break-glass"}},
		{"key":"gatehouse.audit.leaf","value":{"stringValue":"LEAF"}},{"key":"gatehouse.audit.repository","value":{"stringValue":"acme/infra"}},
		{"key":"gatehouse.audit.commit","value":{"stringValue":"abc"}},{"key":"gatehouse.audit.actor","value":{"stringValue":"ann"}},
		{"key":"gatehouse.audit.verdict","value":{"stringValue":"pass"}},{"key":"gatehouse.audit.decision","value":{"stringValue":"d-1"}},
		{"key":"gatehouse.audit.pull_request","value":{"intValue":"7"}}],"body":{"stringValue":"BODY"}}`
	text = strings.NewReplacer("LEAF", leafHash(leaf), "BODY", strings.ReplaceAll(string(leaf), `"`, `\"`)).Replace(text)
	if err := protojson.Unmarshal([]byte(text), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*logs.LogRecord{want}, c.records, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func refusal(rejected uint64, message string) []byte {
	var inner, out []byte
	inner = protowire.AppendVarint(protowire.AppendTag(inner, 1, protowire.VarintType), rejected)
	inner = protowire.AppendString(protowire.AppendTag(inner, 2, protowire.BytesType), message)
	return protowire.AppendBytes(protowire.AppendTag(out, 1, protowire.BytesType), inner)
}

// However a collector fails, everything comes, in order; what it refuses comes in the short form.
func TestOTLPCollectorThatFails(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 5000)
	for name, answer := range map[string]func(call, n int, w http.ResponseWriter) bool{
		"now and then": func(call, _ int, w http.ResponseWriter) bool {
			code := []int{503, 429, 500, 401, 200, 204}[call%6]
			w.WriteHeader(code)
			return code/100 == 2
		},
		"the answer is lost": func(call, _ int, _ http.ResponseWriter) bool {
			if call%2 == 0 {
				panic(http.ErrAbortHandler)
			}
			return true
		},
		"a proxy's page": func(call, _ int, w http.ResponseWriter) bool {
			if call%2 == 0 {
				w.Header().Set("Content-Type", "text/html")
				_, _ = io.WriteString(w, "<p>please log in")
				return false
			}
			return true
		},
		"a redirect": func(call, _ int, w http.ResponseWriter) bool {
			if call%2 == 0 {
				w.Header().Set("Location", "/v1/logs")
				w.WriteHeader(http.StatusTemporaryRedirect)
				return false
			}
			return true
		},
		"nothing refused": func(_, _ int, w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", "application/x-protobuf")
			_, _ = w.Write(refusal(0, "a warning"))
			return true
		},
		"JSON": func(_, _ int, w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			_, _ = io.WriteString(w, "{}")
			return true
		},
		"more than one at a time refused": func(_, n int, w http.ResponseWriter) bool {
			if n > 1 {
				w.Header().Set("Content-Type", "application/x-protobuf")
				_, _ = w.Write(refusal(uint64(n-1), "one at a time"))
			}
			return true
		},
		"more than one at a time refused, in JSON": func(_, n int, w http.ResponseWriter) bool {
			if n > 1 {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"no"}}`)
			}
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			fill(t, db, 20)
			c := collect(t)
			c.answer = answer
			d := shipping.NewOTLP(shipping.OTLPOptions{URL: c.URL + "/v1/logs"})
			run(t, db, d)
			fill(t, db, 10)
			shipped(t, db, d)
			complete(t, c.indexes(), 30)
		})
	}
	t.Run("too large", func(t *testing.T) {
		t.Parallel()
		db := open(t)
		fill(t, db, 3)
		if _, err := db.Append(t.Context(), []store.Entry{{Type: "plan", Detail: map[string]any{"x": big}}}); err != nil {
			t.Fatal(err)
		}
		c := collect(t)
		plain := c.Config.Handler
		c.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > 4000 {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				return
			}
			plain.ServeHTTP(w, r)
		})
		d := shipping.NewOTLP(shipping.OTLPOptions{URL: c.URL + "/v1/logs"})
		run(t, db, d)
		shipped(t, db, d)
		complete(t, c.indexes(), 4)
	})
}

// The headers come from the file as it is at that time; nothing of them is in an error.
func TestOTLPHeaders(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "headers")
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	t.Cleanup(server.Close)
	d := shipping.NewOTLP(shipping.OTLPOptions{URL: server.URL, HeadersFile: file})
	entry := []shipping.Entry{{Entry: store.Entry{Type: "decision"}, Line: []byte("{}")}}
	for content, want := range map[string]string{
		"# who we are\nAuthorization: Bearer a:b\n\n": "Bearer a:b",
		"authorization:  Basic Zm9v":                  "Basic Zm9v",
		"":                                            "",
	} {
		must(t, os.WriteFile(file, []byte(content), 0o600))
		must(t, d.Send(t.Context(), entry))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	for content, want := range map[string]string{
		"topsecret":           "line 1 of the headers file is not NAME: VALUE",
		"a b: topsecret":      "line 1 of the headers file is not NAME: VALUE",
		"\nx: top\rsecret\n":  "line 2 of the headers file is not NAME: VALUE",
		"Authorization\n: no": "line 1 of the headers file is not NAME: VALUE",
	} {
		must(t, os.WriteFile(file, []byte(content), 0o600))
		err := d.Send(t.Context(), entry)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v", content, err)
		}
	}
	must(t, os.Remove(file))
	if err := d.Send(t.Context(), entry); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
