// Package storetest holds every database that package store knows to one behaviour, and gives other packages' tests a store.
package storetest

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Run holds a database to the behaviour that package store promises. fresh returns the URL of a new, empty database each time.
func Run(t *testing.T, fresh func(testing.TB) string) {
	tests := map[string]func(*testing.T, func(testing.TB) string){
		"deliveries":                    testDeliveries,
		"waiting work folds":            testFold,
		"parallel deliveries fold":      testFoldParallel,
		"an event during a run":         testEventDuringRun,
		"never two at once":             testExclusion,
		"failures are tried again":      testFailures,
		"a pause that was asked for":    testRetryAfter,
		"work that waits for a time":    testNotBefore,
		"work without a handler":        testNoHandler,
		"stopping puts work back":       testStop,
		"a lost lease":                  testLostLease,
		"a database that often fails":   testChaos,
		"urgent work comes first":       testPriority,
		"a lost nudge":                  testLostNudge,
		"recording":                     testRecord,
		"what the rules saw":            testEvidence,
		"more parts than a statement":   testManyParts,
		"recording twice":               testRecordTwice,
		"audit entries with a key":      testAppendKey,
		"parallel audit entries":        testAppendParallel,
		"writes that fail":              testFaults,
		"a log that was tampered":       testTampered,
		"a record that verifies":        testVerify,
		"a clock that is set back":      testClock,
		"a log that is forked":          testForked,
		"damage in the middle":          testAudit,
		"dropping by age":               testRetention,
		"dropping under a verification": testDropUnderVerify,
		"leases":                        testLeases,
		"shipping":                      testShipping,
		"searching":                     testSearch,
		"who changed it":                testWho,
		"publications":                  testPublications,
		"the dashboard's numbers":       testDashboard,
		"finding decisions":             testFind,
		"sessions":                      testSessions,
		"how branches are protected":    testPostures,
		"a fact that is turned":         testTurn,
		"small facts":                   testSmallFacts,
		"reading beside a writer":       testReadOnly,
		"text that a database hates":    testHostileText,
		"tables of a newer program":     testNewerSchema,
		"starting twice at one moment":  testStartTwice,
		"how a commit landed":           testLanding,
		"verifying in steps":            testAuditSince,
		"names in the cloud":            testNames,
		"what was told":                 testTold,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh)
		})
	}
}

// SQLite returns the URL of a new database in a temporary folder of the test.
func SQLite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "gatehouse #1?.db") // a path that needs escaping
}

// Signer returns a new key for the audit log.
func Signer(t testing.TB) store.Signer {
	t.Helper()
	signer, err := ledger.GenerateSigner(rand.Reader, "gatehouse/test.example")
	if err != nil {
		t.Fatal(err)
	}
	return store.Key(signer)
}

// Open opens a store for the length of the test. Options that are left out get values fit for tests.
func Open(t testing.TB, url string, options store.Options) *store.Store {
	t.Helper()
	if options.Signer == nil && !options.ReadOnly {
		options.Signer = Signer(t)
	}
	if options.Workers == 0 {
		options.Workers = 4
	}
	s, err := store.Open(t.Context(), url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Memory opens a new store on SQLite that goes with the test: what most tests of other packages want.
func Memory(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, SQLite(t), store.Options{})
}

// Work runs handlers until the test ends, or the returned function is called.
func Work(t testing.TB, s *store.Store, handlers map[string]store.Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Work(ctx, handlers) }()
	stopped := false
	stop = func() {
		cancel()
		if stopped {
			return
		}
		stopped = true
		if err := <-done; err != nil {
			t.Errorf("Work: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// patience is how long something that must happen is waited for.
const patience = 60 * time.Second

// receive takes the next value, or fails the test.
func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// eventually waits until a condition that nothing announces holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// idle waits until no work waits or runs.
func idle(t testing.TB, s *store.Store) {
	t.Helper()
	eventually(t, "all work is done", func() bool {
		stats, err := s.Queue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(stats) == 0
	})
}

func must[T any](t testing.TB) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
