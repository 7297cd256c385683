package cli

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// An export is proved with the public key alone; whatever is changed in it is found.
func TestExportVerifiesWithoutTheServer(t *testing.T) {
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
	for _, actor := range []string{"ann", "mei", "sam"} {
		if _, err := db.Append(t.Context(), []store.Entry{{Type: store.EntryBypass, Actor: actor, Detail: map[string]any{}}}); err != nil {
			t.Fatal(err)
		}
	}
	db.Close()

	run := func(args ...string) (int, string, string) {
		var out, log bytes.Buffer
		w := &world{
			in: strings.NewReader(""), out: &out, err: &log, clock: time.Now,
			environ: []string{"GATEHOUSE_DATABASE_URL=" + url, "GATEHOUSE_SIGNING_KEY_FILE=" + keyFile},
		}
		status := w.run(t.Context(), args)
		return status, out.String(), log.String()
	}
	status, export, log := run("audit", "export")
	if status != exitPass || strings.Count(export, "\n") != 5 { // the head, three entries, and the export itself
		t.Fatalf("status %d, %s\n%s", status, log, export)
	}
	if status, out, log := run("audit", "verify"); status != exitPass {
		t.Errorf("the log: status %d: %s%s", status, out, log)
	}
	key := signer.Verifier().String()
	check := func(content, key string) (int, string) {
		file := filepath.Join(t.TempDir(), "audit.jsonl")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		status, out, log := run("audit", "verify", "--export", file, "--key", key)
		return status, out + log
	}
	if status, out := check(export, key); status != exitPass || !strings.Contains(out, "the export verifies: 4 entries of the tree of 4") {
		t.Errorf("status %d: %s", status, out)
	}
	lines := strings.SplitAfter(export, "\n")
	other, err := ledger.GenerateSigner(rand.Reader, "gatehouse/test")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content, key string
		status       int
	}{
		"an entry edited":  {strings.Replace(export, `"actor":"mei"`, `"actor":"vic"`, 1), key, exitFail},
		"an index edited":  {strings.Replace(export, `"index":1`, `"index":2`, 1), key, exitFail},
		"an entry twice":   {export + strings.Replace(lines[2], `"index":1`, `"index":4`, 1), key, exitFail},
		"another key":      {export, other.Verifier().String(), exitFail},
		"no head":          {strings.Join(lines[1:], ""), key, exitFail},
		"cut off":          {export[:len(export)-20], key, exitFail},
		"fewer entries":    {strings.Join(lines[:3], ""), key, exitPass}, // what is left is still proved
		"no key":           {export, "", exitUsage},
		"a key that isn't": {export, "hello", exitUsage},
	} {
		if status, out := check(c.content, c.key); status != c.status {
			t.Errorf("%s: status %d: %s", name, status, out)
		}
	}
	if status, csv, log := run("audit", "export", "-o", "csv"); status != exitPass || !strings.HasPrefix(csv, "index,time,type,verdict,actor") || strings.Count(csv, "\n") != 6 {
		t.Errorf("status %d, %s\n%s", status, log, csv)
	}
}
