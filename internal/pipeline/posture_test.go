package pipeline

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
	"github.com/gatehouse-dev/gatehouse/internal/work"
)

// lister is a GitHub that knows installations and their repositories, and nothing else.
type lister map[int64][]gate.Repository

func (l lister) Repo(int64, string, string) *forge.Repo { return nil }

func (l lister) Repositories(_ context.Context, id int64) ([]gate.Repository, error) {
	list, ok := l[id]
	if !ok {
		return nil, forge.Unauthorized{What: "a token"}
	}
	return list, nil
}

func (lister) ForgetPeople(string) {}

func (l lister) Installations(context.Context) ([]int64, error) {
	var out []int64
	for id := range l {
		out = append(out, id)
	}
	return out, nil
}

func (l lister) Deliveries(context.Context, time.Time) ([]forge.Delivery, error) { return nil, nil }
func (l lister) Redeliver(context.Context, int64) error                          { return nil }

// waiting is a record whose queue is looked at.
type waiting struct {
	*store.Store
	works []store.Work
}

func (q *waiting) Enqueue(_ context.Context, works ...store.Work) error {
	q.works = append(q.works, works...)
	return nil
}

// keys forgets what was queued, and says when each is to be done, in seconds from now.
func (q *waiting) keys(now time.Time) []string {
	var out []string
	for _, w := range q.works {
		after := 0
		if !w.NotBefore.IsZero() {
			after = int(w.NotBefore.Sub(now).Seconds())
		}
		out = append(out, fmt.Sprintf("%s %s +%d", w.Kind, w.Key, after))
	}
	q.works = nil
	return out
}

func TestRoundOfPostures(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	db := storetest.Open(t, storetest.SQLite(t), store.Options{Clock: clock})
	github, record := lister{}, &waiting{Store: db}
	for id := int64(1); id <= atOnce+3; id++ {
		github[7] = append(github[7], gate.Repository{ID: id, Owner: "acme", Name: fmt.Sprint("r", id)})
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	p := New(Options{Forge: github, Hooks: github, Recorder: record, Postures: db, Clock: clock, Log: logrus.NewEntry(log)})
	known := store.Posture{RepositoryID: 2, Repository: "acme/r2", InstallationID: 7, Branch: "main", State: "ok", Report: []byte(`{}`)}
	gone := store.Posture{RepositoryID: 99, Repository: "old/shop", InstallationID: 8, Branch: "main", Default: true, State: "ok", Report: []byte(`{}`)}
	for _, k := range []store.Posture{known, gone} {
		if _, err := db.SavePosture(t.Context(), nil, k); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.postureRound(t.Context(), github); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"posture installation/7/hourly +0", "posture installation/8/hourly +0"}, record.keys(now)); diff != "" {
		t.Error(diff)
	}

	// One that was looked at is not looked at again so soon, except when an event says so; many are spread.
	look := func(args work.Posture) []string {
		t.Helper()
		if err := p.posture(t.Context(), args, 1); err != nil {
			t.Fatal(err)
		}
		return record.keys(now)
	}
	round := work.Posture{Target: work.Target{InstallationID: 7, Reason: hourly}}
	now = now.Add(50 * time.Minute)
	first := look(round)
	if len(first) != atOnce+2 || first[1] != "posture 3/hourly +0" || first[atOnce+1] != fmt.Sprintf("posture %d/hourly +2", atOnce+3) {
		t.Error(first)
	}
	told := look(work.Posture{Target: work.Target{InstallationID: 7, Reason: "repository_ruleset.edited"}, Actor: "vic"})
	if len(told) != atOnce+3 || told[1] != "posture 2/vic +0" || told[atOnce+2] != fmt.Sprintf("posture %d/vic +4", atOnce+3) {
		t.Error(told)
	}
	now = now.Add(10 * time.Minute)
	if later := look(round); len(later) != atOnce+3 {
		t.Error(later)
	}

	// An installation that GitHub does not list any more has lost its repositories: said once.
	for range 2 {
		if got := look(work.Posture{Target: work.Target{InstallationID: 8, Reason: hourly}}); got != nil {
			t.Error(got)
		}
	}
	entries, _, err := db.Entries(t.Context(), store.EntryFilter{Type: store.EntryPosture}, "", 10)
	if err != nil || len(entries) != 1 || entries[0].Repository != "old/shop" || entries[0].Verdict != "problem" {
		t.Errorf("%+v %v", entries, err)
	}

	// One that is listed, and whose token GitHub refuses, is no reason to say so: the work fails and is done again.
	github[8] = nil
	delete(github, 7)
	github[7] = nil
	broken := refusing{github}
	p.Forge = broken
	if err := p.posture(t.Context(), round, 1); err == nil {
		t.Error("a refused token passes for an installation without repositories")
	}
}

// refusing is a GitHub that lists installations and gives no tokens.
type refusing struct{ lister }

func (refusing) Repositories(context.Context, int64) ([]gate.Repository, error) {
	return nil, forge.Unauthorized{What: "a token"}
}
