package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// States of a publication.
const (
	Pending    = "pending"
	Published  = "published"
	Superseded = "superseded"
	Failed     = "failed" // GitHub does not take it, and somebody must do something about that; it is tried again
)

// A Publication says how far a decision has come to GitHub: one for each head that a pull request had.
type Publication struct {
	RepositoryID int64
	PullRequest  int
	Head         string
	Decision     string // id of the decision that is to be seen there
	CheckRunID   int64  // 0: there is none yet
	Digest       string // of what was posted, so that the same is not posted twice
	State        string
	Reason       string // of superseded and failed
	Updated      time.Time
}

// A Comment is the one comment of ours on a pull request.
type Comment struct {
	RepositoryID int64
	PullRequest  int
	CommentID    int64
	Digest       string // of its body
	Updated      time.Time
}

// SavePublication stores what is known about a publication, together with audit entries about it (none is fine). When a newer
// decision for the same head was recorded meanwhile, the check run's id and digest are kept but the state stays pending, for the
// newer one is still to be published. A check run id of 0 does not erase a known one.
func (s *Store) SavePublication(ctx context.Context, p Publication, entries ...Entry) error {
	p.Updated = stamp(p.Updated)
	if p.Updated.IsZero() {
		p.Updated = s.now()
	}
	err := s.write(ctx, func(c conn) error {
		if len(entries) > 0 {
			head, err := s.head(ctx, c, s.sql.logHead)
			if err != nil {
				return err
			}
			if _, err := s.appendTo(ctx, c, head, entries); err != nil {
				return err
			}
		}
		_, err := c.exec(ctx, s.sql.putPub, p.RepositoryID, p.PullRequest, p.Head, p.Decision, p.CheckRunID, p.Digest, p.State, clip(p.Reason), p.Updated)
		return err
	})
	if err != nil {
		return fmt.Errorf("storing the publication on %s: %w", p.Head, err)
	}
	return nil
}

func scanPublication(rs rows) (p Publication, err error) {
	return p, rs.Scan(&p.RepositoryID, &p.PullRequest, &p.Head, &p.Decision, &p.CheckRunID, &p.Digest, &p.State, &p.Reason, &p.Updated)
}

// Publication returns the publication for one head of a pull request, or [ErrNotFound].
func (s *Store) Publication(ctx context.Context, repositoryID int64, pullRequest int, head string) (Publication, error) {
	return oneRow(ctx, s, "the publication on "+head, scanPublication, s.sql.pub, repositoryID, pullRequest, head)
}

// PublicationsOn returns the publications for a commit, of every pull request that has it as its head, ordered by number.
func (s *Store) PublicationsOn(ctx context.Context, repositoryID int64, head string) ([]Publication, error) {
	var list []Publication
	err := s.engine.read(ctx, func(c conn) (err error) {
		list, err = collect(ctx, c, scanPublication, s.sql.pubsOfHead, repositoryID, head)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the publications on %s: %w", head, err)
	}
	return list, nil
}

// SaveComment stores which comment is ours.
func (s *Store) SaveComment(ctx context.Context, m Comment) error {
	m.Updated = stamp(m.Updated)
	if m.Updated.IsZero() {
		m.Updated = s.now()
	}
	return s.execOne(ctx, "storing the comment", s.sql.putComment, m.RepositoryID, m.PullRequest, m.CommentID, m.Digest, m.Updated)
}

// Comment returns our comment on a pull request, or [ErrNotFound].
func (s *Store) Comment(ctx context.Context, repositoryID int64, pullRequest int) (Comment, error) {
	return oneRow(ctx, s, "the comment", func(rs rows) (m Comment, err error) {
		return m, rs.Scan(&m.RepositoryID, &m.PullRequest, &m.CommentID, &m.Digest, &m.Updated)
	}, s.sql.comment, repositoryID, pullRequest)
}

// RecordPush stores who pushed a commit; see [Delivery.Pushes] for those that come with a webhook.
func (s *Store) RecordPush(ctx context.Context, pushes ...Push) error {
	if err := s.write(ctx, func(c conn) error { return s.putPushes(ctx, c, pushes) }); err != nil {
		return fmt.Errorf("recording a push: %w", err)
	}
	return nil
}

func (s *Store) putPushes(ctx context.Context, c conn, pushes []Push) error {
	for _, p := range pushes {
		if p.SHA == "" || p.Login == "" || len(p.SHA) > maxKey || len(p.Login) > maxKey {
			return errors.New("a push needs a commit and a login")
		}
		at := stamp(p.Time)
		if at.IsZero() {
			at = s.now()
		}
		if _, err := c.exec(ctx, s.sql.putPusher, p.RepositoryID, p.SHA, p.Login, at); err != nil {
			return fmt.Errorf("storing who pushed %s: %w", p.SHA, err)
		}
	}
	return nil
}

// Pushers returns the logins that pushed a commit, sorted; empty when nobody was seen to.
func (s *Store) Pushers(ctx context.Context, repositoryID int64, sha string) ([]string, error) {
	var list []string
	err := s.engine.read(ctx, func(c conn) (err error) {
		list, err = collect(ctx, c, func(rs rows) (login string, err error) { return login, rs.Scan(&login) }, s.sql.pushers, repositoryID, sha)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading who pushed %s: %w", sha, err)
	}
	return list, nil
}

// SetMeta keeps a small value, such as a cursor, under a name.
func (s *Store) SetMeta(ctx context.Context, key, value string) error {
	return s.execOne(ctx, "storing "+key, s.sql.putMeta, key, value)
}

// Meta returns what SetMeta kept, or [ErrNotFound].
func (s *Store) Meta(ctx context.Context, key string) (string, error) {
	return oneRow(ctx, s, key, func(rs rows) (value string, err error) { return value, rs.Scan(&value) }, s.sql.meta, key)
}

func (s *Store) execOne(ctx context.Context, doing, statement string, args ...any) error {
	err := s.write(ctx, func(c conn) error {
		_, err := c.exec(ctx, statement, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func oneRow[T any](ctx context.Context, s *Store, what string, scan func(rows) (T, error), statement string, args ...any) (T, error) {
	var list []T
	err := s.engine.read(ctx, func(c conn) (err error) {
		list, err = collect(ctx, c, scan, statement, args...)
		return err
	})
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		var none T
		return none, fmt.Errorf("reading %s: %w", what, err)
	}
	return list[0], nil
}
