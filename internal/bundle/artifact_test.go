package bundle_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/gatehouse-dev/gatehouse/internal/bundle"
)

// artifact puts any manifest into a registry, and gives its digest.
func (s *server) artifact(t *testing.T, tag string, mediaType types.MediaType, manifest any, layers map[string][]byte) string {
	t.Helper()
	ref, err := name.NewTag(s.host() + "/acme/" + tag)
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range layers {
		if err := remote.WriteLayer(ref.Repository, static.NewLayer(data, "application/octet-stream")); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Put(ref, raw{text, mediaType}); err != nil {
		t.Fatal(err)
	}
	return digest(text)
}

type raw struct {
	text      []byte
	mediaType types.MediaType
}

func (r raw) RawManifest() ([]byte, error)        { return r.text, nil }
func (r raw) MediaType() (types.MediaType, error) { return r.mediaType, nil }
func layer(mediaType, title string, data []byte) object { // as a manifest refers to it
	l := object{"mediaType": mediaType, "digest": digest(data), "size": len(data)}
	if title != "" {
		l["annotations"] = object{"org.opencontainers.image.title": title}
	}
	return l
}

type object map[string]any

const (
	regoLayer = "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego"
	dataLayer = "application/vnd.cncf.openpolicyagent.data.layer.v1+json"
)

// image puts an image with some layers into the registry and opens it.
func (s *server) image(t *testing.T, tag string, layers []object, contents map[string][]byte) bundle.Source {
	t.Helper()
	manifest := object{"schemaVersion": 2, "config": layer("application/vnd.unknown.config.v1+json", "", []byte("{}")), "layers": layers}
	contents["config"] = []byte("{}")
	d := s.artifact(t, tag, types.OCIManifestSchema1, manifest, contents)
	return bundle.Source{URL: "oci://" + s.host() + "/acme/" + tag + "@" + d}
}

func TestWhatConftestPushesIsPulled(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	rego, lists, more, ports := []byte("package main\n"), []byte("hosts: [a]\n"), []byte(`{"b": 1}`), []byte(`{"ports": [9007199254740993]}`)
	src := r.image(t, "rules:v1", []object{
		layer(regoLayer, "policy/deny.rego", rego), layer(dataLayer, "policy/lists.yaml", lists), layer(dataLayer, "policy/team/data.json", more),
		layer(dataLayer, "policy/ports.json", ports),
	}, map[string][]byte{"a": rego, "b": lists, "c": more, "d": ports})
	b := open(t, newStore(t, t.TempDir(), bundle.Options{}), src)
	want := &bundle.Bundle{
		Name: r.host() + "/acme/rules:v1", Digest: b.Digest,
		Files: map[string][]byte{"policy/deny.rego": rego, "policy/lists.yaml": lists, "policy/team/data.json": more, "policy/ports.json": ports},
		Rules: map[string][]byte{"policy/deny.rego": rego, "data.json": []byte(`{"hosts":["a"],"ports":[9007199254740993]}`), "team/data.json": []byte(`{"b":1}`)},
	}
	if diff := cmp.Diff(want, b); diff != "" {
		t.Error(diff)
	}
}

func TestArtifactsThatAreNoBundles(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	s := newStore(t, t.TempDir(), bundle.Options{})
	text := []byte("package main\n")
	contents := func() map[string][]byte { return map[string][]byte{"a": text} }
	for tag, c := range map[string]struct {
		layers []object
		want   string
	}{
		"empty":     {[]object{}, "it is empty"},
		"other":     {[]object{layer("text/plain", "a", text)}, `it is no bundle: it has a layer of the type "text/plain"; wanted: one of application/vnd.oci.image.layer.v1.tar+gzip, as OPA's bundles have, or ` + regoLayer + `, as conftest makes them`},
		"nameless":  {[]object{layer(regoLayer, "", text)}, "a file in it has no name (no annotation org.opencontainers.image.title)"},
		"elsewhere": {[]object{layer(regoLayer, "../../a.rego", text)}, `the name "../../a.rego" in it leads elsewhere or is odd`},
		"gone":      {[]object{layer(regoLayer, "a.rego", []byte("nobody has this"))}, "the registry has none of that name or digest (404)"},
		"huge":      {[]object{{"mediaType": regoLayer, "digest": digest(nil), "size": 1 << 40}}, "it is larger than 16777216 bytes"},
		"odd":       {[]object{{"mediaType": regoLayer, "digest": "sha256:../../x", "size": 1}}, `it refers to "sha256:../../x"; wanted: sha256: and 64 hexadecimal digits`},
	} {
		t.Run(tag, func(t *testing.T) {
			refused(t, s, r.image(t, tag+":v1", c.layers, contents()), false, c.want)
		})
	}
	refused(t, s, bundle.Source{URL: "oci://" + r.host() + "/acme/none:v1@" + digest(nil)}, false, "the registry has none of that name or digest (404)")
}

func TestAnIndexLeadsToItsFirstImage(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	packed := pack(t, content("one"))
	image := object{"schemaVersion": 2, "config": layer("application/vnd.oci.image.config.v1+json", "", []byte("{}")), "layers": []object{layer("application/vnd.oci.image.layer.v1.tar+gzip", "", packed)}}
	child := r.artifact(t, "p:child", types.OCIManifestSchema1, image, map[string][]byte{"a": packed, "b": []byte("{}")})
	entry := object{"mediaType": types.OCIManifestSchema1, "digest": child, "size": 1, "platform": object{"os": "linux"}}
	note := object{"schemaVersion": 2, "layers": []object{layer("application/vnd.in-toto+json", "", []byte("{}"))}}
	provenance := r.artifact(t, "p:provenance", types.OCIManifestSchema1, note, map[string][]byte{"b": []byte("{}")})
	built := object{"mediaType": types.OCIManifestSchema1, "digest": provenance, "size": 1, "platform": object{"os": "unknown"}}
	index := r.artifact(t, "p:v1", types.OCIImageIndex, object{"schemaVersion": 2, "mediaType": types.OCIImageIndex, "manifests": []object{built, entry}}, nil)
	b := open(t, newStore(t, t.TempDir(), bundle.Options{}), bundle.Source{URL: "oci://" + r.host() + "/acme/p:v1@" + index})
	if diff := cmp.Diff(content("one"), b.Files); diff != "" {
		t.Error(diff)
	}
}

func TestRegistriesWithALogin(t *testing.T) {
	t.Parallel()
	inner := newRegistry(t)
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if user, password, _ := req.BasicAuth(); user != "gate" || password != "pass" {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
			return
		}
		inner.Config.Handler.ServeHTTP(w, req)
	}))
	file := filepath.Join(t.TempDir(), "config.json")
	logins := `{"auths": {"` + r.host() + `": {"auth": "Z2F0ZTpwYXNz"}}}` // gate:pass
	if err := os.WriteFile(file, []byte(logins), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStore(t, t.TempDir(), bundle.Options{RegistryConfig: file})
	url := "oci://" + r.host() + "/acme/private:v1"
	src := bundle.Source{URL: bundle.Pinned(url, push(t, s, url, content("one")))}
	open(t, s, src)
	refused(t, newStore(t, t.TempDir(), bundle.Options{}), src, false, "the registry refuses access (401); see whether it is there and whether GATEHOUSE_REGISTRY_CONFIG has a login for it")
}

func TestCopiesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWeb(t)
	now := newClock()
	dir := t.TempDir()
	var sources []bundle.Source
	size := 0
	for _, version := range []string{"one", "two", "six"} {
		packed := pack(t, content(version))
		size = max(size, len(packed))
		w.put("/"+version, packed)
		sources = append(sources, bundle.Source{URL: w.URL + "/" + version, Digest: digest(packed)})
	}
	options := bundle.Options{KeepBytes: int64(2*size + 50), Clock: now.now}
	for _, i := range []int{0, 1, 0, 2} { // the first is used again, so the second goes
		now.forward(time.Minute)
		open(t, newStore(t, dir, options), sources[i])
	}
	w.down.Store(true)
	open(t, newStore(t, dir, options), sources[0])
	open(t, newStore(t, dir, options), sources[2])
	refused(t, newStore(t, dir, options), sources[1], true, "the server is out of order (503)")
}
