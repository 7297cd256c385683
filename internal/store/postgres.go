package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

type postgresEngine struct {
	pool   *pgxpool.Pool
	insert *river.Client[pgx.Tx] // nil when opened for reading only
	common Options
}

func openPostgres(ctx context.Context, url string, options Options) (*postgresEngine, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The library's message may hold the password.
		return nil, errors.New("the postgres:// URL cannot be read; wanted: postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	if !strings.Contains(url, "pool_max_conns") {
		config.MaxConns = int32(options.Workers + 8) // handlers, webhooks, the queue's own, dashboard
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	e := &postgresEngine{pool: pool, common: options}
	if err := e.prepare(ctx); err != nil {
		e.close()
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	return e, nil
}

func (e *postgresEngine) prepare(ctx context.Context) error {
	if e.common.ReadOnly {
		return checkPostgresVersion(ctx, e.pool)
	}
	if err := migratePostgres(ctx, e.pool); err != nil {
		return err
	}
	var err error
	e.insert, err = river.NewClient(riverpgxv5.New(e.pool), insertConfig(e.common))
	if err != nil {
		return fmt.Errorf("the queue: %w", err)
	}
	return nil
}

func (e *postgresEngine) close() { e.pool.Close() }

// conflicts is how often a transaction is run again when PostgreSQL rolled it back in favour of another.
const conflicts = 10

func (e *postgresEngine) write(ctx context.Context, f func(conn) error) error {
	for attempt := 1; ; attempt++ {
		err := e.writeOnce(ctx, f)
		var refused *pgconn.PgError
		if err == nil || attempt == conflicts || !errors.As(err, &refused) {
			return postgresDamage(err)
		}
		if refused.Code != "40001" && refused.Code != "40P01" { // serialization failure, deadlock: nothing was stored
			return postgresDamage(err)
		}
	}
}

// check does nothing: PostgreSQL says so when it reads what is damaged, and the whole log is read.
func (e *postgresEngine) check(context.Context) error { return nil }

// postgresDamage names the errors of files that are not as PostgreSQL wrote them, and of a server that takes no writes: it is full, or a
// standby.
func postgresDamage(err error) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Code {
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case "53100", "25006": // disk_full, read_only_sql_transaction
		return fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	return err
}

func (e *postgresEngine) writeOnce(ctx context.Context, f func(conn) error) error {
	tx, err := e.pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer e.rollback(ctx, tx)
	if err := f(&postgresConn{tx, e.insert}); err != nil {
		return err
	}
	if err := e.common.Commit(ctx, func() error { return tx.Commit(ctx) }); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

func (e *postgresEngine) read(ctx context.Context, f func(conn) error) error {
	return postgresDamage(e.readOnce(ctx, f))
}

func (e *postgresEngine) readOnce(ctx context.Context, f func(conn) error) error {
	tx, err := e.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return fmt.Errorf("beginning to read: %w", err)
	}
	defer e.rollback(ctx, tx)
	return f(&postgresConn{tx, nil})
}

// rollback does nothing after a commit. It must also work when ctx is done, or the connection would be thrown away.
func (e *postgresEngine) rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = tx.Rollback(ctx)
}

func (e *postgresEngine) work(ctx context.Context, handle func(context.Context, nudge) error) error {
	client, err := river.NewClient(riverpgxv5.New(e.pool), workConfig(e.common, handle))
	if err != nil {
		return fmt.Errorf("the queue: %w", err)
	}
	return runQueue(ctx, client, e.common)
}

type postgresConn struct {
	tx     pgx.Tx
	insert *river.Client[pgx.Tx]
}

func (c *postgresConn) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	tag, err := c.tx.Exec(ctx, statement, postgresArgs(args)...)
	return tag.RowsAffected(), err
}

func (c *postgresConn) query(ctx context.Context, statement string, args ...any) (rows, error) {
	rs, err := c.tx.Query(ctx, statement, postgresArgs(args)...)
	if err != nil {
		return nil, err
	}
	return postgresRows{rs}, nil
}

func (c *postgresConn) nudge(ctx context.Context, jobs []nudge) error {
	if len(jobs) == 0 {
		return nil
	}
	_, err := c.insert.InsertManyTx(ctx, c.tx, insertParams(jobs))
	return err
}

// postgresArgs makes any text fit: PostgreSQL refuses NUL and what is not UTF-8, and some of our text comes from strangers.
func postgresArgs(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		if s, ok := a.(string); ok {
			a = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
		}
		out[i] = a
	}
	return out
}

type postgresRows struct{ pgx.Rows }

// Scan reads a row; times come out in UTC.
func (r postgresRows) Scan(dest ...any) error {
	if err := r.Rows.Scan(dest...); err != nil {
		return err
	}
	for _, d := range dest {
		if t, ok := d.(*time.Time); ok {
			*t = t.UTC()
		}
	}
	return nil
}
