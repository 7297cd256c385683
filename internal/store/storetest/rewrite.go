package storetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// Rewrite does to a SQLite database what somebody can do who has it and the signing key: it replaces the log's entries by others,
// and computes and signs the whole tree anew, so that the log is sound in itself. change is given each entry, in its order, and
// returns those that take its place, none or more; their indexes are filled in.
func Rewrite(t testing.TB, url string, key *ledger.Signer, change func(index int64, entry map[string]any) []map[string]any) {
	t.Helper()
	s, err := store.Open(t.Context(), url, store.Options{ReadOnly: true})
	check(t, err)
	defer s.Close()
	var b strings.Builder
	b.WriteString("BEGIN; DELETE FROM log_hashes; DELETE FROM log_checkpoints;\n")
	// Out of the way first: an entry that has moved could meet one that has not.
	tables := map[string]string{"log_entries": "idx", "log_resources": "idx", "log_commits": "idx", "decisions": "log_index", "decision_resources": "log_index", "decision_names": "log_index",
		"decision_terms": "log_index", "decision_waivers": "log_index", "decision_blobs": "log_index"}
	for table, column := range tables {
		fmt.Fprintf(&b, "UPDATE %s SET %s = -1 - %[2]s;\n", table, column)
	}
	stored := &hashes{}
	var leaves [][]byte
	for leaf, err := range s.Leaves(t.Context(), 0) {
		check(t, err)
		var entry map[string]any
		check(t, json.Unmarshal(leaf.Data, &entry))
		for i, e := range change(leaf.Index, entry) {
			now := int64(len(leaves))
			e["index"] = now
			text, err := ledger.Canonical(e)
			check(t, err)
			leaves = append(leaves, text)
			if i == 0 {
				for table, column := range tables {
					fmt.Fprintf(&b, "UPDATE %[1]s SET %[2]s = %[3]d WHERE %[2]s = %[4]d;\n", table, column, now, -1-leaf.Index)
				}
			} else {
				fmt.Fprintf(&b, "INSERT INTO log_entries (idx, time, type, actor, repository, pull_request, commit_sha, verdict, leaf)"+
					" SELECT %d, time, type, actor, repository, pull_request, commit_sha, verdict, leaf FROM log_entries WHERE idx = %d;\n", now, now-int64(i))
			}
			var columns store.Entry
			check(t, json.Unmarshal(text, &columns))
			fmt.Fprintf(&b, "UPDATE log_entries SET leaf = %s, time = %d, type = %s, actor = %s, repository = %s, pull_request = %d, commit_sha = %s, verdict = %s WHERE idx = %d;\n",
				quoted(string(text)), columns.Time.UnixMicro(), quoted(columns.Type), quoted(columns.Actor), quoted(columns.Repository), columns.PullRequest,
				quoted(columns.Commit), quoted(columns.Verdict), now)
			fmt.Fprintf(&b, "DELETE FROM log_resources WHERE idx = %d;\n", now)
			for _, r := range columns.Resources {
				fmt.Fprintf(&b, "INSERT INTO log_resources (resource, idx) VALUES (%s, %d) ON CONFLICT DO NOTHING;\n", quoted(r), now)
			}
			added, err := ledger.Append(stored, now, [][]byte{text})
			check(t, err)
			for _, h := range added.Hashes {
				*stored = append(*stored, h.Hash)
				fmt.Fprintf(&b, "INSERT INTO log_hashes (idx, hash) VALUES (%d, X'%x');\n", h.Index, h.Hash[:])
			}
			text2, err := ledger.SignCheckpoint(ledger.Checkpoint{Origin: key.Origin(), Size: added.Size, Root: added.Root}, key)
			check(t, err)
			fmt.Fprintf(&b, "INSERT INTO log_checkpoints (size, checkpoint, time) VALUES (%d, '%s', 0);\n", added.Size, text2)
			fmt.Fprintf(&b, "UPDATE log_head SET size = %d, root = X'%x', checkpoint = '%s';\n", added.Size, added.Root[:], text2)
		}
	}
	for table, column := range tables {
		fmt.Fprintf(&b, "DELETE FROM %s WHERE %s < 0;\n", table, column)
	}
	b.WriteString("COMMIT;")
	Exec(t, url, b.String())
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// hashes are the stored hashes of a log in memory.
type hashes []ledger.Hash

// ReadHashes implements ledger.HashReader.
func (h *hashes) ReadHashes(indexes []int64) ([]ledger.Hash, error) {
	out := make([]ledger.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(*h)) {
			return nil, ledger.ErrHashMissing
		}
		out[i] = (*h)[index]
	}
	return out, nil
}
