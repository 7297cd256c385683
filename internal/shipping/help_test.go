package shipping_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/shipping"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

const patience = 60 * time.Second

// hostile is text of strangers that tries to end a message, a line or a quoted value, or to begin another one.
var hostile = []string{
	"\n<13>1 2026-01-01T00:00:00Z evil su - - - forged", "\r\n", "\x00", "\"] [x@1 y=\"z\"]", `\`, `\"`, "]", "\u2028{\"index\":0}", "\u0085", "\ufeff",
	"\u202eevil", "12 <13>1 - - - - - -", "\U000e0041", strings.Repeat("é", 300), "\xff\xfe",
}

// fill appends n entries about changes with hostile names.
func fill(t testing.TB, db *store.Store, n int) {
	t.Helper()
	for i := range n {
		nasty := hostile[i%len(hostile)]
		_, err := db.Append(context.Background(), []store.Entry{{
			Type: store.EntryDecision, Actor: nasty, Repository: "acme/" + nasty, Commit: nasty, Verdict: nasty, PullRequest: i,
			Resources: []string{nasty, fmt.Sprint("aws_instance.", i)}, Detail: map[string]any{"decision": nasty, "title": nasty},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func quiet() *logrus.Entry {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return logrus.NewEntry(log)
}

// run ships until the test ends or stop is called.
func run(t testing.TB, db shipping.Log, to ...shipping.Destination) (stop func()) {
	t.Helper()
	s := shipping.New(shipping.Options{
		Log: db, Destinations: to, Logger: quiet(), Every: 2 * time.Millisecond, Longest: 20 * time.Millisecond, Timeout: 5 * time.Second, Batch: 7,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// shipped waits until the cursor of a destination is behind the last entry.
func shipped(t testing.TB, db *store.Store, d shipping.Destination) {
	t.Helper()
	eventually(t, d.Name()+" has everything", func() bool {
		head, err := db.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all, err := db.Shipments(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			if p.Destination == d.Name() {
				return p.Next == head.Size
			}
		}
		return false
	})
}

// complete wants every index from 0 to n-1, each for the first time in its order; repetitions are allowed.
func complete(t testing.TB, indexes []int64, n int64) {
	t.Helper()
	next := int64(0)
	for _, i := range indexes {
		switch {
		case i == next:
			next++
		case i > next:
			t.Fatalf("entry %d came before entry %d: %v", i, next, indexes)
		}
	}
	if next != n {
		t.Fatalf("%d of %d entries came: %v", next, n, indexes)
	}
}

// memory is a destination that fails when it is told to: before it has taken anything, after half, or after all of it.
type memory struct {
	name string

	mu    sync.Mutex
	got   []shipping.Entry
	calls int
	fail  func(call int) string
	busy  int // how many sends run
	most  int
}

var errBroken = errors.New("broken")

func (m *memory) Name() string { return m.name }

func (m *memory) Send(_ context.Context, entries []shipping.Entry) error {
	m.mu.Lock()
	m.busy++
	m.most = max(m.most, m.busy)
	m.calls++
	how := ""
	if m.fail != nil {
		how = m.fail(m.calls)
	}
	defer func() { m.mu.Lock(); m.busy--; m.mu.Unlock() }()
	switch how {
	case "before":
		m.mu.Unlock()
		return errBroken
	case "half":
		m.got = append(m.got, entries[:len(entries)/2]...)
		m.mu.Unlock()
		return errBroken
	}
	m.got = append(m.got, entries...)
	m.mu.Unlock()
	if how == "after" {
		return errBroken
	}
	return nil
}

func (m *memory) indexes() []int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []int64
	for _, e := range m.got {
		out = append(out, e.Index)
	}
	return out
}

// open is a store that two shippers can share.
func open(t testing.TB) *store.Store {
	t.Helper()
	return storetest.Memory(t)
}

func leafHash(leaf []byte) string { return ledger.Leaf(leaf).String() }
