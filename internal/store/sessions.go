package store

import (
	"context"
	"fmt"
	"time"
)

// SaveSession keeps a session until it expires, and forgets those that have expired. id and sealed say nothing by themselves.
func (s *Store) SaveSession(ctx context.Context, id string, sealed []byte, expires time.Time) error {
	if id == "" || len(id) > maxKey {
		return fmt.Errorf("a session's id has 1 to %d bytes", maxKey)
	}
	err := s.write(ctx, func(c conn) error {
		if _, err := c.exec(ctx, "DELETE FROM sessions WHERE expires <= "+s.sql.param(1), s.now()); err != nil {
			return err
		}
		_, err := c.exec(ctx, fmt.Sprintf("INSERT INTO sessions (id, sealed, expires) VALUES (%s, %s, %s)",
			s.sql.param(1), s.sql.param(2), s.sql.param(3)), id, sealed, stamp(expires))
		return err
	})
	if err != nil {
		return fmt.Errorf("storing a session: %w", err)
	}
	return nil
}

// Session returns what [Store.SaveSession] kept, or [ErrNotFound] when there is none or it has expired.
func (s *Store) Session(ctx context.Context, id string) ([]byte, error) {
	return oneRow(ctx, s, "the session", func(rs rows) (sealed []byte, err error) { return sealed, rs.Scan(&sealed) },
		fmt.Sprintf("SELECT sealed FROM sessions WHERE id = %s AND expires > %s", s.sql.param(1), s.sql.param(2)), id, s.now())
}

// DropSession ends a session; one that does not exist is ended already.
func (s *Store) DropSession(ctx context.Context, id string) error {
	return s.execOne(ctx, "ending a session", "DELETE FROM sessions WHERE id = "+s.sql.param(1), id)
}
