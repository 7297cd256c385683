package cli

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// secretsPrefix begins the line of the signing key file that holds the key for tokens of secret values, once the signing key has been
// rotated; before that it is derived from the signing key.
const secretsPrefix = "SECRETS+KEY+"

// loadKeys reads the signing key file: the private key first, then, a line each, the public keys that signed before it. A
// file that does not exist is made, if create says so; a directory's other readers never see half of it.
func loadKeys(file, publicURL string, create bool) (keys, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && create {
		if err := makeKey(file, publicURL); err != nil {
			return keys{}, err
		}
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return keys{}, fmt.Errorf("read the signing key GATEHOUSE_SIGNING_KEY_FILE: %w", err)
	}
	return parseKeys(file, data)
}

func parseKeys(file string, data []byte) (keys, error) {
	lines := strings.Fields(string(data))
	if len(lines) == 0 {
		return keys{}, fmt.Errorf("the signing key file %s is empty; restore it, or delete it to begin a new log", file)
	}
	var out keys
	var err error
	if out.signer, err = ledger.ParseSigner(lines[0]); err != nil {
		return keys{}, fmt.Errorf("the first line of %s: %w", file, err)
	}
	for i, line := range lines[1:] {
		if text, ok := strings.CutPrefix(line, secretsPrefix); ok {
			if out.secret, err = base64.StdEncoding.DecodeString(text); err != nil || len(out.secret) != 32 {
				return keys{}, fmt.Errorf("line %d of %s is not a key for secret values", i+2, file)
			}
			continue
		}
		v, err := ledger.ParseVerifier(line)
		if err != nil {
			return keys{}, fmt.Errorf("line %d of %s: %w", i+2, file, err)
		}
		out.older = append(out.older, v)
	}
	if out.secret == nil {
		if out.secret, err = redactionKey(out.signer); err != nil {
			return keys{}, fmt.Errorf("derive the key for secret values: %w", err)
		}
	}
	return out, nil
}

// text is the file's content.
func (k keys) text() string {
	var b strings.Builder
	b.WriteString(k.signer.Text() + "\n")
	for _, v := range k.older {
		b.WriteString(v.String() + "\n")
	}
	b.WriteString(secretsPrefix + base64.StdEncoding.EncodeToString(k.secret) + "\n")
	return b.String()
}

// rotated are the keys with a new one in front. The log keeps its name, and secret values their tokens.
func (k keys) rotated() (keys, error) {
	signer, err := ledger.GenerateSigner(rand.Reader, k.signer.Origin())
	if err != nil {
		return keys{}, err
	}
	return keys{signer: signer, older: k.verifiers(), secret: k.secret}, nil
}

// rotateKey puts a new key into the file. tell is called in between, when the new file is written but not in its place: it tells the
// log, in an entry that the old key still signs.
func rotateKey(file string, tell func(before, after keys) error) (keys, error) {
	before, err := loadKeys(file, "", false)
	if err != nil {
		return keys{}, err
	}
	after, err := before.rotated()
	if err != nil {
		return keys{}, err
	}
	if file, err = filepath.EvalSymlinks(file); err != nil { // a link stays one
		return keys{}, fmt.Errorf("find the signing key file: %w", err)
	}
	temp, err := writeKey(file, after.text())
	if err != nil {
		return keys{}, err
	}
	defer os.Remove(temp) //nolint:errcheck // gone once it has its name
	if err := tell(before, after); err != nil {
		return keys{}, err
	}
	if err := os.Rename(temp, file); err != nil {
		return keys{}, fmt.Errorf("put the new signing key in its place: %w", err)
	}
	return after, nil
}

// writeKey writes a file beside another one, readable by this user alone, and returns its name.
func writeKey(file, text string) (string, error) {
	temp, err := os.CreateTemp(filepath.Dir(file), ".signing-*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("make the signing key: %w", err)
	}
	_, err = temp.WriteString(text)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("write the signing key: %w", err), os.Remove(temp.Name()))
	}
	return temp.Name(), nil
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
	temp, err := writeKey(file, signer.Text()+"\n")
	if err != nil {
		return err
	}
	defer os.Remove(temp) //nolint:errcheck // gone once it is linked
	// Link, not rename: of two replicas that start at once, one makes the key and the other finds it.
	if err := os.Link(temp, file); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the signing key: %w", err)
	}
	return nil
}

// redactionKey is derived from the signing key, so that an installation's tokens for secret values stay the same over
// restarts and replicas, and nothing more has to be kept safe.
func redactionKey(signer *ledger.Signer) ([]byte, error) {
	return hkdf.Key(sha256.New, signer.PrivateKey().Seed(), nil, "gatehouse redaction v1", 32)
}
