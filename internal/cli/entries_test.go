package cli

import (
	"bytes"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// The log as CSV holds no cell that a spreadsheet would take for a formula, and as JSON it is one list, over many pages and when it is
// empty.
func TestEntriesAsCSVAndJSON(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	signer, err := ledger.GenerateSigner(rand.Reader, "gatehouse/test")
	if err != nil {
		t.Fatal(err)
	}
	keyFile := filepath.Join(dir, "signing.key")
	if err := os.WriteFile(keyFile, []byte(signer.Text()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := "sqlite:" + filepath.Join(dir, "gatehouse.db")
	db, err := store.Open(t.Context(), url, store.Options{Signer: store.Key(signer)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	run := func(args ...string) string {
		t.Helper()
		var out, log bytes.Buffer
		w := &world{
			in: strings.NewReader(""), out: &out, err: &log, clock: time.Now,
			environ: []string{"GATEHOUSE_DATABASE_URL=" + url, "GATEHOUSE_SIGNING_KEY_FILE=" + keyFile},
		}
		if status := w.run(t.Context(), args); status != exitPass {
			t.Fatalf("%v: status %d, %s", args, status, log.String())
		}
		return out.String()
	}
	header := strings.Join(entryColumns(), ",") + "\n"
	if got := run("audit", "log", "-o", "json") + run("audit", "log", "-o", "csv"); got != "[]\n"+header {
		t.Errorf("an empty log is %q", got)
	}

	nasty := []string{"=HYPERLINK(\"http://evil\")", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", "a,b\"c\nd", "plain"}
	var entries []store.Entry
	for i := range 2500 {
		text := nasty[i%len(nasty)]
		entries = append(entries, store.Entry{Type: store.EntryPosture, Actor: text, Repository: text, Commit: text, Verdict: text, Resources: []string{text, fmt.Sprint(i)}})
	}
	if _, err := db.Append(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	var list []store.Entry
	text := run("audit", "log", "-o", "json", "--limit", "2400")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	enc := json.NewEncoder(&whole)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 2400 || list[0].Index != 2499 || list[2399].Index != 100 || whole.String() != text {
		t.Errorf("%d entries, the first is %d", len(list), list[0].Index)
	}
	// In this order: each export is an entry of its own, which the next one has.
	for i, args := range []string{"audit log --limit 5000 -o csv", "audit export -o csv", "audit export -o csv --since 1h"} {
		rows := 2500 + i
		got, err := csv.NewReader(strings.NewReader(run(strings.Fields(args)...))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != rows+1 {
			t.Errorf("%s: %d rows", args, len(got))
		}
		if diff := cmp.Diff(entryColumns(), got[0]); diff != "" {
			t.Error(diff)
		}
		for _, row := range got[1:] {
			for _, cell := range row {
				if cell != "" && strings.ContainsAny(string([]rune(cell)[0]), "=+-@\t\r\n＝＋－＠") {
					t.Fatalf("%s: the cell %q is a formula", args, cell)
				}
			}
		}
	}
}
