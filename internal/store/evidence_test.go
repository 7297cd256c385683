package store

import (
	"crypto/rand"
	"path/filepath"
	"testing"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// Blobs that were there when the write began, and are deleted before its transaction, are written all the same.
func TestBlobsThatAreDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	signer, err := ledger.GenerateSigner(rand.Reader, "gatehouse/test.example")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "gatehouse.db"), Options{Signer: Key(signer)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	digest, err := s.SaveBlob(t.Context(), []byte("old"))
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	err = s.withBlobs(t.Context(), map[string][]byte{digest: []byte("old"), ledger.Digest([]byte("new")): []byte("new")}, func(put func(conn) error) error {
		runs++
		return s.write(t.Context(), func(c conn) error {
			if runs == 1 {
				if _, err := c.exec(t.Context(), "DELETE FROM blobs"); err != nil {
					return err
				}
			}
			return put(c)
		})
	})
	if err != nil || runs != 2 {
		t.Fatalf("%d runs, %v", runs, err)
	}
	for _, content := range []string{"old", "new"} {
		got, err := s.Facts(t.Context(), ledger.Digest([]byte(content)))
		if err != nil || string(got) != content {
			t.Errorf("%q is %q, %v", content, got, err)
		}
	}
}
