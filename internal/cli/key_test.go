package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
