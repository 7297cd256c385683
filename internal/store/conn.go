package store

import (
	"context"
	"fmt"
)

// A conn runs statements inside one transaction. Times go in and come out as time.Time in UTC, whatever the database keeps.
type conn interface {
	// exec returns how many rows were changed.
	exec(ctx context.Context, statement string, args ...any) (int64, error)

	// query's rows must be closed before the next call on the same conn.
	query(ctx context.Context, statement string, args ...any) (rows, error)

	// nudge inserts jobs into the queue; they become visible with the transaction's commit.
	nudge(ctx context.Context, jobs []nudge) error
}

// rows is what the two database packages have in common.
type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// An engine is one of the two databases.
type engine interface {
	// write runs f in one transaction. It commits when f returns nil, and runs f again only when the database rolled the
	// transaction back because of another one (so f must not leave anything behind).
	write(ctx context.Context, f func(conn) error) error

	// read runs f on one unchanging view of the database.
	read(ctx context.Context, f func(conn) error) error

	// check looks for damage of the database's files, as far as the database can tell; [ErrDamaged].
	check(ctx context.Context) error

	// work runs a queue client that calls handle for every nudge, until ctx is done.
	work(ctx context.Context, handle func(context.Context, nudge) error) error

	close()
}

// first reads the first row into dest; false when there is none.
func first(ctx context.Context, c conn, statement string, args []any, dest ...any) (bool, error) {
	rs, err := c.query(ctx, statement, args...)
	if err != nil {
		return false, err
	}
	defer rs.Close()
	if !rs.Next() {
		return false, rs.Err()
	}
	if err := rs.Scan(dest...); err != nil {
		return false, fmt.Errorf("reading a row: %w", err)
	}
	rs.Close()
	return true, rs.Err()
}

// collect reads every row with scan.
func collect[T any](ctx context.Context, c conn, scan func(rows) (T, error), statement string, args ...any) ([]T, error) {
	rs, err := c.query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var list []T
	for rs.Next() {
		v, err := scan(rs)
		if err != nil {
			return nil, fmt.Errorf("reading a row: %w", err)
		}
		list = append(list, v)
	}
	return list, rs.Err()
}
