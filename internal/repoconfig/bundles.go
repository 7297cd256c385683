package repoconfig

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Bundle names rules that are kept elsewhere: at a URL, or in another repository. A text alone stands for its URL.
type Bundle struct {
	URL       string           `yaml:"url"`       // oci://HOST/NAME:TAG@sha256:HEX or https://HOST/PATH.tar.gz
	Digest    string           `yaml:"digest"`    // sha256:HEX; for oci:// it may stand in the URL
	Signature *BundleSignature `yaml:"signature"` // who must have signed it

	Repository string `yaml:"repository"` // owner/name
	Ref        string `yaml:"ref"`        // a branch, or refs/...
	Commit     string `yaml:"commit"`     // instead of ref
	Path       string `yaml:"path"`       // of the folder there; default: everything
}

// BundleSignature is what a bundle's signature is verified with. All empty: the server's keys, by the id in the signature.
type BundleSignature struct {
	KeyID     string `yaml:"key_id"`     // of the server's keys
	PublicKey string `yaml:"public_key"` // PEM
	Algorithm string `yaml:"algorithm"`  // of the public key; default: by its kind
	Scope     string `yaml:"scope"`      // that the signature must state
}

const (
	maxBundles = 20
	digestForm = "sha256: and 64 hexadecimal digits"
)

var (
	// OCIReference takes a reference apart: host, name, tag, digest. It is made when it is first wanted: the program starts often, and
	// few starts want it.
	OCIReference = onDemand(`^oci://([A-Za-z0-9.-]+(?::[0-9]{1,5})?|\[[0-9a-fA-F:.]+\](?::[0-9]{1,5})?)/([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`)

	sha256Digest  = onDemand(`^sha256:[0-9a-f]{64}$`)
	commitName    = onDemand(`^[0-9a-f]{40}$`)
	refName       = onDemand(`^[A-Za-z0-9_][A-Za-z0-9._/+#@-]{0,200}$`)
	keyAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)

func onDemand(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// UnmarshalYAML reads a URL, or a mapping.
func (b *Bundle) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		b.URL = n.Value
		return nil
	}
	if err := onlyKeys(n, "Bundle", "a URL is wanted, or {url, digest, signature}, or {repository, ref, commit, path}",
		"url", "digest", "signature", "repository", "ref", "commit", "path"); err != nil {
		return err
	}
	type plain Bundle
	return n.Decode((*plain)(b))
}

// UnmarshalYAML reads a mapping strictly.
func (s *BundleSignature) UnmarshalYAML(n *yaml.Node) error {
	if err := onlyKeys(n, "BundleSignature", "a mapping is wanted: {key_id}, or {public_key}, or {} for the server's keys",
		"key_id", "public_key", "algorithm", "scope"); err != nil {
		return err
	}
	type plain BundleSignature
	return n.Decode((*plain)(s))
}

// onlyKeys refuses what is no mapping, and keys that are unknown or stand twice, in the decoder's own words: a type that reads itself
// does so without its strictness.
func onlyKeys(n *yaml.Node, typeName, wanted string, known ...string) error {
	if n.Kind != yaml.MappingNode {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %s", n.Line, wanted)}}
	}
	var wrong []string
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if !slices.Contains(known, key.Value) {
			wrong = append(wrong, fmt.Sprintf("line %d: field %s not found in type repoconfig.%s", key.Line, key.Value, typeName))
		} else if seen[key.Value] {
			wrong = append(wrong, fmt.Sprintf("line %d: the key %q stands twice; one is wanted", key.Line, key.Value))
		}
		seen[key.Value] = true
	}
	if len(wrong) > 0 {
		return &yaml.TypeError{Errors: wrong}
	}
	return nil
}

func (v *validator) bundles(list []Bundle) {
	if len(list) > maxBundles {
		v.add("policies.bundles", "names %d bundles; at most %d are read", len(list), maxBundles)
	}
	for i := range list {
		b := &list[i]
		key := fmt.Sprintf("policies.bundles.%d", i)
		switch {
		case (b.URL == "") == (b.Repository == ""):
			v.add(key, "wants either a url or a repository")
		case b.URL != "":
			v.remoteBundle(key, b)
		default:
			v.repositoryBundle(key, b)
		}
		if slices.ContainsFunc(list[:i], func(other Bundle) bool { return other.same(b) }) {
			v.add(key, "is there twice")
		}
	}
}

// same tells whether two entries are about the same rules.
func (b Bundle) same(other *Bundle) bool {
	strip := func(u string) string { u, _, _ = strings.Cut(u, "@"); return u }
	return strip(b.URL) == strip(other.URL) && strings.EqualFold(b.Repository, other.Repository) && b.Path == other.Path
}

func (v *validator) remoteBundle(key string, b *Bundle) {
	if b.Ref+b.Commit+b.Path != "" {
		v.add(key, "has ref, commit or path, which belong to a repository; a url has digest and signature")
	}
	inURL := ""
	if strings.HasPrefix(b.URL, "oci://") {
		parts := OCIReference().FindStringSubmatch(b.URL)
		if parts == nil {
			v.add(key+".url", "%q is no reference; wanted: oci://HOST/NAME:TAG or oci://HOST/NAME:TAG@sha256:HEX, the name in lower case", b.URL)
			return
		}
		inURL = parts[4]
		if parts[3] == "" && inURL == "" && b.Digest == "" {
			v.add(key+".url", "%q has neither tag nor digest", b.URL)
		}
	} else if u, err := url.Parse(b.URL); err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") == "" {
		v.add(key+".url", "%q is neither an oci:// reference nor an https:// URL of a file", b.URL)
	} else if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		v.add(key+".url", "must not hold a user, a query or a fragment: what is secret does not belong into a repository")
	}
	switch {
	case b.Digest != "" && !sha256Digest().MatchString(b.Digest):
		v.add(key+".digest", "is %q; wanted: %s", b.Digest, digestForm)
	case b.Digest != "" && inURL != "" && b.Digest != inURL:
		v.add(key+".digest", "is not the digest in the url")
	case b.Digest+inURL == "" && b.Signature == nil:
		v.add(key, "is neither pinned nor signed; give its digest (sha256:...), or signature with the key that it is signed with")
	}
	if b.Signature != nil {
		v.signature(key+".signature", b.Signature)
	}
}

func (v *validator) repositoryBundle(key string, b *Bundle) {
	if b.Digest != "" || b.Signature != nil {
		v.add(key, "has digest or signature, which belong to a url; a repository is pinned by commit")
	}
	if !teamName.MatchString(b.Repository) {
		v.add(key+".repository", "is %q; wanted: owner/name", b.Repository)
	}
	switch {
	case (b.Ref == "") == (b.Commit == ""):
		v.add(key, "wants either ref (a branch to follow, or refs/tags/NAME) or commit (to pin it)")
	case b.Commit != "" && !commitName().MatchString(b.Commit):
		v.add(key+".commit", "is %q; wanted: the 40 digits of a commit", b.Commit)
	case b.Ref != "" && (!refName().MatchString(b.Ref) || strings.Contains(b.Ref, "..") || strings.Contains(b.Ref, "@{")):
		v.add(key+".ref", "%q is no branch; wanted: a name such as main, or refs/tags/v1", b.Ref)
	}
	if b.Path != "" {
		v.dir(key+".path", b.Path)
	}
}

func (v *validator) signature(key string, s *BundleSignature) {
	if s.PublicKey == "" {
		if s.Algorithm != "" {
			v.add(key+".algorithm", "goes with public_key; the server's keys have their own")
		}
		return
	}
	if s.KeyID != "" {
		v.add(key, "has both key_id, a key of the server's, and public_key; wanted: one of them")
	}
	if s.Algorithm != "" && !slices.Contains(keyAlgorithms, s.Algorithm) {
		v.add(key+".algorithm", "is %q; wanted: one of %s", s.Algorithm, strings.Join(keyAlgorithms, ", "))
	}
	block, _ := pem.Decode([]byte(s.PublicKey))
	switch {
	case block == nil:
		v.add(key+".public_key", "is no key in PEM form; wanted: -----BEGIN PUBLIC KEY----- and so on")
	case strings.Contains(block.Type, "PRIVATE"):
		v.add(key+".public_key", "is a private key, which now is no secret any more; make another one, and put its public key here")
	case block.Type != "PUBLIC KEY":
		v.add(key+".public_key", "is a %q; wanted: a PUBLIC KEY", block.Type)
	default:
		if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
			v.add(key+".public_key", "cannot be read: %v", err)
		}
	}
}
