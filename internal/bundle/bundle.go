// Package bundle fetches rules that are kept elsewhere: OPA bundles in registries and on web servers, and folders of other
// repositories. What is fetched is pinned by digest or verified by signature, kept on disk, and verified again whenever it is read from
// there, so that neither a registry that is down nor a file that was changed makes a difference.
package bundle

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing/fstest"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// Source names a bundle in a registry or on a web server.
type Source struct {
	URL       string     // oci://HOST/NAME:TAG@sha256:HEX or https://HOST/PATH
	Digest    string     // sha256:HEX of the manifest or file, where it does not stand in the URL; "" when it is not pinned
	Signature *Signature // nil: it is not verified by signature

	// Unverified lets a bundle pass that is neither pinned nor signed. It is for people who want to look at one, never for judging.
	Unverified bool
}

// Signature says with which keys a bundle is verified: a public key, or those of the server.
type Signature struct {
	KeyID     string // of the server's keys; "": the one that the signature names
	PublicKey string // PEM
	Algorithm string // of PublicKey; "": by its kind
	Scope     string // that the signature must state
}

// Bundle is rules from elsewhere, verified.
type Bundle struct {
	Name   string            // for people: ghcr.io/acme/policies:v3
	Digest string            // sha256:HEX of the manifest or file; "" for a repository
	Commit string            // of a repository
	Files  map[string][]byte // by path, as it was packed; do not change them
	Rules  map[string][]byte // what rules are loaded from: Files, with data files where the loader looks for them

	// Stale says why it could not be looked up whether there is a newer one, and Since when there last was none; nil when it could be, or
	// when the bundle is pinned.
	Stale error
	Since time.Time
}

// Dir is the bundle as the folder that rules are loaded from.
func (b *Bundle) Dir() rules.Dir {
	files := fstest.MapFS{}
	for name, data := range b.Rules {
		files[name] = &fstest.MapFile{Data: data, Mode: 0o444}
	}
	return rules.Dir{Name: b.Name, FS: files}
}

// Limits bound one bundle. Zero fields take the defaults.
type Limits struct {
	Packed   int64         // bytes as it is fetched; default 16 MiB
	Unpacked int64         // bytes of all its files; default 64 MiB
	Files    int           // default 5,000
	Ratio    int64         // unpacked to packed bytes, of what is larger than 1 MiB; default 100
	Time     time.Duration // fetching it; default one minute
}

// Options are what a Store is made of.
type Options struct {
	Dir       string // where copies are kept; made when missing
	KeepBytes int64  // of all copies; the least recently used go first; default 1 GiB

	Hosts          []string                   // HOST or HOST:PORT that may have any address, and be spoken to by http
	Private        bool                       // the same goes for this machine and private networks, but never for link-local addresses
	RegistryConfig string                     // file of the form of Docker's config.json with logins for registries; "": none
	Keys           map[string]rules.BundleKey // by id
	Refresh        time.Duration              // how long what a tag names is taken to be the same; default one minute
	Limits         Limits
	Clock          func() time.Time
	Transport      *http.Transport // nil: http.DefaultTransport's settings; its dialer is replaced
}

// Store gets bundles. It is safe for use by several goroutines.
type Store struct {
	opts   Options
	client *guard
	disk   *disk

	mu      sync.Mutex
	sources map[string]*state // by key
	recent  []string          // keys of sources with a bundle in memory, the latest last
}

// state is what is known about one source. Its lock is held while it is looked up, so that many evaluations ask once.
type state struct {
	mu     sync.Mutex
	bundle *Bundle    // the last one, unpacked and verified
	known  remembered // what it last was, for a source that is not pinned
	tried  time.Time  // when that was asked for
	failed error      // what came of it
}

// keepUnpacked is how many bundles are kept in memory.
const keepUnpacked = 32

// maxSources bounds how many sources are known at once.
const maxSources = 1000

// New checks the options and makes the folder. It does not use the network.
func New(o Options) (*Store, error) {
	orDefault(&o.KeepBytes, 1<<30)
	orDefault(&o.Refresh, time.Minute)
	orDefault(&o.Limits.Packed, 16<<20)
	orDefault(&o.Limits.Unpacked, 64<<20)
	orDefault(&o.Limits.Files, 5000)
	orDefault(&o.Limits.Ratio, 100)
	orDefault(&o.Limits.Time, time.Minute)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	d, err := newDisk(o.Dir, o.KeepBytes, o.Clock)
	if err != nil {
		return nil, err
	}
	return &Store{opts: o, client: newGuard(o.Hosts, o.Private, o.Transport), disk: d, sources: map[string]*state{}}, nil
}

func orDefault[T int | int64 | time.Duration](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}

// Open gets a bundle: from disk when it is pinned and there is a copy, else from where it is kept. An *[Error] says which bundle is not
// to be had and why.
func (s *Store) Open(ctx context.Context, src Source) (*Bundle, error) {
	at, err := locate(src)
	if err != nil {
		return nil, err
	}
	verifier, err := s.verifier(src, at)
	if err != nil {
		return nil, err
	}
	key := sourceKey(src)
	st := s.state(key)
	st.mu.Lock()
	defer st.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.Limits.Time, fmt.Errorf("it took longer than %s", s.opts.Limits.Time))
	defer cancel()
	digest, stale := at.digest, error(nil)
	if digest == "" {
		if digest, stale, err = s.latest(ctx, src, at, key, st); err != nil {
			return nil, at.explain(err)
		}
	}
	if st.bundle == nil || st.bundle.Digest != digest {
		if st.bundle, err = s.load(ctx, at, digest, verifier); err != nil {
			return nil, at.explain(err)
		}
		s.used(key)
	} else if verifier != nil {
		verifier.Now = s.opts.Clock()
		if err := verifier.Verify(st.bundle.Files); err != nil { // a signature may end
			return nil, at.explain(wrong("%w", err))
		}
	}
	b := *st.bundle
	if at.digest == "" {
		if stale == nil {
			if err := s.remember(key, st, digest); err != nil {
				return nil, at.explain(err)
			}
		}
		b.Stale, b.Since = stale, st.known.Checked
	}
	return &b, nil
}

// latest asks what a source that is not pinned is now. Where that cannot be told because of an outage, it is what it last was, if it is
// signed, and stale says why.
func (s *Store) latest(ctx context.Context, src Source, at location, key string, st *state) (digest string, stale, err error) {
	now := s.opts.Clock()
	if st.known.Digest == "" {
		st.known = s.disk.remembered(key)
	}
	if st.known.Digest != "" && !st.tried.IsZero() && now.Sub(st.tried) < s.opts.Refresh && now.Sub(st.tried) >= 0 {
		return st.known.Digest, st.failed, nil
	}
	digest, tag, err := s.ask(ctx, at, st.known)
	if err == nil {
		st.known.ETag = tag
		return digest, nil, nil
	}
	if src.Signature == nil || st.known.Digest == "" || !temporary(err) {
		return "", nil, err
	}
	st.tried, st.failed = now, at.explain(err)
	return st.known.Digest, st.failed, nil
}

// remember notes what a source is, after it was verified.
func (s *Store) remember(key string, st *state, digest string) error {
	now := s.opts.Clock()
	if st.known.Digest == digest && st.failed == nil && now.Sub(st.tried) < s.opts.Refresh && !st.tried.IsZero() {
		return nil
	}
	st.known.Digest, st.known.Checked = digest, now.UTC()
	st.tried, st.failed = now, nil
	return s.disk.remember(key, st.known)
}

// load reads a bundle by its digest and verifies it.
func (s *Store) load(ctx context.Context, at location, digest string, verifier *rules.Verifier) (*Bundle, error) {
	u := &unpacker{limits: s.opts.Limits, files: map[string][]byte{}}
	b := &Bundle{Name: at.name, Digest: digest}
	var err error
	if at.registry() {
		err = s.pull(ctx, at, digest, u)
	} else {
		var packed []byte
		packed, err = s.disk.get(digest, s.opts.Limits.Packed, func() ([]byte, error) {
			data, _, err := s.download(ctx, at, "")
			return data, err
		})
		if err == nil {
			err = u.tarGz(packed)
		}
	}
	if err != nil {
		return nil, err
	}
	b.Files = u.files
	if b.Rules, err = u.rules(); err != nil {
		return nil, err
	}
	if verifier != nil {
		if err := verifier.Verify(b.Files); err != nil {
			return nil, wrong("%w", err)
		}
	}
	return b, nil
}

// verifier is nil for a bundle that is not verified by signature.
func (s *Store) verifier(src Source, at location) (*rules.Verifier, error) {
	sign := src.Signature
	switch {
	case sign == nil && at.digest == "" && !src.Unverified:
		return nil, at.explain(wrong("it is neither pinned by a digest nor signed"))
	case sign == nil:
		return nil, nil
	}
	v := &rules.Verifier{Keys: s.opts.Keys, KeyID: sign.KeyID, Scope: sign.Scope, Now: s.opts.Clock()}
	switch {
	case sign.PublicKey != "":
		v.KeyID = "public_key"
		v.Keys = map[string]rules.BundleKey{v.KeyID: {PEM: sign.PublicKey, Algorithm: sign.Algorithm}}
	case len(s.opts.Keys) == 0:
		return nil, at.explain(wrong("its signature is to be verified with a key of the server's, and GATEHOUSE_BUNDLE_KEYS names none"))
	case sign.KeyID != "" && s.opts.Keys[sign.KeyID].PEM == "":
		return nil, at.explain(wrong("the key %q, with which its signature is to be verified, is not among those of GATEHOUSE_BUNDLE_KEYS", sign.KeyID))
	}
	return v, nil
}

func (s *Store) state(key string) *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.sources[key]
	if len(s.sources) > maxSources {
		clear(s.sources) // of configurations that are long gone, and that never had a bundle
		s.recent = nil
		st = nil
	}
	if st == nil {
		st = &state{}
		s.sources[key] = st
	}
	return st
}

// used notes that a source has its bundle in memory, and lets go of the one that was loaded longest ago.
func (s *Store) used(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recent = append(slices.DeleteFunc(s.recent, func(k string) bool { return k == key }), key)
	if len(s.recent) > keepUnpacked {
		delete(s.sources, s.recent[0])
		s.recent = s.recent[1:]
	}
}

// shownName is a URL without what only machines need.
func shownName(url string) string {
	name, _, _ := strings.Cut(url, "@")
	_, name, _ = strings.Cut(name, "://")
	return path.Clean(name)
}
