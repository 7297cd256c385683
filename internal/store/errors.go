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

	// ErrLogForked says that GitHub was told of a log that this one does not continue: the database was restored from a backup, or two
	// servers write to copies of one. Whatever is appended would contradict what others have seen.
	ErrLogForked = errors.New("GitHub knows of another audit log than the one in the database, which may be an old copy; " +
		"stop the other server or restore the newest database; if what it lacks is lost for good, `gatehouse audit continue --reason ...` goes on from here")

	// ErrClock says that the clock of this machine stands before the time of the log's last entry.
	ErrClock = errors.New("the clock is wrong, or was when the log's last entry was written; " +
		"set the clock right; if it is right now, `gatehouse audit continue --reason ...` goes on from here")

	// ErrDamaged says that the database cannot read its own files.
	ErrDamaged = errors.New("the database is damaged; stop the server and restore it from a backup")

	// ErrUnwritable says that the database takes no writes: its disk is full or broken, or its files may only be read. What was answered
	// is stored; nothing else is until somebody has made room or mended it.
	ErrUnwritable = errors.New("the database takes no writes; " +
		"make room on its disk, or see to it that the server may write its files; what GitHub has told meanwhile is asked for again")

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
// somebody outside asked for the pause. It does not count as a failed attempt, unless Failed says so.
type RetryAfter struct {
	D      time.Duration
	Err    error
	Failed bool
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
