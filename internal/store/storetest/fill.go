package storetest

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Fill gives an empty SQLite database a log of many entries, one in ten of which is a decision with facts, as appending them one by one
// would have: each under a checkpoint of its own. For measuring; it takes a minute for a million.
func Fill(t testing.TB, location string, key *ledger.Signer, entries int) {
	t.Helper()
	s, err := store.Open(t.Context(), location, store.Options{Signer: store.Key(key)})
	check(t, err)
	s.Close()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: strings.TrimPrefix(location, "sqlite:")}).EscapedPath())
	check(t, err)
	defer func() { check(t, db.Close()) }()
	tx, err := db.BeginTx(t.Context(), nil)
	check(t, err)
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	put := func(statement string) func(args ...any) {
		prepared, err := tx.PrepareContext(t.Context(), statement)
		check(t, err)
		t.Cleanup(func() { _ = prepared.Close() })
		return func(args ...any) {
			_, err := prepared.ExecContext(t.Context(), args...)
			check(t, err)
		}
	}
	putEntry := put(`INSERT INTO log_entries (idx, time, type, actor, repository, pull_request, commit_sha, verdict, leaf) VALUES (?, ?, ?, 'ann', 'acme/infra', ?, ?, 'pass', ?)`)
	putResource := put(`INSERT INTO log_resources (resource, idx) VALUES ('aws_instance.web', ?)`)
	putHash := put(`INSERT INTO log_hashes (idx, hash) VALUES (?, ?)`)
	putCheckpoint := put(`INSERT INTO log_checkpoints (size, checkpoint, time) VALUES (?, ?, 0)`)
	putBlob := put(`INSERT INTO blobs (digest, size, data) VALUES (?, ?, ?)`)
	putDecision := put(`INSERT INTO decisions (log_index, id, repository_id, repository, pull_request, title, author, approvers, base, head, verdict, time,
		facts_digest, policy_digest, decision) VALUES (?, ?, 1, 'acme/infra', ?, 'title', 'ann', '[]', 'base', ?, 'pass', ?, ?, 'sha256:policy', ?)`)
	stored, text := &hashes{}, ""
	var added ledger.Appended
	for i := range int64(entries) {
		kind, about := "publication", map[string]any{"what": "check", "check_run": i, "conclusion": "success", "title": "All clear: 17 changes, 103 rules, 2 approvals"}
		id, head, facts := fmt.Sprint("d-", i), fmt.Sprintf("%040x", i), fmt.Appendf(nil, `{"id":%d,"more":"%s"}`, i, strings.Repeat("facts ", 300))
		decision := fmt.Appendf(nil, `{"verdict":"pass","id":%d}`, i)
		if i%10 == 0 {
			kind, about = "decision", map[string]any{"decision": id, "decision_digest": ledger.Digest(decision), "title": "title"}
		}
		leaf, err := ledger.Canonical(map[string]any{
			"index": i, "time": noon, "type": kind, "actor": "ann", "repository": "acme/infra", "pull_request": i % 5000, "commit": head,
			"resources": []string{"aws_instance.web"}, "verdict": "pass", "policy": "sha256:policy", "facts": ledger.Digest(facts), "source_ip": "", "detail": about,
		})
		check(t, err)
		putEntry(i, noon.UnixMicro(), kind, i%5000, head, string(leaf))
		putResource(i)
		added, err = ledger.Append(stored, i, [][]byte{leaf})
		check(t, err)
		for _, h := range added.Hashes {
			*stored = append(*stored, h.Hash)
			putHash(h.Index, h.Hash[:])
		}
		text, err = ledger.SignCheckpoint(ledger.Checkpoint{Origin: key.Origin(), Size: added.Size, Root: added.Root}, key)
		check(t, err)
		putCheckpoint(added.Size, text)
		if kind == "decision" {
			putBlob(ledger.Digest(facts), len(facts), zipped(t, facts))
			putDecision(i, id, i%5000, head, noon.UnixMicro(), ledger.Digest(facts), zipped(t, decision))
		}
	}
	_, err = tx.ExecContext(t.Context(), "UPDATE log_head SET size = ?, root = ?, checkpoint = ?", added.Size, added.Root[:], text)
	check(t, err)
	check(t, tx.Commit())
}

func zipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(content)
	check(t, err)
	check(t, w.Close())
	return b.Bytes()
}
