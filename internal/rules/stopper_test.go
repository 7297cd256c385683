package rules

import (
	"errors"
	"testing"
	"time"
)

// A query is stopped when its time is up by the clock and the process has had that much of the processors, too.
func TestQueriesAreGivenTheirTimeOnABusyMachine(t *testing.T) {
	t.Parallel()
	clock, processor := time.Unix(1000, 0), time.Duration(0)
	s := newStopper(t.Context(), func() time.Time { return clock }, 1<<60)
	s.spent = func() (time.Duration, bool) { return 7*time.Second + processor, true }
	stopped := func() bool {
		for range 64 {
			if s.Cancelled() {
				return true
			}
		}
		return false
	}
	s.start(5 * time.Second)
	for _, step := range []struct {
		wall, processor time.Duration // since the start
		stopped         bool
	}{
		{10 * time.Millisecond, 10 * time.Millisecond, false},
		{time.Second, 900 * time.Millisecond, false},
		{6 * time.Second, 2 * time.Second, false}, // 1.1 s of the processors since they were first looked at
		{9 * time.Second, 5 * time.Second, false}, // 3.9 s more would have been its time; it had 3
		{11 * time.Second, 5800 * time.Millisecond, false},
		{30 * time.Second, 6 * time.Second, true},
	} {
		clock, processor = time.Unix(1000, 0).Add(step.wall), step.processor
		if got := stopped(); got != step.stopped {
			t.Fatalf("after %s, %s of the processors: stopped %t (%v)", step.wall, step.processor, got, s.reason)
		}
	}
	if !errors.Is(s.reason, errTime) {
		t.Error(s.reason)
	}
	s.spent = func() (time.Duration, bool) { return 0, false }
	s.start(5 * time.Second)
	clock = clock.Add(6 * time.Second)
	if !stopped() || !errors.Is(s.reason, errTime) {
		t.Error("where processor time cannot be told, the clock decides")
	}
}
