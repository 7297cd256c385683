package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Told is what webhooks have told last about a pull request. It is where to speak about it while GitHub does not show it, and nothing
// that a decision is made from.
type Told struct {
	RepositoryID int64
	PullRequest  int
	Head         string // commit
	Base         string // branch
	Open         bool
	Updated      time.Time // by GitHub's clock
	Received     time.Time // by ours; zero: when it is stored
}

// putTold keeps what a delivery tells. Deliveries may come in any order: an older one changes nothing.
func (s *Store) putTold(ctx context.Context, c conn, t Told) error {
	if t.RepositoryID == 0 || t.PullRequest <= 0 || t.Head == "" || len(t.Head) > maxKey {
		return errors.New("what is told of a pull request needs a repository, a number and a commit")
	}
	if t.Received.IsZero() {
		t.Received = s.now()
	}
	open := 0
	if t.Open {
		open = 1
	}
	_, err := c.exec(ctx, `INSERT INTO told (repository_id, pull_request, head, base, open, updated, received)
		VALUES (`+s.params(7)+`) ON CONFLICT (repository_id, pull_request) DO UPDATE SET head = excluded.head, base = excluded.base,
			open = excluded.open, updated = excluded.updated, received = excluded.received WHERE excluded.updated >= told.updated`,
		t.RepositoryID, t.PullRequest, t.Head, clip(t.Base), open, stamp(t.Updated), stamp(t.Received))
	if err != nil {
		return fmt.Errorf("storing what was told of #%d: %w", t.PullRequest, err)
	}
	return nil
}

// Told is what was told last about a pull request, or [ErrNotFound].
func (s *Store) Told(ctx context.Context, repositoryID int64, pullRequest int) (Told, error) {
	return oneRow(ctx, s, fmt.Sprintf("what was told of #%d", pullRequest), func(rs rows) (t Told, err error) {
		var open int64
		err = rs.Scan(&t.RepositoryID, &t.PullRequest, &t.Head, &t.Base, &open, &t.Updated, &t.Received)
		t.Open = open != 0
		return t, err
	}, `SELECT repository_id, pull_request, head, base, open, updated, received FROM told
		WHERE repository_id = `+s.sql.param(1)+` AND pull_request = `+s.sql.param(2), repositoryID, pullRequest)
}

// Standing lists the last decisions that let pull requests pass which are, as far as the record knows, still open: those of a
// repository, or without one, those of all repositories of an owner. They come without their bodies.
func (s *Store) Standing(ctx context.Context, repositoryID int64, owner string) ([]Decision, error) {
	q := newSelect(s.sql, "SELECT "+decisionColumns+" FROM decisions d", "", "")
	if repositoryID != 0 {
		q.where("d.repository_id = %s", repositoryID)
	} else {
		prefix := strings.ToLower(owner) + "/"
		q.where(fmt.Sprintf("substr(lower(d.repository), 1, %d) = %%s", len(prefix)), prefix) // GitHub's names are ASCII
	}
	q.where("d.verdict = 'pass' AND d.pull_request > 0")
	q.where(isLast)
	q.where(`NOT EXISTS (SELECT 1 FROM merges m WHERE m.repository_id = d.repository_id AND m.pull_request = d.pull_request)`)
	q.where(`NOT EXISTS (SELECT 1 FROM publications p WHERE p.repository_id = d.repository_id AND p.pull_request = d.pull_request
		AND p.head = d.head AND p.decision = d.id AND p.reason = %s)`, ReasonClosed)
	return readAll(ctx, s, "what stands", q, " ORDER BY d.log_index", func(rs rows) (Decision, error) { return scanDecision(rs) })
}

// An Unposted is the last decision about an open pull request whose check GitHub has not taken.
type Unposted struct {
	Decision
	Since time.Time // of the decision, or of the last time that something was written
	Why   string    // what the last attempt ended with; "": there was none yet
}

// Unposted lists the decisions whose check is not on GitHub, newest first, as far as pull requests are open. They come without their bodies.
func (s *Store) Unposted(ctx context.Context, scope *Scope) ([]Unposted, error) {
	q := newSelect(s.sql, "SELECT "+decisionColumns+`, p.updated, coalesce(w.last_error, '') FROM publications p
		JOIN decisions d ON d.id = p.decision
		LEFT JOIN work w ON w.kind = 'check' AND w.key = CAST(p.repository_id AS text) || '/' || p.head`, "", "")
	q.within(scope, "d.repository_id", "")
	q.where("p.state IN ('pending', 'failed') AND d.pull_request > 0")
	q.where(isLast)
	q.where(`NOT EXISTS (SELECT 1 FROM merges m WHERE m.repository_id = d.repository_id AND m.pull_request = d.pull_request)`)
	return readAll(ctx, s, "what GitHub was not told", q, " ORDER BY d.log_index DESC", func(rs rows) (u Unposted, err error) {
		u.Decision, err = scanDecision(rs, &u.Since, &u.Why)
		return u, err
	})
}
