package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// loggedRow is an entry's row: its leaf, which the log proves, and the columns that entries are searched by.
type loggedRow struct {
	index                                   int64
	time                                    time.Time
	kind, actor, repository, commit, result string
	pull                                    int
	leaf                                    string
}

// rowsAtOnce bounds the entries whose rows are in memory at once: one may have a thousand resources.
const rowsAtOnce = 200

// verifyEntryRows holds what entries are searched by against the entries: a column that was changed, or a resource that was taken away,
// would keep people from finding one.
func (s *Store) verifyEntryRows(ctx context.Context, from, size int64) error {
	for from < size {
		q := newSelect(s.sql, "SELECT idx, time, type, actor, repository, pull_request, commit_sha, verdict, leaf FROM log_entries", "", "")
		q.where("idx >= %s", from)
		q.where("idx < %s", min(size, from+rowsAtOnce))
		list, err := readAll(ctx, s, "the log's entries", q, "", func(rs rows) (r loggedRow, err error) {
			return r, rs.Scan(&r.index, &r.time, &r.kind, &r.actor, &r.repository, &r.pull, &r.commit, &r.result, &r.leaf)
		})
		if err != nil {
			return err
		}
		resources, err := s.textsOf(ctx, "log_resources", "resource", from, from+rowsAtOnce)
		if err != nil {
			return err
		}
		along, err := s.textsOf(ctx, "log_commits", "commit_sha", from, from+rowsAtOnce)
		if err != nil {
			return err
		}
		for _, r := range list {
			if err := r.verify(resources[r.index], along[r.index]); err != nil {
				return err
			}
		}
		from += rowsAtOnce
	}
	return nil
}

// textsOf reads a column of the rows that belong to a span of entries.
func (s *Store) textsOf(ctx context.Context, table, column string, from, to int64) (map[int64][]string, error) {
	type row struct {
		index int64
		text  string
	}
	q := newSelect(s.sql, "SELECT idx, "+column+" FROM "+table, "", "")
	q.where("idx >= %s", from)
	q.where("idx < %s", to)
	list, err := readAll(ctx, s, "what entries are found by", q, "", func(rs rows) (r row, err error) { return r, rs.Scan(&r.index, &r.text) })
	out := map[int64][]string{}
	for _, r := range list {
		out[r.index] = append(out[r.index], r.text)
	}
	return out, err
}

// verify compares a row with its leaf.
func (r *loggedRow) verify(resources, along []string) error {
	var e struct {
		Entry
		Detail struct {
			Along []string `json:"along"`
		} `json:"detail"`
	}
	if err := json.Unmarshal([]byte(r.leaf), &e); err != nil {
		return fmt.Errorf("reading entry %d of the log: %w", r.index, err)
	}
	wrong := func(what string) error {
		return &ledger.Mismatch{Index: r.index, End: r.index + 1, Reason: fmt.Sprintf("the %s that entry %d is searched by is not the entry's", what, r.index)}
	}
	for _, c := range []struct{ what, column, logged string }{
		{"type", r.kind, e.Type},
		{"actor", r.actor, clip(e.Actor)},
		{"repository", r.repository, clip(e.Repository)},
		{"commit", r.commit, clip(e.Commit)},
		{"verdict", r.result, e.Verdict},
	} {
		if c.column != c.logged && presented(c.column) != c.logged {
			return wrong(c.what)
		}
	}
	for i, name := range e.Resources {
		e.Resources[i] = searchable(name)
	}
	switch {
	case !r.time.Equal(e.Time):
		return wrong("time")
	case r.pull != e.PullRequest:
		return wrong("pull request")
	case !sameSet(resources, e.Resources):
		return wrong("list of resources")
	case !sameSet(along, e.Detail.Along):
		return wrong("list of commits that came along")
	}
	return nil
}

// sameSet compares two lists as sets.
func sameSet(a, b []string) bool {
	sorted := func(list []string) []string {
		list = slices.Clone(list)
		slices.SortFunc(list, strings.Compare)
		return slices.Compact(list)
	}
	return slices.Equal(sorted(a), sorted(b))
}
