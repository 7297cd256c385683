package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// A Decision is a recorded decision as it is read again.
type Decision struct {
	LogIndex     int64
	ID           string
	RepositoryID int64
	Repository   string // owner/name at the time
	PullRequest  int
	Title        string
	Author       string
	Approvers    []string
	Base         string
	Head         string
	Verdict      string
	Time         time.Time
	FactsDigest  string
	PolicyDigest string
	Decision     []byte // canonical JSON; nil in lists
}

// maxStored bounds what is decompressed for one value, in bytes.
const maxStored = 1 << 30

func scanDecision(rs rows, more ...any) (Decision, error) {
	var d Decision
	var approvers string
	dest := []any{&d.LogIndex, &d.ID, &d.RepositoryID, &d.Repository, &d.PullRequest, &d.Title, &d.Author, &approvers, &d.Base, &d.Head,
		&d.Verdict, &d.Time, &d.FactsDigest, &d.PolicyDigest}
	if err := rs.Scan(append(dest, more...)...); err != nil {
		return d, err
	}
	if err := json.Unmarshal([]byte(approvers), &d.Approvers); err != nil {
		return d, fmt.Errorf("the approvers of decision %s: %w", d.ID, err)
	}
	return d, nil
}

func scanWhole(rs rows) (Decision, error) {
	var packed []byte
	d, err := scanDecision(rs, &packed)
	if err != nil {
		return d, err
	}
	if d.Decision, err = unpack(packed, maxStored); err != nil {
		return d, fmt.Errorf("decision %s: %w", d.ID, err)
	}
	return d, nil
}

func (s *Store) oneDecision(ctx context.Context, c conn, statement string, args ...any) (Decision, bool, error) {
	list, err := collect(ctx, c, scanWhole, statement, args...)
	if err != nil || len(list) == 0 {
		return Decision{}, false, err
	}
	return list[0], true, nil
}

// Decision returns a decision by its id, or [ErrNotFound].
func (s *Store) Decision(ctx context.Context, id string) (Decision, error) {
	return s.readDecision(ctx, "decision "+id, s.sql.decision, id)
}

// Latest returns the last decision for a pull request, or [ErrNotFound].
func (s *Store) Latest(ctx context.Context, repositoryID int64, pullRequest int) (Decision, error) {
	return s.readDecision(ctx, fmt.Sprintf("the last decision for #%d", pullRequest), s.sql.latest, repositoryID, pullRequest)
}

func (s *Store) readDecision(ctx context.Context, what, statement string, args ...any) (Decision, error) {
	var d Decision
	var found bool
	err := s.engine.read(ctx, func(c conn) (err error) {
		d, found, err = s.oneDecision(ctx, c, statement, args...)
		return err
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return Decision{}, fmt.Errorf("reading %s: %w", what, err)
	}
	return d, nil
}

// LatestForHead returns the last decision on a commit for each pull request that has it as its head, ordered by number. Checks
// belong to commits, so the worst of them is the one to show.
func (s *Store) LatestForHead(ctx context.Context, repositoryID int64, head string) ([]Decision, error) {
	var list []Decision
	err := s.engine.read(ctx, func(c conn) (err error) {
		list, err = collect(ctx, c, scanWhole, s.sql.latestHead, repositoryID, head)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the decisions on %s: %w", head, err)
	}
	return list, nil
}

// DecisionFilter chooses decisions; zero fields choose all.
type DecisionFilter struct {
	RepositoryID int64
	Repository   string
	PullRequest  int
	Head         string
	Verdict      string
	Author       string
	Resource     string // shell pattern with * and ?
	Since        time.Time
	Before       time.Time
	Within       *Scope
	Last         bool // only the last decision about each pull request; merge groups are none
}

// Decisions lists decisions, newest first, without their bodies. cursor is "" or what the call before returned as next; next is
// "" at the end.
func (s *Store) Decisions(ctx context.Context, f DecisionFilter, cursor string, limit int) (list []Decision, next string, err error) {
	q := newSelect(s.sql, "SELECT "+decisionColumns+" FROM decisions d", "d.log_index", "")
	if f.RepositoryID != 0 {
		q.where("d.repository_id = %s", f.RepositoryID)
	}
	if f.PullRequest != 0 {
		q.where("d.pull_request = %s", f.PullRequest)
	}
	q.within(f.Within, "d.repository_id", "")
	q.text("d.repository", f.Repository)
	q.text("d.head", f.Head)
	q.text("d.verdict", f.Verdict)
	q.text("d.author", f.Author)
	q.period("d.time", f.Since, f.Before)
	if f.Last {
		q.where("d.pull_request > 0")
		q.where(isLast)
	}
	if f.Resource != "" {
		q.in("d.log_index", "SELECT log_index FROM decision_resources", "resource", f.Resource)
	}
	return listPage(ctx, s, q, cursor, limit,
		func(rs rows) (Decision, error) { return scanDecision(rs) }, func(d Decision) int64 { return d.LogIndex })
}

// A ResourceChange is a line of the answer to "who changed it?".
type ResourceChange struct {
	Decision
	Resource    string
	Actions     []string
	MergedBy    string // "" while it is not merged
	MergeCommit string
}

// Who lists what pull requests did to the resources that a shell pattern matches, by their names in the code or in the cloud, newest
// first: for each pull request its last decision. A pattern that begins with a wildcard may give fewer than limit and a cursor: it has not
// looked at older ones yet.
func (s *Store) Who(ctx context.Context, pattern, cursor string, limit int) (list []ResourceChange, next string, err error) {
	return s.WhoWithin(ctx, pattern, nil, cursor, limit)
}

// WhoWithin is [Store.Who] in the repositories of a scope.
func (s *Store) WhoWithin(ctx context.Context, pattern string, scope *Scope, cursor string, limit int) (list []ResourceChange, next string, err error) {
	found, err := s.finders(ctx, []string{KindResource, KindName}, pattern)
	if err != nil {
		return nil, "", err
	}
	build := func() *selection {
		q := newSelect(s.sql, `SELECT `+decisionColumns+`, r.resource, r.actions, coalesce(m.merged_by, ''), coalesce(m.commit_sha, '')
			FROM decision_resources r JOIN decisions d ON d.log_index = r.log_index
			LEFT JOIN merges m ON m.repository_id = d.repository_id AND m.pull_request = d.pull_request`, "r.log_index", ", r.resource")
		q.within(scope, "d.repository_id", "")
		// What few rows match twice: once to find the decisions, without which it is looked for in all of them, newest first; once to
		// leave out their other resources.
		if !found[0].broad && !found[1].broad {
			q.anyOf(found)
		}
		q.named(pattern)
		q.where(isLast)
		return q
	}
	scan := func(rs rows) (r ResourceChange, err error) {
		var actions string
		if r.Decision, err = scanDecision(rs, &r.Resource, &actions, &r.MergedBy, &r.MergeCommit); err != nil {
			return r, err
		}
		return r, json.Unmarshal([]byte(actions), &r.Actions)
	}
	index := func(r ResourceChange) int64 { return r.LogIndex }
	if scans(pattern) {
		return scanPage(ctx, s, build, cursor, limit, scan, index)
	}
	return listPage(ctx, s, build(), cursor, limit, scan, index)
}

// EntryFilter chooses audit entries; zero fields choose all.
type EntryFilter struct {
	Type        string
	Actor       string
	Repository  string
	PullRequest int
	Commit      string
	Along       string // a commit that came along with the entry's own
	Verdict     string
	Resource    string // shell pattern with * and ?
	Since       time.Time
	Before      time.Time
	Within      *Scope
}

// Entries lists audit entries, newest first; cursor and next as with [Store.Decisions].
func (s *Store) Entries(ctx context.Context, f EntryFilter, cursor string, limit int) (list []Entry, next string, err error) {
	q := newSelect(s.sql, "SELECT e.leaf FROM log_entries e", "e.idx", "")
	q.within(f.Within, "", "e.repository")
	q.text("e.type", f.Type)
	q.text("e.actor", f.Actor)
	q.text("e.repository", f.Repository)
	if f.PullRequest != 0 {
		q.where("e.pull_request = %s", f.PullRequest)
	}
	q.text("e.commit_sha", f.Commit)
	if f.Along != "" {
		q.where("e.idx IN (SELECT idx FROM log_commits WHERE commit_sha = %s)", clip(f.Along))
	}
	q.text("e.verdict", f.Verdict)
	q.period("e.time", f.Since, f.Before)
	if f.Resource != "" {
		q.in("e.idx", "SELECT idx FROM log_resources", "resource", f.Resource)
	}
	return listPage(ctx, s, q, cursor, limit, func(rs rows) (e Entry, err error) {
		var leaf string
		if err := rs.Scan(&leaf); err != nil {
			return e, err
		}
		return e, json.Unmarshal([]byte(leaf), &e)
	}, func(e Entry) int64 { return e.Index })
}

// Facts returns stored facts, or any other blob, by digest; [ErrNotFound] when there are none. The digest is checked.
func (s *Store) Facts(ctx context.Context, digest string) ([]byte, error) {
	var size int64
	var data []byte
	var found bool
	err := s.engine.read(ctx, func(c conn) (err error) {
		found, err = first(ctx, c, s.sql.blob, []any{digest}, &size, &data)
		return err
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", digest, err)
	}
	content, err := unpack(data, min(size, maxStored))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", digest, err)
	}
	if got := ledger.Digest(content); got != digest {
		return nil, fmt.Errorf("reading %s: what is stored has the digest %s: the database was damaged or changed", digest, got)
	}
	return content, nil
}
