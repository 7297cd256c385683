package documents

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/gatehouse-dev/gatehouse/internal/bundle"
	"github.com/gatehouse-dev/gatehouse/internal/cli"
	"github.com/gatehouse-dev/gatehouse/internal/e2e/site"
)

// localRegistry is a registry that can be out of order.
type localRegistry struct {
	*httptest.Server
	host string
	down atomic.Bool
}

func newLocalRegistry(t *testing.T) *localRegistry {
	t.Helper()
	r := &localRegistry{}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.down.Load() {
			http.Error(w, "out of order", http.StatusServiceUnavailable)
			return
		}
		inner.ServeHTTP(w, req)
	}))
	t.Cleanup(r.Close)
	r.host = strings.TrimPrefix(r.URL, "http://")
	return r
}

// at is a folder with files, and what commands say there.
type at struct {
	t       *testing.T
	dir     string
	environ []string
}

func inFolder(t *testing.T, files map[string]string) *at {
	t.Helper()
	a := &at{t: t, dir: t.TempDir()}
	a.environ = []string{"HOME=" + a.dir, "GATEHOUSE_DATA_DIR=" + filepath.Join(a.dir, ".data")}
	for name, text := range files {
		a.write(name, text)
	}
	return a
}

func (a *at) write(name, text string) string {
	a.t.Helper()
	file := filepath.Join(a.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		a.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

func (a *at) run(args ...string) (status int, out, log string) {
	a.t.Helper()
	var stdout, stderr bytes.Buffer
	status = cli.Run(a.t.Context(), cli.Surroundings{Out: &stdout, Err: &stderr, Environ: a.environ}, args...)
	return status, stdout.String(), stderr.String()
}

// files are those in and under a folder.
func (a *at) files(dir string) map[string]string {
	a.t.Helper()
	out := map[string]string{}
	root := os.DirFS(filepath.Join(a.dir, dir))
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, name)
		out[name] = string(data)
		return err
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

// keyFiles writes a private and a public key.
func (a *at) keyFiles(name string) (private, public, publicPEM string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	pub, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		a.t.Fatal(err)
	}
	publicPEM = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub}))
	private = a.write(name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
	return private, a.write(name+".pub", publicPEM), publicPEM
}

const ownerRule = `# METADATA
# title: Everything has an owner
# custom:
#   id: ACME-01
#   severity: high
#   remedy: Add the label owner.
#   inspects: {kubernetes: [ConfigMap]}
package acme.owner

deny contains "has no label owner" if not input.resource.metadata.labels.owner
`

const (
	owned   = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {owner: ann}}\n"
	ownless = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
)

func TestRulesGoToARegistryAndComeBack(t *testing.T) {
	t.Parallel()
	r := newLocalRegistry(t)
	a := inFolder(t, map[string]string{
		"rules/owner.rego": ownerRule, "rules/lib/data.json": `{"x": 1}`, "rules/.manifest": "{}", "rules/.git/config": "x", "broken/a.rego": "package acme.b\n\ndeny contains x if",
	})
	dir := func(name string) string { return filepath.Join(a.dir, name) }
	ref := r.host + "/acme/policies:v1"
	status, pinned, said := a.run("rules", "push", ref, dir("rules"))
	if status != site.Pass || said != "3 files pushed\n" || !strings.HasPrefix(pinned, "oci://"+ref+"@sha256:") {
		t.Fatalf("status %d: %s%s", status, pinned, said)
	}
	pinned = strings.TrimSpace(pinned)
	if status, out, said := a.run("rules", "pull", pinned, dir("copy")); status != site.Pass || strings.TrimSpace(out) != pinned {
		t.Fatalf("status %d: %s%s", status, out, said)
	}
	want := a.files("rules")
	delete(want, ".git/config")
	if diff := cmp.Diff(want, a.files("copy")); diff != "" {
		t.Error(diff)
	}
	other := strings.Replace(pinned, pinned[len(pinned)-4:], "0000", 1)
	r.down.Store(true)
	for name, c := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"into a folder with files": {[]string{"pull", pinned, dir("rules")}, site.Usage, "is not empty"},
		"what is on disk already":  {[]string{"pull", pinned, dir("copy2")}, site.Pass, "3 files written"},
		"what is not":              {[]string{"pull", other, dir("copy3")}, site.Outside, "the registry is out of order (503)"},
		"a tag":                    {[]string{"pull", ref, dir("copy4")}, site.Outside, "the registry is out of order (503)"},
		"to a registry":            {[]string{"push", ref, dir("rules")}, site.Outside, "the registry is out of order (503)"},
		"broken rules":             {[]string{"push", ref, dir("broken")}, site.Fail, "a.rego:3"},
		"no folder":                {[]string{"push", ref, dir("none")}, site.Usage, "is no folder"},
		"to a digest":              {[]string{"push", pinned, dir("rules")}, site.Usage, "a bundle is pushed to oci://HOST/NAME:TAG"},
	} {
		status, _, said := a.run(append([]string{"rules"}, c.args...)...)
		if status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%s: status %d: %s", name, status, said)
		}
	}
}

func TestCheckReadsBundles(t *testing.T) {
	t.Parallel()
	r := newLocalRegistry(t)
	a := inFolder(t, map[string]string{"rules/owner.rego": ownerRule, "k8s/a.yaml": ownless})
	private, public, publicPEM := a.keyFiles("acme")
	_, other, _ := a.keyFiles("other")
	ref := "oci://" + r.host + "/acme/policies:stable"
	status, pinned, said := a.run("rules", "push", ref, filepath.Join(a.dir, "rules"), "--signing-key", private, "--key-id", "acme")
	if status != site.Pass {
		t.Fatalf("status %d: %s", status, said)
	}
	pinned = strings.TrimSpace(pinned)
	for key, want := range map[string]int{public: site.Pass, other: site.Usage} {
		if status, _, said := a.run("rules", "pull", ref, filepath.Join(a.dir, "copy"), "--key", key); status != want {
			t.Errorf("pull --key %s: status %d: %s", key, status, said)
		}
	}
	keys := a.write("keys.yaml", "acme:\n  key: |\n    "+strings.ReplaceAll(strings.TrimSpace(publicPEM), "\n", "\n    ")+"\n")
	config := func(entry string) string {
		return a.write("gatehouse.yml", "version: 1\npolicies:\n  packs: []\n  bundles: ["+entry+"]\n")
	}
	check := func(entry string, want int, says string) {
		t.Helper()
		status, out, said := a.run("check", "--config", config(entry), filepath.Join(a.dir, "k8s"))
		if status != want || !strings.Contains(out+said, says) {
			t.Errorf("%s: status %d; wanted: %d and %q\n%s%s", entry, status, want, says, out, said)
		}
	}
	signed := "{url: \"" + ref + "\", signature: {key_id: acme}}"
	check("\""+pinned+"\"", site.Fail, "ACME-01")
	check(signed, site.Usage, "GATEHOUSE_BUNDLE_KEYS names none")
	check(signed, site.Usage, filepath.Base(a.dir)+"/gatehouse.yml\n  ✗ could not evaluate: the bundle")
	a.environ = append(a.environ, "GATEHOUSE_BUNDLE_KEYS="+keys)
	check(signed, site.Fail, "ACME-01")
	if status, out, said := a.run("rules", "list", "--config", config(signed)); status != site.Pass || !strings.Contains(out, "ACME-01") {
		t.Errorf("list: status %d: %s%s", status, out, said)
	}

	r.down.Store(true)
	check("\""+pinned+"\"", site.Fail, "ACME-01")
	check(signed, site.Fail, "the registry is out of order (503); the copy of ")
	check("\"oci://"+r.host+"/acme/none:v1@"+pinned[strings.Index(pinned, "@")+1:len(pinned)-4]+"0000\"", site.Outside, "the registry is out of order (503)")
	r.down.Store(false)
	check("\"oci://169.254.169.254/acme/none:v1@"+pinned[strings.Index(pinned, "@")+1:len(pinned)-4]+"0000\"", site.Usage, "169.254.169.254 is no public address")
	a.write("k8s/a.yaml", owned)
	check("\""+pinned+"\"", site.Pass, "")

	// Rules that somebody pushed with another tool, which does not look at them.
	store, err := bundle.New(bundle.Options{Dir: filepath.Join(a.dir, "other"), Hosts: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := store.Push(t.Context(), "oci://"+r.host+"/acme/broken:v1", map[string][]byte{"team/a.rego": []byte("package acme.a\n\ndeny contains x if\n")})
	if err != nil {
		t.Fatal(err)
	}
	check("\"oci://"+r.host+"/acme/broken:v1@"+digest+"\"", site.Usage, r.host+"/acme/broken:v1/team/a.rego:4")
}
