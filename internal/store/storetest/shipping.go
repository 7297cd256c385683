package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// testLeases gives a lease to one owner at a time, until its time is over or it is released.
func testLeases(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, fresh(t), store.Options{})
	take := func(name, owner string, d time.Duration, want bool) {
		t.Helper()
		if got := must[bool](t)(s.Lease(ctx, name, owner, d)); got != want {
			t.Errorf("%s for %s: %t, wanted %t", name, owner, got, want)
		}
	}
	take("a", "one", time.Hour, true)
	take("a", "two", time.Hour, false)
	take("b", "two", time.Hour, true)
	take("a", "one", time.Hour, true)
	check(t, s.Release(ctx, "a", "two"))
	take("a", "two", time.Hour, false)
	check(t, s.Release(ctx, "a", "one"))
	take("a", "two", 0, true)
	eventually(t, "the lease is over", func() bool { return must[bool](t)(s.Lease(ctx, "a", "one", time.Hour)) })
	take("a", "two", time.Hour, false)
}

// testShipping keeps a cursor for each destination, which only its shipper moves.
func testShipping(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := Open(t, fresh(t), store.Options{Clock: func() time.Time { return now }})
	start := func(destination, owner string, wantNext int64, wantOK bool) {
		t.Helper()
		next, ok, err := s.StartShipment(ctx, destination, owner, time.Hour)
		check(t, err)
		if next != wantNext || ok != wantOK {
			t.Errorf("%s by %s: %d, %t; wanted %d, %t", destination, owner, next, ok, wantNext, wantOK)
		}
	}
	state := func(want ...store.Shipment) {
		t.Helper()
		if diff := cmp.Diff(want, must[[]store.Shipment](t)(s.Shipments(ctx))); diff != "" {
			t.Error(diff)
		}
	}
	state()
	start("syslog", "one", 0, true)
	start("otlp", "two", 0, true)
	start("syslog", "two", 0, false)
	check(t, s.Shipped(ctx, "syslog", "one", 5, time.Hour))
	if err := s.Shipped(ctx, "syslog", "two", 9, time.Hour); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("got %v", err)
	}
	check(t, s.ShipmentFailed(ctx, "otlp", "two", "it is down"))
	if err := s.ShipmentFailed(ctx, "syslog", "two", "lies"); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("got %v", err)
	}
	state(store.Shipment{Destination: "otlp", Error: "it is down", Updated: now}, store.Shipment{Destination: "syslog", Next: 5, Updated: now})
	start("otlp", "one", 0, true) // a failure ends the lease
	check(t, s.EndShipment(ctx, "syslog", "one"))
	start("syslog", "two", 5, true)
	if err := s.Shipped(ctx, "syslog", "one", 9, time.Hour); !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("got %v", err)
	}

	must[store.Position](t)(s.Append(ctx, []store.Entry{{Type: store.EntryPosture}, {Type: store.EntryPosture}}))
	check(t, s.SetShipment(ctx, "otlp", 2))
	for _, next := range []int64{-1, 3} {
		if err := s.SetShipment(ctx, "otlp", next); err == nil {
			t.Errorf("the cursor is %d now", next)
		}
	}
	if err := s.SetShipment(ctx, "nobody", 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	state(store.Shipment{Destination: "otlp", Next: 2, Updated: now}, store.Shipment{Destination: "syslog", Next: 5, Updated: now})
}
