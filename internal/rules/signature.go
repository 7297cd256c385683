package rules

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/util"
)

// SignaturesFile is where a bundle keeps its signature, as https://www.openpolicyagent.org/docs/management-bundles#signing describes it.
const SignaturesFile = ".signatures.json"

// hashes are those that a signature may name of files; OPA also knows MD5 and SHA-1, with which other content could be passed off.
func hashes() []string {
	return []string{"SHA-224", "SHA-256", "SHA-384", "SHA-512", "SHA-512-224", "SHA-512-256"}
}

// BundleKey is a key that bundles are signed with.
type BundleKey struct {
	PEM       string // public, to verify; private, to sign
	Algorithm string // RS256, ES256...; "": by the kind of the key
	Scope     string // that the signature must state
}

// Verifier is what the signature of a bundle is verified with.
type Verifier struct {
	Keys  map[string]BundleKey
	KeyID string // "": whichever of Keys the signature names
	Scope string // that the signature must state; "": the key's
	Now   time.Time
}

// Verify holds every file of a bundle against the bundle's signature. Nothing may be missing, added or changed, and the signature must
// not have expired, if it says when it does. The error is a part of a sentence that says what is wrong.
func (v Verifier) Verify(files map[string][]byte) error {
	text, ok := files[SignaturesFile]
	if !ok {
		return errors.New("it is not signed: there is no " + SignaturesFile + " in it")
	}
	var signatures bundle.SignaturesConfig
	if err := json.Unmarshal(text, &signatures); err != nil {
		return fmt.Errorf("its %s cannot be read: %w", SignaturesFile, err)
	}
	if signatures.Plugin != "" {
		return fmt.Errorf("its signature wants the plugin %q, and there are none", signatures.Plugin)
	}
	keys := map[string]*bundle.KeyConfig{}
	for id, key := range v.Keys {
		algorithm, err := key.algorithm()
		if err != nil {
			return fmt.Errorf("the key %s cannot be used: %w", id, err)
		}
		keys[id] = &bundle.KeyConfig{Key: key.PEM, Algorithm: algorithm, Scope: key.Scope}
	}
	signed, err := bundle.VerifyBundleSignature(signatures, bundle.NewVerificationConfig(keys, v.KeyID, v.Scope, nil))
	if err != nil {
		return fmt.Errorf("its signature does not verify: %w", err)
	}
	if err := notExpired(signatures.Signatures[0], v.Now); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name == SignaturesFile {
			continue
		}
		if at, ok := signed[name]; ok && !slices.Contains(hashes(), at.Algorithm) {
			return fmt.Errorf("its signature names a hash of %s by %q; wanted: one of %s", name, at.Algorithm, strings.Join(hashes(), ", "))
		}
		if err := bundle.VerifyBundleFile(name, *bytes.NewBuffer(files[name]), signed); err != nil { // takes the file out of signed
			return fmt.Errorf("it is not what was signed: %w", err)
		}
	}
	if left := slices.Sorted(maps.Keys(signed)); len(left) > 0 {
		return fmt.Errorf("it is not what was signed: %s is missing", left[0])
	}
	return nil
}

// notExpired looks at the time at which the token itself says it ends. OPA's signatures have none unless whoever signs asks for one.
func notExpired(token string, now time.Time) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("its signature is no JSON web token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return fmt.Errorf("its signature cannot be read: %w", err)
	}
	var claims struct {
		Expires *json.Number `json:"exp"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return fmt.Errorf("its signature cannot be read: %w", err)
	}
	if claims.Expires == nil {
		return nil
	}
	seconds, err := claims.Expires.Float64()
	if err != nil {
		return fmt.Errorf("its signature cannot be read: the time of its end is %s", claims.Expires)
	}
	if end := time.Unix(int64(seconds), 0).UTC(); !now.Before(end) {
		return fmt.Errorf("its signature ended on %s", end.Format(time.RFC3339))
	}
	return nil
}

// Sign gives the content of [SignaturesFile] for a bundle's files, signed with a private key. An existing one among them is passed over.
func (k BundleKey) Sign(files map[string][]byte, keyID string) ([]byte, error) {
	algorithm, err := k.algorithm()
	if err != nil {
		return nil, err
	}
	hash, err := bundle.NewSignatureHasher(bundle.SHA256)
	if err != nil {
		return nil, err
	}
	var infos []bundle.FileInfo
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name == SignaturesFile {
			continue
		}
		var value any = files[name]
		if bundle.IsStructuredDoc(name) {
			if err := util.Unmarshal(files[name], &value); err != nil {
				return nil, fmt.Errorf("read %s: %w", name, err)
			}
		}
		sum, err := hash.HashFile(value)
		if err != nil {
			return nil, fmt.Errorf("hash %s: %w", name, err)
		}
		infos = append(infos, bundle.NewFile(name, hex.EncodeToString(sum), string(bundle.SHA256)))
	}
	token, err := bundle.GenerateSignedToken(infos, bundle.NewSigningConfig(k.PEM, algorithm, ""), keyID)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return json.Marshal(map[string][]string{"signatures": {token}})
}

// algorithm is the one given, if the key can have it, or the usual one for a key of its kind. Shared secrets are no keys here: whoever
// can verify with one can sign with it.
func (k BundleKey) algorithm() (string, error) {
	block, _ := pem.Decode([]byte(k.PEM))
	if block == nil {
		return "", errors.New("it is not in PEM form")
	}
	usual, allowed := "", []string{}
	switch key := parseKey(block).(type) {
	case *rsa.PublicKey, *rsa.PrivateKey:
		usual, allowed = "RS256", []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		usual = curveAlgorithm(key)
	case *ecdsa.PrivateKey:
		usual = curveAlgorithm(&key.PublicKey)
	case ed25519.PublicKey, ed25519.PrivateKey:
		usual = "EdDSA"
	}
	switch {
	case usual == "":
		return "", fmt.Errorf("it is a %q that cannot be read; wanted: an RSA, ECDSA or Ed25519 key", path.Base(block.Type))
	case k.Algorithm == "" || k.Algorithm == usual || slices.Contains(allowed, k.Algorithm):
		if k.Algorithm != "" {
			return k.Algorithm, nil
		}
		return usual, nil
	}
	return "", fmt.Errorf("it cannot be used with %s; the usual algorithm for it is %s", k.Algorithm, usual)
}

func curveAlgorithm(key *ecdsa.PublicKey) string {
	return map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[key.Params().BitSize]
}

// parseKey reads a key of any of the usual forms; nil when it is none.
func parseKey(block *pem.Block) any {
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	return key
}
