package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Posture is how a protected branch was protected when it was last looked at.
type Posture struct {
	RepositoryID   int64
	Repository     string // owner/name
	InstallationID int64
	Branch         string
	Default        bool
	State          string // ok, unknown, problem
	Report         []byte // JSON
	Tip            string // commit at the branch's tip then; "": not looked at
	Changed        time.Time
	Checked        time.Time
}

const postureColumns = "p.repository_id, p.branch, p.repository, p.installation_id, p.is_default, p.state, p.report, p.tip, p.changed, p.checked"

func scanPosture(rs rows) (p Posture, err error) {
	var report string
	var isDefault int64
	err = rs.Scan(&p.RepositoryID, &p.Branch, &p.Repository, &p.InstallationID, &isDefault, &p.State, &report, &p.Tip, &p.Changed, &p.Checked)
	p.Report, p.Default = []byte(report), isDefault != 0
	return p, err
}

// SavePosture replaces the report that was known of a branch (before; nil when none was) by another one, together with audit
// entries about it. It changes nothing and returns false when something else is known by now: then look again. Tip "" keeps the
// one that is known. Changed and Checked are set to now; Changed only where the report is another one.
func (s *Store) SavePosture(ctx context.Context, before []byte, p Posture, entries ...Entry) (saved bool, err error) {
	if p.RepositoryID == 0 || p.Branch == "" || len(p.Branch) > maxKey {
		return false, errors.New("storing a posture: it needs a repository and a branch")
	}
	err = s.write(ctx, func(c conn) error {
		saved = false
		head, err := s.head(ctx, c, s.sql.logHead) // locked first, as by everybody who may append; it serialises this, too
		if err != nil {
			return err
		}
		known, found, err := s.knownPosture(ctx, c, p.RepositoryID, p.Branch)
		if err != nil {
			return err
		}
		if found != (before != nil) || found && string(known.Report) != string(before) {
			return nil
		}
		p.Checked, p.Changed = s.now(), known.Changed
		if string(known.Report) != string(p.Report) {
			p.Changed = p.Checked
		}
		if p.Tip == "" {
			p.Tip = known.Tip
		}
		if _, err := s.appendTo(ctx, c, head, entries); err != nil {
			return err
		}
		saved = true
		return s.putPosture(ctx, c, p)
	})
	if err != nil {
		return false, fmt.Errorf("storing how %s of %s is protected: %w", p.Branch, p.Repository, err)
	}
	return saved, nil
}

func (s *Store) knownPosture(ctx context.Context, c conn, repositoryID int64, branch string) (Posture, bool, error) {
	q := newSelect(s.sql, "SELECT "+postureColumns+" FROM postures p", "", "")
	q.where("p.repository_id = %s AND p.branch = %s", repositoryID, branch)
	list, err := collect(ctx, c, scanPosture, q.statement(""), q.args...)
	if err != nil || len(list) == 0 {
		return Posture{}, false, err
	}
	return list[0], true, nil
}

func (s *Store) putPosture(ctx context.Context, c conn, p Posture) error {
	isDefault := 0
	if p.Default {
		isDefault = 1
	}
	_, err := c.exec(ctx, `INSERT INTO postures (repository_id, branch, repository, installation_id, is_default, state, report, tip, changed, checked)
		VALUES (`+s.params(10)+`) ON CONFLICT (repository_id, branch) DO UPDATE SET repository = excluded.repository,
			installation_id = excluded.installation_id, is_default = excluded.is_default, state = excluded.state, report = excluded.report,
			tip = excluded.tip, changed = excluded.changed, checked = excluded.checked`,
		p.RepositoryID, p.Branch, p.Repository, p.InstallationID, isDefault, p.State, string(p.Report), p.Tip, p.Changed, p.Checked)
	return err
}

// params are n placeholders with commas between them.
func (s *Store) params(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = s.sql.param(i + 1)
	}
	return strings.Join(list, ", ")
}

// DropPosture forgets a branch that is not protected any more or is gone, together with audit entries about that.
func (s *Store) DropPosture(ctx context.Context, repositoryID int64, branch string, entries ...Entry) error {
	err := s.write(ctx, func(c conn) error {
		head, err := s.head(ctx, c, s.sql.logHead)
		if err != nil {
			return err
		}
		if _, found, err := s.knownPosture(ctx, c, repositoryID, branch); err != nil || !found {
			return err
		}
		if _, err := s.appendTo(ctx, c, head, entries); err != nil {
			return err
		}
		_, err = c.exec(ctx, "DELETE FROM postures WHERE repository_id = "+s.sql.param(1)+" AND branch = "+s.sql.param(2), repositoryID, branch)
		return err
	})
	if err != nil {
		return fmt.Errorf("forgetting how %s was protected: %w", branch, err)
	}
	return nil
}

// SetTip remembers the commit at the tip of a branch whose posture is known; of another branch nothing is remembered.
func (s *Store) SetTip(ctx context.Context, repositoryID int64, branch, tip string) error {
	return s.execOne(ctx, "remembering the tip of "+branch, "UPDATE postures SET tip = "+s.sql.param(3)+
		" WHERE repository_id = "+s.sql.param(1)+" AND branch = "+s.sql.param(2), repositoryID, branch, tip)
}

// PostureFilter says which postures are wanted; what is zero does not narrow.
type PostureFilter struct {
	RepositoryID   int64
	Repository     string // owner/name
	InstallationID int64
	Within         *Scope
}

// Postures lists how branches are protected: by repository, the default branch first.
func (s *Store) Postures(ctx context.Context, f PostureFilter) ([]Posture, error) {
	q := newSelect(s.sql, "SELECT "+postureColumns+" FROM postures p", "", "")
	if f.RepositoryID != 0 {
		q.where("p.repository_id = %s", f.RepositoryID)
	}
	if f.InstallationID != 0 {
		q.where("p.installation_id = %s", f.InstallationID)
	}
	q.text("p.repository", f.Repository)
	q.within(f.Within, "p.repository_id", "")
	return readAll(ctx, s, "how branches are protected", q, " ORDER BY p.repository, p.is_default DESC, p.branch", scanPosture)
}

// Turn changes a small fact from one value to another ("": there is none), together with audit entries about it. It changes
// nothing and returns false when the fact has another value: somebody else was quicker.
func (s *Store) Turn(ctx context.Context, key, from, to string, entries ...Entry) (turned bool, err error) {
	err = s.write(ctx, func(c conn) error {
		turned = false
		head, err := s.head(ctx, c, s.sql.logHead)
		if err != nil {
			return err
		}
		var now string
		if _, err := first(ctx, c, s.sql.meta, []any{key}, &now); err != nil || now != from {
			return err
		}
		if _, err := s.appendTo(ctx, c, head, entries); err != nil {
			return err
		}
		turned = true
		_, err = c.exec(ctx, s.sql.putMeta, key, to)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("storing %s: %w", key, err)
	}
	return turned, nil
}
