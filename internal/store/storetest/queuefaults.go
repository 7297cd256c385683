package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

func testNotBefore(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{})
	handler, calls := recorder(nil)
	Work(t, s, evaluate(handler))
	later := work("later", `1`)
	later.NotBefore = time.Now().Add(time.Hour)
	soon := work("soon", `2`)
	soon.NotBefore = time.Now().Add(50 * time.Millisecond)
	check(t, s.Enqueue(t.Context(), later, soon))
	if diff := cmp.Diff(call{"evaluate", "soon", `2`, 1}, receive(t, calls, "the sooner one")); diff != "" {
		t.Error(diff)
	}
	// The earliest of folded times counts.
	check(t, s.Enqueue(t.Context(), work("later", `3`)))
	if diff := cmp.Diff(call{"evaluate", "later", `3`, 1}, receive(t, calls, "the later one")); diff != "" {
		t.Error(diff)
	}
	idle(t, s)
}

func testNoHandler(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{})
	handler, calls := recorder(nil)
	Work(t, s, evaluate(handler))
	check(t, s.Enqueue(t.Context(), store.Work{Kind: "unknown", Key: "1"}, work("1/2", `1`)))
	receive(t, calls, "the known work")
	eventually(t, "only the unknown work is left", func() bool {
		stats := must[[]store.QueueStat](t)(s.Queue(t.Context()))
		return len(stats) == 1 && stats[0].Kind == "unknown" && stats[0].Waiting == 1 && stats[0].Running == 0
	})
}

func testStop(t *testing.T, fresh func(testing.TB) string) {
	url, signer := fresh(t), Signer(t)
	a := Open(t, url, store.Options{Signer: signer, Grace: time.Millisecond})
	handler, calls := recorder(func(ctx context.Context, _ call) error { <-ctx.Done(); return ctx.Err() })
	check(t, a.Enqueue(t.Context(), work("1/2", `1`)))
	stop := Work(t, a, evaluate(handler))
	receive(t, calls, "the run that is interrupted")
	stop()
	stats := must[[]store.QueueStat](t)(a.Queue(t.Context()))
	if len(stats) != 1 || stats[0].Waiting != 1 || stats[0].Running != 0 || stats[0].Failing != 0 {
		t.Errorf("after stopping: %+v", stats)
	}
	b := Open(t, url, store.Options{Signer: signer})
	handler, calls = recorder(nil)
	Work(t, b, evaluate(handler))
	if diff := cmp.Diff(call{"evaluate", "1/2", `1`, 1}, receive(t, calls, "the next run")); diff != "" {
		t.Error(diff)
	}
	idle(t, b)
}

// testLostLease cuts one process off from the database while it works.
func testLostLease(t *testing.T, fresh func(testing.TB) string) {
	url, signer := fresh(t), Signer(t)
	var cut atomic.Bool
	a := Open(t, url, store.Options{Signer: signer, Lease: 300 * time.Millisecond, Commit: func(_ context.Context, commit func() error) error {
		if cut.Load() {
			return errors.New("the network is down")
		}
		return commit()
	}})
	outcome := make(chan error, 1)
	taken := make(chan struct{})
	handler, calls := recorder(func(ctx context.Context, _ call) error {
		cut.Store(true)
		<-ctx.Done()
		<-taken // the other process has it now
		cut.Store(false)
		outcome <- errors.Join(context.Cause(ctx), a.SetMeta(context.WithoutCancel(ctx), "written by", "the process that was cut off"))
		return nil
	})
	Work(t, a, evaluate(handler))
	check(t, a.Enqueue(t.Context(), work("1/2", `1`)))
	receive(t, calls, "the first run")

	b := Open(t, url, store.Options{Signer: signer, Lease: 300 * time.Millisecond})
	finish := make(chan struct{})
	handlerB, callsB := recorder(func(ctx context.Context, _ call) error {
		close(taken)
		<-finish
		return b.SetMeta(ctx, "written by", "the new owner")
	})
	Work(t, b, evaluate(handlerB))
	if diff := cmp.Diff(call{"evaluate", "1/2", `1`, 2}, receive(t, callsB, "the second process to take over")); diff != "" {
		t.Error(diff)
	}
	err := receive(t, outcome, "the first process to be told")
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) || len(joined.Unwrap()) != 2 {
		t.Fatalf("the process that was cut off could still write: %v", err)
	}
	for _, e := range joined.Unwrap() {
		if !errors.Is(e, store.ErrLeaseLost) {
			t.Errorf("got %v, wanted ErrLeaseLost", e)
		}
	}
	close(finish)
	idle(t, b)
	if got := must[string](t)(b.Meta(t.Context(), "written by")); got != "the new owner" {
		t.Errorf("written by %q", got)
	}
}

// testChaos lets every third of a store's transactions fail, in turn before and after they are stored, and wants all work done
// all the same, with its newest arguments, one at a time.
func testChaos(t *testing.T, fresh func(testing.TB) string) {
	var count, failures atomic.Int64
	s := Open(t, fresh(t), store.Options{Lease: 300 * time.Millisecond, Commit: func(_ context.Context, commit func() error) error {
		if n := count.Add(1); n%3 == 0 && failures.Add(1) <= 60 {
			if n%2 == 0 {
				return errors.New("failed")
			}
			return errors.Join(commit(), errors.New("failed, but stored"))
		}
		return commit()
	}})
	const keys, events = 10, 10
	var mu sync.Mutex
	running := map[string]bool{}
	newest := map[string]string{}
	Work(t, s, evaluate(func(_ context.Context, w store.Work, _ int) error {
		mu.Lock()
		if running[w.Key] {
			t.Errorf("two at once for %s", w.Key)
		}
		running[w.Key] = true
		mu.Unlock()
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			running[w.Key] = false
			newest[w.Key] = string(w.Args)
		}()
		return nil
	}))
	want := map[string]string{}
	for n := range events {
		for k := range keys {
			key, args := fmt.Sprint("1/", k), fmt.Sprint(n)
			eventually(t, "the event is stored", func() bool { return s.Enqueue(t.Context(), work(key, args)) == nil })
			want[key] = args
		}
	}
	idle(t, s)
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, newest); diff != "" {
		t.Error(diff)
	}
	if failures.Load() == 0 {
		t.Error("nothing failed")
	}
}

// testLostNudge removes the queue's jobs behind the program's back: work must not depend on them.
// A nudge that was lost with its process is repeated at the next start; one that is lost later, after a while.
func testLostNudge(t *testing.T, fresh func(testing.TB) string) {
	url := fresh(t)
	s := Open(t, url, store.Options{Workers: 1})
	check(t, s.Enqueue(t.Context(), work("1/2", `1`)))
	Exec(t, url, "DELETE FROM river_job")
	goOn := make(chan struct{})
	handler, calls := recorder(func(context.Context, call) error { <-goOn; return nil })
	Work(t, s, evaluate(handler))
	receive(t, calls, "the work of before")

	check(t, s.Enqueue(t.Context(), work("1/3", `1`)))
	Exec(t, url, "DELETE FROM river_job")
	if isPostgres(url) {
		Exec(t, url, "UPDATE work SET wake_at = now() WHERE key = '1/3'") // instead of waiting for a minute
	} else {
		Exec(t, url, "UPDATE work SET wake_at = 0 WHERE key = '1/3'")
	}
	close(goOn)
	receive(t, calls, "the work of now")
	idle(t, s)
}
