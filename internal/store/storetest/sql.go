package storetest

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

func isPostgres(url string) bool { return strings.HasPrefix(url, "postgres") }

// Columns are those that the pages and `audit who` read of a SQLite database, as table.column.
func Columns(t testing.TB, location string) (out []string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: strings.TrimPrefix(location, "sqlite:")}).EscapedPath())
	check(t, err)
	defer func() { check(t, db.Close()) }()
	rows, err := db.QueryContext(t.Context(), `SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND (m.name IN ('decisions', 'merges', 'log_entries', 'log_resources', 'log_commits') OR m.name LIKE 'decision\_%' ESCAPE '\')
		ORDER BY 1`)
	check(t, err)
	defer func() { check(t, rows.Close()) }()
	for rows.Next() {
		var name string
		check(t, rows.Scan(&name))
		out = append(out, name)
	}
	check(t, rows.Err())
	return out
}

// Exec changes a database behind the store's back, and says how many rows that were.
func Exec(t testing.TB, location, statement string) int64 {
	t.Helper()
	if isPostgres(location) {
		db, err := pgx.Connect(t.Context(), location)
		check(t, err)
		defer func() { check(t, db.Close(t.Context())) }()
		done, err := db.Exec(t.Context(), statement)
		check(t, err)
		return done.RowsAffected()
	}
	path := strings.TrimPrefix(location, "sqlite:")
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(10000)")
	check(t, err)
	defer func() { check(t, db.Close()) }()
	done, err := db.ExecContext(t.Context(), statement)
	check(t, err)
	n, err := done.RowsAffected()
	check(t, err)
	return n
}
