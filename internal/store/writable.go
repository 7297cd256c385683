package store

import (
	"context"
	"errors"
	"sync/atomic"
)

// noting is an engine that remembers whether its last write was refused because the database takes none.
type noting struct {
	engine
	refused atomic.Pointer[error] // nil: it was not
}

func (e *noting) write(ctx context.Context, f func(conn) error) error {
	err := e.engine.write(ctx, f)
	switch {
	case err == nil:
		e.refused.Store(nil)
	case errors.Is(err, ErrUnwritable):
		e.refused.Store(&err)
	}
	return err
}

// Writable reports whether the last write was stored, as far as the database is concerned: nil, or [ErrUnwritable] with the reason. While
// [Store.Work] runs, writing is tried again all the time.
func (s *Store) Writable() error {
	if err := s.engine.refused.Load(); err != nil {
		return *err
	}
	return nil
}
