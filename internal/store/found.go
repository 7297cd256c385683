package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// The rows beside a decision are what it is found by and what lists show of it. Its entry in the log names their digests, so that rows
// which are changed, taken away or slipped in are found.

// foundTable is a table with rows of decisions. Each row is a list of texts and numbers.
type foundTable struct {
	name    string // in the entry, under "rows"
	what    string // for people
	columns []string
	key     int // how many columns make a row one of its kind: of several, the first one is stored
}

func foundTables() []foundTable {
	return []foundTable{
		{"resources", "resources", []string{"resource", "actions"}, 1},
		{"names", "names of resources", []string{"name", "resource"}, 2},
		{"terms", "rules, files, people and commits", []string{"kind", "term", "n"}, 2},
		{"waivers", "waivers", []string{"n", "rule", "resource", "reason", "owner", "expires"}, 1},
	}
}

// foundRow is one row, as it is stored; numbers are written out.
type foundRow []string

// foundRows are a record's rows by table, in the order in which they are stored.
func (r *Record) foundRows() (map[string][]foundRow, error) {
	out := map[string][]foundRow{}
	add := func(table string, row ...string) { out[table] = append(out[table], row) }
	for _, res := range r.Resources {
		actions, err := json.Marshal(append([]string{}, res.Actions...))
		if err != nil {
			return nil, fmt.Errorf("encoding actions: %w", err)
		}
		add("resources", searchable(res.Resource), string(actions))
		for _, name := range res.Names {
			add("names", searchable(name), searchable(res.Resource))
		}
	}
	for _, t := range r.Terms {
		if t.Term != "" {
			add("terms", t.Kind, foldTerm(t.Kind, t.Term), fmt.Sprint(t.N))
		}
	}
	for i, w := range r.Waivers {
		add("waivers", fmt.Sprint(i), searchable(w.Rule), searchable(w.Resource), searchable(w.Reason), searchable(w.Owner), searchable(w.Expires))
	}
	return out, nil
}

// foundDigests are the digests that an entry names, by table; tables without rows have none.
func foundDigests(rows map[string][]foundRow) (map[string]any, error) {
	out := map[string]any{}
	for _, t := range foundTables() {
		digest, err := t.digest(rows[t.name])
		if err != nil {
			return nil, err
		}
		if digest != "" {
			out[t.name] = digest
		}
	}
	return out, nil
}

// digest is that of the rows, in whatever order; "" of none.
func (t foundTable) digest(rows []foundRow) (string, error) {
	if len(rows) == 0 {
		return "", nil
	}
	sorted := slices.Clone(rows)
	byKey := func(a, b foundRow) int { return slices.Compare(a[:t.key], b[:t.key]) }
	slices.SortStableFunc(sorted, byKey)
	sorted = slices.CompactFunc(sorted, func(a, b foundRow) bool { return byKey(a, b) == 0 })
	text, err := ledger.Canonical(sorted)
	if err != nil {
		return "", fmt.Errorf("naming what the decision is found by: %w", err)
	}
	return ledger.Digest(text), nil
}

// foundAtOnce bounds the decisions whose rows are in memory at once: one may have thousands.
const foundAtOnce = 50

// verifyFound holds the rows of decisions, which are in the order of the log or its reverse, against the digests in their entries.
func (s *Store) verifyFound(ctx context.Context, entries []decisionEntry) error {
	for batch := range slices.Chunk(entries, foundAtOnce) {
		from, to := batch[0].Index, batch[len(batch)-1].Index
		from, to = min(from, to), max(from, to)
		for _, t := range foundTables() {
			rows, err := s.foundRows(ctx, t, from, to)
			if err != nil {
				return err
			}
			for _, e := range batch {
				if e.Detail.Rows == nil {
					continue // of a version that did not name them
				}
				digest, err := t.digest(rows[e.Index])
				if err != nil {
					return err
				}
				if digest != e.Detail.Rows[t.name] {
					return e.changed(e.Detail.Decision, t.what)
				}
			}
		}
	}
	return nil
}

func (s *Store) foundRows(ctx context.Context, t foundTable, from, to int64) (map[int64][]foundRow, error) {
	type row struct {
		index int64
		row   foundRow
	}
	list := "log_index"
	for _, c := range t.columns {
		list += ", CAST(" + c + " AS text)"
	}
	q := newSelect(s.sql, "SELECT "+list+" FROM decision_"+t.name, "", "")
	q.where("log_index >= %s", from)
	q.where("log_index <= %s", to)
	all, err := readAll(ctx, s, "what decisions are found by", q, "", func(rs rows) (r row, err error) {
		r.row = make(foundRow, len(t.columns))
		into := []any{&r.index}
		for i := range r.row {
			into = append(into, &r.row[i])
		}
		return r, rs.Scan(into...)
	})
	out := map[int64][]foundRow{}
	for _, r := range all {
		out[r.index] = append(out[r.index], r.row)
	}
	return out, err
}

// verifyColumns holds the columns of a decision's row, which lists and searches show, against its entry.
func (e *decisionEntry) verifyColumns(d *Decision) error {
	changed := func(what string) error { return e.changed(d.ID, what) }
	same := func(column, logged string) bool { return column == logged || presented(column) == logged }
	switch detail := &e.Detail; {
	case !d.Time.Equal(e.Time):
		return changed("time")
	case detail.Title != nil && !same(d.Title, *detail.Title):
		return changed("title")
	case detail.Base != nil && !same(d.Base, *detail.Base):
		return changed("base")
	case detail.Approvers != nil && (detail.Rows != nil || e.PullRequest != 0) && !slices.EqualFunc(d.Approvers, detail.Approvers, same):
		return changed("approvers")
	case detail.RepositoryID != 0 && d.RepositoryID != detail.RepositoryID:
		return changed("repository")
	case detail.Author != nil && !same(d.Author, clip(*detail.Author)):
		return changed("author")
	case detail.Author == nil && e.PullRequest != 0 && !same(d.Author, clip(e.Actor)): // of an older version, which named the author so
		return changed("author")
	}
	return nil
}

// presented is text as the log has it: what is not UTF-8 is replaced, byte by byte.
func presented(s string) string { return string([]rune(s)) }
