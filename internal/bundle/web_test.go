package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/bundle"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

func with(files map[string][]byte, name, text string) map[string][]byte {
	files[name] = []byte(text)
	return files
}

func without(files map[string][]byte, name string) map[string][]byte {
	delete(files, name)
	return files
}

// pack makes a bundle as "opa build" does, with absolute names.
func pack(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var headers []tar.Header
	var contents []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		headers = append(headers, tar.Header{Name: "/" + name, Mode: 0o600, Typeflag: tar.TypeReg, Size: int64(len(files[name]))})
		contents = append(contents, string(files[name]))
	}
	return archive(t, headers, contents)
}

func archive(t *testing.T, headers []tar.Header, contents []string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for i := range headers {
		if err := w.WriteHeader(&headers[i]); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(contents[i])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestABundleOnAWebServer(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	now := newClock()
	private, public := keyPair(t)
	s := newStore(t, t.TempDir(), bundle.Options{Keys: map[string]rules.BundleKey{"acme": public}, Clock: now.now})
	one := pack(t, content("one"))
	w.put("/b.tar.gz", one)
	pinned := bundle.Source{URL: w.URL + "/b.tar.gz", Digest: digest(one)}
	if diff := cmp.Diff(content("one"), open(t, s, pinned).Files); diff != "" {
		t.Error(diff)
	}
	other := pack(t, content("two"))
	w.put("/b.tar.gz", other)
	refused(t, newStore(t, t.TempDir(), bundle.Options{}), pinned, false, "what is kept there has the digest "+digest(other)+"; wanted: "+digest(one))
	open(t, s, pinned)

	w.put("/signed.tar.gz", pack(t, signed(t, private, content("one"))))
	src := bundle.Source{URL: w.URL + "/signed.tar.gz", Signature: &bundle.Signature{KeyID: "acme"}}
	first := open(t, s, src)
	now.forward(time.Hour)
	if again := open(t, s, src); again.Digest != first.Digest || again.Stale != nil {
		t.Errorf("%+v", again)
	}
	w.down.Store(true)
	now.forward(time.Hour)
	if stale := open(t, s, src); stale.Digest != first.Digest || stale.Stale == nil || !stale.Since.Equal(now.now().Add(-time.Hour)) {
		t.Errorf("%+v", stale)
	}
	w.down.Store(false)
	refused(t, s, bundle.Source{URL: w.URL + "/none.tar.gz", Digest: digest(nil)}, false, "the server has none of that name or digest (404)")
}

func TestBundlesThatAreNone(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	limits := bundle.Limits{Packed: 1 << 20, Unpacked: 3 << 20, Files: 3, Ratio: 20}
	s := newStore(t, t.TempDir(), bundle.Options{Limits: limits})
	file := func(name string, size int64) tar.Header {
		return tar.Header{Name: name, Mode: 0o600, Typeflag: tar.TypeReg, Size: size}
	}
	zeros := strings.Repeat("\x00", 2<<20)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"text":       {[]byte("package main\n"), "it is no bundle: gzip: invalid header; wanted: a .tar.gz, as \"opa build\" makes it"},
		"cut":        {pack(t, content("one"))[:60], "it is no bundle: unexpected EOF; wanted: a .tar.gz, as \"opa build\" makes it"},
		"elsewhere":  {archive(t, []tar.Header{file("../x.rego", 1)}, []string{"x"}), `the name "../x.rego" in it leads elsewhere or is odd`},
		"backslash":  {archive(t, []tar.Header{file(`..\x.rego`, 1)}, []string{"x"}), `the name "..\\x.rego" in it leads elsewhere or is odd`},
		"link":       {archive(t, []tar.Header{{Name: "a.rego", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}, []string{""}), `"a.rego" in it is no file but a link or a device`},
		"twice":      {archive(t, []tar.Header{file("a", 1), file("/a", 1)}, []string{"x", "y"}), `"a" is in it twice`},
		"many":       {archive(t, []tar.Header{file("a", 1), file("b", 1), file("c", 1), file("d", 1)}, []string{"x", "x", "x", "x"}), "it holds more than 3 files"},
		"bomb":       {archive(t, []tar.Header{file("a", int64(len(zeros)))}, []string{zeros}), "it unpacks to more than 1048576 bytes"},
		"signatures": {archive(t, []tar.Header{file("a/.signatures.json", 1)}, []string{"x"}), `"a/.signatures.json" is not where a signature belongs`},
		"large":      {bytes.Repeat([]byte("x"), 1<<20+1), "it is larger than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			w.put("/"+name, c.data)
			refused(t, s, bundle.Source{URL: w.URL + "/" + name, Digest: digest(c.data)}, false, c.want)
		})
	}
}

func TestAddressesThatOnlyTheServerReaches(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	one := pack(t, content("one"))
	w.put("/b.tar.gz", one)
	port := strings.TrimPrefix(w.URL, "http://127.0.0.1:")
	redirecting := serve(t, http.RedirectHandler("https://169.254.169.254/latest/meta-data/", http.StatusFound))
	metadata := "169.254.169.254 is no public address; the operator can allow the host with GATEHOUSE_BUNDLE_HOSTS"
	loopback := "127.0.0.1 is no public address; the operator can allow the host with GATEHOUSE_BUNDLE_HOSTS"
	for url, want := range map[string]string{
		"https://127.0.0.1:" + port + "/b.tar.gz":                   loopback,
		"https://[::ffff:127.0.0.1]:" + port + "/b.tar.gz":          loopback,
		"https://169.254.169.254/latest":                            metadata,
		"https://[fd00:ec2::254]/latest":                            "fd00:ec2::254 is no public address; the operator can allow the host with GATEHOUSE_BUNDLE_HOSTS",
		"https://[64:ff9b::a9fe:a9fe]/latest":                       "64:ff9b::a9fe:a9fe is no public address; the operator can allow the host with GATEHOUSE_BUNDLE_HOSTS",
		"http://203.0.113.9/b.tar.gz":                               "203.0.113.9 is not spoken to without TLS; the operator can allow the host with GATEHOUSE_BUNDLE_HOSTS",
		"oci://127.0.0.1:" + port + "/acme/policies@" + digest(one): loopback,
		"oci://169.254.169.254/acme/policies:v1@" + digest(one):     metadata,
		"https://100.100.100.200/":                                  "100.100.100.200 is no public address; the operator can allow the host with GATEHOUSE_BUNDLE_HOSTS",
		"https://168.63.129.16/machine":                             "168.63.129.16 is no public address; the operator can allow the host with GATEHOUSE_BUNDLE_HOSTS",
	} {
		t.Run(url, func(t *testing.T) {
			src := bundle.Source{URL: url}
			if !strings.Contains(url, "@") {
				src.Digest = digest(one)
			}
			s := newStore(t, t.TempDir(), bundle.Options{Hosts: []string{"registry.example"}})
			refused(t, s, src, false, want)
		})
	}
	command := newStore(t, t.TempDir(), bundle.Options{Hosts: []string{}, Private: true})
	open(t, command, bundle.Source{URL: w.URL + "/b.tar.gz", Digest: digest(one)})
	for _, url := range []string{redirecting.URL + "/x", "https://169.254.169.254/latest"} {
		refused(t, command, bundle.Source{URL: url, Digest: digest(nil)}, false, metadata)
	}
	refused(t, command, bundle.Source{URL: "https://[fd00:ec2::254]/", Digest: digest(nil)}, false, "fd00:ec2::254 is no public address; the operator can allow the host with GATEHOUSE_BUNDLE_HOSTS")
	s := newStore(t, t.TempDir(), bundle.Options{Hosts: []string{w.host(), redirecting.host()}})
	open(t, s, bundle.Source{URL: w.URL + "/b.tar.gz", Digest: digest(one)})
	refused(t, s, bundle.Source{URL: redirecting.URL + "/x", Digest: digest(nil)}, false, metadata)
}
