package proof

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
	"github.com/gatehouse-dev/gatehouse/internal/githubsim"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/internal/store/storetest"
)

// merged lands a pull request that passes, and returns the commit.
func (s *place) merged(branch string) string {
	s.T.Helper()
	pr := s.Open("ann", branch, map[string]string{branch + ".md": "one\n"})
	pr.Approve("mei")
	s.Shows(pr, site.Clear1)
	commit, err := pr.Merge("ann", githubsim.MergeOptions{Method: "squash"})
	if err != nil {
		s.T.Fatal(err)
	}
	s.Unbypassed()
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
func TestKeyIsRotatedWhileReplicasRun(t *testing.T) {
	url := storetest.Postgres(t)(t)
	s := newPlace(t, site.Setup{NoServer: true})
	s.More = append(s.More, "GATEHOUSE_DATABASE_URL="+url)
	s.Start()
	first := s.URL
	s.Addr = ""
	s.Start() // GitHub's events go to the second one; both work
	before := s.merged("one")
	old := readFile(t, s.PublicKey())

	status, printed, log := s.Run("audit", "key", "--new")
	if status != site.Pass || printed == old || !strings.Contains(log, "of the log names the new key") {
		t.Fatalf("status %d: %s%s", status, printed, log)
	}
	if _, all, _ := s.Run("audit", "key", "--all"); all != printed+old {
		t.Errorf("all keys: %s", all)
	}
	after := s.merged("two")
	for _, server := range []string{first, s.URL} {
		if got := publicKeyOf(t, server); got != printed {
			t.Errorf("%s has the key %s", server, got)
		}
	}
	both := s.File("both.pub", printed+old)
	for _, c := range []struct {
		commit, key string
		status      int
	}{
		{before, old, site.Pass}, {before, both, site.Pass}, {after, both, site.Pass}, {after, printed, site.Pass},
		{after, old, site.Fail}, {before, printed, site.Fail},
	} {
		if status, said := s.Verified(c.commit, "--key", strings.TrimSpace(c.key), "--server", first); status != c.status {
			t.Errorf("%s with %s: status %d: %s", c.commit, c.key, status, said)
		}
	}
	if status, out, log := s.Run("audit", "verify"); status != site.Pass {
		t.Errorf("status %d: %s%s", status, out, log)
	}
	var told []any
	for _, e := range s.Entries(store.EntryConfiguration) {
		if e.Detail["what"] == "key" {
			told = append(told, e.Detail["before"], e.Detail["after"])
		}
	}
	if diff := cmp.Diff([]any{strings.TrimSpace(old), strings.TrimSpace(printed)}, told); diff != "" {
		t.Errorf("the entry about the key (-want +got):\n%s", diff)
	}

	// A file that is no key changes nothing, and the next start says what is wrong with it.
	file := filepath.Join(s.Dir, "signing.key")
	good := readFile(t, file)
	s.File("signing.key", "half a ke")
	s.merged("three")
	if !strings.Contains(s.Log.String(), "the signing key file has changed and cannot be used") {
		t.Error("the log does not say that the file cannot be used")
	}
	s.File("signing.key", good)
}
