package bundle

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Push packs files as an OPA bundle and puts it into a registry under a tag, as "opa build" and "oras push" together do. It gives the
// digest to pin; the same files have the same.
func (s *Store) Push(ctx context.Context, url string, files map[string][]byte) (digest string, err error) {
	at, err := locate(Source{URL: url})
	if err != nil {
		return "", err
	}
	if !at.registry() || at.digest != "" {
		return "", at.explain(wrong("a bundle is pushed to oci://HOST/NAME:TAG"))
	}
	packed, err := pack(files, slices.Sorted(maps.Keys(files)))
	if err != nil {
		return "", err
	}
	if err := (&unpacker{limits: s.opts.Limits, files: map[string][]byte{}}).tarGz(packed); err != nil {
		return "", at.explain(err) // whoever fetches it would refuse it
	}
	if int64(len(packed)) > s.opts.Limits.Packed {
		return "", at.explain(wrong("it is larger than %d bytes", s.opts.Limits.Packed))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.opts.Limits.Time, fmt.Errorf("it took longer than %s", s.opts.Limits.Time))
	defer cancel()
	ref, err := name.NewTag(at.host+"/"+at.repo+":"+at.tag, s.named(at)...)
	if err != nil {
		return "", at.explain(wrong("its reference cannot be used: %s", err))
	}
	options, err := s.registryOptions(ctx)
	if err != nil {
		return "", at.explain(err)
	}
	contents := []descriptor{
		{MediaType: typeConfig, Digest: digestOf([]byte("{}")), Size: 2},
		{MediaType: typeLayer, Digest: digestOf(packed), Size: int64(len(packed)), Annotations: map[string]string{titleAnnotation: "bundle.tar.gz"}},
	}
	for i, data := range [][]byte{[]byte("{}"), packed} {
		if err := remote.WriteLayer(ref.Repository, static.NewLayer(data, types.MediaType(contents[i].MediaType)), options...); err != nil {
			return "", at.explain(registryError(ctx, err))
		}
	}
	text, err := manifestText(contents[0], contents[1:])
	if err != nil {
		return "", fmt.Errorf("write the manifest: %w", err)
	}
	if err := remote.Put(ref, rawManifest(text), options...); err != nil {
		return "", at.explain(registryError(ctx, err))
	}
	return digestOf(text), nil
}

// Pinned is a reference with a digest.
func Pinned(url, digest string) string {
	url, _, _ = strings.Cut(url, "@")
	return url + "@" + digest
}

func manifestText(config descriptor, layers []descriptor) ([]byte, error) {
	type written struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int64             `json:"size"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	write := func(d descriptor) written { return written{d.MediaType, d.Digest, d.Size, d.Annotations} }
	m := struct {
		SchemaVersion int       `json:"schemaVersion"`
		MediaType     string    `json:"mediaType"`
		Config        written   `json:"config"`
		Layers        []written `json:"layers"`
	}{2, typeManifest, write(config), nil}
	for _, l := range layers {
		m.Layers = append(m.Layers, write(l))
	}
	return json.Marshal(m)
}

// rawManifest is a manifest as the client's library puts it.
type rawManifest []byte

// RawManifest implements remote.Taggable.
func (m rawManifest) RawManifest() ([]byte, error) { return m, nil }

// MediaType says that it is an image's.
func (m rawManifest) MediaType() (types.MediaType, error) { return typeManifest, nil }
