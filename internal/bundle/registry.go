package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/docker/cli/cli/config"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Media types of what OPA and conftest make: OPA's bundle is one layer, conftest's artifact has a layer for each file.
const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
	typeRego     = "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego"
	typeData     = "application/vnd.cncf.openpolicyagent.data.layer.v1+json"

	typeDockerLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	titleAnnotation = "org.opencontainers.image.title"
)

const (
	maxManifest   = 4 << 20
	maxIndexDepth = 3
)

// manifest is what is read of an image's manifest, or of an index of them.
type manifest struct {
	Layers    []descriptor `json:"layers"`
	Manifests []descriptor `json:"manifests"`
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations"`
	Platform    *struct {
		OS string `json:"os"`
	} `json:"platform"`
}

// pull unpacks an artifact of a registry by its digest. Whatever is on disk already is not asked for.
func (s *Store) pull(ctx context.Context, at location, digest string, u *unpacker) error {
	m, err := s.manifest(ctx, at, digest, 0)
	if err != nil {
		return err
	}
	for _, layer := range m.Layers {
		if layer.MediaType == typeLayer || layer.MediaType == typeDockerLayer {
			packed, err := s.layer(ctx, at, layer)
			if err != nil {
				return err
			}
			return u.tarGz(packed)
		}
	}
	if len(m.Layers) == 0 {
		return wrong("it is empty")
	}
	if len(m.Layers) > s.opts.Limits.Files {
		return wrong("it holds more than %d files", s.opts.Limits.Files)
	}
	for _, layer := range m.Layers {
		if layer.MediaType != typeRego && layer.MediaType != typeData {
			return wrong("it is no bundle: it has a layer of the type %q; wanted: one of %s, as OPA's bundles have, or %s, as conftest makes them", layer.MediaType, typeLayer, typeRego)
		}
		content, err := s.layer(ctx, at, layer)
		if err != nil {
			return err
		}
		if err := u.layer(layer.Annotations[titleAnnotation], content, layer.MediaType == typeData); err != nil {
			return err
		}
	}
	return nil
}

// manifest reads the manifest with the bundle's layers. In an index it is the first that has any, as OPA does it.
func (s *Store) manifest(ctx context.Context, at location, digest string, depth int) (*manifest, error) {
	if !validDigest(digest) {
		return nil, wrong("it refers to %q; wanted: sha256: and 64 hexadecimal digits", digest)
	}
	text, err := s.disk.get(digest, maxManifest, func() ([]byte, error) {
		got, err := s.get(ctx, at, "@"+digest)
		if err != nil {
			return nil, err
		}
		return got.Manifest, nil
	})
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, wrong("its manifest cannot be read: %s", err)
	}
	if len(m.Layers) > 0 || len(m.Manifests) == 0 {
		return &m, nil
	}
	if depth >= maxIndexDepth || len(m.Manifests) > 100 {
		return nil, wrong("its index of images is too large")
	}
	for _, entry := range m.Manifests {
		if entry.Platform != nil && entry.Platform.OS == "unknown" {
			continue // what a builder says about how it was built
		}
		return s.manifest(ctx, at, entry.Digest, depth+1)
	}
	return nil, wrong("its index of images names none")
}

func (s *Store) layer(ctx context.Context, at location, layer descriptor) ([]byte, error) {
	if !validDigest(layer.Digest) {
		return nil, wrong("it refers to %q; wanted: sha256: and 64 hexadecimal digits", layer.Digest)
	}
	if layer.Size > s.opts.Limits.Packed {
		return nil, wrong("it is larger than %d bytes", s.opts.Limits.Packed)
	}
	return s.disk.get(layer.Digest, s.opts.Limits.Packed, func() ([]byte, error) {
		ref, err := name.NewDigest(at.host+"/"+at.repo+"@"+layer.Digest, s.named(at)...)
		if err != nil {
			return nil, wrong("its reference cannot be used: %s", err)
		}
		options, err := s.registryOptions(ctx)
		if err != nil {
			return nil, err
		}
		remoteLayer, err := remote.Layer(ref, options...)
		if err != nil {
			return nil, registryError(ctx, err)
		}
		content, err := remoteLayer.Compressed()
		if err != nil {
			return nil, registryError(ctx, err)
		}
		data, err := io.ReadAll(io.LimitReader(content, s.opts.Limits.Packed+1))
		if err = errors.Join(err, content.Close()); err != nil && int64(len(data)) <= s.opts.Limits.Packed {
			return nil, registryError(ctx, err)
		}
		if int64(len(data)) > s.opts.Limits.Packed {
			return nil, wrong("it is larger than %d bytes", s.opts.Limits.Packed)
		}
		return data, nil
	})
}

// resolve asks a registry what a tag is now.
func (s *Store) resolve(ctx context.Context, at location) (digest string, err error) {
	got, err := s.get(ctx, at, ":"+at.tag)
	if err != nil {
		return "", err
	}
	digest = digestOf(got.Manifest)
	return digest, s.disk.keep(digest, got.Manifest)
}

// get reads a manifest by ":TAG" or "@DIGEST".
func (s *Store) get(ctx context.Context, at location, what string) (*remote.Descriptor, error) {
	ref, err := name.ParseReference(at.host+"/"+at.repo+what, s.named(at)...)
	if err != nil {
		return nil, wrong("its reference cannot be used: %s", err)
	}
	options, err := s.registryOptions(ctx)
	if err != nil {
		return nil, err
	}
	got, err := remote.Get(ref, options...)
	if err != nil {
		return nil, registryError(ctx, err)
	}
	if len(got.Manifest) > maxManifest {
		return nil, wrong("its manifest is larger than %d bytes", maxManifest)
	}
	return got, nil
}

// named says how references are read. The client's library tries without TLS, after it has tried with, only on this machine, in private
// networks, and where it is told that it may.
func (s *Store) named(at location) []name.Option {
	options := []name.Option{name.StrictValidation}
	if s.client.allowed(withPort(at.host, "https")) {
		options = append(options, name.Insecure)
	}
	return options
}

func (s *Store) registryOptions(ctx context.Context) ([]remote.Option, error) {
	keys, err := readLogins(s.opts.RegistryConfig)
	if err != nil {
		return nil, err
	}
	return []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(s.client), remote.WithAuthFromKeychain(keys), remote.WithUserAgent("gatehouse"),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}), // the queue tries again
	}, nil
}

// logins are those of a file of the form of Docker's config.json. It is read for each use: tokens in it are renewed from outside.
type logins struct {
	file string
}

func readLogins(file string) (authn.Keychain, error) {
	if file == "" {
		return logins{}, nil
	}
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("the registries' logins cannot be read: %w", err)
	}
	return logins{file}, nil
}

// Resolve implements authn.Keychain.
func (l logins) Resolve(target authn.Resource) (authn.Authenticator, error) {
	if l.file == "" {
		return authn.Anonymous, nil
	}
	file, err := os.Open(l.file)
	if err != nil {
		return nil, fmt.Errorf("the registries' logins cannot be read: %w", err)
	}
	read, err := config.LoadFromReader(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("the registries' logins in %s cannot be read: %w", l.file, err)
	}
	for _, key := range []string{target.String(), target.RegistryStr()} {
		if key == name.DefaultRegistry {
			key = authn.DefaultAuthKey
		}
		found, err := read.GetAuthConfig(key)
		if err != nil {
			return nil, fmt.Errorf("the login for %s cannot be had: %w", key, err)
		}
		if found.Username+found.Password+found.Auth+found.IdentityToken+found.RegistryToken != "" {
			return authn.FromConfig(authn.AuthConfig{
				Username: found.Username, Password: found.Password, Auth: found.Auth, IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken,
			}), nil
		}
	}
	return authn.Anonymous, nil
}

// registryError tells an outage from an answer.
func registryError(ctx context.Context, err error) error {
	var answer *transport.Error
	if errors.As(err, &answer) {
		return statusError(answer.StatusCode, "the registry")
	}
	return networkError(ctx, err)
}
