package evidence

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// MaxRuleBytes is the most that the rules of one decision may have together, in bytes of their files. Above it none of them are kept,
// and the decision says so.
const MaxRuleBytes = 32 << 20

// Rules is a folder of rules as it judged: one of the repository's own, a bundle, or the packs of the program.
type Rules struct {
	Name  string
	Files map[string][]byte

	Builtin bool
	Program string   // the version of the program whose packs they are
	Packs   []string // that were on where the configuration named none
}

// keptRules is a folder of rules in its blob.
type keptRules struct {
	Version int        `json:"version"`
	Name    string     `json:"name"`
	Builtin bool       `json:"builtin,omitempty"`
	Program string     `json:"program,omitempty"`
	Packs   []string   `json:"packs,omitempty"`
	Files   []keptRule `json:"files"`
}

// keptRule is one file: as text where it is one, as bytes, or sealed.
type keptRule struct {
	Path   string `json:"path"`
	Text   string `json:"text,omitempty"`
	Bytes  []byte `json:"bytes,omitempty"`
	Sealed []byte `json:"sealed,omitempty"`
}

// Judges reports whether a file of a folder of rules has a part in judging. Tests and examples have none.
func Judges(name string) bool {
	return !strings.HasSuffix(name, "_test.rego") && !strings.HasSuffix(name, ".examples.yaml")
}

// PackRules makes the blob of a folder: the same files make the same blob. Rego is kept as it is; seal, unless it is nil, is given
// everything else, for the data of a bundle may be a secret.
func PackRules(r Rules, seal *Seal) ([]byte, error) {
	out := keptRules{Version: Version, Name: r.Name, Builtin: r.Builtin, Program: r.Program, Packs: r.Packs, Files: []keptRule{}}
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		if !Judges(name) {
			continue
		}
		kept, content := keptRule{Path: name}, r.Files[name]
		var err error
		switch {
		case seal != nil && path.Ext(name) != ".rego":
			kept.Sealed, err = seal.close(name, content)
		case utf8.Valid(content):
			kept.Text = string(content)
		default:
			kept.Bytes = content
		}
		if err != nil {
			return nil, fmt.Errorf("seal %s of %s: %w", name, r.Name, err)
		}
		out.Files = append(out.Files, kept)
	}
	data, err := ledger.Canonical(out)
	if err != nil {
		return nil, fmt.Errorf("write down the rules of %s: %w", r.Name, err)
	}
	return data, nil
}

// ErrSealed says that files of a folder are sealed with a key that was not given, or with another one.
var ErrSealed = errors.New("the files that are no Rego are sealed with the server's key")

// OpenRules reads the blob of a folder. Without the seal, or with another one than it was made with, the error is [ErrSealed] when a file
// is sealed.
func OpenRules(data []byte, seal *Seal) (Rules, error) {
	var kept keptRules
	if err := strict(data, &kept); err != nil {
		return Rules{}, fmt.Errorf("read the rules: %w", err)
	}
	if kept.Version != Version {
		return Rules{}, fmt.Errorf("the rules are kept in format %d, this program reads %d", kept.Version, Version)
	}
	out := Rules{Name: kept.Name, Builtin: kept.Builtin, Program: kept.Program, Packs: kept.Packs, Files: map[string][]byte{}}
	for _, f := range kept.Files {
		content := []byte(f.Text)
		if f.Bytes != nil {
			content = f.Bytes
		}
		if f.Sealed != nil {
			var err error
			if content, err = seal.open(f.Path, f.Sealed); err != nil {
				return out, fmt.Errorf("%s: %w", kept.Name, err)
			}
		}
		out.Files[f.Path] = append([]byte{}, content...) // an empty file is there, too
	}
	return out, nil
}

// Seal closes and opens files that may be secrets. The same file under the same name is the same when it is sealed, so that decisions
// share it; whoever has the database and not the key learns no more than that, and its length.
type Seal struct {
	aead cipher.AEAD
	mac  []byte
}

// NewSeal derives a seal from the installation's key for secrets.
func NewSeal(key []byte) (*Seal, error) {
	keys, err := hkdf.Key(sha256.New, key, nil, "gatehouse kept rules v1", 64)
	if err != nil {
		return nil, fmt.Errorf("derive the key for data of rules: %w", err)
	}
	block, err := aes.NewCipher(keys[:32])
	if err != nil {
		return nil, fmt.Errorf("make the seal for data of rules: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make the seal for data of rules: %w", err)
	}
	return &Seal{aead: aead, mac: keys[32:]}, nil
}

// close takes the nonce from the content and its name, so that one nonce never serves two contents.
func (s *Seal) close(name string, content []byte) ([]byte, error) {
	mac := hmac.New(sha256.New, s.mac)
	_, err := fmt.Fprintf(mac, "%d %s\n%s", len(name), name, content)
	nonce := mac.Sum(nil)[:s.aead.NonceSize()]
	return s.aead.Seal(nonce, nonce, content, []byte(name)), err
}

func (s *Seal) open(name string, sealed []byte) ([]byte, error) {
	if s == nil || len(sealed) < s.aead.NonceSize() {
		return nil, ErrSealed
	}
	n := s.aead.NonceSize()
	content, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(name))
	if err != nil {
		return nil, fmt.Errorf("%w, which is not the one that was given", ErrSealed)
	}
	return content, nil
}
