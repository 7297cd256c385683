package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// Types of audit entries.
const (
	EntryDecision      = "decision"
	EntryPublication   = "publication"
	EntryPlan          = "plan"
	EntryWaiver        = "waiver"
	EntryBreakGlass    = "break-glass"
	EntryBypass        = "bypass"
	EntryPosture       = "posture"
	EntryConfiguration = "configuration"
	EntryLogin         = "login"
	EntryExport        = "export"
	EntryRetention     = "retention"
	EntryMerge         = "merge"
)

// EntryTypes are all of them.
func EntryTypes() []string {
	return []string{
		EntryDecision, EntryPublication, EntryPlan, EntryWaiver, EntryBreakGlass, EntryBypass, EntryPosture, EntryConfiguration, EntryLogin,
		EntryExport, EntryRetention, EntryMerge,
	}
}

// An Entry is one line of the audit log. Its JSON is public and, in canonical form, what the log's tree is made of.
type Entry struct {
	Index       int64          `json:"index"` // given by the log, from 0 without gaps
	Time        time.Time      `json:"time"`  // zero: now
	Type        string         `json:"type"`
	Actor       string         `json:"actor"`
	Repository  string         `json:"repository"` // owner/name
	PullRequest int            `json:"pull_request"`
	Commit      string         `json:"commit"`
	Resources   []string       `json:"resources"`
	Verdict     string         `json:"verdict"`
	Policy      string         `json:"policy"` // digest
	Facts       string         `json:"facts"`  // digest
	SourceIP    string         `json:"source_ip"`
	Detail      map[string]any `json:"detail"`

	// Along are commits that came to a branch together with Commit: the entry is found by them, too, and Detail.along names them, at
	// most [MaxAlong], and Detail.more_along how many more there are.
	Along []string `json:"-"`

	// Key, when set, makes the entry one of its kind: appending it again changes nothing.
	Key string `json:"-"`
}

// A Resource is something that a pull request changes.
type Resource struct {
	Resource string
	Actions  []string
	Names    []string // that the cloud knows it by; it is found by them, and they are not read back
}

// A Record is a decision with everything that is kept about it.
type Record struct {
	ID           string
	RepositoryID int64
	Repository   string // owner/name
	PullRequest  int
	Title        string // of the pull request
	Author       string
	Approvers    []string // those whose approval counted
	Base         string
	Head         string
	Verdict      string
	Time         time.Time // zero: now
	Facts        []byte    // canonical JSON
	Decision     []byte    // canonical JSON
	FactsDigest  string    // of Facts; "": worked out
	PolicyDigest string
	Resources    []Resource
	Terms        []Term      // what else it is found by
	Waivers      []WaiverUse // findings that a waiver covered

	// Entry is the audit entry. What it leaves out is filled in from the record; its detail gets the decision's id and digest.
	Entry Entry

	// Blobs are further contents to keep, by digest: what the facts refer to.
	Blobs map[string][]byte

	// Evidence is what the rules saw; nil: it is not kept.
	Evidence *Evidence

	// Publish is the work that brings the decision to GitHub.
	Publish []Work

	// Supersedes says that decisions for other heads of the pull request that are not published yet need not be.
	Supersedes bool
}

// Record stores a decision: its row, facts, audit entry, signed checkpoint, pending publication and work, in one transaction.
// A record whose ID is already stored changes nothing, and gives the stored one's position, so after an error the caller may
// try again; if what is stored differs, the error is [ErrConflict].
func (s *Store) Record(ctx context.Context, r Record) (Position, error) {
	if r.ID == "" || len(r.ID) > maxKey || r.Head == "" {
		return Position{}, errors.New("recording a decision: it needs an id and a head commit")
	}
	if digest := ledger.Digest(r.Facts); r.FactsDigest == "" {
		r.FactsDigest = digest
	} else if r.FactsDigest != digest {
		return Position{}, fmt.Errorf("recording decision %s: its facts have the digest %s, not %s", r.ID, digest, r.FactsDigest)
	}
	r.Time = stamp(r.Time)
	if r.Time.IsZero() {
		r.Time = s.now()
	}
	var p Position
	err := s.withBlobs(ctx, r.contents(), func(put func(conn) error) error {
		return s.write(ctx, func(c conn) (err error) {
			p, err = s.record(ctx, c, r, put)
			return err
		})
	})
	if err != nil {
		return Position{}, fmt.Errorf("recording decision %s: %w", r.ID, err)
	}
	return p, nil
}

// record writes everything about a decision. put writes the blobs.
func (s *Store) record(ctx context.Context, c conn, r Record, put func(conn) error) (Position, error) {
	head, err := s.head(ctx, c, s.sql.logHead)
	if err != nil {
		return Position{}, err
	}
	stored, err := s.storedBefore(ctx, c, r)
	if err != nil || stored >= 0 {
		return Position{Index: stored, Size: head.size, Root: head.root.String(), Checkpoint: head.checkpoint}, err
	}
	entry, err := entryOf(r)
	if err != nil {
		return Position{}, err
	}
	p, err := s.appendTo(ctx, c, head, []Entry{entry})
	if err != nil {
		return p, err
	}
	if err := put(c); err != nil {
		return p, err
	}
	if err := s.putDecision(ctx, c, r, p.Index); err != nil {
		return p, err
	}
	return p, s.enqueue(ctx, c, r.Publish)
}

// storedBefore returns the log index of a decision that was stored by an earlier try, -1 if there is none.
func (s *Store) storedBefore(ctx context.Context, c conn, r Record) (int64, error) {
	d, found, err := s.oneDecision(ctx, c, s.sql.decision, r.ID)
	if err != nil || !found {
		return -1, err
	}
	if d.Head != r.Head || d.FactsDigest != r.FactsDigest || !bytes.Equal(d.Decision, r.Decision) {
		return -1, ErrConflict
	}
	return d.LogIndex, nil
}

// entryOf fills in what a record's audit entry left out.
func entryOf(r Record) (Entry, error) {
	e := r.Entry
	fill := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	fill(&e.Type, EntryDecision)
	fill(&e.Actor, r.Author)
	fill(&e.Repository, r.Repository)
	fill(&e.Commit, r.Head)
	fill(&e.Verdict, r.Verdict)
	fill(&e.Policy, r.PolicyDigest)
	fill(&e.Facts, r.FactsDigest)
	if e.PullRequest == 0 {
		e.PullRequest = r.PullRequest
	}
	if e.Time.IsZero() {
		e.Time = r.Time
	}
	if e.Resources == nil {
		for _, res := range r.Resources {
			e.Resources = append(e.Resources, res.Resource)
		}
	}
	e.Detail = maps.Clone(e.Detail)
	if e.Detail == nil {
		e.Detail = map[string]any{}
	}
	rows, err := r.foundRows()
	if err != nil {
		return e, err
	}
	if e.Detail["rows"], err = foundDigests(rows); err != nil {
		return e, err
	}
	e.Detail["pull_request_title"], e.Detail["author"], e.Detail["base"], e.Detail["repository_id"] = r.Title, r.Author, r.Base, r.RepositoryID
	e.Detail["approvers"] = append([]string{}, r.Approvers...)
	e.Detail["decision"] = r.ID
	e.Detail["decision_digest"] = ledger.Digest(r.Decision)
	if r.Evidence != nil {
		e.Detail["evidence"] = ledger.Digest(r.Evidence.Manifest)
		if len(r.Evidence.Rules) > 0 {
			e.Detail["rules"] = slices.Sorted(maps.Keys(r.Evidence.Rules))
		}
	}
	return e, nil
}

func (s *Store) putDecision(ctx context.Context, c conn, r Record, index int64) error {
	body, err := pack(r.Decision)
	if err != nil {
		return err
	}
	approvers, err := json.Marshal(append([]string{}, r.Approvers...))
	if err != nil {
		return fmt.Errorf("encoding the approvers: %w", err)
	}
	_, err = c.exec(ctx, s.sql.putDecision, index, r.ID, r.RepositoryID, clip(r.Repository), r.PullRequest, r.Title, clip(r.Author),
		string(approvers), r.Base, r.Head, r.Verdict, r.Time, r.FactsDigest, r.PolicyDigest, body)
	if err != nil {
		return fmt.Errorf("storing the decision: %w", err)
	}
	type row struct {
		Resource string `json:"resource"`
		Actions  string `json:"actions"`
	}
	list := make([]row, len(r.Resources))
	for i, res := range r.Resources {
		actions, err := json.Marshal(append([]string{}, res.Actions...))
		if err != nil {
			return fmt.Errorf("encoding actions: %w", err)
		}
		list[i] = row{searchable(res.Resource), string(actions)}
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("encoding resources: %w", err)
	}
	if _, err := c.exec(ctx, s.sql.putDecRes, index, string(encoded)); err != nil {
		return fmt.Errorf("storing the decision's resources: %w", err)
	}
	if err := s.putNames(ctx, c, r, index); err != nil {
		return err
	}
	if err := s.putTerms(ctx, c, r, index); err != nil {
		return err
	}
	if err := s.putEvidence(ctx, c, r, index); err != nil {
		return err
	}
	if r.Supersedes {
		_, err := c.exec(ctx, s.sql.supersede, r.RepositoryID, r.PullRequest, r.Head, "a newer commit was evaluated: "+r.Head, r.Time)
		if err != nil {
			return fmt.Errorf("superseding older publications: %w", err)
		}
	}
	if _, err := c.exec(ctx, s.sql.pendPub, r.RepositoryID, r.PullRequest, r.Head, r.ID, r.Time); err != nil {
		return fmt.Errorf("storing the publication: %w", err)
	}
	return nil
}

// Append adds audit entries, and the work that they lead to, in one transaction. Entries whose Key is already in the log are
// left out. The position is that of the last entry given.
func (s *Store) Append(ctx context.Context, entries []Entry, works ...Work) (Position, error) {
	var p Position
	err := s.write(ctx, func(c conn) error {
		head, err := s.head(ctx, c, s.sql.logHead)
		if err != nil {
			return err
		}
		if p, err = s.appendTo(ctx, c, head, entries); err != nil {
			return err
		}
		return s.enqueue(ctx, c, works)
	})
	if err != nil {
		return Position{}, fmt.Errorf("writing to the audit log: %w", err)
	}
	return p, nil
}

// appendTo adds entries to the log whose locked head is given, unless the log is not to be continued.
func (s *Store) appendTo(ctx context.Context, c conn, head logHead, entries []Entry) (Position, error) {
	if err := s.guard(ctx, c); err != nil {
		return Position{}, err
	}
	return s.extend(ctx, c, head, entries)
}

// extend adds entries to the log whose locked head is given: entries, hashes, checkpoint.
func (s *Store) extend(ctx context.Context, c conn, head logHead, entries []Entry) (Position, error) {
	p := Position{Index: head.size - 1, Size: head.size, Root: head.root.String(), Checkpoint: head.checkpoint}
	var leaves [][]byte
	for _, e := range entries {
		if e.Key != "" {
			found, err := first(ctx, c, s.sql.entryByKey, []any{e.Key}, &p.Index)
			if err != nil {
				return p, fmt.Errorf("looking for an entry's key: %w", err)
			}
			if found {
				continue
			}
		}
		e.Index = head.size + int64(len(leaves))
		leaf, err := s.putEntry(ctx, c, e)
		if err != nil {
			return p, err
		}
		leaves = append(leaves, leaf)
		p.Index = e.Index
	}
	if len(leaves) == 0 {
		return p, nil
	}
	added, err := ledger.Append(s.reader(ctx, c), head.size, leaves)
	if err != nil {
		return p, fmt.Errorf("hashing the log's entries: %w", err)
	}
	for _, h := range added.Hashes {
		if _, err := c.exec(ctx, s.sql.putHash, h.Index, h.Hash[:]); err != nil {
			return p, fmt.Errorf("storing a hash of the log: %w", err)
		}
	}
	p.Size, p.Root = added.Size, added.Root.String()
	p.Checkpoint, err = s.putHead(ctx, c, added.Size, added.Root)
	return p, err
}

// putEntry stores an entry's row and returns its leaf.
func (s *Store) putEntry(ctx context.Context, c conn, e Entry) ([]byte, error) {
	e.Time = stamp(e.Time)
	if e.Time.IsZero() {
		e.Time = s.now()
	}
	if e.Type == "" || len(e.Key) > maxKey {
		return nil, fmt.Errorf("an audit entry needs a type, and its key at most %d bytes", maxKey)
	}
	if e.Resources == nil {
		e.Resources = []string{}
	}
	if e.Detail == nil {
		e.Detail = map[string]any{}
	}
	e.cutAlong()
	// Through encoding/json first, which makes text of strangers that is not UTF-8 presentable, where Canonical refuses it.
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding an audit entry: %w", err)
	}
	leaf, err := ledger.CanonicalJSON(text)
	if err != nil {
		return nil, fmt.Errorf("encoding an audit entry: %w", err)
	}
	_, err = c.exec(ctx, s.sql.putEntry, e.Index, e.Key, e.Time, e.Type, clip(e.Actor), clip(e.Repository), e.PullRequest, clip(e.Commit), e.Verdict, string(leaf))
	if err != nil {
		return nil, fmt.Errorf("storing an audit entry: %w", err)
	}
	resources := make([]string, len(e.Resources))
	for i, r := range e.Resources {
		resources[i] = searchable(presented(r))
	}
	encoded, err := json.Marshal(resources)
	if err != nil {
		return nil, fmt.Errorf("encoding resources: %w", err)
	}
	if _, err := c.exec(ctx, s.sql.putEntryRes, e.Index, string(encoded)); err != nil {
		return nil, fmt.Errorf("storing an audit entry's resources: %w", err)
	}
	return leaf, s.putAlong(ctx, c, e)
}

// searchable is text as its column holds it: short enough for an index, and without what PostgreSQL's JSON cannot hold.
func searchable(s string) string {
	return clip(strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD"))
}
