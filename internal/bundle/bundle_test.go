package bundle_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/bundle"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

func push(t *testing.T, s *bundle.Store, url string, files map[string][]byte) string {
	t.Helper()
	digest, err := s.Push(t.Context(), url, files)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func open(t *testing.T, s *bundle.Store, src bundle.Source) *bundle.Bundle {
	t.Helper()
	b, err := s.Open(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// refused compares the reason; the addresses of test servers are random.
func refused(t *testing.T, s *bundle.Store, src bundle.Source, temporary bool, want string) {
	t.Helper()
	_, err := s.Open(t.Context(), src)
	var e *bundle.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v; wanted: an error of a bundle", err)
	}
	if e.Temporary != temporary {
		t.Errorf("temporary is %v: %v", e.Temporary, err)
	}
	if diff := cmp.Diff("the bundle "+src.URL+" cannot be used: "+want, err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsPushedIsPulled(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	s := newStore(t, t.TempDir(), bundle.Options{})
	url := "oci://" + r.host() + "/acme/policies:v1"
	digest := push(t, s, url, content("one"))
	if again := push(t, s, url, content("one")); again != digest {
		t.Errorf("the same files make another digest: %s, %s", digest, again)
	}
	b := open(t, s, bundle.Source{URL: bundle.Pinned(url, digest)})
	want := &bundle.Bundle{Name: r.host() + "/acme/policies:v1", Digest: digest, Files: content("one"), Rules: content("one")}
	if diff := cmp.Diff(want, b); diff != "" {
		t.Error(diff)
	}
}

func TestAPinnedBundleNeedsItsRegistryOnce(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	dir := t.TempDir()
	s := newStore(t, dir, bundle.Options{})
	url := "oci://" + r.host() + "/acme/policies:v1"
	src := bundle.Source{URL: bundle.Pinned(url, push(t, s, url, content("one")))}
	push(t, s, url, content("two"))

	r.down.Store(true)
	refused(t, newStore(t, t.TempDir(), bundle.Options{}), src, true, "the registry is out of order (503)")
	r.down.Store(false)
	open(t, s, src)
	r.down.Store(true)
	asked := r.asked.Load()
	for _, store := range []*bundle.Store{s, newStore(t, dir, bundle.Options{})} { // from memory, and from disk
		if diff := cmp.Diff(content("one"), open(t, store, src).Files); diff != "" {
			t.Error(diff)
		}
	}
	if r.asked.Load() != asked {
		t.Error("the registry was asked")
	}
}

func TestACopyThatWasChangedIsNotUsed(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	dir := t.TempDir()
	s := newStore(t, dir, bundle.Options{})
	url := "oci://" + r.host() + "/acme/policies:v1"
	src := bundle.Source{URL: bundle.Pinned(url, push(t, s, url, content("one")))}
	open(t, s, src)
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs", "*"))
	if err != nil || len(blobs) != 2 {
		t.Fatalf("%v %v; wanted: a manifest and a layer", blobs, err)
	}
	for _, blob := range blobs {
		if err := os.WriteFile(blob, []byte("something else"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.down.Store(true)
	refused(t, newStore(t, dir, bundle.Options{}), src, true, "the registry is out of order (503)")
	r.down.Store(false)
	if diff := cmp.Diff(content("one"), open(t, newStore(t, dir, bundle.Options{}), src).Files); diff != "" {
		t.Error(diff)
	}
}

func TestASignedTagIsFollowed(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	dir := t.TempDir()
	private, public := keyPair(t)
	now := newClock()
	options := bundle.Options{Keys: map[string]rules.BundleKey{"acme": public}, Clock: now.now}
	s := newStore(t, dir, options)
	url := "oci://" + r.host() + "/acme/policies:stable"
	src := bundle.Source{URL: url, Signature: &bundle.Signature{}}
	version := func(s *bundle.Store) string {
		t.Helper()
		b := open(t, s, src)
		if b.Stale != nil {
			return string(b.Files["data.json"]) + " of " + b.Since.Format(time.TimeOnly) + ", " + b.Stale.Error()
		}
		return string(b.Files["data.json"])
	}
	expect := func(s *bundle.Store, want string) {
		t.Helper()
		if got := version(s); got != want {
			t.Errorf("%s; wanted: %s", got, want)
		}
	}
	push(t, s, url, signed(t, private, content("one")))
	expect(s, `{"version": "one"}`)
	push(t, s, url, signed(t, private, content("two")))
	expect(s, `{"version": "one"}`) // asked a moment ago
	now.forward(2 * time.Minute)
	expect(s, `{"version": "two"}`)

	r.down.Store(true)
	expect(s, `{"version": "two"}`)
	now.forward(time.Hour)
	stale := `{"version": "two"} of 12:02:00, the bundle ` + url + ` cannot be used: the registry is out of order (503)`
	expect(s, stale)
	expect(newStore(t, dir, options), stale) // after a restart
	refused(t, newStore(t, t.TempDir(), options), src, true, "the registry is out of order (503)")

	r.down.Store(false)
	now.forward(2 * time.Minute)
	other, _ := keyPair(t)
	push(t, s, url, signed(t, other, content("three"))) // not an outage: somebody put something else there
	refused(t, s, src, false, "its signature does not verify: failed to verify JWT signature: invalid ECDSA signature")
	push(t, s, url, signed(t, private, content("four")))
	expect(s, `{"version": "four"}`)
}

func TestSignaturesThatDoNotVerify(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	private, public := keyPair(t)
	other, _ := keyPair(t)
	s := newStore(t, t.TempDir(), bundle.Options{Keys: map[string]rules.BundleKey{"acme": public, "writers": {PEM: public.PEM, Scope: "write"}}})
	url := w.URL + "/b.tar.gz"
	serverKey := &bundle.Signature{KeyID: "acme"}
	for name, c := range map[string]struct {
		files map[string][]byte
		sign  *bundle.Signature
		want  string
	}{
		"not signed":      {content("one"), serverKey, "it is not signed: there is no .signatures.json in it"},
		"by another":      {signed(t, other, content("one")), serverKey, "its signature does not verify: failed to verify JWT signature: invalid ECDSA signature"},
		"an unknown key":  {signed(t, private, content("one")), &bundle.Signature{KeyID: "gone"}, `the key "gone", with which its signature is to be verified, is not among those of GATEHOUSE_BUNDLE_KEYS`},
		"another scope":   {signed(t, private, content("one")), &bundle.Signature{KeyID: "writers"}, "its signature does not verify: scope mismatch"},
		"a changed file":  {with(signed(t, private, content("one")), "acme/ssh.rego", "package main"), serverKey, "it is not what was signed: acme/ssh.rego: digest mismatch (want: 5…, got: …)"},
		"one file more":   {with(signed(t, private, content("one")), "x.rego", "package main"), serverKey, "it is not what was signed: file x.rego not included in bundle signature"},
		"one file less":   {without(signed(t, private, content("one")), "data.json"), serverKey, "it is not what was signed: data.json is missing"},
		"not a signature": {with(content("one"), rules.SignaturesFile, `{"signatures": ["x"]}`), serverKey, "its signature does not verify: failed to split compact JWT: jwsbb: invalid number of segments"},
		"a plugin":        {with(content("one"), rules.SignaturesFile, `{"signatures": ["x"], "plugin": "p"}`), serverKey, `its signature wants the plugin "p", and there are none`},
	} {
		t.Run(name, func(t *testing.T) {
			packed := pack(t, c.files)
			path := "/" + strings.ReplaceAll(name, " ", "-") + ".tar.gz"
			w.put(path, packed)
			_, err := s.Open(t.Context(), bundle.Source{URL: w.URL + path, Signature: c.sign})
			got := strings.TrimPrefix(err.Error(), "the bundle "+w.URL+path+" cannot be used: ")
			if name == "a changed file" {
				before, _, _ := strings.Cut(got, "(want: ")
				got, c.want = before, "it is not what was signed: acme/ssh.rego: digest mismatch "
			}
			if got != c.want {
				t.Errorf("%s\nwanted: %s", got, c.want)
			}
		})
	}
	none := newStore(t, t.TempDir(), bundle.Options{})
	refused(t, none, bundle.Source{URL: url, Signature: serverKey}, false, "its signature is to be verified with a key of the server's, and GATEHOUSE_BUNDLE_KEYS names none")
	refused(t, none, bundle.Source{URL: url}, false, "it is neither pinned by a digest nor signed")
	w.put("/own.tar.gz", pack(t, signed(t, private, content("one"))))
	open(t, none, bundle.Source{URL: w.URL + "/own.tar.gz", Signature: &bundle.Signature{PublicKey: public.PEM}})
}
