package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// sqliteEngine keeps one connection for writing, because SQLite has one writer at a time and waiting for it in Go is fair and
// cheap, and a few for reading, which the write-ahead log lets go on beside the writer.
type sqliteEngine struct {
	writer *sql.DB // nil when opened for reading only
	reader *sql.DB
	insert *river.Client[*sql.Tx]
	common Options
}

func openSQLite(ctx context.Context, path string, options Options) (*sqliteEngine, error) {
	if path == "" {
		return nil, errors.New("sqlite: needs a path, for example sqlite:gatehouse.db")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("the path of the SQLite database: %w", err)
	}
	e := &sqliteEngine{common: options}
	if options.ReadOnly {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("the SQLite database: %w", err)
		}
	} else {
		// Made here rather than by SQLite, so that only this user can read it; its companions inherit that.
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("the SQLite database: %w", err)
		}
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("the SQLite database %s: %w", path, err)
		}
		e.writer = sqlitePool(path, 1, "_txlock=immediate", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)")
	}
	e.reader = sqlitePool(path, 4, "_pragma=query_only(1)")
	if err := sqliteDamage(e.prepare(ctx)); err != nil {
		// Damage shows in many ways: tables that are there and are not, for instance.
		if worse := e.check(ctx); errors.Is(worse, ErrDamaged) {
			err = worse
		}
		e.close()
		return nil, fmt.Errorf("the SQLite database %s: %w", path, err)
	}
	return e, nil
}

func sqlitePool(path string, connections int, settings ...string) *sql.DB {
	dsn := "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
	for _, s := range settings {
		dsn += "&" + s
	}
	pool := sql.OpenDB(sqliteConnector{dsn})
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return pool
}

func (e *sqliteEngine) prepare(ctx context.Context) error {
	if e.writer == nil {
		return checkSQLiteVersion(ctx, e.reader)
	}
	if err := migrateSQLite(ctx, e.writer); err != nil {
		return err
	}
	var err error
	e.insert, err = river.NewClient(riversqlite.New(e.writer), insertConfig(e.common))
	if err != nil {
		return fmt.Errorf("the queue: %w", err)
	}
	return nil
}

func (e *sqliteEngine) close() {
	for _, pool := range []*sql.DB{e.reader, e.writer} { // the writer last: it folds the write-ahead log in
		if pool == nil {
			continue
		}
		if err := pool.Close(); err != nil {
			e.common.Log.WithError(err).Warn("closing the SQLite database")
		}
	}
}

func (e *sqliteEngine) write(ctx context.Context, f func(conn) error) error {
	return sqliteDamage(e.writeOnce(ctx, f))
}

func (e *sqliteEngine) writeOnce(ctx context.Context, f func(conn) error) error {
	tx, err := e.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := f(&sqliteConn{tx, e.insert}); err != nil {
		return err
	}
	if err := e.common.Commit(ctx, tx.Commit); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

func (e *sqliteEngine) read(ctx context.Context, f func(conn) error) error {
	return sqliteDamage(e.readOnce(ctx, f))
}

func (e *sqliteEngine) check(ctx context.Context) error {
	return e.read(ctx, func(c conn) error {
		var found string
		_, err := first(ctx, c, "PRAGMA integrity_check(1)", nil, &found)
		if err == nil && found != "ok" {
			return fmt.Errorf("%w: %s", ErrDamaged, found)
		}
		return err
	})
}

// sqliteDamage names the errors of a file that is not as SQLite wrote it, and of one that cannot be written. A failure to read says
// nothing about writing, and stays what it is.
func sqliteDamage(err error) error {
	var refused *sqlite.Error
	if !errors.As(err, &refused) {
		return err
	}
	switch code := refused.Code(); code & 0xff {
	case sqlitelib.SQLITE_CORRUPT, sqlitelib.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case sqlitelib.SQLITE_FULL, sqlitelib.SQLITE_READONLY:
		return fmt.Errorf("%w: %w", ErrUnwritable, err)
	case sqlitelib.SQLITE_IOERR:
		switch code {
		case sqlitelib.SQLITE_IOERR_WRITE, sqlitelib.SQLITE_IOERR_FSYNC, sqlitelib.SQLITE_IOERR_TRUNCATE, sqlitelib.SQLITE_IOERR_DIR_FSYNC,
			sqlitelib.SQLITE_IOERR_SHMSIZE:
			return fmt.Errorf("%w: %w", ErrUnwritable, err)
		}
	}
	return err
}

func (e *sqliteEngine) readOnce(ctx context.Context, f func(conn) error) error {
	tx, err := e.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("beginning to read: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	return f(&sqliteConn{tx, nil})
}

func (e *sqliteEngine) work(ctx context.Context, handle func(context.Context, nudge) error) error {
	client, err := river.NewClient(riversqlite.New(e.writer), workConfig(e.common, handle))
	if err != nil {
		return fmt.Errorf("the queue: %w", err)
	}
	return runQueue(ctx, client, e.common)
}

type sqliteConn struct {
	tx     *sql.Tx
	insert *river.Client[*sql.Tx]
}

func (c *sqliteConn) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	result, err := c.tx.ExecContext(ctx, statement, sqliteArgs(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (c *sqliteConn) query(ctx context.Context, statement string, args ...any) (rows, error) {
	rs, err := c.tx.QueryContext(ctx, statement, sqliteArgs(args)...) //nolint:rowserrcheck // the caller asks sqliteRows.Err
	if err != nil {
		return nil, err
	}
	return sqliteRows{rs}, nil
}

func (c *sqliteConn) nudge(ctx context.Context, jobs []nudge) error {
	if len(jobs) == 0 {
		return nil
	}
	_, err := c.insert.InsertManyTx(ctx, c.tx, insertParams(jobs))
	return err
}

// sqliteArgs turns times into microseconds.
func sqliteArgs(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		if t, ok := a.(time.Time); ok {
			a = t.UnixMicro()
		}
		out[i] = a
	}
	return out
}

type sqliteRows struct{ *sql.Rows }

func (r sqliteRows) Close() { _ = r.Rows.Close() } // its error is also Err's

func (r sqliteRows) Scan(dest ...any) error {
	into := make([]any, len(dest))
	for i, d := range dest {
		if t, ok := d.(*time.Time); ok {
			d = (*sqliteTime)(t)
		}
		into[i] = d
	}
	return r.Rows.Scan(into...)
}

// sqliteTime reads microseconds into a time.
type sqliteTime time.Time

// Scan implements sql.Scanner.
func (t *sqliteTime) Scan(v any) error {
	micros, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T, wanted an integer", v)
	}
	*t = sqliteTime(time.UnixMicro(micros).UTC())
	return nil
}
