package rules_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

func pemOf(t *testing.T, private, public any) (rules.BundleKey, rules.BundleKey) {
	t.Helper()
	a, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return rules.BundleKey{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: a}))},
		rules.BundleKey{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: b}))}
}

func TestBundlesSignedWithEveryKindOfKeyVerify(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{"a.rego": []byte("package a\n"), "data.json": []byte(`{"b": 1, "a": [2]}`), "x/data.yaml": []byte("a: 1\n"), ".manifest": []byte(`{"revision": "1"}`)}
	for _, name := range []string{"RSA", "P-256", "P-384", "Ed25519"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var private, public rules.BundleKey
			switch name {
			case "RSA":
				key, err := rsa.GenerateKey(rand.Reader, 2048)
				if err != nil {
					t.Fatal(err)
				}
				private, public = pemOf(t, key, &key.PublicKey)
				private.Algorithm, public.Algorithm = "PS256", "PS256"
			case "Ed25519":
				pub, key, err := ed25519.GenerateKey(rand.Reader)
				if err != nil {
					t.Fatal(err)
				}
				private, public = pemOf(t, key, pub)
			default:
				curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384()}[name]
				key, err := ecdsa.GenerateKey(curve, rand.Reader)
				if err != nil {
					t.Fatal(err)
				}
				private, public = pemOf(t, key, &key.PublicKey)
			}
			text, err := private.Sign(files, "acme")
			if err != nil {
				t.Fatal(err)
			}
			signed := map[string][]byte{rules.SignaturesFile: text, "data.json": []byte(`{"a":[2],"b":1}`)} // whitespace and order say nothing
			for _, file := range []string{"a.rego", "x/data.yaml", ".manifest"} {
				signed[file] = files[file]
			}
			v := rules.Verifier{Keys: map[string]rules.BundleKey{"acme": public, "other": public}, Now: time.Now()}
			if err := v.Verify(signed); err != nil {
				t.Error(err)
			}
			signed["data.json"] = []byte(`{"a":[2],"b":2}`)
			if err := v.Verify(signed); err == nil {
				t.Error("a changed file verifies")
			}
			public.Algorithm = "HS256" // the public key as a shared secret
			v.Keys["acme"] = public
			if err := v.Verify(signed); err == nil {
				t.Error("HS256 is taken")
			}
		})
	}
}

// TestWhatASignatureSaysOfItself: claims that OPA's own signer does not write unless it is asked to, and weak hashes.
func TestWhatASignatureSaysOfItself(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, public := pemOf(t, key, &key.PublicKey)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	sum := "fbbc3bc4cd4bea9be1c9f6e4b6a3cd1e0ce0f5ed6c3bd0bcb5aaf9ed0d7e0a1b"
	for name, c := range map[string]struct {
		claims jwt.MapClaims
		keyID  string
		want   string
	}{
		"ended":          {jwt.MapClaims{"files": []any{}, "exp": now.Unix()}, "acme", "its signature ended on 2026-11-23T12:00:00Z"},
		"ends":           {jwt.MapClaims{"files": []any{}, "exp": now.Unix() + 1}, "acme", ""},
		"its own key id": {jwt.MapClaims{"files": []any{}, "keyid": "gone"}, "", "its signature does not verify: verification key corresponding to ID gone not found"},
		"no key id":      {jwt.MapClaims{"files": []any{}}, "", "its signature does not verify: verification key ID is empty"},
		"MD5": {jwt.MapClaims{"files": []any{map[string]any{"name": "a.rego", "hash": sum, "algorithm": "MD5"}}}, "acme",
			`its signature names a hash of a.rego by "MD5"; wanted: one of SHA-224, SHA-256, SHA-384, SHA-512, SHA-512-224, SHA-512-256`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, err := jwt.NewWithClaims(jwt.SigningMethodES256, c.claims).SignedString(key)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(map[string]any{"signatures": []string{token}})
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{rules.SignaturesFile: text}
			if name == "MD5" {
				files["a.rego"] = []byte("package a\n")
			}
			got := ""
			if err := (rules.Verifier{Keys: map[string]rules.BundleKey{"acme": public}, KeyID: c.keyID, Now: now}).Verify(files); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("%q; wanted: %q", got, c.want)
			}
		})
	}
}
