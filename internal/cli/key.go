package cli

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// loadKeys reads the signing key file: the private key first, then, a line each, the public keys that signed before it. A
// file that does not exist is made, if create says so; a directory's other readers never see half of it.
func loadKeys(file, publicURL string, create bool) (*ledger.Signer, []ledger.Verifier, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && create {
		if err := makeKey(file, publicURL); err != nil {
			return nil, nil, err
		}
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the signing key GATEHOUSE_SIGNING_KEY_FILE: %w", err)
	}
	lines := strings.Fields(string(data))
	if len(lines) == 0 {
		return nil, nil, fmt.Errorf("the signing key file %s is empty; restore it, or delete it to begin a new log", file)
	}
	signer, err := ledger.ParseSigner(lines[0])
	if err != nil {
		return nil, nil, fmt.Errorf("the first line of %s: %w", file, err)
	}
	var older []ledger.Verifier
	for i, line := range lines[1:] {
		v, err := ledger.ParseVerifier(line)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d of %s: %w", i+2, file, err)
		}
		older = append(older, v)
	}
	return signer, older, nil
}

func makeKey(file, publicURL string) error {
	host := "localhost"
	if u, err := url.Parse(publicURL); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	signer, err := ledger.GenerateSigner(rand.Reader, "gatehouse/"+host)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".signing-*") // mode 0600
	if err != nil {
		return fmt.Errorf("make the signing key: %w", err)
	}
	defer os.Remove(temp.Name()) //nolint:errcheck // gone once it is linked
	if _, err := temp.WriteString(signer.Text() + "\n"); err != nil {
		return errors.Join(fmt.Errorf("write the signing key: %w", err), temp.Close())
	}
	if err := errors.Join(temp.Sync(), temp.Close()); err != nil {
		return fmt.Errorf("write the signing key: %w", err)
	}
	// Link, not rename: of two replicas that start at once, one makes the key and the other finds it.
	if err := os.Link(temp.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the signing key: %w", err)
	}
	return nil
}

// redactionKey is derived from the signing key, so that an installation's tokens for secret values stay the same over
// restarts and replicas, and nothing more has to be kept safe.
func redactionKey(signer *ledger.Signer) ([]byte, error) {
	return hkdf.Key(sha256.New, signer.PrivateKey().Seed(), nil, "gatehouse redaction v1", 32)
}
