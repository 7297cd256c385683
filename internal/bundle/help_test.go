package bundle_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/gatehouse-dev/gatehouse/internal/bundle"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// server is a registry, or a web server, that can be out of order, and counts how often it is asked.
type server struct {
	*httptest.Server
	down  atomic.Bool
	asked atomic.Int64
	mu    sync.Mutex
	files map[string][]byte // of a web server
}

func newRegistry(t *testing.T) *server {
	t.Helper()
	return serve(t, registry.New(registry.Logger(log.New(io.Discard, "", 0))))
}

func serve(t *testing.T, handler http.Handler) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if s.down.Load() {
			http.Error(w, "out of order", http.StatusServiceUnavailable)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// newWeb serves files, with marks for what they are.
func newWeb(t *testing.T) *server {
	t.Helper()
	files := map[string][]byte{}
	var s *server
	s = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		data, ok := files[r.URL.Path]
		s.mu.Unlock()
		tag := `"` + digest(data) + `"`
		switch {
		case !ok:
			http.NotFound(w, r)
		case r.Header.Get("If-None-Match") == tag:
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Header().Set("ETag", tag)
			_, _ = w.Write(data)
		}
	}))
	s.files = files
	return s
}

func (s *server) put(path string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[path] = data
}

func (s *server) host() string { return strings.TrimPrefix(s.URL, "http://") }

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// clock is a time that the test moves.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Unix())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(c.at.Load(), 0).UTC() }
func (c *clock) forward(d time.Duration) { c.at.Add(int64(d / time.Second)) }

func newStore(t *testing.T, dir string, o bundle.Options) *bundle.Store {
	t.Helper()
	o.Dir = dir
	if o.Hosts == nil {
		o.Hosts = []string{"127.0.0.1"}
	}
	s, err := bundle.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// keyPair gives a private and a public key.
func keyPair(t *testing.T) (private, public rules.BundleKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return rules.BundleKey{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))},
		rules.BundleKey{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub}))}
}

// content is a small bundle's.
func content(version string) map[string][]byte {
	return map[string][]byte{
		"acme/ssh.rego": []byte("package main\n\ndeny contains msg if {\n\tmsg := \"" + version + "\"\n}\n"),
		"data.json":     []byte(`{"version": "` + version + `"}`),
		".manifest":     []byte(`{"revision": "` + version + `"}`),
	}
}

func signed(t *testing.T, key rules.BundleKey, files map[string][]byte) map[string][]byte {
	t.Helper()
	text, err := key.Sign(files, "acme")
	if err != nil {
		t.Fatal(err)
	}
	files[rules.SignaturesFile] = text
	return files
}
