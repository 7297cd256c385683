package repoconfig_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

const someDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func publicKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestBundlesAreRead(t *testing.T) {
	t.Parallel()
	key := publicKey(t)
	text := "version: 1\npolicies:\n  bundles:\n" +
		"    - oci://ghcr.io/acme/policies:v1@" + someDigest + "\n" +
		"    - {url: \"oci://localhost:5000/acme/signed:stable\", signature: {key_id: acme-2026, scope: write}}\n" +
		"    - {url: https://policies.acme.example/b.tar.gz, digest: \"" + someDigest + "\"}\n" +
		"    - {url: https://policies.acme.example/c.tar.gz, signature: {}}\n" +
		"    - url: https://policies.acme.example/d.tar.gz\n      signature:\n        algorithm: ES256\n        public_key: |\n          " +
		strings.ReplaceAll(strings.TrimSpace(key), "\n", "\n          ") + "\n" +
		"    - {repository: acme/policies, ref: main, path: rego}\n" +
		"    - {repository: acme/more, commit: 0123456789abcdef0123456789abcdef01234567}\n"
	config, problems := repoconfig.Parse("f.yml", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []repoconfig.Bundle{
		{URL: "oci://ghcr.io/acme/policies:v1@" + someDigest},
		{URL: "oci://localhost:5000/acme/signed:stable", Signature: &repoconfig.BundleSignature{KeyID: "acme-2026", Scope: "write"}},
		{URL: "https://policies.acme.example/b.tar.gz", Digest: someDigest},
		{URL: "https://policies.acme.example/c.tar.gz", Signature: &repoconfig.BundleSignature{}},
		{URL: "https://policies.acme.example/d.tar.gz", Signature: &repoconfig.BundleSignature{Algorithm: "ES256", PublicKey: key}},
		{Repository: "acme/policies", Ref: "main", Path: "rego"},
		{Repository: "acme/more", Commit: "0123456789abcdef0123456789abcdef01234567"},
	}
	if diff := cmp.Diff(want, config.Policies.Bundles); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsWrongWithBundlesIsSaid(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]string{
		"oci://ghcr.io/acme/policies:v1":                   "f.yml:4 policies.bundles.0: is neither pinned nor signed; give its digest (sha256:...), or signature with the key that it is signed with",
		"oci://ghcr.io/Acme/policies:v1@" + someDigest:     `f.yml:4 policies.bundles.0.url: "oci://ghcr.io/Acme/policies:v1@` + someDigest + `" is no reference; wanted: oci://HOST/NAME:TAG or oci://HOST/NAME:TAG@sha256:HEX, the name in lower case`,
		"{url: 'oci://ghcr.io/acme/p', signature: {}}":     `f.yml:4 policies.bundles.0.url: "oci://ghcr.io/acme/p" has neither tag nor digest`,
		"http://policies.acme.example/b.tar.gz":            "f.yml:4 policies.bundles.0.url: \"http://policies.acme.example/b.tar.gz\" is neither an oci:// reference nor an https:// URL of a file\nf.yml:4 policies.bundles.0: is neither pinned nor signed; give its digest (sha256:...), or signature with the key that it is signed with",
		"{url: 'https://a:b@h/x.tgz', signature: {}}":      "f.yml:4 policies.bundles.0.url: must not hold a user, a query or a fragment: what is secret does not belong into a repository",
		"{url: 'https://h/x.tgz', digest: abc}":            `f.yml:4 policies.bundles.0.digest: is "abc"; wanted: sha256: and 64 hexadecimal digits`,
		"{url: 'https://h/x.tgz', sha: abc}":               `f.yml:4 has the unknown key "sha"`,
		"{url: 'https://h/x.tgz', signature: {kid: a}}":    `f.yml:4 has the unknown key "kid"`,
		"{url: 'https://h/x.tgz', url: 'https://h/y.tgz'}": `f.yml:4 the key "url" stands twice; one is wanted`,
		"[a]": "f.yml:4 a URL is wanted, or {url, digest, signature}, or {repository, ref, commit, path}",
		"{url: 'https://h/x.tgz', signature: yes}":             "f.yml:4 a mapping is wanted: {key_id}, or {public_key}, or {} for the server's keys",
		"{url: 'https://h/x.tgz', signature: {public_key: x}}": "f.yml:4 policies.bundles.0.signature.public_key: is no key in PEM form; wanted: -----BEGIN PUBLIC KEY----- and so on",
		"{url: 'https://h/x.tgz', signature: {public_key: \"-----BEGIN EC PRIVATE KEY-----\\nAAAA\\n-----END EC PRIVATE KEY-----\\n\"}}": "f.yml:4 policies.bundles.0.signature.public_key: is a private key, which now is no secret any more; make another one, and put its public key here",
		"{url: 'https://h/x.tgz', signature: {algorithm: HS256}}":                                                                        "f.yml:4 policies.bundles.0.signature.algorithm: goes with public_key; the server's keys have their own",
		"{url: 'https://h/x.tgz', repository: acme/p}":                                                                                   "f.yml:4 policies.bundles.0: wants either a url or a repository",
		"{repository: acme/p}":                                                "f.yml:4 policies.bundles.0: wants either ref (a branch to follow, or refs/tags/NAME) or commit (to pin it)",
		"{repository: acme, ref: main}":                                       `f.yml:4 policies.bundles.0.repository: is "acme"; wanted: owner/name`,
		"{repository: acme/p, ref: 'a..b'}":                                   `f.yml:4 policies.bundles.0.ref: "a..b" is no branch; wanted: a name such as main, or refs/tags/v1`,
		"{repository: acme/p, commit: abc}":                                   `f.yml:4 policies.bundles.0.commit: is "abc"; wanted: the 40 digits of a commit`,
		"{repository: acme/p, ref: main, path: ../x}":                         `f.yml:4 policies.bundles.0.path: "../x" is not a path inside the repository`,
		"{repository: acme/p, ref: main, digest: \"" + someDigest + "\"}":     "f.yml:4 policies.bundles.0: has digest or signature, which belong to a url; a repository is pinned by commit",
		"{repository: acme/p, ref: main}\n  - {repository: Acme/p, ref: dev}": "f.yml:5 policies.bundles.1: is there twice",
	} {
		t.Run(entry, func(t *testing.T) {
			t.Parallel()
			_, problems := repoconfig.Parse("f.yml", []byte("version: 1\npolicies:\n  bundles:\n  - "+entry+"\n"))
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
