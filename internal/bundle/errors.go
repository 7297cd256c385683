package bundle

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Error says which bundle is not to be had, and why.
type Error struct {
	Bundle    string // as the configuration names it
	Temporary bool   // another attempt may succeed: the registry is down, not against us
	Err       error
}

func (e *Error) Error() string {
	return fmt.Sprintf("the bundle %s cannot be used: %s", e.Bundle, stable(e.Err.Error()))
}

func (e *Error) Unwrap() error { return e.Err }

// Remedy says what a person can do about it.
func (e *Error) Remedy() string {
	if e.Temporary {
		return "See whether it can be reached from here; docs/bundles.md has the settings."
	}
	return "Correct policies.bundles on the base branch, or what is kept there; see docs/bundles.md."
}

// lastingError will be the same at the next attempt.
type lastingError struct{ error }

func (e lastingError) Unwrap() error { return e.error }

// wrong makes an error that no other attempt mends.
func wrong(format string, args ...any) error { return lastingError{fmt.Errorf(format, args...)} }

// temporary reports whether another attempt may succeed.
func temporary(err error) bool { return !errors.As(err, new(lastingError)) }

func (l location) explain(err error) error {
	if errors.As(err, new(*Error)) {
		return err
	}
	return &Error{Bundle: l.url, Temporary: temporary(err), Err: err}
}

var localEnd = regexp.MustCompile(`[^ ]+:[0-9]+->`)

// stable takes out of an error of the network what differs from one attempt to the next: a decision is new when its text is.
func stable(text string) string {
	return strings.TrimSpace(localEnd.ReplaceAllString(text, ""))
}
