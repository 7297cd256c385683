package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// algEd25519 is the note format's byte for plain Ed25519 keys (golang.org/x/mod/sumdb/note, C2SP signed-note).
const algEd25519 = 1

const privatePrefix = "PRIVATE+KEY+"

// Signer signs checkpoints with an Ed25519 note key. The key's name is the origin of the log, for example
// gatehouse/gate.example.org. It never prints its secret: only Text gives it out.
type Signer struct {
	text     string
	signer   note.Signer
	private  ed25519.PrivateKey
	verifier Verifier
}

// Verifier checks signatures of one note key.
type Verifier struct {
	text     string
	verifier note.Verifier
	public   ed25519.PublicKey
}

// GenerateSigner makes a new key for the log named origin, with randomness from rand (crypto/rand.Reader).
func GenerateSigner(rand io.Reader, origin string) (*Signer, error) {
	if err := checkOrigin(origin); err != nil {
		return nil, err
	}
	private, _, err := note.GenerateKey(rand, origin)
	if err != nil {
		return nil, fmt.Errorf("generating a signing key for %s: %w", origin, err)
	}
	return ParseSigner(private)
}

// ParseSigner reads a private key as Text wrote it; space around it is ignored. Errors never hold any part of the key.
func ParseSigner(text string) (*Signer, error) {
	text = strings.TrimSpace(text)
	wrong := errors.New("not a private signing key; wanted: one line PRIVATE+KEY+NAME+HASH+KEYDATA of an Ed25519 note key")
	signer, err := note.NewSigner(text)
	if err != nil {
		return nil, wrong
	}
	// NewSigner accepted it, so it has the five parts; the key data is the last and may itself hold a plus sign.
	parts := strings.SplitN(strings.TrimPrefix(text, privatePrefix), "+", 3)
	if !strings.HasPrefix(text, privatePrefix) || len(parts) != 3 {
		return nil, wrong
	}
	seed, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(seed) != 1+ed25519.SeedSize || seed[0] != algEd25519 {
		return nil, wrong
	}
	if err := checkOrigin(signer.Name()); err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(seed[1:])
	verifierText, err := note.NewEd25519VerifierKey(signer.Name(), private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, wrong
	}
	verifier, err := ParseVerifier(verifierText)
	if err != nil {
		return nil, err
	}
	return &Signer{text: text, signer: signer, private: private, verifier: verifier}, nil
}

// Text is the secret key as one line without its newline, for the key file.
func (s *Signer) Text() string { return s.text }

// Origin is the name of the key and of the log that it signs.
func (s *Signer) Origin() string { return s.signer.Name() }

// Verifier is the public half.
func (s *Signer) Verifier() Verifier { return s.verifier }

// PrivateKey is the bare Ed25519 key, for formats other than notes (DSSE attestations). A note's text begins with its
// origin and DSSE's with "DSSEv1", so a signature of one is never one of the other.
func (s *Signer) PrivateKey() ed25519.PrivateKey { return s.private }

// String names the key without its secret.
func (s *Signer) String() string { return "signer " + s.verifier.text }

// GoString names the key without its secret.
func (s *Signer) GoString() string { return s.String() }

// Format keeps every formatting verb from reaching the secret fields.
func (s *Signer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// ParseVerifier reads a public key, NAME+HASH+KEYDATA; space around it is ignored.
func ParseVerifier(text string) (Verifier, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, privatePrefix) {
		return Verifier{}, errors.New("this is a private signing key where a public one (NAME+HASH+KEYDATA) is wanted; do not hand it out")
	}
	verifier, err := note.NewVerifier(text)
	if err != nil {
		return Verifier{}, errors.New("not a verifier key; wanted: NAME+HASH+KEYDATA of an Ed25519 note key, as `gatehouse audit key` prints it")
	}
	parts := strings.SplitN(text, "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != algEd25519 {
		return Verifier{}, errors.New("not an Ed25519 verifier key; wanted: NAME+HASH+KEYDATA as `gatehouse audit key` prints it")
	}
	if err := checkOrigin(verifier.Name()); err != nil {
		return Verifier{}, err
	}
	return Verifier{text: text, verifier: verifier, public: key[1:]}, nil
}

// String is the public key as one line, the form that ParseVerifier reads.
func (v Verifier) String() string { return v.text }

// Origin is the name of the key and of the log that it vouches for.
func (v Verifier) Origin() string {
	if v.verifier == nil {
		return ""
	}
	return v.verifier.Name()
}

// PublicKey is the bare Ed25519 key.
func (v Verifier) PublicKey() ed25519.PublicKey { return v.public }

// checkOrigin holds a name to what both the note format (no space, no plus) and one line of a checkpoint can carry.
func checkOrigin(origin string) error {
	wrong := func(r rune) bool { return r == '+' || unicode.IsSpace(r) || !unicode.IsPrint(r) }
	if origin == "" || len(origin) > 255 || !utf8.ValidString(origin) || strings.ContainsFunc(origin, wrong) {
		return fmt.Errorf("%.300q cannot name a log; wanted: 1 to 255 printable characters without space or plus, for example gatehouse/gate.example.org", origin)
	}
	return nil
}
