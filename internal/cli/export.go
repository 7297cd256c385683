package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// An export is JSON Lines: a head, then a line for each entry with the proof that the signed tree holds it. It can be checked
// with the public key alone, without the server and without the database.
type exportHead struct {
	Checkpoint string `json:"checkpoint"` // signed, C2SP text
	Key        string `json:"key"`        // for convenience: whoever checks brings the key from elsewhere
}

type exportLine struct {
	Entry json.RawMessage `json:"entry"` // canonical JSON: the bytes that are the tree's leaf
	Proof []ledger.Hash   `json:"proof"` // RFC 6962 inclusion proof, from the leaf to the root
}

func (w *world) auditExport(f *auditFlags) *cobra.Command {
	var since time.Duration
	var format string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the log with proofs, to be kept or checked elsewhere",
		Long: "Write the log to standard output: as JSON Lines with a proof for each entry, which `gatehouse audit verify --export` checks with\n" +
			"the public key alone, or as CSV for people. The export itself becomes an entry of the log, so the signing key must be there.",
		Example: "  gatehouse audit export > audit.jsonl\n  gatehouse audit export --since 720h -o csv > audit.csv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "jsonl" && format != "json" && format != "csv" {
				return fmt.Errorf("--output is %q; wanted: jsonl or csv", format)
			}
			all, err := loadKeys(w.signingKeyFile(f), "", false)
			if err != nil {
				return err
			}
			db, err := w.writable(cmd.Context(), f)
			if err != nil {
				return err
			}
			defer db.Close()
			from := time.Time{}
			if since > 0 {
				from = w.clock().Add(-since)
			}
			return w.export(cmd.Context(), db, all.signer.Verifier().String(), format, from)
		},
	}
	cmd.Flags().DurationVar(&since, "since", 0, "only the entries of the last `DURATION`, such as 720h (default: all)")
	cmd.Flags().StringVarP(&format, "output", "o", "jsonl", "jsonl or csv")
	return cmd
}

// writable opens the database for appending to the log.
func (w *world) writable(ctx context.Context, f *auditFlags) (*store.Store, error) {
	all, err := loadKeys(w.signingKeyFile(f), "", false)
	if err != nil {
		return nil, err
	}
	url, err := config.Database(w.environ, f.database)
	if err != nil {
		return nil, err
	}
	if err := existing(url); err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, url, store.Options{Clock: w.clock, Signer: all.logKey()})
	if err != nil {
		return nil, outside(err)
	}
	return db, nil
}

// existing keeps an export from making an empty SQLite database where there is none.
func existing(url string) error {
	path, ok := strings.CutPrefix(url, "sqlite:")
	if _, err := os.Stat(path); ok && err != nil {
		return fmt.Errorf("there is no database at %s; set GATEHOUSE_DATABASE_URL to the server's", url)
	}
	return nil
}

// export first records that it happens: an export that breaks off has been made, too.
func (w *world) export(ctx context.Context, db *store.Store, key, format string, since time.Time) error {
	entry := store.Entry{Type: store.EntryExport, Actor: operator(), Resources: []string{}, Detail: map[string]any{"format": format}}
	if !since.IsZero() {
		entry.Detail["since"] = since.UTC().Format(time.RFC3339)
	}
	head, err := db.Append(ctx, []store.Entry{entry})
	if err != nil {
		return outside(err)
	}
	if format == "csv" {
		return w.printEntries(int(head.Size), "csv", func(cursor string, n int) ([]store.Entry, string, error) {
			return db.Entries(ctx, store.EntryFilter{Since: since}, cursor, n)
		})
	}
	out := bufio.NewWriter(w.out)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	if err := lines.Encode(exportHead{Checkpoint: head.Checkpoint, Key: key}); err != nil {
		return outside(err)
	}
	var batch []ledger.Entry
	for leaf, err := range db.Leaves(ctx, 0) {
		if err != nil {
			return outside(err)
		}
		if leaf.Index >= head.Size {
			break
		}
		var about struct {
			Time time.Time `json:"time"`
		}
		if err := json.Unmarshal(leaf.Data, &about); err != nil {
			return outside(fmt.Errorf("entry %d: %w", leaf.Index, err))
		}
		if about.Time.Before(since) {
			continue
		}
		if batch = append(batch, leaf); len(batch) == proofsAtOnce {
			if err := exportBatch(ctx, db, head.Size, batch, lines); err != nil {
				return outside(err)
			}
			batch = batch[:0]
		}
	}
	if err := exportBatch(ctx, db, head.Size, batch, lines); err != nil {
		return outside(err)
	}
	if err := out.Flush(); err != nil {
		return outside(err)
	}
	return nil
}

// proofsAtOnce is how many proofs are read in one transaction: neighbours share most of their hashes.
const proofsAtOnce = 1000

// exportBatch writes entries with their proofs.
func exportBatch(ctx context.Context, db *store.Store, size int64, batch []ledger.Entry, lines *json.Encoder) error {
	return db.Hashes(ctx, func(stored ledger.HashReader) error {
		for _, leaf := range batch {
			proof, err := ledger.Inclusion(stored, size, leaf.Index)
			if err != nil {
				return err
			}
			if err := lines.Encode(exportLine{Entry: leaf.Data, Proof: proof}); err != nil {
				return err
			}
		}
		return nil
	})
}

// maxExportLine bounds one line of an export that is checked.
const maxExportLine = 64 << 20

// verifyExport checks an export with the public keys alone, and returns how many entries it proves. The error says which line
// does not hold.
func verifyExport(data []byte, keys ...ledger.Verifier) (int, ledger.Checkpoint, error) {
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxExportLine)
	var head exportHead
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &head) != nil || head.Checkpoint == "" {
		return 0, ledger.Checkpoint{}, errors.New("line 1 is not the head of an export")
	}
	cp, err := ledger.OpenCheckpoint(head.Checkpoint, keys...)
	if err != nil {
		return 0, cp, fmt.Errorf("line 1: %w", err)
	}
	n := 0
	for ; lines.Scan(); n++ {
		var line exportLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return n, cp, fmt.Errorf("line %d is not an entry: %w", n+2, err)
		}
		var about struct {
			Index int64 `json:"index"`
		}
		if err := json.Unmarshal(line.Entry, &about); err != nil {
			return n, cp, fmt.Errorf("line %d is not an entry: %w", n+2, err)
		}
		if err := ledger.CheckInclusion(line.Proof, cp.Size, cp.Root, about.Index, ledger.Leaf(line.Entry)); err != nil {
			return n, cp, fmt.Errorf("line %d: %w", n+2, err)
		}
	}
	return n, cp, lines.Err()
}

// keyArgument reads a public key: the key itself, or a file that holds it.
func (w *world) keyArgument(value string) (ledger.Verifier, error) {
	if v, err := ledger.ParseVerifier(value); err == nil {
		return v, nil
	}
	data, err := os.ReadFile(value)
	if err != nil {
		return ledger.Verifier{}, fmt.Errorf("--key is neither a public key, as `gatehouse audit key` prints it, nor a file that holds one")
	}
	return ledger.ParseVerifier(strings.TrimSpace(string(data)))
}
