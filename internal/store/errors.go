package store

import (
	"errors"
	"fmt"
	"time"
)

// Errors that callers branch on.
var (
	// ErrNotFound says that the thing asked for was never stored.
	ErrNotFound = errors.New("not found")

	// ErrLogMismatch says that the stored audit log is not the one whose checkpoint was signed. Nothing is appended to such a
	// log, so no decision can be recorded and nothing passes, until a person has looked into it.
	ErrLogMismatch = errors.New("the audit log in the database does not match its signed checkpoint; " +
		"run `gatehouse audit verify`, then restore the database from a backup or find out who changed it")

	// ErrConflict says that something else is already stored under the same id.
	ErrConflict = errors.New("a different record is already stored under this id")

	// ErrLeaseLost says that the caller's piece of work was taken over by another process, so its writes are refused.
	ErrLeaseLost = errors.New("this piece of work was taken over by another process")

	// ErrCursor says that a cursor is not one that an earlier page returned.
	ErrCursor = errors.New("the cursor is not one that an earlier page returned")

	// ErrReadOnly says that the store was opened for reading.
	ErrReadOnly = errors.New("the database was opened for reading only")
)

// RetryAfter is returned by a [Handler] to be called again no sooner than D from now, not even when new events arrive:
// somebody outside asked for the pause. It does not count as a failed attempt.
type RetryAfter struct {
	D   time.Duration
	Err error
}

func (e RetryAfter) Error() string { return fmt.Sprintf("again in %s: %v", e.D, e.Err) }

// Unwrap returns the reason.
func (e RetryAfter) Unwrap() error { return e.Err }

// Permanent is returned by a [Handler] when trying again cannot help. The work is dropped, unless a newer event folded into
// it meanwhile.
type Permanent struct{ Err error }

func (e Permanent) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e Permanent) Unwrap() error { return e.Err }
