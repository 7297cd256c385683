package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// Evidence is what the rules saw of a decision, as blobs. The log's entry names the digest of the manifest; the manifest, a JSON
// object, lists the digests of all the others under "parts", and that of the changes, if there are any, under "changes".
type Evidence struct {
	Manifest []byte
	Parts    map[string][]byte // by digest
	Changes  []byte            // what happens to each resource, for people; nil: nothing
	Rules    map[string][]byte // the text of the rules, by digest; the entry names them itself
}

// What a blob of a decision is.
const (
	blobManifest = "manifest"
	blobPart     = "part"
	blobChanges  = "changes"
	blobRules    = "rules"
)

// errBlobsGone says that blobs which were there before a transaction are not there in it.
var errBlobsGone = errors.New("blobs were deleted meanwhile")

// contents are all blobs of a record by digest.
func (r *Record) contents() map[string][]byte {
	out := maps.Clone(r.Blobs)
	if out == nil {
		out = map[string][]byte{}
	}
	out[r.FactsDigest] = r.Facts
	if e := r.Evidence; e != nil {
		maps.Copy(out, e.Parts)
		maps.Copy(out, e.Rules)
		out[ledger.Digest(e.Manifest)] = e.Manifest
		if e.Changes != nil {
			out[ledger.Digest(e.Changes)] = e.Changes
		}
	}
	return out
}

// withBlobs runs do with the blobs that the database does not have yet, packed. Most of a decision's are those of the decision
// before, and packing them again would cost more than all the rest. Should some be deleted in between, all are packed.
func (s *Store) withBlobs(ctx context.Context, blobs map[string][]byte, do func(put func(conn) error) error) error {
	known, err := s.knownBlobs(ctx, slices.Collect(maps.Keys(blobs)))
	if err != nil {
		return err
	}
	for {
		missing := maps.Clone(blobs)
		for _, digest := range known {
			delete(missing, digest)
		}
		packed, err := packAll(missing)
		if err != nil {
			return err
		}
		err = do(func(c conn) error {
			if err := s.putBlobs(ctx, c, packed); err != nil {
				return err
			}
			there, err := s.countBlobs(ctx, c, known)
			if err == nil && there != len(known) {
				err = errBlobsGone
			}
			return err
		})
		if !errors.Is(err, errBlobsGone) {
			return err
		}
		known = nil
	}
}

// blobsAtOnce bounds the parameters of one statement.
const blobsAtOnce = 500

// knownBlobs gives those of the digests that the database has.
func (s *Store) knownBlobs(ctx context.Context, digests []string) ([]string, error) {
	var out []string
	err := s.engine.read(ctx, func(c conn) error {
		out = nil
		for batch := range slices.Chunk(digests, blobsAtOnce) {
			list, err := collect(ctx, c, func(rs rows) (d string, err error) { return d, rs.Scan(&d) },
				"SELECT digest FROM blobs WHERE digest IN ("+s.params(len(batch))+")", anyOf(batch)...)
			if err != nil {
				return err
			}
			out = append(out, list...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for what is stored already: %w", err)
	}
	return out, nil
}

func (s *Store) countBlobs(ctx context.Context, c conn, digests []string) (int, error) {
	total := 0
	for batch := range slices.Chunk(digests, blobsAtOnce) {
		var n int
		if _, err := first(ctx, c, "SELECT count(*) FROM blobs WHERE digest IN ("+s.params(len(batch))+")", anyOf(batch), &n); err != nil {
			return 0, fmt.Errorf("looking for what is stored already: %w", err)
		}
		total += n
	}
	return total, nil
}

func anyOf(list []string) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// putEvidence notes which blobs hold what the rules saw.
func (s *Store) putEvidence(ctx context.Context, c conn, r Record, index int64) error {
	if r.Evidence == nil {
		return nil
	}
	type row struct {
		What   string `json:"what"`
		Digest string `json:"digest"`
	}
	list := []row{{blobManifest, ledger.Digest(r.Evidence.Manifest)}}
	for digest := range r.Evidence.Parts {
		list = append(list, row{blobPart, digest})
	}
	for digest := range r.Evidence.Rules {
		list = append(list, row{blobRules, digest})
	}
	if r.Evidence.Changes != nil {
		list = append(list, row{blobChanges, ledger.Digest(r.Evidence.Changes)})
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("encoding what the rules saw: %w", err)
	}
	if _, err := c.exec(ctx, s.sql.putEvidence, index, string(encoded)); err != nil {
		return fmt.Errorf("storing what the rules saw: %w", err)
	}
	return nil
}

// Changes returns what a decision does to each resource, as it was given to [Store.Record]; [ErrNotFound] when there is nothing, or
// when it was dropped by age.
func (s *Store) Changes(ctx context.Context, logIndex int64) ([]byte, error) {
	digest, err := oneRow(ctx, s, "what the decision changes", func(rs rows) (d string, err error) { return d, rs.Scan(&d) },
		"SELECT digest FROM decision_blobs WHERE log_index = "+s.sql.param(1)+" AND what = '"+blobChanges+"'", logIndex)
	if err != nil {
		return nil, err
	}
	return s.Facts(ctx, digest)
}

// verifyEvidence holds the blobs of a decision against the log's entry, which names the manifest. checked remembers those that were
// found to be sound, for decisions share them. What may be gone, because the log says that it was dropped by age, may be gone in part
// while that is under way.
func (s *Store) verifyEvidence(ctx context.Context, logged decisionEntry, checked map[string]bool, mayBeGone bool) error {
	manifest := logged.Detail.Evidence
	type row struct{ what, digest string }
	q := newSelect(s.sql, "SELECT what, digest FROM decision_blobs", "", "")
	q.where("log_index = %s", logged.Index)
	list, err := readAll(ctx, s, "what the rules saw", q, "", func(rs rows) (r row, err error) { return r, rs.Scan(&r.what, &r.digest) })
	if err != nil {
		return err
	}
	if manifest == "" {
		if len(list) > 0 {
			return errors.New("the log knows of nothing that the rules saw")
		}
		return nil
	}
	data, err := s.Facts(ctx, manifest)
	if errors.Is(err, ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	var named struct {
		Parts   []string `json:"parts"`
		Changes string   `json:"changes"`
	}
	if err := json.Unmarshal(data, &named); err != nil {
		return fmt.Errorf("reading %s: %w", manifest, err)
	}
	want := map[row]bool{{blobManifest, manifest}: true}
	for _, digest := range named.Parts {
		want[row{blobPart, digest}] = true
	}
	for _, digest := range logged.Detail.Rules {
		want[row{blobRules, digest}] = true
	}
	if named.Changes != "" {
		want[row{blobChanges, named.Changes}] = true
	}
	for _, r := range list {
		if !want[r] {
			return fmt.Errorf("%s is not among what the rules saw", r.digest)
		}
		delete(want, r)
		if checked[r.digest] {
			continue
		}
		if _, err := s.Facts(ctx, r.digest); errors.Is(err, ErrNotFound) && mayBeGone {
			continue
		} else if err != nil {
			return err
		}
		checked[r.digest] = true
	}
	for r := range want {
		return fmt.Errorf("%s is missing among what the rules saw", r.digest)
	}
	return nil
}
