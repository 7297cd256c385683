package cli

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"sync"

	"github.com/sirupsen/logrus"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/store"
)

// keyring is the signing key file of a running server, read anew when it changes: a key is rotated while all replicas run. It
// implements [store.Signer] and pipeline.Keys.
type keyring struct {
	file string
	log  *logrus.Entry

	mu   sync.Mutex
	sum  [sha256.Size]byte // of the file's content, as it was last read
	keys keys
}

func openKeyring(file, publicURL string, log *logrus.Entry) (*keyring, error) {
	if _, err := loadKeys(file, publicURL, true); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	all, err := parseKeys(file, data)
	return &keyring{file: file, log: log, sum: sha256.Sum256(data), keys: all}, err
}

// now are the keys as the file has them. A file that is gone or cannot be read changes nothing: what was signed with is still the
// log's key until another one takes its place.
func (k *keyring) now() keys {
	k.mu.Lock()
	defer k.mu.Unlock()
	data, err := os.ReadFile(k.file)
	if err != nil || sha256.Sum256(data) == k.sum {
		return k.keys
	}
	k.sum = sha256.Sum256(data)
	all, err := parseKeys(k.file, data)
	if err != nil {
		k.log.WithError(err).Error("the signing key file has changed and cannot be used; going on with the key as it was")
		return k.keys
	}
	if !bytes.Equal(all.secret, k.keys.secret) {
		k.log.Warn("the key for the tokens of secret values has changed; the server uses it from its next start on, so start all replicas again")
	}
	if all.signer.Text() != k.keys.signer.Text() {
		k.log.WithField("key", all.signer.Verifier().String()).Info("signing with another key from now on")
	}
	k.keys = all
	return all
}

// Sign implements store.Signer.
func (k *keyring) Sign(checkpoint ledger.Checkpoint) (string, error) {
	return k.now().logKey().Sign(checkpoint)
}

// Open implements store.Signer. The file is only looked at when no key that is known has signed the checkpoint: another replica may
// have read the new one first, and a whole log has many checkpoints.
func (k *keyring) Open(text string) (ledger.Checkpoint, error) {
	k.mu.Lock()
	known := k.keys
	k.mu.Unlock()
	checkpoint, err := known.logKey().Open(text)
	if errors.Is(err, ledger.ErrUnsigned) {
		return k.now().logKey().Open(text)
	}
	return checkpoint, err
}

// Signer is the key that signs at present.
func (k *keyring) Signer() *ledger.Signer { return k.now().signer }

// Verifiers are the public keys, the present one first.
func (k *keyring) Verifiers() []ledger.Verifier { return k.now().verifiers() }

// public is the present public key as one line.
func (k *keyring) public() string { return k.now().signer.Verifier().String() }

// keys are what the signing key file holds.
type keys struct {
	signer *ledger.Signer
	older  []ledger.Verifier
	secret []byte // the key that turns secret values into tokens
}

func (k keys) logKey() store.Signer { return store.Key(k.signer, k.older...) }

func (k keys) verifiers() []ledger.Verifier {
	return append([]ledger.Verifier{k.signer.Verifier()}, k.older...)
}
