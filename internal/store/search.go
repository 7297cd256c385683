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
