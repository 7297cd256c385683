package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// A Merge says how a pull request landed.
type Merge struct {
	RepositoryID int64
	Repository   string // owner/name; not read back
	PullRequest  int
	Commit       string // on the base branch
	MergedBy     string
	Base         string // branch
	Time         time.Time
}

// RecordMerge stores how a pull request landed, with an entry in the log. The same once more changes nothing.
func (s *Store) RecordMerge(ctx context.Context, m Merge) error {
	m.Time = stamp(m.Time)
	if m.Time.IsZero() {
		m.Time = s.now()
	}
	err := s.write(ctx, func(c conn) error {
		head, err := s.head(ctx, c, s.sql.logHead)
		if err != nil {
			return err
		}
		detail := map[string]any{"repository_id": m.RepositoryID, "base": m.Base}
		var other int
		found, err := first(ctx, c, "SELECT 1 FROM log_entries WHERE type = '"+EntryMerge+"' LIMIT 1", nil, &other)
		if err == nil && !found {
			// The first entry of its type says how many merges were stored before there were such entries.
			_, err = first(ctx, c, "SELECT count(*) FROM merges", nil, &other)
			detail["older"] = other
		}
		if err != nil {
			return err
		}
		_, err = s.appendTo(ctx, c, head, []Entry{{
			Time: m.Time, Type: EntryMerge, Actor: m.MergedBy, Repository: m.Repository, PullRequest: m.PullRequest, Commit: m.Commit,
			Key:    fmt.Sprintf("merge/%d/%d/%s", m.RepositoryID, m.PullRequest, ledger.Digest([]byte(m.Commit+" "+m.MergedBy+" "+m.Base))),
			Detail: detail,
		}})
		if err != nil {
			return err
		}
		_, err = c.exec(ctx, s.sql.putMerge, m.RepositoryID, m.PullRequest, m.Commit, m.MergedBy, m.Base, m.Time)
		return err
	})
	if err != nil {
		return fmt.Errorf("recording a merge: %w", err)
	}
	return nil
}

// Merge returns how a pull request landed, or [ErrNotFound].
func (s *Store) Merge(ctx context.Context, repositoryID int64, pullRequest int) (Merge, error) {
	return oneRow(ctx, s, "the merge", scanMerge, s.sql.merge, repositoryID, pullRequest)
}

func scanMerge(rs rows) (m Merge, err error) {
	return m, rs.Scan(&m.RepositoryID, &m.PullRequest, &m.Commit, &m.MergedBy, &m.Base, &m.Time)
}

// mergeEntry is what an entry says of how a pull request landed.
type mergeEntry struct {
	Index       int64  `json:"index"`
	Actor       string `json:"actor"`
	Repository  string `json:"repository"`
	PullRequest int    `json:"pull_request"`
	Commit      string `json:"commit"`
	Detail      struct {
		RepositoryID int64  `json:"repository_id"`
		Base         string `json:"base"`
		Older        int    `json:"older"` // of the first one: how many merges were stored before
	} `json:"detail"`
}

// mergeOf reads an entry of that type; what it does not say is nothing that a row could agree with.
func mergeOf(leaf []byte) (e mergeEntry) {
	if err := json.Unmarshal(leaf, &e); err != nil {
		return mergeEntry{}
	}
	return e
}

// tells reports whether the entry says what a row does.
func (e *mergeEntry) tells(m Merge) bool {
	return presented(m.Commit) == e.Commit && presented(m.MergedBy) == e.Actor && presented(m.Base) == e.Detail.Base
}

func (e *mergeEntry) key() mergeKey { return mergeKey{e.Detail.RepositoryID, e.PullRequest} }

// wrong says that how a pull request was merged was changed behind the log's back.
func (e *mergeEntry) wrong(what string) error {
	return &ledger.Mismatch{Index: e.Index, End: e.Index + 1, Reason: fmt.Sprintf("how %s#%d was merged is not what the log says: %s", e.Repository, e.PullRequest, what)}
}

// mergeKey names a pull request.
type mergeKey struct {
	repository int64
	number     int
}

// verifyMerges holds what is stored of merges against the last entry about each, in the order of the log. whole says that these are all
// entries there are: then there may be as many rows without one as there were before the first of them.
func (s *Store) verifyMerges(ctx context.Context, entries []mergeEntry, whole bool) error {
	if len(entries) == 0 {
		return nil
	}
	logged := map[mergeKey]mergeEntry{}
	for _, e := range entries {
		logged[e.key()] = e
	}
	list, err := readAll(ctx, s, "the merges", newSelect(s.sql, "SELECT repository_id, pull_request, commit_sha, merged_by, base, time FROM merges", "", ""), "", scanMerge)
	if err != nil {
		return err
	}
	older := 0
	for _, m := range list {
		key := mergeKey{m.RepositoryID, m.PullRequest}
		e, ok := logged[key]
		delete(logged, key)
		if !ok && !whole || ok && e.tells(m) {
			continue
		}
		// A later entry may say so, which was written while this was reading.
		switch last, err := s.newestMerge(ctx, key); {
		case err == nil && last.Index > e.Index && last.tells(m):
		case err != nil && !errors.Is(err, ErrNotFound):
			return err
		case ok:
			return e.wrong("the commit, the branch or who merged it was changed")
		default:
			if older++; older > entries[0].Detail.Older {
				return entries[0].wrong(fmt.Sprintf("there are more merges without an entry than the %d from before there were such entries; one was slipped in, such as that of #%d of repository %d",
					entries[0].Detail.Older, m.PullRequest, m.RepositoryID))
			}
		}
	}
	for _, e := range entries {
		if _, gone := logged[e.key()]; gone {
			return e.wrong("its row is gone")
		}
	}
	return nil
}

// newestMerge is the last entry about how a pull request landed; [ErrNotFound] when there is none.
func (s *Store) newestMerge(ctx context.Context, key mergeKey) (e mergeEntry, err error) {
	var list []Entry
	for cursor := ""; ; {
		list, cursor, err = s.Entries(ctx, EntryFilter{Type: EntryMerge, PullRequest: key.number}, cursor, 100)
		if err != nil {
			return e, err
		}
		for _, one := range list {
			text, err := json.Marshal(one)
			if err == nil {
				err = json.Unmarshal(text, &e)
			}
			if err != nil || e.Detail.RepositoryID == key.repository {
				return e, err
			}
		}
		if cursor == "" {
			return e, ErrNotFound
		}
	}
}
