package cli

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// merged lands a pull request that passes, and returns the commit.
func (s *site) merged(branch string) string {
	s.t.Helper()
	pr := s.open("ann", branch, map[string]string{branch + ".md": "one\n"})
	pr.Approve("mei")
	s.shows(pr, clear1)
	commit, err := pr.Merge("ann", githubsim.MergeOptions{Method: "squash"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.unbypassed()
	return commit
}

// publicKeyOf is the key that a server says it signs with.
func publicKeyOf(t *testing.T, server string) string {
	t.Helper()
	resp, err := http.Get(server + "/api/v1/audit/key")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// The key is rotated while two replicas run: both sign with the new one from then on, the log goes on, and what the old key signed is
// still good, for whoever has both public keys.
func TestE2EKeyIsRotatedWhileReplicasRun(t *testing.T) {
	url := storetest.Postgres(t)(t)
	s := newSite(t, setup{noServer: true})
	s.more = append(s.more, "GATEHOUSE_DATABASE_URL="+url)
	s.start()
	first := s.url
	s.addr = ""
	s.start() // GitHub's events go to the second one; both work
	before := s.merged("one")
	old := readFile(t, s.publicKey())

	status, printed, log := s.gatehouse("audit", "key", "--new")
	if status != exitPass || printed == old || !strings.Contains(log, "of the log names the new key") {
		t.Fatalf("status %d: %s%s", status, printed, log)
	}
	if _, all, _ := s.gatehouse("audit", "key", "--all"); all != printed+old {
		t.Errorf("all keys: %s", all)
	}
	after := s.merged("two")
	for _, server := range []string{first, s.url} {
		if got := publicKeyOf(t, server); got != printed {
			t.Errorf("%s has the key %s", server, got)
		}
	}
	both := s.file("both.pub", printed+old)
	for _, c := range []struct {
		commit, key string
		status      int
	}{
		{before, old, exitPass}, {before, both, exitPass}, {after, both, exitPass}, {after, printed, exitPass},
		{after, old, exitFail}, {before, printed, exitFail},
	} {
		if status, said := s.verified(c.commit, "--key", strings.TrimSpace(c.key), "--server", first); status != c.status {
			t.Errorf("%s with %s: status %d: %s", c.commit, c.key, status, said)
		}
	}
	if status, out, log := s.gatehouse("audit", "verify"); status != exitPass {
		t.Errorf("status %d: %s%s", status, out, log)
	}
	var told []any
	for _, e := range s.entries(store.EntryConfiguration) {
		if e.Detail["what"] == "key" {
			told = append(told, e.Detail["before"], e.Detail["after"])
		}
	}
	if diff := cmp.Diff([]any{strings.TrimSpace(old), strings.TrimSpace(printed)}, told); diff != "" {
		t.Errorf("the entry about the key (-want +got):\n%s", diff)
	}

	// A file that is no key changes nothing, and the next start says what is wrong with it.
	file := filepath.Join(s.dir, "signing.key")
	good := readFile(t, file)
	s.file("signing.key", "half a ke")
	s.merged("three")
	if !strings.Contains(s.log.String(), "the signing key file has changed and cannot be used") {
		t.Error("the log does not say that the file cannot be used")
	}
	s.file("signing.key", good)
}

// The key for the tokens of secret values is the same after a rotation, so what was seen of them is still what was seen.
func TestKeysOfSecretsStay(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "signing.key")
	before, err := loadKeys(file, "https://gate.example.com", true)
	if err != nil {
		t.Fatal(err)
	}
	last := before
	for range 2 {
		if last, err = rotateKey(file, func(keys, keys) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	read, err := loadKeys(file, "", false)
	if err != nil {
		t.Fatal(err)
	}
	if string(read.secret) != string(before.secret) || read.text() != last.text() || len(read.older) != 2 || read.older[1].String() != before.signer.Verifier().String() {
		t.Errorf("the file is %s", strings.ReplaceAll(read.text(), read.signer.Text(), "…"))
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	// What keeps the log from being told keeps the key.
	if _, err := rotateKey(file, func(keys, keys) error { return os.ErrDeadlineExceeded }); err == nil {
		t.Error("it was rotated")
	}
	if again, err := loadKeys(file, "", false); err != nil || again.text() != last.text() {
		t.Errorf("the key was changed (%v)", err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}
