package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 123456789, time.UTC)

func delivery(id string) store.Delivery {
	return store.Delivery{ID: id, Event: "pull_request", Action: "opened", InstallationID: 7, Repository: "acme/infra", Received: noon, SourceIP: "192.0.2.1", Digest: "sha256:00"}
}

func work(key, args string) store.Work {
	return store.Work{Kind: "evaluate", Key: key, Args: json.RawMessage(args)}
}

// call is one call of a handler.
type call struct {
	Kind, Key, Args string
	Attempt         int
}

// recorder returns a handler that reports its calls and does what the test says.
func recorder(do func(ctx context.Context, c call) error) (store.Handler, <-chan call) {
	calls := make(chan call, 10000)
	return func(ctx context.Context, w store.Work, attempt int) error {
		c := call{w.Kind, w.Key, string(w.Args), attempt}
		calls <- c
		if do == nil {
			return nil
		}
		return do(ctx, c)
	}, calls
}

func evaluate(h store.Handler) map[string]store.Handler {
	return map[string]store.Handler{"evaluate": h}
}

func testDeliveries(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{})
	ctx := t.Context()
	d := delivery("a-1")
	d.Pushes = []store.Push{{RepositoryID: 1, SHA: "abc", Login: "dana"}}
	if must[bool](t)(s.Accept(ctx, d, []store.Work{work("1/2", `{"n":1}`)})) {
		t.Error("the first delivery is called a duplicate")
	}
	d.Pushes[0].Login = "mallory"
	if !must[bool](t)(s.Accept(ctx, d, []store.Work{work("1/3", `{"n":2}`)})) {
		t.Error("the second delivery with the same id is not called a duplicate")
	}
	want := map[string]bool{"a-1": true}
	if diff := cmp.Diff(want, must[map[string]bool](t)(s.Delivered(ctx, []string{"a-1", "a-2"}))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"dana"}, must[[]string](t)(s.Pushers(ctx, 1, "abc"))); diff != "" {
		t.Error("the duplicate did something:", diff)
	}
	for _, id := range []string{"", string(make([]byte, 501))} {
		if _, err := s.Accept(ctx, delivery(id), nil); err == nil {
			t.Errorf("a delivery with an id of %d bytes was accepted", len(id))
		}
	}
	for _, w := range []store.Work{{}, {Kind: "a"}, {Key: "a"}, {Kind: "a", Key: "b", Args: json.RawMessage("{")}} {
		if _, err := s.Accept(ctx, delivery("bad"), []store.Work{w}); err == nil {
			t.Errorf("work %v was accepted", w)
		}
	}
	handler, calls := recorder(nil)
	Work(t, s, evaluate(handler))
	if diff := cmp.Diff(call{"evaluate", "1/2", `{"n":1}`, 1}, receive(t, calls, "the work")); diff != "" {
		t.Error(diff)
	}
	idle(t, s)
	if len(calls) != 0 {
		t.Error("the duplicate's or a refused delivery's work ran:", <-calls)
	}
}

func testFold(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{Workers: 1})
	ctx := t.Context()
	check(t, s.Enqueue(ctx, work("1/2", `1`), work("1/1", `2`), work("1/2", `3`)))
	check(t, s.Enqueue(ctx, work("1/1", `4`)))
	stats := must[[]store.QueueStat](t)(s.Queue(ctx))
	if len(stats) != 1 || stats[0].Kind != "evaluate" || stats[0].Waiting != 2 || stats[0].Running != 0 || stats[0].Oldest.IsZero() {
		t.Errorf("got %+v", stats)
	}
	handler, calls := recorder(nil)
	Work(t, s, evaluate(handler))
	got := map[call]bool{receive(t, calls, "work"): true, receive(t, calls, "work"): true}
	if diff := cmp.Diff(map[call]bool{{"evaluate", "1/2", `3`, 1}: true, {"evaluate", "1/1", `4`, 1}: true}, got); diff != "" {
		t.Error(diff)
	}
	idle(t, s)
	if len(calls) != 0 {
		t.Error("one run too many:", <-calls)
	}
}

func testFoldParallel(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{})
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			if _, err := s.Accept(t.Context(), delivery(fmt.Sprint(i)), []store.Work{work("1/2", fmt.Sprint(i))}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	check(t, s.Enqueue(t.Context(), work("1/2", `"last"`)))
	handler, calls := recorder(nil)
	Work(t, s, evaluate(handler))
	if diff := cmp.Diff(call{"evaluate", "1/2", `"last"`, 1}, receive(t, calls, "the work")); diff != "" {
		t.Error(diff)
	}
	idle(t, s)
	if len(calls) != 0 {
		t.Errorf("%d runs too many", len(calls))
	}
}

func testPriority(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{Workers: 1})
	with := func(key string, priority int) store.Work {
		w := work(key, `1`)
		w.Priority = priority
		return w
	}
	check(t, s.Enqueue(t.Context(), with("last", 4)))
	check(t, s.Enqueue(t.Context(), with("overtakes", 4)))
	check(t, s.Enqueue(t.Context(), with("ordinary", 0)))
	check(t, s.Enqueue(t.Context(), with("overtakes", 1)))
	handler, calls := recorder(nil)
	Work(t, s, evaluate(handler))
	var order []string
	for range 3 {
		order = append(order, receive(t, calls, "work").Key)
	}
	if diff := cmp.Diff([]string{"overtakes", "ordinary", "last"}, order); diff != "" {
		t.Error(diff)
	}
	idle(t, s)
	if len(calls) != 0 {
		t.Error("one run too many:", <-calls)
	}
}

func testEventDuringRun(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{})
	goOn := make(chan struct{})
	handler, calls := recorder(func(context.Context, call) error { <-goOn; return nil })
	Work(t, s, evaluate(handler))
	check(t, s.Enqueue(t.Context(), work("1/2", `1`)))
	receive(t, calls, "the first run")
	for i := 2; i <= 5; i++ {
		check(t, s.Enqueue(t.Context(), work("1/2", fmt.Sprint(i))))
	}
	goOn <- struct{}{}
	if diff := cmp.Diff(call{"evaluate", "1/2", `5`, 1}, receive(t, calls, "one more run")); diff != "" {
		t.Error(diff)
	}
	goOn <- struct{}{}
	idle(t, s)
	if len(calls) != 0 {
		t.Error("more than one run more")
	}
}

func testExclusion(t *testing.T, fresh func(testing.TB) string) {
	url, signer := fresh(t), Signer(t)
	var running, most, last atomic.Int64
	handler, calls := recorder(func(_ context.Context, c call) error {
		if now := running.Add(1); now > most.Load() {
			most.Store(now)
		}
		defer running.Add(-1)
		var n int64
		if err := json.Unmarshal([]byte(c.Args), &n); err != nil {
			return err
		}
		last.Store(n)
		return nil
	})
	var replicas []*store.Store
	for range 2 {
		s := Open(t, url, store.Options{Signer: signer})
		replicas = append(replicas, s)
		Work(t, s, evaluate(handler))
	}
	const events = 100
	for i := range events {
		check(t, replicas[i%2].Enqueue(t.Context(), work("1/2", fmt.Sprint(i))))
	}
	idle(t, replicas[0])
	if most.Load() != 1 || last.Load() != events-1 {
		t.Errorf("%d ran at once, the last saw event %d; wanted 1 and %d", most.Load(), last.Load(), events-1)
	}
	if n := len(calls); n < 1 || n > events {
		t.Errorf("%d runs for %d events", n, events)
	}
}

func testFailures(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{})
	handler, calls := recorder(func(_ context.Context, c call) error {
		switch {
		case c.Key == "permanent":
			return fmt.Errorf("wrapped: %w", store.Permanent{Err: errors.New("no use")})
		case c.Attempt > 1:
			return nil
		case c.Key == "panic":
			panic("at the disco")
		}
		return errors.New("failed")
	})
	Work(t, s, evaluate(handler))
	check(t, s.Enqueue(t.Context(), work("error", `1`), work("panic", `2`), work("permanent", `3`)))
	got := map[call]bool{}
	for range 5 {
		got[receive(t, calls, "a run")] = true
	}
	want := map[call]bool{
		{"evaluate", "error", `1`, 1}: true, {"evaluate", "error", `1`, 2}: true,
		{"evaluate", "panic", `2`, 1}: true, {"evaluate", "panic", `2`, 2}: true,
		{"evaluate", "permanent", `3`, 1}: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	idle(t, s)

	// A new event does not wait for the end of a pause after a failure.
	var fail atomic.Bool
	fail.Store(true)
	handler2, calls2 := recorder(func(context.Context, call) error {
		if fail.Load() {
			return errors.New("failed")
		}
		return nil
	})
	s2 := Open(t, fresh(t), store.Options{})
	check(t, s2.Enqueue(t.Context(), work("1/2", `1`)))
	Work(t, s2, evaluate(handler2))
	for n := 1; n <= 3; n++ {
		receive(t, calls2, "a failing run")
		eventually(t, "the failure is stored", func() bool {
			stats := must[[]store.QueueStat](t)(s2.Queue(t.Context()))
			return len(stats) == 1 && stats[0].Failing == 1 && stats[0].Running == 0
		})
		fail.Store(n < 3)
		check(t, s2.Enqueue(t.Context(), work("1/2", fmt.Sprint(n+1))))
	}
	idle(t, s2)
}

func testRetryAfter(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{})
	handler, calls := recorder(func(_ context.Context, c call) error {
		switch c.Args {
		case `"soon"`:
			return store.RetryAfter{D: time.Millisecond, Err: errors.New("slow down")}
		case `"counted"`:
			return store.RetryAfter{D: time.Millisecond, Err: errors.New("slow down"), Failed: true}
		case `"later"`:
			return fmt.Errorf("GitHub: %w", store.RetryAfter{D: time.Hour, Err: errors.New("slow down")})
		}
		return nil
	})
	Work(t, s, evaluate(handler))
	check(t, s.Enqueue(t.Context(), work("soon", `"soon"`), work("later", `"later"`)))
	for soon := 0; soon < 3; {
		c := receive(t, calls, "a run")
		if c.Attempt != 1 {
			t.Errorf("a pause counted as a failure: %v", c)
		}
		if c.Key == "soon" {
			soon++
		}
	}
	check(t, s.Enqueue(t.Context(), work("counted", `"counted"`)))
	for want := 1; want <= 3; {
		if c := receive(t, calls, "a run that counts"); c.Key == "counted" {
			if c.Attempt != want {
				t.Errorf("attempt %d; wanted %d", c.Attempt, want)
			}
			want++
		}
	}
	check(t, s.Enqueue(t.Context(), work("counted", `1`)))
	// While the pause lasts, a new event changes what will be done, not when. Work that is asked for after it comes first.
	check(t, s.Enqueue(t.Context(), work("soon", `1`)))
	eventually(t, "only the pausing work is left", func() bool {
		stats := must[[]store.QueueStat](t)(s.Queue(t.Context()))
		return len(stats) == 1 && stats[0].Waiting == 1 && stats[0].Running == 0
	})
	for len(calls) > 0 {
		<-calls
	}
	check(t, s.Enqueue(t.Context(), work("later", `2`), work("witness", `3`)))
	if diff := cmp.Diff(call{"evaluate", "witness", `3`, 1}, receive(t, calls, "the witness")); diff != "" {
		t.Error(diff)
	}
	stats := must[[]store.QueueStat](t)(s.Queue(t.Context()))
	if len(stats) != 1 || stats[0].Waiting < 1 {
		t.Errorf("the pausing work is gone: %v", stats)
	}
}

func testTold(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, fresh(t), store.Options{})
	ctx := t.Context()
	if _, err := s.Told(ctx, 1, 2); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nothing was told: %v", err)
	}
	n := 0
	tell := func(head string, open bool, at time.Duration) store.Told {
		n++
		d := delivery(fmt.Sprintf("d-%d", n))
		d.Told = &store.Told{RepositoryID: 1, PullRequest: 2, Head: head, Base: "main", Open: open, Updated: noon.Add(at), Received: noon.Add(time.Duration(n) * time.Hour)}
		must[bool](t)(s.Accept(ctx, d, nil))
		return must[store.Told](t)(s.Told(ctx, 1, 2))
	}
	want := func(head string, open bool, at time.Duration, received int) store.Told {
		return store.Told{
			RepositoryID: 1, PullRequest: 2, Head: head, Base: "main", Open: open, Updated: noon.Add(at).Truncate(time.Microsecond),
			Received: noon.Add(time.Duration(received) * time.Hour).Truncate(time.Microsecond),
		}
	}
	got := []store.Told{tell("aaa", true, 0), tell("bbb", true, time.Second), tell("old", true, -time.Second), tell("ccc", false, time.Second)}
	// One that is older by GitHub's clock changes nothing; of two in one second the later one holds.
	if diff := cmp.Diff([]store.Told{want("aaa", true, 0, 1), want("bbb", true, time.Second, 2), want("bbb", true, time.Second, 2), want("ccc", false, time.Second, 4)}, got); diff != "" {
		t.Error(diff)
	}
	d := delivery("bad")
	d.Told = &store.Told{RepositoryID: 1, PullRequest: 3}
	if _, err := s.Accept(ctx, d, nil); err == nil {
		t.Error("a pull request without a head is taken")
	}
}
