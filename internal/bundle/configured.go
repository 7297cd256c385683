package bundle

import (
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

// FromConfig is an entry of policies.bundles with a URL.
func FromConfig(b repoconfig.Bundle) Source {
	src := Source{URL: b.URL, Digest: b.Digest}
	if s := b.Signature; s != nil {
		src.Signature = &Signature{KeyID: s.KeyID, PublicKey: s.PublicKey, Algorithm: s.Algorithm, Scope: s.Scope}
	}
	return src
}

// RepositoryFromConfig is an entry of policies.bundles with a repository; ok is false for one with a URL.
func RepositoryFromConfig(b repoconfig.Bundle) (r Repository, ok bool) {
	owner, name, ok := strings.Cut(b.Repository, "/")
	return Repository{Owner: owner, Name: name, Ref: b.Ref, Commit: b.Commit, Path: b.Path}, ok
}
