package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// selection is a SELECT whose conditions depend on the filter, so that each uses the index that fits.
type selection struct {
	sql        *statements
	head       string
	index      string // the column of log indexes, by which pages go
	tie        string // what else orders rows of one index
	conditions []string
	args       []any
}

func newSelect(sql *statements, head, index, tie string) *selection {
	return &selection{sql: sql, head: head, index: index, tie: tie}
}

// where adds a condition, in which each %s stands for the next argument.
func (q *selection) where(condition string, args ...any) {
	names := make([]any, len(args))
	for i, a := range args {
		q.args = append(q.args, a)
		names[i] = q.sql.param(len(q.args))
	}
	q.conditions = append(q.conditions, fmt.Sprintf(condition, names...))
}

func (q *selection) text(column, value string) {
	if value != "" {
		q.where(column+" = %s", clip(value))
	}
}

func (q *selection) period(column string, since, before time.Time) {
	if !since.IsZero() {
		q.where(column+" >= %s", stamp(since))
	}
	if !before.IsZero() {
		q.where(column+" < %s", stamp(before))
	}
}

// glob matches a shell pattern; its literal beginning becomes a range, which an index serves.
func (q *selection) glob(column, pattern string) {
	pattern = clip(pattern)
	n := strings.IndexAny(pattern, "*?")
	if n < 0 {
		q.where(column+" = %s", pattern)
		return
	}
	if prefix := pattern[:n]; prefix != "" {
		q.where(column+" >= %s", prefix)
		q.where(column+" < %s", prefix+"\U0010FFFF") // sorts after all text with the prefix, byte for byte
	}
	condition, value := q.sql.glob(column, len(q.args)+1, pattern)
	q.args = append(q.args, value)
	q.conditions = append(q.conditions, condition)
}

// in matches rows whose column is in a subquery's rows that match a shell pattern.
func (q *selection) in(column, subquery, field, pattern string) {
	sub := &selection{sql: q.sql, args: q.args}
	sub.glob(field, pattern)
	q.args = sub.args
	q.conditions = append(q.conditions, column+" IN ("+subquery+" WHERE "+strings.Join(sub.conditions, " AND ")+")")
}

// finder is one way in which a decision can be found.
type finder struct {
	from, column string // a table with log_index, and what to look for in it
	where        string // what else must hold there; "": nothing
	joined       string // the same column as it is called where the row is joined to the decision; "": it is not
	pattern      string
	broad        bool // so many rows match that it is quicker to look at the newest decisions one by one
}

// finders are the ways to find decisions by kinds of terms.
func (s *Store) finders(ctx context.Context, kinds []string, pattern string) ([]finder, error) {
	var list []finder
	// In this order, for commits that came along are few, and decisions many.
	const brought = `log_commits y CROSS JOIN log_entries e CROSS JOIN decisions x`
	const through = `e.idx = y.idx AND x.repository = e.repository AND x.pull_request = e.pull_request AND x.pull_request > 0`
	const merged = `decisions x JOIN merges y ON y.repository_id = x.repository_id AND y.pull_request = x.pull_request`
	for _, kind := range kinds {
		switch kind {
		case KindResource:
			list = append(list, finder{from: "decision_resources x", column: "x.resource", pattern: pattern})
			continue
		case KindName:
			list = append(list, finder{from: "decision_names x", column: "x.name", pattern: pattern})
			continue
		case TermPerson:
			list = append(list, finder{from: merged, column: "y.merged_by", joined: "m.merged_by", pattern: pattern})
		case TermCommit:
			list = append(list, finder{from: merged, column: "y.commit_sha", joined: "m.commit_sha", pattern: pattern},
				finder{from: brought, column: "y.commit_sha", where: through, pattern: pattern})
		case TermRule, TermFile:
		default:
			return nil, fmt.Errorf("there is no kind %q to look for", kind)
		}
		list = append(list, finder{from: "decision_terms x", column: "x.term", where: "x.kind = '" + kind + "'", pattern: foldTerm(kind, pattern)})
	}
	for i := range list {
		var err error
		if scans(pattern) {
			list[i].broad = true // counting what matches would mean to look at everything
			continue
		}
		if list[i].broad, err = s.isBroad(ctx, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// isBroad counts the rows that match, and stops when there are many.
func (s *Store) isBroad(ctx context.Context, f *finder) (bool, error) {
	if !strings.ContainsAny(f.pattern, "*?") {
		return false, nil
	}
	q := newSelect(s.sql, "SELECT 1 FROM "+f.from, "", "")
	f.conditions(q)
	var n int
	err := s.engine.read(ctx, func(c conn) error {
		_, err := first(ctx, c, "SELECT count(*) FROM ("+q.statement(fmt.Sprintf(" LIMIT %d", max(s.options.Broad, 0)+1))+") AS matching", q.args, &n)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("searching: %w", err)
	}
	return n > s.options.Broad, nil
}

func (f *finder) conditions(q *selection) {
	if f.where != "" {
		q.where(f.where)
	}
	q.glob(f.column, f.pattern)
}

// anyOf matches decisions that one of the finders finds. What few rows match is looked up in its index; what many match is asked of
// each decision, newest first, until the page is full.
func (q *selection) anyOf(list []finder) {
	var narrow, any []string
	for i := range list {
		f := &list[i]
		sub := &selection{sql: q.sql, args: q.args}
		switch {
		case !f.broad:
			f.conditions(sub)
			narrow = append(narrow, "SELECT x.log_index FROM "+f.from+" WHERE "+strings.Join(sub.conditions, " AND "))
		case f.joined != "":
			sub.globPlain(f.joined, f.pattern)
			any = append(any, sub.conditions[0])
		default:
			if f.where != "" {
				sub.where(f.where)
			}
			sub.globPlain(f.column, f.pattern)
			any = append(any, "EXISTS (SELECT 1 FROM "+f.from+" WHERE x.log_index = d.log_index AND "+strings.Join(sub.conditions, " AND ")+")")
		}
		q.args = sub.args
	}
	if len(narrow) > 0 {
		any = append(any, "d.log_index IN ("+strings.Join(narrow, " UNION ")+")")
	}
	q.conditions = append(q.conditions, "("+strings.Join(any, " OR ")+")")
}

// globPlain matches a shell pattern without the column's index: it is for rows that are found otherwise.
func (q *selection) globPlain(column, pattern string) {
	condition, value := q.sql.glob("("+column+" || '')", len(q.args)+1, clip(pattern))
	q.args = append(q.args, value)
	q.conditions = append(q.conditions, condition)
}

// listPage reads one page of a selection, newest first. The cursor is the index of the last row of the page before, and how many
// rows of that index have been given, for one index may have several.
func listPage[T any](ctx context.Context, s *Store, q *selection, cursor string, limit int, scan func(rows) (T, error), index func(T) int64) ([]T, string, error) {
	if limit < 1 || limit > 1000 {
		return nil, "", errors.New("a page has 1 to 1000 rows")
	}
	at, given, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	if at >= 0 {
		q.where(q.index+" <= %s", at)
	}
	statement := q.head
	if len(q.conditions) > 0 {
		statement += " WHERE " + strings.Join(q.conditions, " AND ")
	}
	statement += fmt.Sprintf(" ORDER BY %s DESC%s LIMIT %d OFFSET %d", q.index, q.tie, limit+1, given)
	var list []T
	err = s.engine.read(ctx, func(c conn) (err error) {
		list, err = collect(ctx, c, scan, statement, q.args...)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("searching: %w", err)
	}
	if len(list) <= limit {
		return list, "", nil
	}
	list = list[:limit]
	last := index(list[limit-1])
	same := 0
	for i := limit - 1; i >= 0 && index(list[i]) == last; i-- {
		same++
	}
	if last == at {
		same += given
	}
	return list, strconv.FormatInt(last, 10) + "." + strconv.Itoa(same), nil
}

// parseCursor returns -1 for the first page.
func parseCursor(cursor string) (at int64, given int, err error) {
	if cursor == "" {
		return -1, 0, nil
	}
	a, b, ok := strings.Cut(cursor, ".")
	if ok {
		at, err = strconv.ParseInt(a, 10, 64)
	}
	if ok && err == nil {
		given, err = strconv.Atoi(b)
	}
	if !ok || err != nil || at < 0 || given < 0 || given > 1<<20 {
		return 0, 0, ErrCursor
	}
	return at, given, nil
}

// named matches a resource r of a decision by a shell pattern, or by one of the names that the cloud knows it by.
func (q *selection) named(pattern string) {
	sub := &selection{sql: q.sql, args: q.args}
	sub.globPlain("r.resource", pattern)
	sub.globPlain("n.name", pattern)
	q.args = sub.args
	q.conditions = append(q.conditions, "("+sub.conditions[0]+
		" OR EXISTS (SELECT 1 FROM decision_names n WHERE n.log_index = r.log_index AND n.resource = r.resource AND "+sub.conditions[1]+"))")
}

// scans reports whether no index helps to find what a shell pattern matches: it begins with a wildcard.
func scans(pattern string) bool { return pattern != "" && strings.ContainsRune("*?", rune(pattern[0])) }

const (
	// scanned is how many decisions a search without an index looks at in one statement, newest first.
	scanned = 1000
	// scanFor is how long it goes on before it gives back what it has found so far, and where to go on.
	scanFor = 60 * time.Millisecond
)

// scanPage is [listPage] for a search that no index serves. It looks at the newest decisions first, and may return fewer rows than asked
// for, or none, with a cursor: it has not looked at older ones yet. build makes the selection, whose index is that of decisions.
func scanPage[T any](ctx context.Context, s *Store, build func() *selection, cursor string, limit int, scan func(rows) (T, error), index func(T) int64) ([]T, string, error) {
	began := time.Now()
	var out []T
	for {
		at, _, err := parseCursor(cursor)
		if err != nil {
			return nil, "", err
		}
		floor, err := s.floor(ctx, at)
		if err != nil {
			return nil, "", err
		}
		q := build()
		if floor > 0 {
			q.where(q.index+" >= %s", floor)
		}
		list, next, err := listPage(ctx, s, q, cursor, limit-len(out), scan, index)
		if err != nil {
			return nil, "", err
		}
		out = append(out, list...)
		if next != "" || floor <= 0 {
			return out, next, nil
		}
		cursor = strconv.FormatInt(floor-1, 10) + ".0"
		if len(out) == limit || time.Since(began) > scanFor {
			return out, cursor, nil
		}
	}
}

// floor is the log index of the oldest decision that a scan from at on looks at; 0 when it is the last scan. at below 0: from the newest on.
func (s *Store) floor(ctx context.Context, at int64) (floor int64, err error) {
	q := newSelect(s.sql, "SELECT log_index FROM decisions", "", "")
	if at >= 0 {
		q.where("log_index <= %s", at)
	}
	var n int
	err = s.engine.read(ctx, func(c conn) error {
		_, err := first(ctx, c, "SELECT count(*), coalesce(min(log_index), 0) FROM ("+q.statement(fmt.Sprintf(" ORDER BY log_index DESC LIMIT %d", scanned))+") AS newest", q.args, &n, &floor)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("searching: %w", err)
	}
	if n < scanned {
		return 0, nil
	}
	return floor, nil
}
