package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Dropped is what [Store.Drop] has dropped.
type Dropped struct {
	Blobs int
	Bytes int64 // as they were stored
	Entry int64 // of the log, which says so; -1: nothing was dropped
}

// Drop deletes what decisions were made from, once they are older than before: their facts, what the rules saw, and the plans that
// workflows handed in. Entries, hashes and the decisions themselves stay, with the digests of what is gone. What a younger decision
// refers to stays, too, as does what belongs to the last decision about a pull request that may still be open. That it was dropped is
// an entry of the log, written first: should the deletion break off, the next call goes on.
func (s *Store) Drop(ctx context.Context, before time.Time) (Dropped, error) {
	out := Dropped{Entry: -1}
	before = before.UTC().Truncate(time.Second) // as the entry tells it
	digests, err := s.droppable(ctx, before)
	if err == nil && len(digests) > 0 {
		detail := map[string]any{"before": before.Format(time.RFC3339), "blobs": len(digests)}
		var p Position
		if p, err = s.Append(ctx, []Entry{{Type: EntryRetention, Actor: "gatehouse", Detail: detail}}); err == nil {
			out.Entry = p.Index
		}
		for batch := range slices.Chunk(digests, blobsAtOnce/2) {
			if err == nil {
				err = s.dropBatch(ctx, before, batch, &out)
			}
		}
	}
	if err != nil {
		return out, fmt.Errorf("dropping what decisions before %s were made from: %w", before.Format(time.RFC3339), err)
	}
	return out, nil
}

// old selects the decisions that are old enough: parameter 1 is the time, 2 the reason of publications of closed pull requests.
func (s *Store) old() string {
	one, two := s.sql.param(1), s.sql.param(2)
	return `SELECT d.log_index, d.facts_digest FROM decisions d WHERE d.time < ` + one + ` AND (
		d.pull_request = 0
		OR EXISTS (SELECT 1 FROM decisions l WHERE l.repository_id = d.repository_id AND l.pull_request = d.pull_request AND l.log_index > d.log_index)
		OR EXISTS (SELECT 1 FROM merges m WHERE m.repository_id = d.repository_id AND m.pull_request = d.pull_request)
		OR EXISTS (SELECT 1 FROM publications p WHERE p.repository_id = d.repository_id AND p.pull_request = d.pull_request AND p.head = d.head
			AND p.state = '` + Superseded + `' AND p.reason = ` + two + `))`
}

// droppable lists the blobs that may go.
func (s *Store) droppable(ctx context.Context, before time.Time) ([]string, error) {
	statement := `WITH old AS (` + s.old() + `)
		SELECT b.digest FROM blobs b WHERE b.digest IN (
				SELECT facts_digest FROM old UNION SELECT x.digest FROM decision_blobs x JOIN old ON old.log_index = x.log_index)
			AND NOT EXISTS (SELECT 1 FROM decisions k WHERE k.facts_digest = b.digest AND k.log_index NOT IN (SELECT log_index FROM old))
			AND NOT EXISTS (SELECT 1 FROM decision_blobs y WHERE y.digest = b.digest AND y.log_index NOT IN (SELECT log_index FROM old))
		ORDER BY b.digest`
	var list []string
	err := s.engine.read(ctx, func(c conn) (err error) {
		list, err = collect(ctx, c, scanText, statement, before, ReasonClosed)
		if err != nil {
			return err
		}
		plans, err := s.droppablePlans(ctx, c, before)
		list = append(list, plans...)
		return err
	})
	return list, err
}

func scanText(rs rows) (text string, err error) { return text, rs.Scan(&text) }

// droppablePlans lists the plans that were handed in before, and not again since, and not for a head that may still be judged.
func (s *Store) droppablePlans(ctx context.Context, c conn, before time.Time) ([]string, error) {
	type plan struct {
		leaf string
		live bool
	}
	statement := `SELECT e.leaf, e.time >= ` + s.sql.param(1) + ` OR EXISTS (SELECT 1 FROM decisions d WHERE d.head = e.commit_sha
			AND d.log_index NOT IN (SELECT log_index FROM (` + s.old() + `) o))
		FROM log_entries e WHERE e.type = '` + EntryPlan + `'`
	entries, err := collect(ctx, c, func(rs rows) (p plan, err error) { return p, rs.Scan(&p.leaf, &p.live) }, statement, before, ReasonClosed)
	if err != nil {
		return nil, err
	}
	live := map[string]bool{}
	for _, p := range entries {
		var e struct {
			Detail struct {
				Kept string `json:"kept"`
			} `json:"detail"`
		}
		if err := json.Unmarshal([]byte(p.leaf), &e); err != nil {
			return nil, fmt.Errorf("reading an entry about a plan: %w", err)
		}
		if e.Detail.Kept != "" {
			live[e.Detail.Kept] = live[e.Detail.Kept] || p.live
		}
	}
	var old []string
	for digest, is := range live {
		if !is {
			old = append(old, digest)
		}
	}
	slices.Sort(old)
	var out []string
	for batch := range slices.Chunk(old, blobsAtOnce) {
		there, err := collect(ctx, c, scanText, "SELECT digest FROM blobs WHERE digest IN ("+s.params(len(batch))+")", anyOf(batch)...)
		if err != nil {
			return nil, err
		}
		out = append(out, there...)
	}
	return out, nil
}

// dropBatch deletes blobs, but for those that a decision has come to refer to meanwhile. It holds the log's head, as everybody does who
// records a decision, so that none comes in between.
func (s *Store) dropBatch(ctx context.Context, before time.Time, batch []string, out *Dropped) error {
	return s.write(ctx, func(c conn) error {
		if _, err := s.head(ctx, c, s.sql.logHead); err != nil {
			return err
		}
		n, args := len(batch), append(anyOf(batch), before)
		younger := s.sql.param(n + 1)
		where := ` WHERE digest IN (` + s.params(n) + `)
			AND NOT EXISTS (SELECT 1 FROM decisions k WHERE k.facts_digest = blobs.digest AND k.time >= ` + younger + `)
			AND NOT EXISTS (SELECT 1 FROM decision_blobs y JOIN decisions k ON k.log_index = y.log_index
				WHERE y.digest = blobs.digest AND k.time >= ` + younger + `)`
		var bytes int64
		if _, err := first(ctx, c, "SELECT coalesce(sum(length(data)), 0) FROM blobs"+where, args, &bytes); err != nil {
			return err
		}
		gone, err := c.exec(ctx, "DELETE FROM blobs"+where, args...)
		out.Blobs += int(gone)
		out.Bytes += bytes
		return err
	})
}

// Retention says until when what decisions were made from may have been dropped, and by which entry of the log: the last one; -1 when
// nothing ever was.
func (s *Store) Retention(ctx context.Context) (before time.Time, entry int64, err error) {
	entry = -1
	for cursor := ""; ; {
		list, next, err := s.Entries(ctx, EntryFilter{Type: EntryRetention}, cursor, 100)
		if err != nil {
			return before, entry, err
		}
		for _, e := range list {
			if at := retentionOf(e); at.After(before) {
				before, entry = at, e.Index
			}
		}
		if cursor = next; next == "" {
			return before, entry, nil
		}
	}
}

// retentionOf is the time before which an entry of that type says that things were dropped.
func retentionOf(e Entry) time.Time {
	text, _ := e.Detail["before"].(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at
}
