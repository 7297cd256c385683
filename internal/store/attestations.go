package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
)

// Attestation is Detail.what of the audit entry of type publication that names a commit's signed attestation: the entry's
// Commit is the one that landed, Detail.digest names the envelope.
const Attestation = "attestation"

// Attestation returns the signed envelope about a commit, the newest one of the repositories of the scope, and which repository
// it is about; [ErrNotFound] when there is none. repository, OWNER/NAME, may be "". The log is the index, so a row that somebody
// adds behind its back is not found.
func (s *Store) Attestation(ctx context.Context, commit, repository string, scope *Scope) (envelope []byte, of string, err error) {
	if commit == "" {
		return nil, "", fmt.Errorf("reading the attestation: %w", ErrNotFound)
	}
	filter := EntryFilter{Type: EntryPublication, Commit: commit, Repository: repository, Within: scope}
	for cursor := ""; ; {
		entries, next, err := s.Entries(ctx, filter, cursor, 100)
		if err != nil {
			return nil, "", fmt.Errorf("reading the attestation of %s: %w", commit, err)
		}
		for _, e := range entries {
			digest, _ := e.Detail["digest"].(string)
			if e.Detail["what"] != Attestation || digest == "" {
				continue
			}
			envelope, err := s.Facts(ctx, digest)
			return envelope, e.Repository, err
		}
		if cursor = next; next == "" {
			return nil, "", fmt.Errorf("reading the attestation of %s: %w", commit, ErrNotFound)
		}
	}
}

// MaxAlong is how many commits an entry names that came along with its own.
const MaxAlong = 1000

// cutAlong puts the commits that came along into the entry's detail.
func (e *Entry) cutAlong() {
	if len(e.Along) == 0 {
		return
	}
	e.Detail = maps.Clone(e.Detail)
	if more := len(e.Along) - MaxAlong; more > 0 {
		e.Along = e.Along[more:] // the newest ones
		e.Detail["more_along"] = more
	}
	e.Detail["along"] = e.Along
}

func (s *Store) putAlong(ctx context.Context, c conn, e Entry) error {
	if len(e.Along) == 0 {
		return nil
	}
	encoded, err := json.Marshal(e.Along)
	if err != nil {
		return fmt.Errorf("encoding the commits that came along: %w", err)
	}
	if _, err := c.exec(ctx, s.sql.putEntryAlong, e.Index, string(encoded)); err != nil {
		return fmt.Errorf("storing the commits that came along: %w", err)
	}
	return nil
}

// A Landing is how a commit without an attestation of its own came to a branch.
type Landing struct {
	Commit string
	Final  string // that it came along with; "": it is what landed itself
	Branch string
	Number int    // of the pull request; 0: a push
	Bypass bool   // around the gate
	Why    string // with Bypass
	Entry  int64  // of the log, which says so
}

// Landing says how a commit landed that has no attestation: around the gate, or together with another one; [ErrNotFound] when the log
// does not know.
func (s *Store) Landing(ctx context.Context, commit, repository string, scope *Scope) (Landing, error) {
	for _, try := range []struct {
		filter EntryFilter
		along  bool
	}{
		{EntryFilter{Type: EntryBypass, Commit: commit}, false},
		{EntryFilter{Type: EntryBypass, Along: commit}, true},
		{EntryFilter{Type: EntryPublication, Along: commit}, true},
	} {
		if commit == "" {
			break
		}
		try.filter.Repository, try.filter.Within = repository, scope
		list, _, err := s.Entries(ctx, try.filter, "", 1)
		if err != nil {
			return Landing{}, fmt.Errorf("reading how %s landed: %w", commit, err)
		}
		if len(list) > 0 && (!try.along || list[0].brought(commit)) {
			return landingOf(commit, list[0], try.along), nil
		}
	}
	return Landing{}, fmt.Errorf("reading how %s landed: %w", commit, ErrNotFound)
}

func landingOf(commit string, e Entry, along bool) Landing {
	l := Landing{Commit: commit, Number: e.PullRequest, Bypass: e.Type == EntryBypass, Entry: e.Index}
	l.Branch, _ = e.Detail["branch"].(string)
	if l.Bypass {
		l.Why, _ = e.Detail["reason"].(string)
	}
	if along {
		l.Final = e.Commit
	}
	return l
}

// brought reports whether the entry itself, which the log proves, names a commit as one that came along.
func (e *Entry) brought(commit string) bool {
	list, _ := e.Detail["along"].([]any)
	for _, v := range list {
		if v == commit {
			return true
		}
	}
	return false
}
