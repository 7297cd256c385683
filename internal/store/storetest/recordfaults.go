package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// testFaults makes every write fail before its commit, and after it: the first must leave nothing behind, both must be as if
// nothing had happened once the write is repeated.
func testFaults(t *testing.T, fresh func(testing.TB) string) {
	writes := map[string]func(context.Context, *store.Store) error{
		"Accept": func(ctx context.Context, s *store.Store) error {
			d := delivery("a")
			d.Pushes = []store.Push{{RepositoryID: 1, SHA: "abc", Login: "dana", Time: noon}}
			return errOf(s.Accept(ctx, d, []store.Work{work("1/2", `1`)}))
		},
		"Enqueue": func(ctx context.Context, s *store.Store) error { return s.Enqueue(ctx, work("1/2", `1`)) },
		"Record": func(ctx context.Context, s *store.Store) error {
			return errOf(s.Record(ctx, SampleRecord("d1", 2, "head1")))
		},
		"Append": func(ctx context.Context, s *store.Store) error {
			return errOf(s.Append(ctx, []store.Entry{{Type: store.EntryBypass, Key: "k"}}, work("1/2", `1`)))
		},
		"SavePublication": func(ctx context.Context, s *store.Store) error {
			p := store.Publication{RepositoryID: 1, PullRequest: 2, Head: "head1", Decision: "d1", CheckRunID: 5, State: store.Published}
			return s.SavePublication(ctx, p, store.Entry{Type: store.EntryPublication, Key: "p"})
		},
		"SaveComment": func(ctx context.Context, s *store.Store) error {
			return s.SaveComment(ctx, store.Comment{RepositoryID: 1, PullRequest: 2, CommentID: 6})
		},
		"RecordPush": func(ctx context.Context, s *store.Store) error {
			return s.RecordPush(ctx, store.Push{RepositoryID: 1, SHA: "abc", Login: "dana"})
		},
		"RecordMerge": func(ctx context.Context, s *store.Store) error {
			return s.RecordMerge(ctx, store.Merge{RepositoryID: 1, PullRequest: 2, Commit: "abc", MergedBy: "kim"})
		},
		"SetMeta":  func(ctx context.Context, s *store.Store) error { return s.SetMeta(ctx, "cursor", "7") },
		"SaveBlob": func(ctx context.Context, s *store.Store) error { return errOf(s.SaveBlob(ctx, []byte("blob"))) },
	}
	clock := func() time.Time { return noon }
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := errors.New("the connection broke")
			plan := make(chan string, 1)
			signer := Signer(t)
			s := Open(t, fresh(t), store.Options{Signer: signer, Clock: clock, Commit: func(_ context.Context, commit func() error) error {
				select {
				case when := <-plan:
					if when == "before" {
						return broken
					}
					return errors.Join(commit(), broken)
				default:
					return commit()
				}
			}})
			before := state(t, s)

			plan <- "before"
			if err := write(t.Context(), s); !errors.Is(err, broken) {
				t.Fatalf("failed: got %v", err)
			}
			if diff := cmp.Diff(before, state(t, s)); diff != "" {
				t.Error("a failed write left something behind:", diff)
			}

			plan <- "after"
			if err := write(t.Context(), s); !errors.Is(err, broken) {
				t.Fatalf("failed, but stored: got %v", err)
			}
			stored := state(t, s)
			if cmp.Equal(before, stored) {
				t.Fatal("the test cannot see what this write does")
			}
			check(t, write(t.Context(), s))
			if diff := cmp.Diff(stored, state(t, s)); diff != "" {
				t.Error("the repeated write changed something:", diff)
			}
			verifyLog(t, s, signer)

			straight := Open(t, fresh(t), store.Options{Signer: signer, Clock: clock})
			check(t, write(t.Context(), straight))
			if diff := cmp.Diff(state(t, straight), stored); diff != "" {
				t.Error("not the same as without faults:", diff)
			}
		})
	}
}

func testTampered(t *testing.T, fresh func(testing.TB) string) {
	attacks := map[string]string{
		"the head's size":      "UPDATE log_head SET size = 2",
		"the head is gone":     "DELETE FROM log_head",
		"another checkpoint":   "UPDATE log_head SET checkpoint = (SELECT checkpoint FROM log_checkpoints WHERE size = 2)",
		"a signature":          "UPDATE log_head SET checkpoint = replace(checkpoint, '— gatehouse', '— gateheuse')",
		"an older head":        "UPDATE log_head SET size = 2, checkpoint = (SELECT checkpoint FROM log_checkpoints WHERE size = 2)",
		"a hash is gone":       "DELETE FROM log_hashes WHERE idx = 2",
		"one of the future":    "INSERT INTO log_checkpoints (size, checkpoint, time) SELECT 9, checkpoint, time FROM log_checkpoints WHERE size = 3",
		"the last entry":       "UPDATE log_entries SET leaf = replace(leaf, 'posture', 'nothing') WHERE idx = 2",
		"the last entry gone":  "DELETE FROM log_entries WHERE idx = 2",
		"an entry too many":    "INSERT INTO log_entries (idx, time, type, actor, repository, pull_request, commit_sha, verdict, leaf) SELECT 3, time, type, actor, repository, pull_request, commit_sha, verdict, leaf FROM log_entries WHERE idx = 2",
		"an edge hash swapped": "UPDATE log_hashes SET hash = (SELECT hash FROM log_hashes WHERE idx = 0) WHERE idx = 3",
	}
	for name, statement := range attacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, signer := fresh(t), Signer(t)
			s := Open(t, url, store.Options{Signer: signer})
			posture := []store.Entry{{Type: store.EntryPosture}}
			for range 3 {
				must[store.Position](t)(s.Append(t.Context(), posture))
			}
			check(t, s.CheckLog(t.Context()))
			Exec(t, url, statement)

			refuses := func(s *store.Store) {
				t.Helper()
				_, appending := s.Append(t.Context(), posture)
				_, recording := s.Record(t.Context(), SampleRecord("d1", 2, "head1"))
				for what, err := range map[string]error{"CheckLog": s.CheckLog(t.Context()), "Append": appending, "Record": recording} {
					if !errors.Is(err, store.ErrLogMismatch) {
						t.Errorf("%s: %v", what, err)
					}
				}
				if _, err := s.Decision(t.Context(), "d1"); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("the decision: %v", err)
				}
			}
			refuses(s)
			refuses(Open(t, url, store.Options{Signer: signer}))
		})
	}
	t.Run("another key", func(t *testing.T) {
		t.Parallel()
		url := fresh(t)
		must[store.Position](t)(Open(t, url, store.Options{}).Append(t.Context(), []store.Entry{{Type: store.EntryPosture}}))
		s := Open(t, url, store.Options{})
		if _, err := s.Append(t.Context(), []store.Entry{{Type: store.EntryPosture}}); !errors.Is(err, store.ErrLogMismatch) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("changed facts", func(t *testing.T) {
		t.Parallel()
		url := fresh(t)
		s := Open(t, url, store.Options{})
		a := must[string](t)(s.SaveBlob(t.Context(), []byte("one")))
		must[string](t)(s.SaveBlob(t.Context(), []byte("two")))
		Exec(t, url, "UPDATE blobs SET data = (SELECT data FROM blobs WHERE digest <> '"+a+"') WHERE digest = '"+a+"'")
		if content, err := s.Facts(t.Context(), a); err == nil {
			t.Errorf("got %q", content)
		}
	})
}
