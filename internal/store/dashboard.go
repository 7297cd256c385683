package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A Scope is the repositories that somebody may see. A nil *Scope is all of them.
type Scope struct {
	IDs   []int64  // of repositories, for decisions
	Names []string // owner/name, for audit entries; "" lets entries through that are about no repository
}

// within narrows a selection to a scope, by number or by name.
func (q *selection) within(scope *Scope, id, name string) {
	if scope == nil {
		return
	}
	var names []string
	add := func(v any) {
		q.args = append(q.args, v)
		names = append(names, q.sql.param(len(q.args)))
	}
	column := id
	if id != "" {
		for _, v := range scope.IDs {
			add(v)
		}
	} else {
		column = name
		for _, v := range scope.Names {
			add(clip(v))
		}
	}
	if len(names) == 0 {
		q.conditions = append(q.conditions, "1 = 0")
		return
	}
	q.conditions = append(q.conditions, column+" IN ("+strings.Join(names, ", ")+")")
}

// statement is the selection's text with an end such as ORDER BY.
func (q *selection) statement(end string) string {
	s := q.head
	if len(q.conditions) > 0 {
		s += " WHERE " + strings.Join(q.conditions, " AND ")
	}
	return s + end
}

func readAll[T any](ctx context.Context, s *Store, what string, q *selection, end string, scan func(rows) (T, error)) ([]T, error) {
	var list []T
	err := s.engine.read(ctx, func(c conn) (err error) {
		list, err = collect(ctx, c, scan, q.statement(end), q.args...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	return list, nil
}

// isLast holds for the last decision about a pull request.
// For few decisions; lastOnes is for many.
const isLast = `NOT EXISTS (SELECT 1 FROM decisions l
	WHERE l.repository_id = d.repository_id AND l.pull_request = d.pull_request AND l.log_index > d.log_index)`

const lastOnes = `d.log_index IN (SELECT max(log_index) FROM decisions GROUP BY repository_id, pull_request)`

// ReasonClosed is the reason of a superseded publication whose pull request was closed without a merge.
const ReasonClosed = "the pull request is closed"

// Open lists, newest first, the last decisions about pull requests that did not pass and are, as far as the record knows,
// still open. cursor and next as with [Store.Decisions]. Bodies are included: they say who is waited for.
func (s *Store) Open(ctx context.Context, scope *Scope, cursor string, limit int) ([]Decision, string, error) {
	q := newSelect(s.sql, "SELECT "+decisionColumns+", d.decision FROM decisions d", "d.log_index", "")
	q.within(scope, "d.repository_id", "")
	q.where("d.verdict IN ('wait', 'fail', 'error')")
	q.where(isLast)
	q.where(`NOT EXISTS (SELECT 1 FROM merges m WHERE m.repository_id = d.repository_id AND m.pull_request = d.pull_request)`)
	q.where(`NOT EXISTS (SELECT 1 FROM publications p WHERE p.repository_id = d.repository_id AND p.pull_request = d.pull_request
		AND p.head = d.head AND p.decision = d.id AND p.reason = %s)`, ReasonClosed)
	return listPage(ctx, s, q, cursor, limit, scanWhole, func(d Decision) int64 { return d.LogIndex })
}

// DayCount is how many decisions a day had of one verdict.
type DayCount struct {
	Day     string // YYYY-MM-DD, UTC
	Verdict string
	N       int
}

// Days counts the decisions since a time, by day and verdict.
func (s *Store) Days(ctx context.Context, scope *Scope, repository string, since time.Time) ([]DayCount, error) {
	q := newSelect(s.sql, "SELECT "+s.sql.day+", d.verdict, count(*) FROM decisions d", "", "")
	q.within(scope, "d.repository_id", "")
	q.text("d.repository", repository)
	q.period("d.time", since, time.Time{})
	return readAll(ctx, s, "the decisions of each day", q, " GROUP BY 1, 2 ORDER BY 1, 2", func(rs rows) (d DayCount, err error) {
		return d, rs.Scan(&d.Day, &d.Verdict, &d.N)
	})
}

// RuleCount is how often a rule found something.
type RuleCount struct {
	Rule         string // lower case
	Fired        int    // new or worse findings
	PullRequests int    // in which it found them
	Waived       int    // findings that a waiver covered
	Last         time.Time
}

// Rules counts what rules found since a time in the last decision about each pull request, most often first.
func (s *Store) Rules(ctx context.Context, scope *Scope, repository string, since time.Time) ([]RuleCount, error) {
	q := newSelect(s.sql, `SELECT t.term, sum(t.n), sum(CASE WHEN t.n > 0 THEN 1 ELSE 0 END), max(d.time)
		FROM decision_terms t JOIN decisions d ON d.log_index = t.log_index`, "", "")
	q.where("t.kind = 'rule'")
	q.within(scope, "d.repository_id", "")
	q.text("d.repository", repository)
	q.period("d.time", since, time.Time{})
	q.where(lastOnes)
	list, err := readAll(ctx, s, "what the rules found", q, " GROUP BY t.term ORDER BY 2 DESC, 1", func(rs rows) (r RuleCount, err error) {
		return r, rs.Scan(&r.Rule, &r.Fired, &r.PullRequests, &r.Last)
	})
	if err != nil {
		return nil, err
	}
	w := newSelect(s.sql, "SELECT lower(w.rule), count(*) FROM decision_waivers w JOIN decisions d ON d.log_index = w.log_index", "", "")
	w.within(scope, "d.repository_id", "")
	w.text("d.repository", repository)
	w.period("d.time", since, time.Time{})
	w.where(lastOnes)
	waived, err := readAll(ctx, s, "what was waived", w, " GROUP BY 1", func(rs rows) (r RuleCount, err error) {
		return r, rs.Scan(&r.Rule, &r.Waived)
	})
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, r := range list {
		at[r.Rule] = i
	}
	for _, r := range waived {
		if i, ok := at[r.Rule]; ok {
			list[i].Waived = r.Waived
		} else {
			list = append(list, r)
		}
	}
	return list, nil
}

// RepositoryRow is one repository of the record.
type RepositoryRow struct {
	ID        int64
	Name      string // owner/name at the last decision
	Decisions int    // since the time that was asked for
	Passed    int    // of those
	Last      time.Time
}

// Repositories lists every repository that was ever judged, by name.
func (s *Store) Repositories(ctx context.Context, scope *Scope, since time.Time) ([]RepositoryRow, error) {
	q := newSelect(s.sql, fmt.Sprintf(`SELECT d.repository_id, max(d.log_index) AS last, sum(CASE WHEN d.time >= %s THEN 1 ELSE 0 END) AS recent,
			sum(CASE WHEN d.time >= %s AND d.verdict = 'pass' THEN 1 ELSE 0 END) AS passed FROM decisions d`, s.sql.param(1), s.sql.param(1)), "", "")
	q.args = append(q.args, stamp(since))
	q.within(scope, "d.repository_id", "")
	counted := q.statement(" GROUP BY d.repository_id")
	outer := &selection{sql: s.sql, args: q.args, head: `SELECT u.repository_id, l.repository, l.time, u.recent, u.passed
		FROM (` + counted + `) AS u JOIN decisions l ON l.log_index = u.last`}
	return readAll(ctx, s, "the repositories", outer, " ORDER BY 2", func(rs rows) (r RepositoryRow, err error) {
		return r, rs.Scan(&r.ID, &r.Name, &r.Last, &r.Decisions, &r.Passed)
	})
}

// RepositoryNames maps every name that a judged repository was ever recorded under to the number of the one that had it last.
func (s *Store) RepositoryNames(ctx context.Context) (map[string]int64, error) {
	q := newSelect(s.sql, `SELECT l.repository, l.repository_id
		FROM (SELECT repository, max(log_index) AS last FROM decisions GROUP BY repository) AS u JOIN decisions l ON l.log_index = u.last`, "", "")
	type row struct {
		name string
		id   int64
	}
	list, err := readAll(ctx, s, "the repositories", q, " ORDER BY 1, 2", func(rs rows) (r row, err error) { return r, rs.Scan(&r.name, &r.id) })
	if err != nil {
		return nil, err
	}
	names := map[string]int64{}
	for _, r := range list {
		names[r.name] = r.id
	}
	return names, nil
}

// WaiverRow is a waiver that was used, in one repository.
type WaiverRow struct {
	Repository string
	WaiverUse  // Resource is one of those it covered
	Resources  int
	Decision   string // id of the last decision in which it was used
	Last       time.Time
}

// Waivers lists the waivers used in the last decision about any pull request since a time, those that end first at the front.
func (s *Store) Waivers(ctx context.Context, scope *Scope, repository string, since time.Time) ([]WaiverRow, error) {
	q := newSelect(s.sql, `SELECT d.repository, w.rule, min(w.resource) AS one, w.reason, w.owner, w.expires,
			count(DISTINCT w.resource) AS resources, max(d.log_index) AS last
		FROM decision_waivers w JOIN decisions d ON d.log_index = w.log_index`, "", "")
	q.within(scope, "d.repository_id", "")
	q.text("d.repository", repository)
	q.period("d.time", since, time.Time{})
	q.where(isLast)
	inner := q.statement(" GROUP BY d.repository, w.rule, w.reason, w.owner, w.expires")
	outer := &selection{sql: s.sql, args: q.args, head: "SELECT u.*, l.id, l.time FROM (" + inner + ") AS u JOIN decisions l ON l.log_index = u.last"}
	return readAll(ctx, s, "the waivers", outer, " ORDER BY u.expires, u.repository, u.rule LIMIT 500", func(rs rows) (w WaiverRow, err error) {
		var last int64
		return w, rs.Scan(&w.Repository, &w.Rule, &w.Resource, &w.Reason, &w.Owner, &w.Expires, &w.Resources, &last, &w.Decision, &w.Last)
	})
}

// FindFilter says what to look for.
type FindFilter struct {
	Pattern string   // shell pattern with * and ?
	Kinds   []string // of terms, and "resource"; empty: all
	Within  *Scope
	All     bool // also decisions that a newer one on the same pull request has replaced
}

// KindResource is the kind of what a pull request changes, beside the kinds of terms.
const KindResource = "resource"

// KindName is the kind of names and ids by which clouds know what a pull request changes.
const KindName = "name"

// Found is a decision that a search found.
type Found struct {
	Decision
	MergedBy    string // "" while it is not merged
	MergeCommit string
}

// Find lists the decisions that changed a resource, a file, were found by a rule, or in which a person or a commit took part,
// newest first; cursor and next as with [Store.Decisions]. A pattern that begins with a wildcard may give fewer than limit and a cursor: it
// has not looked at older ones yet.
func (s *Store) Find(ctx context.Context, f FindFilter, cursor string, limit int) ([]Found, string, error) {
	kinds := f.Kinds
	if len(kinds) == 0 {
		kinds = []string{KindResource, KindName, TermRule, TermFile, TermPerson, TermCommit}
	}
	found, err := s.finders(ctx, kinds, f.Pattern)
	if err != nil {
		return nil, "", err
	}
	build := func() *selection {
		q := newSelect(s.sql, `SELECT `+decisionColumns+`, coalesce(m.merged_by, ''), coalesce(m.commit_sha, '') FROM decisions d
			LEFT JOIN merges m ON m.repository_id = d.repository_id AND m.pull_request = d.pull_request`, "d.log_index", "")
		q.within(f.Within, "d.repository_id", "")
		if !f.All {
			q.where(isLast)
		}
		q.anyOf(found)
		return q
	}
	scan := func(rs rows) (r Found, err error) {
		r.Decision, err = scanDecision(rs, &r.MergedBy, &r.MergeCommit)
		return r, err
	}
	index := func(r Found) int64 { return r.LogIndex }
	if scans(f.Pattern) {
		return scanPage(ctx, s, build, cursor, limit, scan, index)
	}
	return listPage(ctx, s, build(), cursor, limit, scan, index)
}

// Changed lists what a decision does to the resources that a shell pattern matches, or whose name in the cloud it matches, in order, at
// most limit of them.
func (s *Store) Changed(ctx context.Context, logIndex int64, pattern string, limit int) ([]Resource, error) {
	q := newSelect(s.sql, "SELECT r.resource, r.actions FROM decision_resources r", "", "")
	q.where("r.log_index = %s", logIndex)
	if pattern != "" {
		q.named(pattern)
	}
	return readAll(ctx, s, "the resources", q, fmt.Sprintf(" ORDER BY r.resource LIMIT %d", limit), func(rs rows) (r Resource, err error) {
		var actions string
		if err := rs.Scan(&r.Resource, &actions); err != nil {
			return r, err
		}
		return r, json.Unmarshal([]byte(actions), &r.Actions)
	})
}

// Leaf returns an entry of the log as the bytes that were hashed, or [ErrNotFound].
func (s *Store) Leaf(ctx context.Context, index int64) ([]byte, error) {
	leaf, err := oneRow(ctx, s, fmt.Sprintf("entry %d", index), func(rs rows) (leaf string, err error) { return leaf, rs.Scan(&leaf) },
		"SELECT leaf FROM log_entries WHERE idx = "+s.sql.param(1), index)
	return []byte(leaf), err
}
