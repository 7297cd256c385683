package webhook_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

type example struct {
	Name     string            `json:"name"`
	Examples []json.RawMessage `json:"examples"`
}

func examples(t testing.TB) []example {
	t.Helper()
	packed, err := os.ReadFile("testdata/webhooks-examples.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	var list []example
	if err := json.NewDecoder(r).Decode(&list); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestExamples sends GitHub's own payloads, all of them, to a handler with a real store.
func TestExamples(t *testing.T) {
	t.Parallel()
	h := handler(t, storetest.Memory(t))
	count := 0
	kinds := map[string]int{}
	for _, e := range examples(t) {
		for i, body := range e.Examples {
			count++
			w := serve(h, request(e.Name, fmt.Sprintf("%s-%d", e.Name, i), string(body)))
			if w.Code != 202 {
				t.Errorf("%s %d: %d %s", e.Name, i, w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), "accepted") {
				kinds[e.Name]++
			}
		}
	}
	if count != 329 {
		t.Errorf("%d payloads, wanted 329", count)
	}
	want := map[string]int{
		"branch_protection_rule": 5, "check_run": 3, "installation": 7, "installation_repositories": 3, "member": 4, "membership": 5, "merge_group": 2,
		"organization": 5, "pull_request": 19, "pull_request_review": 4, "push": 2, "repository": 11, "status": 4, "team": 6, "team_add": 3, "workflow_run": 3,
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error("how many of each event lead to something:", diff)
	}
}

func FuzzPayload(f *testing.F) {
	for _, e := range examples(f) {
		if len(e.Examples) > 0 {
			f.Add(e.Name, []byte(e.Examples[0]))
		}
	}
	f.Add("pull_request", []byte(opened))
	f.Add("push", []byte(`{"ref":"refs/heads/","repository":{"id":1,"name":"a","owner":{"login":"b"}}}`))
	h := handler(f, &memory{})
	m := &memory{}
	h2 := handler(f, m)
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		r := request("x", "1", string(body))
		r.Header["X-Github-Event"] = []string{event}
		if w := serve(h, r); w.Code != 202 && w.Code != 400 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		// What is stored must be something that a store takes.
		m.mu.Lock()
		m.deliveries, m.works = nil, nil
		m.mu.Unlock()
		r = request("x", "1", string(body))
		r.Header["X-Github-Event"] = []string{event}
		serve(h2, r)
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, w := range m.works {
			if w.Kind == "" || w.Key == "" || len(w.Key) > 500 || !json.Valid(w.Args) {
				t.Errorf("work that no store takes: %+v", w)
			}
		}
	})
}

// BenchmarkAccept is how many webhooks a second are accepted, from 32 connections, on SQLite with every one on the disk before
// it is answered.
func BenchmarkAccept(b *testing.B) {
	h := handler(b, storetest.Memory(b))
	var n sync.Mutex
	i := 0
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n.Lock()
			i++
			id := i
			n.Unlock()
			body := strings.Replace(opened, `"number":2`, fmt.Sprintf(`"number":%d`, id%100+1), 1)
			if w := serve(h, request("pull_request", fmt.Sprint(id), body)); w.Code != 202 {
				b.Error(w.Code, w.Body)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "webhooks/s")
}
