package ledger

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
)

const origin = "gatehouse/gate.example.org:8080"

func newSigner(t testing.TB, name string) *Signer {
	t.Helper()
	s, err := GenerateSigner(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeysSurviveTheirText(t *testing.T) {
	t.Parallel()
	s := newSigner(t, origin)
	again, err := ParseSigner(" " + s.Text() + "\n")
	if err != nil {
		t.Fatal(err)
	}
	public, err := ParseVerifier(s.Verifier().String() + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if again.Text() != s.Text() || again.Origin() != origin || public.Origin() != origin || public.String() != again.Verifier().String() {
		t.Errorf("%s came back as %s with %s", s, again, public)
	}
	if !ed25519.Verify(public.PublicKey(), []byte("m"), ed25519.Sign(again.PrivateKey(), []byte("m"))) {
		t.Error("the bare keys do not belong together")
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	s := newSigner(t, origin)
	secret := s.Text()[strings.LastIndex(s.Text(), origin)+len(origin)+10:]
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if out := fmt.Sprintf(verb, s); strings.Contains(out, secret[:8]) || strings.Contains(out, "PRIVATE") {
			t.Errorf("%s prints %s", verb, out)
		}
	}
	for _, broken := range []string{s.Text() + "A", strings.Replace(s.Text(), "PRIVATE", "PUBLIC", 1), "PRIVATE+KEY+" + secret, s.Text() + "\n" + s.Text()} {
		_, err := ParseSigner(broken)
		if err == nil || strings.Contains(err.Error(), secret[:8]) {
			t.Errorf("a broken key gives the error %v", err)
		}
	}
	if _, err := ParseVerifier(s.Text()); err == nil || !strings.Contains(err.Error(), "private") || strings.Contains(err.Error(), secret[:8]) {
		t.Errorf("a private key for a verifier gives the error %v", err)
	}
	for _, name := range []string{"", "a b", "a+b", "a\nb", "a\u2028b", "\xff", strings.Repeat("x", 256)} {
		if _, err := GenerateSigner(rand.Reader, name); err == nil {
			t.Errorf("a key is named %q", name)
		}
	}
}

func TestCheckpointIsTheNoteOfTheSpecification(t *testing.T) {
	t.Parallel()
	s := newSigner(t, origin)
	root, err := Root(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	cp := Checkpoint{Origin: origin, Root: root}
	signed, err := SignCheckpoint(cp, s)
	if err != nil {
		t.Fatal(err)
	}
	want := origin + "\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— " + origin + " "
	if !strings.HasPrefix(signed, want) || strings.Count(signed, "\n") != 5 {
		t.Errorf("got\n%swanted it to begin with\n%s", signed, want)
	}
	// The reference implementation opens it, too.
	verifier, err := note.NewVerifier(s.Verifier().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open([]byte(signed), note.VerifierList(verifier)); err != nil {
		t.Error(err)
	}
}

func TestCheckpointRoundTrips(t *testing.T) {
	t.Parallel()
	old, fresh, stranger, other := newSigner(t, origin), newSigner(t, origin), newSigner(t, origin), newSigner(t, "another/log")
	cp := Checkpoint{Origin: origin, Size: 12345, Root: Leaf([]byte("x")), Extensions: []string{"time 1", "— a line like a signature"}}
	both, err := SignCheckpoint(cp, old, fresh)
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string][]Verifier{
		"old key": {old.Verifier()}, "new key": {fresh.Verifier()}, "both": {fresh.Verifier(), old.Verifier()},
		"one key twice": {old.Verifier(), old.Verifier()}, "and a stranger": {stranger.Verifier(), other.Verifier(), fresh.Verifier()},
	} {
		got, err := OpenCheckpoint(both, keys...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(cp, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, keys := range map[string][]Verifier{"no key": nil, "a zero key": {{}}, "a stranger of the same name": {stranger.Verifier()}} {
		if _, err := OpenCheckpoint(both, keys...); !errors.Is(err, ErrUnsigned) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := SignCheckpoint(cp, other); err == nil {
		t.Error("the key of another log signs")
	}
	if _, err := SignCheckpoint(cp); err == nil {
		t.Error("no key signs")
	}
}

func TestForgedCheckpointsAreRefused(t *testing.T) {
	t.Parallel()
	s, other := newSigner(t, origin), newSigner(t, "another/log")
	cp := Checkpoint{Origin: origin, Size: 7, Root: Leaf([]byte("x"))}
	signed, err := SignCheckpoint(cp, s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCheckpoint(strings.Replace(signed, "\n7\n", "\n8\n", 1), s.Verifier()); err == nil || errors.Is(err, ErrUnsigned) {
		t.Errorf("another size: %v", err)
	}
	// A known key of one log must not vouch for another log's head.
	borrowed := otherSigns(t, other, strings.SplitAfter(signed, "\n\n")[0])
	if _, err := OpenCheckpoint(borrowed, other.Verifier(), s.Verifier()); !errors.Is(err, ErrUnsigned) {
		t.Errorf("signed by the key of another log: %v", err)
	}
	root := cp.Root.String()
	for name, text := range map[string]string{
		"no lines":              "",
		"two lines":             origin + "\n7\n",
		"leading zero":          origin + "\n07\n" + root + "\n",
		"plus sign":             origin + "\n+7\n" + root + "\n",
		"negative":              origin + "\n-7\n" + root + "\n",
		"too large":             origin + "\n99999999999999999999\n" + root + "\n",
		"beyond MaxSize":        origin + "\n9223372036854775807\n" + root + "\n",
		"short hash":            origin + "\n7\nAAAA\n",
		"another base64":        origin + "\n7\n" + root[:len(root)-2] + "B=\n",
		"bad origin":            "gate house\n7\n" + root + "\n",
		"empty extension":       origin + "\n7\n" + root + "\n\nmore\n",
		"control in extension":  origin + "\n7\n" + root + "\na\tb\n",
		"more than is sensible": origin + "\n7\n" + root + "\n" + strings.Repeat("x\n", maxCheckpoint),
	} {
		if cp, err := ParseCheckpoint(text); err == nil {
			t.Errorf("%s: read as %+v", name, cp)
		}
	}
	if _, err := OpenCheckpoint(signed+strings.Repeat(" ", maxCheckpoint), s.Verifier()); err == nil {
		t.Error("an oversized note is opened")
	}
	if _, err := (Checkpoint{Origin: origin, Extensions: []string{"a\nb"}}).Text(); err == nil {
		t.Error("an extension holds a newline")
	}
}

func otherSigns(t *testing.T, s *Signer, text string) string {
	t.Helper()
	signed, err := note.Sign(&note.Note{Text: strings.TrimSuffix(text, "\n")}, s.signer)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

func FuzzOpenCheckpoint(f *testing.F) {
	s := newSigner(f, origin)
	for _, cp := range []Checkpoint{
		{Origin: origin},
		{Origin: origin, Size: 9, Root: Leaf(nil), Extensions: []string{"one", "two"}},
		{Origin: origin, Size: MaxSize},
	} {
		signed, err := SignCheckpoint(cp, s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(signed)
		f.Add(strings.Replace(signed, "\n", "\r\n", 1))
		f.Add(strings.SplitAfter(signed, "\n\n")[0])
		f.Add(signed + "— " + origin + " AAAA\n")
	}
	f.Add("")
	f.Add("\n\n— \n")
	f.Fuzz(func(t *testing.T, text string) {
		cp, err := OpenCheckpoint(text, s.Verifier())
		if err != nil {
			return
		}
		again, err := cp.Text()
		if err != nil || !strings.HasPrefix(text, again+"\n") {
			t.Errorf("%q was opened, but says %q (%v)", text, again, err)
		}
	})
}
