package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations
var migrations embed.FS

// migrationLock is the advisory lock that replicas starting at once take in turn.
const migrationLock = 0x6761746568 // "gateh"

// migrateSQLite brings the tables up to date. Two processes may start on one new file; the one that comes second finds tables
// that it was about to make, and looks again.
func migrateSQLite(ctx context.Context, db *sql.DB) error {
	var err error
	for range 5 {
		err = migrate(ctx, db, goose.DialectSQLite3, riversqlite.New(db))
		var newer *newerSchemaError
		if err == nil || errors.As(err, &newer) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return err
}

func migratePostgres(ctx context.Context, pool *pgxpool.Pool) error {
	holder, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer holder.Release()
	if _, err := holder.Exec(ctx, "SELECT pg_advisory_lock($1)", migrationLock); err != nil {
		return fmt.Errorf("waiting for another replica's migration: %w", err)
	}
	defer func() { // the lock ends with the connection if this fails
		if _, err := holder.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrationLock); err != nil {
			_ = holder.Conn().Close(context.WithoutCancel(ctx))
		}
	}()
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }() // leaves the pool open
	return migrate[pgx.Tx](ctx, db, goose.DialectPostgres, riverpgxv5.New(pool))
}

// newerSchemaError says that a later version of the program has been here.
type newerSchemaError struct{ database, program int64 }

func (e *newerSchemaError) Error() string {
	return fmt.Sprintf("its tables are of version %d, this program knows %d; run the newer program", e.database, e.program)
}

func migrate[TTx any](ctx context.Context, db *sql.DB, dialect goose.Dialect, queue riverdriver.Driver[TTx]) error {
	provider, err := migrationsOf(dialect, db)
	if err != nil {
		return err
	}
	if err := checkVersion(ctx, provider); err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("creating or updating the tables: %w", err)
	}
	migrator, err := rivermigrate.New(queue, &rivermigrate.Config{Logger: quiet()})
	if err != nil {
		return fmt.Errorf("the queue's tables: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("creating or updating the queue's tables: %w", err)
	}
	return nil
}

func migrationsOf(dialect goose.Dialect, db *sql.DB) (*goose.Provider, error) {
	dir := "migrations/sqlite"
	if dialect == goose.DialectPostgres {
		dir = "migrations/postgres"
	}
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return nil, fmt.Errorf("the embedded migrations: %w", err)
	}
	provider, err := goose.NewProvider(dialect, db, files)
	if err != nil {
		return nil, fmt.Errorf("the embedded migrations: %w", err)
	}
	return provider, nil
}

func checkVersion(ctx context.Context, provider *goose.Provider) error {
	sources := provider.ListSources()
	known := sources[len(sources)-1].Version
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("reading the version of the tables: %w", err)
	}
	if version > known {
		return &newerSchemaError{database: version, program: known}
	}
	return nil
}

// The reading side must not create goose's table, so it asks for the version itself.
const versionQuery = `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`

func checkSQLiteVersion(ctx context.Context, db *sql.DB) error {
	var version int64
	if err := db.QueryRowContext(ctx, versionQuery).Scan(&version); err != nil {
		return fmt.Errorf("it is not a Gatehouse database: %w", err)
	}
	return sameVersion(goose.DialectSQLite3, version)
}

func checkPostgresVersion(ctx context.Context, pool *pgxpool.Pool) error {
	var version int64
	if err := pool.QueryRow(ctx, versionQuery).Scan(&version); err != nil {
		return fmt.Errorf("it is not a Gatehouse database: %w", err)
	}
	return sameVersion(goose.DialectPostgres, version)
}

func sameVersion(dialect goose.Dialect, version int64) error {
	provider, err := migrationsOf(dialect, new(sql.DB)) // only asked for its files
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	known := sources[len(sources)-1].Version
	switch {
	case version > known:
		return &newerSchemaError{database: version, program: known}
	case version < known:
		return fmt.Errorf("its tables are of version %d, this program wants %d; start `gatehouse serve` once to update them", version, known)
	}
	return nil
}
