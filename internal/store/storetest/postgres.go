//go:build unix

package storetest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres starts a throwaway PostgreSQL server for the length of the test and returns a function that makes new databases on
// it. It listens on a socket in a temporary folder only. Without PostgreSQL's programs the test fails in CI, for it is part of
// what must be shown; elsewhere it is skipped.
func Postgres(t testing.TB) (fresh func(testing.TB) string) {
	t.Helper()
	initdb, postgres := program(t, "initdb"), program(t, "postgres")
	dir, err := os.MkdirTemp("", "gatehouse-pg-") // short, for sockets, and reachable for another user
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	as := unprivileged(t, dir)
	data := filepath.Join(dir, "data")
	run := exec.CommandContext(t.Context(), initdb, "--pgdata", data, "--username", "gatehouse", "--auth", "trust", "--no-sync", "--encoding", "UTF8", "--no-locale")
	run.SysProcAttr, run.Dir = as, dir
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	server := exec.Command(postgres, "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "max_connections=500", "-c", "shared_buffers=32MB")
	server.SysProcAttr, server.Dir = as, dir
	check(t, server.Start())
	t.Cleanup(func() {
		check(t, server.Process.Signal(syscall.SIGQUIT)) // at once: nothing is worth keeping
		_ = server.Wait()                                // it reports the signal
	})

	at := func(database string) string {
		return (&url.URL{Scheme: "postgres", User: url.User("gatehouse"), Path: "/" + database, RawQuery: url.Values{"host": {dir}}.Encode()}).String()
	}
	var db *pgx.Conn
	deadline := time.Now().Add(patience)
	for db == nil {
		if db, err = pgx.Connect(t.Context(), at("postgres")); err != nil && time.Now().After(deadline) {
			t.Fatalf("PostgreSQL does not start: %v", err)
		}
		<-time.After(10 * time.Millisecond)
	}
	check(t, db.Close(t.Context()))

	var count atomic.Int64
	return func(t testing.TB) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		db, err := pgx.Connect(ctx, at("postgres"))
		check(t, err)
		defer func() { check(t, db.Close(ctx)) }()
		name := fmt.Sprintf("test%d", count.Add(1))
		_, err = db.Exec(ctx, "CREATE DATABASE "+name)
		check(t, err)
		return at(name)
	}
}

// program finds one of PostgreSQL's programs in PATH or where Debian puts them.
func program(t testing.TB, name string) string {
	t.Helper()
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); err == nil && len(found) > 0 {
		return slices.Max(found)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		missing := fmt.Sprintf("these tests need PostgreSQL's programs, and %s is neither in /usr/lib/postgresql/*/bin nor in PATH; install postgresql", name)
		if os.Getenv("CI") == "" {
			t.Skip(missing) // a visitor with Go alone runs the rest
		}
		t.Fatal(missing)
	}
	return path
}

// unprivileged says how to start PostgreSQL, which refuses to run as root: as nobody then, to whom dir is given.
func unprivileged(t testing.TB, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return &syscall.SysProcAttr{}
	}
	nobody, err := user.Lookup("nobody")
	check(t, err)
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	check(t, err)
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	check(t, err)
	check(t, os.Chown(dir, int(uid), int(gid)))
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
