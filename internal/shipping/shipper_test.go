package shipping_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gatehouse-dev/gatehouse/internal/shipping"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// However often and however a receiver fails, and however often the program is started anew, every entry comes, in its order.
func TestAtLeastOnceInOrder(t *testing.T) {
	t.Parallel()
	db := open(t)
	fill(t, db, 40)
	d := &memory{name: "memory", fail: func(call int) string { return []string{"before", "", "half", "after"}[call%4] }}
	for range 3 {
		stop := run(t, db, d)
		eventually(t, "something more came", func() bool { return len(d.indexes()) > 0 })
		stop()
		fill(t, db, 20)
	}
	run(t, db, d)
	shipped(t, db, d)
	complete(t, d.indexes(), 100)
}

// One receiver that is down keeps no other one waiting.
func TestOneThatFailsKeepsNoOtherWaiting(t *testing.T) {
	t.Parallel()
	db := open(t)
	fill(t, db, 20)
	good, bad := &memory{name: "good"}, &memory{name: "bad", fail: func(int) string { return "before" }}
	run(t, db, bad, good)
	shipped(t, db, good)
	complete(t, good.indexes(), 20)
	eventually(t, "the reason is known", func() bool {
		all, err := db.Shipments(t.Context())
		return err == nil && len(all) == 2 && all[0].Destination == "bad" && all[0].Error == "entries 0 to 6: broken" && all[0].Next == 0
	})
}

// Of several replicas one ships at a time, and another one goes on when it ends.
func TestOneReplicaAtATime(t *testing.T) {
	t.Parallel()
	db := open(t)
	fill(t, db, 60)
	d := &memory{name: "memory"}
	var stops []func()
	for range 4 {
		stops = append(stops, run(t, db, d))
	}
	for _, stop := range stops[:3] {
		fill(t, db, 10)
		stop()
	}
	shipped(t, db, d)
	complete(t, d.indexes(), 90)
	if d.most != 1 {
		t.Errorf("%d replicas sent at once", d.most)
	}
	if got := len(d.indexes()); got != 90 {
		t.Errorf("%d entries came, 90 were written, and nothing failed", got)
	}
}

// choosy takes no entry that is longer than it likes.
type choosy struct {
	memory
	most int
}

func (c *choosy) Send(ctx context.Context, entries []shipping.Entry) error {
	for _, e := range entries {
		if len(e.Line) > c.most {
			return shipping.Refused{Err: errors.New("too large")}
		}
	}
	return c.memory.Send(ctx, entries)
}

// An entry that a receiver refuses comes in its short form, and holds up none of the others.
func TestRefusedEntryIsCut(t *testing.T) {
	t.Parallel()
	db := open(t)
	fill(t, db, 5)
	long := store.Entry{Type: store.EntryDecision, Actor: "ann", Repository: "acme/infra", Resources: []string{"first", strings.Repeat("x", 4000)}}
	if _, err := db.Append(t.Context(), []store.Entry{long}); err != nil {
		t.Fatal(err)
	}
	fill(t, db, 5)
	d := &choosy{memory: memory{name: "choosy"}, most: 3000}
	run(t, db, d)
	shipped(t, db, d)
	complete(t, d.indexes(), 11)
	var cut []int64
	for _, e := range d.got {
		if e.Cut {
			cut = append(cut, e.Index)
		}
	}
	if diff := cmp.Diff([]int64{5}, cut); diff != "" {
		t.Error(diff)
	}
	want := `"bytes":4183,"commit":"","cut":true,"facts":"","index":5,"policy":"","pull_request":0,"repository":"acme/infra","resources":["first"]`
	if got := string(d.got[5].Line); !strings.Contains(got, `"actor":"ann",`) || !strings.Contains(strings.SplitN(got, `"actor":"ann",`, 2)[1], `"cut":true`) {
		t.Errorf("got %s, wanted something like %s", got, want)
	}
}

// A log that has become shorter than what was shipped is no log to go on with.
func TestShrunkLog(t *testing.T) {
	t.Parallel()
	db := open(t)
	fill(t, db, 3)
	if _, _, err := db.StartShipment(t.Context(), "memory", "me", time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := db.Shipped(t.Context(), "memory", "me", 9, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := db.EndShipment(t.Context(), "memory", "me"); err != nil {
		t.Fatal(err)
	}
	d := &memory{name: "memory"}
	run(t, db, d)
	want := "entries up to 8 were shipped, and the log has 3: entries were removed; run `gatehouse audit verify`"
	eventually(t, "it is said", func() bool {
		all, err := db.Shipments(t.Context())
		return err == nil && all[0].Error == want
	})
	if len(d.indexes()) > 0 {
		t.Error("it shipped all the same")
	}
}

func TestCounters(t *testing.T) {
	t.Parallel()
	db := open(t)
	fill(t, db, 5)
	d := &memory{name: "memory", fail: func(call int) string {
		if call == 1 {
			return "before"
		}
		return ""
	}}
	down := &memory{name: "down", fail: func(int) string { return "before" }}
	s := shipping.New(shipping.Options{Log: db, Destinations: []shipping.Destination{d, down}, Logger: quiet(), Every: time.Millisecond, Longest: 20 * time.Millisecond})
	registry := prometheus.NewRegistry()
	registry.MustRegister(s)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { s.Run(ctx) })
	shipped(t, db, d)
	eventually(t, "the other one failed", func() bool {
		down.mu.Lock()
		defer down.mu.Unlock()
		return down.calls > 0
	})
	cancel()
	all.Wait()
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`gatehouse_audit_shipped_total{destination="down"} 0`, `gatehouse_audit_shipped_total{destination="memory"} 5`,
		`gatehouse_audit_shipping_failures_total{destination="memory"} 1`,
		`gatehouse_audit_shipping_lag_entries{destination="down"} 5`, `gatehouse_audit_shipping_lag_entries{destination="memory"} 0`,
	} {
		if !strings.Contains(answer.Body.String(), want+"\n") {
			t.Errorf("%q is not in\n%s", want, answer.Body)
		}
	}
}

// tearing is a writer that fails within a line now and then.
type tearing struct {
	bytes.Buffer
	calls int
}

func (w *tearing) Write(p []byte) (int, error) {
	w.calls++
	if w.calls%2 == 1 && len(p) > 30 {
		n, _ := w.Buffer.Write(p[:len(p)-20])
		return n, errBroken
	}
	return w.Buffer.Write(p)
}

// Lines are whole lines, whatever strangers have put into them, and also after a write that broke off.
func TestLines(t *testing.T) {
	t.Parallel()
	db := open(t)
	fill(t, db, 40)
	out := &tearing{}
	d := shipping.NewLines(out)
	stop := run(t, db, d)
	shipped(t, db, d)
	stop()
	var indexes []int64
	torn := 0
	for _, line := range strings.FieldsFunc(out.String(), func(r rune) bool { return strings.ContainsRune("\n\v\f\r\u0085\u2028\u2029", r) }) {
		var index int64
		at := strings.Index(line, `"index":`)
		if at < 0 || !strings.HasSuffix(line, "}") {
			torn++
			continue
		}
		if _, err := fmt.Sscanf(line[at:], `"index":%d`, &index); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		indexes = append(indexes, index)
	}
	complete(t, indexes, 40)
	if torn == 0 || torn > out.calls {
		t.Errorf("%d lines were torn in %d writes", torn, out.calls)
	}
}
