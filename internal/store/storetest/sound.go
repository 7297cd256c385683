package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// refused wants every way to write to the log to be refused for the same reason, and reading to go on.
func refused(t *testing.T, s *store.Store, want error, says string) {
	t.Helper()
	_, appending := s.Append(t.Context(), []store.Entry{{Type: store.EntryPosture}})
	_, recording := s.Record(t.Context(), SampleRecord("refused", 7, "head7"))
	publishing := s.SavePublication(t.Context(), store.Publication{RepositoryID: 1, PullRequest: 7, Head: "head7"}, store.Entry{Type: store.EntryPublication})
	for what, err := range map[string]error{"Append": appending, "Record": recording, "SavePublication": publishing, "Appendable": s.Appendable(t.Context())} {
		if !errors.Is(err, want) || !store.Blocks(err) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := s.Decision(t.Context(), "refused"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the decision: %v", err)
	}
	must[store.Position](t)(s.Checkpoint(t.Context()))
}

// last is the newest entry of the log.
func last(t *testing.T, s *store.Store) store.Entry {
	t.Helper()
	list, _, err := s.Entries(t.Context(), store.EntryFilter{}, "", 1)
	check(t, err)
	return list[0]
}

// testClock sets the clock back, and writes an entry of the future: nothing is recorded until the clock is right, or a person says
// that it is.
func testClock(t *testing.T, fresh func(testing.TB) string) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	url, signer := fresh(t), Signer(t)
	options := store.Options{Signer: signer, Clock: func() time.Time { return now }}
	s := Open(t, url, options)
	posture := []store.Entry{{Type: store.EntryPosture}}
	must[store.Position](t)(s.Append(t.Context(), posture))
	now = now.Add(-4 * time.Minute) // within what clocks of replicas may differ
	must[store.Position](t)(s.Append(t.Context(), posture))
	now = now.Add(-time.Hour)
	refused(t, s, store.ErrClock, "it is 2026-11-23T10:56:00Z here, and the log's last entry is of 2026-11-23T11:56:00Z")
	refused(t, Open(t, url, options), store.ErrClock, "set the clock right")
	now = now.Add(2 * time.Hour)
	must[store.Position](t)(s.Append(t.Context(), posture))
	now = now.Add(-time.Hour)
	must[store.Position](t)(s.Continue(t.Context(), "ann", "the clock was wrong yesterday"))
	must[store.Position](t)(s.Append(t.Context(), posture))
	verifyLog(t, s, signer)
}

// testForked marks a log as forked: no process continues it before a person says so, and that is recorded.
func testForked(t *testing.T, fresh func(testing.TB) string) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	url, signer := fresh(t), Signer(t)
	options := store.Options{Signer: signer, Clock: func() time.Time { return now }}
	s := Open(t, url, options)
	var trees []store.Position
	for range 3 {
		trees = append(trees, must[store.Position](t)(s.Append(t.Context(), []store.Entry{{Type: store.EntryPosture}})))
	}
	for _, p := range trees {
		if wrong := must[string](t)(s.Agrees(t.Context(), p.Size, p.Root)); wrong != "" {
			t.Errorf("its own tree of %d: %s", p.Size, wrong)
		}
	}
	for want, p := range map[string]store.Position{
		"it knows of 4 entries, and this log has 3":                                                {Size: 4, Root: trees[2].Root},
		"its first 2 entries have the root " + trees[2].Root + ", here they have " + trees[1].Root: {Size: 2, Root: trees[2].Root},
	} {
		if diff := cmp.Diff(want, must[string](t)(s.Agrees(t.Context(), p.Size, p.Root))); diff != "" {
			t.Error(diff)
		}
	}
	if at := must[time.Time](t)(s.Continued(t.Context())); !at.IsZero() {
		t.Errorf("continued at %s", at)
	}
	other := Open(t, url, options)
	check(t, s.Fork(t.Context(), "the check run 1 knows more"))
	check(t, other.Fork(t.Context(), "the check run 2 knows more"))
	for _, s := range []*store.Store{s, other, Open(t, url, options)} {
		refused(t, s, store.ErrLogForked, "gatehouse audit continue --reason ...` goes on from here: the check run 1 knows more")
	}
	must[store.Position](t)(other.Continue(t.Context(), "ann", "a disk died"))
	e := last(t, s)
	want := map[string]any{"what": "continued", "reason": "a disk died", "in_spite_of": store.ErrLogForked.Error() + ": the check run 1 knows more"}
	if diff := cmp.Diff(want, e.Detail); diff != "" || e.Actor != "ann" || e.Type != store.EntryConfiguration {
		t.Errorf("%+v%s", e, diff)
	}
	if at := must[time.Time](t)(s.Continued(t.Context())); !at.Equal(now) {
		t.Errorf("continued at %s", at)
	}
	must[store.Position](t)(s.Append(t.Context(), []store.Entry{{Type: store.EntryPosture}}))
	check(t, s.Fork(t.Context(), "once more"))
	refused(t, other, store.ErrLogForked, "once more")
	verifyLog(t, s, signer)
	Exec(t, url, "UPDATE log_entries SET leaf = replace(leaf, 'posture', 'nothing') WHERE idx = (SELECT max(idx) FROM log_entries)")
	if _, err := s.Continue(t.Context(), "ann", "I want to"); !errors.Is(err, store.ErrLogMismatch) {
		t.Errorf("a log that was changed is continued: %v", err)
	}
}

// testAudit changes what a look at the end of the log does not see. The whole is looked at now and then, and nothing is appended
// while it does not verify.
func testAudit(t *testing.T, fresh func(testing.TB) string) {
	for name, c := range map[string]struct{ attack, repair, says string }{
		"an entry edited": {
			"UPDATE log_entries SET leaf = replace(leaf, 'posture', 'nothing') WHERE idx = 1",
			"UPDATE log_entries SET leaf = replace(leaf, 'nothing', 'posture') WHERE idx = 1", "the log does not verify at entry 1: the stored hash is",
		},
		"an entry gone": {
			"UPDATE log_entries SET idx = -5 WHERE idx = 1", "UPDATE log_entries SET idx = 1 WHERE idx = -5", "the log does not verify at entry 1: entry 1 is missing",
		},
		"a hash gone": {
			"UPDATE log_hashes SET idx = -5 WHERE idx = 0", "UPDATE log_hashes SET idx = 0 WHERE idx = -5", "the log does not verify at entry 0: its stored hash is missing",
		},
		"a verdict": {
			"UPDATE decisions SET verdict = 'other' WHERE id = 'd1'", "UPDATE decisions SET verdict = 'fail' WHERE id = 'd1'", "what is recorded as the verdict of decision d1 is not what the log says",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, signer := fresh(t), Signer(t)
			s := Open(t, url, store.Options{Signer: signer})
			posture := []store.Entry{{Type: store.EntryPosture}}
			for range 4 {
				must[store.Position](t)(s.Append(t.Context(), posture))
			}
			r := SampleRecord("d1", 1, "head1")
			r.Verdict = "fail"
			must[store.Position](t)(s.Record(t.Context(), r))
			for range 4 {
				must[store.Position](t)(s.Append(t.Context(), posture))
			}
			audit(t, s, true)
			Exec(t, url, c.attack)
			if _, _, err := s.Audit(t.Context()); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v", err)
			}
			refused(t, s, store.ErrLogMismatch, c.says)
			Exec(t, url, c.repair)
			audit(t, s, true)
			must[store.Position](t)(s.Append(t.Context(), posture))
			verifyLog(t, s, signer)
		})
	}
}

// audit verifies the log, which must be sound, and holds whether all of it was read against what is wanted.
func audit(t *testing.T, s *store.Store, whole bool) ledger.Verified {
	t.Helper()
	report, all, err := s.Audit(t.Context())
	check(t, err)
	if all != whole {
		t.Errorf("a log of %d entries: as a whole: %v, wanted %v", report.Size, all, whole)
	}
	return report
}

// testAuditSince verifies a log in steps: what was verified before is not read again for a day, unless something does not agree with it or
// somebody else has said that it was.
func testAuditSince(t *testing.T, fresh func(testing.TB) string) {
	const lastAudit = "UPDATE meta SET value = "
	for name, c := range map[string]struct {
		attack string
		later  time.Duration
		whole  bool   // the next audit reads everything
		says   string // what it finds; "": nothing
	}{
		"nothing":                       {},
		"an entry since":                {attack: "UPDATE log_entries SET leaf = replace(leaf, 'posture', 'other') WHERE idx = 43", whole: true, says: "at entry 43"},
		"a decision since":              {attack: "UPDATE decisions SET verdict = 'other' WHERE id = 'd2'", whole: true, says: "verdict of decision d2"},
		"a hash of what was before":     {attack: "DELETE FROM log_hashes WHERE idx = 80", whole: true, says: "its stored hash is missing"},
		"another hash of that":          {attack: "UPDATE log_hashes SET hash = (SELECT hash FROM log_hashes WHERE idx = 0) WHERE idx = 80", whole: true, says: "at entry 40"},
		"an old entry, a day later":     {attack: "UPDATE log_entries SET leaf = replace(leaf, 'posture', 'other') WHERE idx = 3", later: 25 * time.Hour, whole: true, says: "at entry 3"},
		"an old entry, on the same day": {attack: "UPDATE log_entries SET leaf = replace(leaf, 'posture', 'other') WHERE idx = 3", later: time.Hour},
		"a clock that stood wrong":      {later: -time.Minute, whole: true},
		"nobody has said so":            {attack: lastAudit + "'' WHERE key = 'log/audited'", whole: true},
		"somebody else has said so":     {attack: lastAudit + "(SELECT checkpoint FROM log_head) WHERE key = 'log/audited'", whole: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			url, signer := fresh(t), Signer(t)
			options := store.Options{Signer: signer, Clock: func() time.Time { return now }, WholeBelow: -1}
			s := Open(t, url, options)
			grow := func(n int) {
				for range n {
					must[store.Position](t)(s.Append(t.Context(), []store.Entry{{Type: store.EntryPosture}}))
				}
			}
			grow(5)
			must[store.Position](t)(s.Record(t.Context(), SampleRecord("d1", 1, "head1")))
			audit(t, s, true)
			for n := range 9 { // trees of every shape
				grow(n)
				report := audit(t, s, false)
				if head := must[store.Position](t)(s.Checkpoint(t.Context())); head.Size != report.Size || head.Root != report.Root.String() {
					t.Errorf("verified %+v, the head is %+v", report, head)
				}
			}
			s = Open(t, url, options) // another replica, or the next start
			audit(t, s, false)
			grow(2)
			must[store.Position](t)(s.Record(t.Context(), SampleRecord("d2", 2, "head2")))
			grow(1)
			now = now.Add(c.later)
			if c.attack != "" {
				Exec(t, url, c.attack)
			}
			report, whole, err := s.Audit(t.Context())
			if whole != c.whole || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("as a whole: %v, %+v, %v", whole, report, err)
			}
		})
	}
}
