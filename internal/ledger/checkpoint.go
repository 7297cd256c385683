package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// maxCheckpoint bounds a signed checkpoint, in bytes; a real one is under 300. It comes from outside.
const maxCheckpoint = 64 << 10

// ErrUnsigned is what OpenCheckpoint's error wraps when no known key has signed the checkpoint.
var ErrUnsigned = errors.New("the checkpoint carries no signature of a known key")

// Checkpoint is a tree head: what C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint) puts above the signatures.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   Hash
	// Extensions are further lines, opaque here. The specification discourages them but readers must bear them.
	Extensions []string
}

// Text is the text that is signed. It fails when a field cannot stand in a line of its own.
func (c Checkpoint) Text() (string, error) {
	if err := checkOrigin(c.Origin); err != nil {
		return "", err
	}
	if err := checkSize(c.Size); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
	for _, line := range c.Extensions {
		if err := checkExtension(line); err != nil {
			return "", err
		}
		b.WriteString(line + "\n")
	}
	return b.String(), nil
}

// ParseCheckpoint reads the text above the signatures. It is strict: a number with a leading zero, or a hash in another
// spelling of base64, would be a second text for the same tree head.
func ParseCheckpoint(text string) (Checkpoint, error) {
	if len(text) > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("a checkpoint of %d bytes; wanted: at most %d", len(text), maxCheckpoint)
	}
	body, ok := strings.CutSuffix(text, "\n")
	lines := strings.Split(body, "\n")
	if !ok || len(lines) < 3 {
		return Checkpoint{}, errors.New("not a checkpoint; wanted: the lines origin, size and root hash, each ended by a newline")
	}
	if err := checkOrigin(lines[0]); err != nil {
		return Checkpoint{}, err
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("checkpoint size %.40q is not a plain decimal number", lines[1])
	}
	if err := checkSize(size); err != nil {
		return Checkpoint{}, err
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(Hash{}) || base64.StdEncoding.EncodeToString(root) != lines[2] {
		return Checkpoint{}, fmt.Errorf("checkpoint root %.80q is not the base64 of a SHA-256 hash", lines[2])
	}
	cp := Checkpoint{Origin: lines[0], Size: size, Root: Hash(root)}
	for _, line := range lines[3:] {
		if err := checkExtension(line); err != nil {
			return Checkpoint{}, err
		}
		cp.Extensions = append(cp.Extensions, line)
	}
	return cp, nil
}

// SignCheckpoint signs a tree head of the signer's own log and returns the signed note's text. More signers add more
// signatures: while a key is rotated, the new key signs together with the old one.
func SignCheckpoint(cp Checkpoint, signers ...*Signer) (string, error) {
	text, err := cp.Text()
	if err != nil {
		return "", err
	}
	if len(signers) == 0 {
		return "", errors.New("a checkpoint needs a signer")
	}
	all := make([]note.Signer, len(signers))
	for i, s := range signers {
		if s.Origin() != cp.Origin {
			return "", fmt.Errorf("key %s does not sign checkpoints of %s", s.Origin(), cp.Origin)
		}
		all[i] = s.signer
	}
	signed, err := note.Sign(&note.Note{Text: text}, all...)
	if err != nil {
		return "", fmt.Errorf("signing the checkpoint of size %d: %w", cp.Size, err)
	}
	return string(signed), nil
}

// OpenCheckpoint checks a signed checkpoint against verifiers, of which one must have signed it under the checkpoint's own
// origin; several are the keys before and after a rotation. Signatures of unknown keys, such as witnesses', are ignored; a
// wrong signature of a known key is an error, as is a checkpoint that nobody known signed (ErrUnsigned).
func OpenCheckpoint(text string, verifiers ...Verifier) (Checkpoint, error) {
	if len(text) > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("a signed checkpoint of %d bytes; wanted: at most %d", len(text), maxCheckpoint)
	}
	var known []note.Verifier
	var seen []string
	for _, v := range verifiers {
		// note.VerifierList takes the same key twice for an ambiguity.
		if v.verifier == nil || slices.Contains(seen, v.text) {
			continue
		}
		seen = append(seen, v.text)
		known = append(known, v.verifier)
	}
	opened, err := note.Open([]byte(text), note.VerifierList(known...))
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified):
		return Checkpoint{}, fmt.Errorf("opening a checkpoint: %w", ErrUnsigned)
	case err != nil:
		return Checkpoint{}, fmt.Errorf("opening a checkpoint: %w", err)
	}
	cp, err := ParseCheckpoint(opened.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	for _, sig := range opened.Sigs {
		if sig.Name == cp.Origin {
			return cp, nil
		}
	}
	return Checkpoint{}, fmt.Errorf("opening a checkpoint of %s: signed by a key of another log: %w", cp.Origin, ErrUnsigned)
}

// checkExtension holds an extension line to the format: not empty, and no control character that would end or hide it.
func checkExtension(line string) error {
	control := func(r rune) bool { return r < 0x20 || r == 0x7f }
	if line == "" || !utf8.ValidString(line) || strings.ContainsFunc(line, control) {
		return fmt.Errorf("checkpoint extension line %.80q is empty or holds control characters", line)
	}
	return nil
}
