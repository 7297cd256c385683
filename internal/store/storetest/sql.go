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

// Exec changes a database behind the store's back.
func Exec(t testing.TB, location, statement string) {
	t.Helper()
	if isPostgres(location) {
		db, err := pgx.Connect(t.Context(), location)
		check(t, err)
		defer func() { check(t, db.Close(t.Context())) }()
		_, err = db.Exec(t.Context(), statement)
		check(t, err)
		return
	}
	path := strings.TrimPrefix(location, "sqlite:")
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(10000)")
	check(t, err)
	defer func() { check(t, db.Close()) }()
	_, err = db.ExecContext(t.Context(), statement)
	check(t, err)
}
