package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/config"
)

const somePublicKey = "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSettingsOfBundles(t *testing.T) {
	t.Parallel()
	keys := file(t, "keys.yaml", "acme:\n  key: |\n    "+strings.ReplaceAll(strings.TrimSpace(somePublicKey), "\n", "\n    ")+"\n  algorithm: ES256\n  scope: write\n")
	docker := file(t, "config.json", "{}")
	got, err := config.LoadBundles([]string{
		"GATEHOUSE_DATA_DIR=/data", "GATEHOUSE_BUNDLE_KEYS=" + keys, "GATEHOUSE_BUNDLE_HOSTS= registry.internal:5000, 10.0.0.7 ,[::1]:5000,",
		"DOCKER_CONFIG=" + filepath.Dir(docker), "GITHUB_TOKEN=t", "GITHUB_SERVER_URL=https://ghe.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Bundles{
		DataDir: "/data", Keys: map[string]config.BundleKey{"acme": {Key: somePublicKey, Algorithm: "ES256", Scope: "write"}},
		Hosts: []string{"registry.internal:5000", "10.0.0.7", "[::1]:5000"}, RegistryConfig: docker, ServerURL: "https://ghe.example", Token: "t",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got, err = config.LoadBundles([]string{"HOME=/nowhere"})
	want = config.Bundles{DataDir: "/nowhere/.cache/gatehouse", ServerURL: "https://github.com"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestSettingsOfBundlesThatAreWrong(t *testing.T) {
	t.Parallel()
	private := file(t, "k.yaml", "a: {key: \"-----BEGIN EC PRIVATE KEY-----\\nx\"}\n")
	odd := file(t, "odd.yaml", "a: {pem: x}\n")
	empty := file(t, "empty.yaml", "{}\n")
	for setting, want := range map[string]string{
		"GATEHOUSE_BUNDLE_HOSTS=https://x":        `GATEHOUSE_BUNDLE_HOSTS holds "https://x"; wanted: HOST or HOST:PORT, several separated by commas`,
		"GATEHOUSE_BUNDLE_HOSTS=a b":              `GATEHOUSE_BUNDLE_HOSTS holds "a b"; wanted: HOST or HOST:PORT, several separated by commas`,
		"GATEHOUSE_BUNDLE_KEYS=" + private:        `GATEHOUSE_BUNDLE_KEYS cannot be used: ` + private + `: the key "a" is no public key in PEM form`,
		"GATEHOUSE_BUNDLE_KEYS=" + odd:            "GATEHOUSE_BUNDLE_KEYS cannot be used: " + odd + ": yaml: unmarshal errors:\n  line 1: field pem not found in type config.BundleKey; wanted: ID: {key: PEM, algorithm: ES256}",
		"GATEHOUSE_BUNDLE_KEYS=" + empty:          "GATEHOUSE_BUNDLE_KEYS cannot be used: " + empty + " holds no key; wanted: ID: {key: PEM, algorithm: ES256}",
		"GATEHOUSE_REGISTRY_CONFIG=/nowhere/none": "GATEHOUSE_REGISTRY_CONFIG cannot be read: stat /nowhere/none: no such file or directory",
	} {
		_, err := config.LoadBundles([]string{"GATEHOUSE_DATA_DIR=/data", setting})
		var e *config.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", setting, err)
			continue
		}
		if diff := cmp.Diff([]string{want}, e.Problems); diff != "" {
			t.Errorf("%s: %s", setting, diff)
		}
	}
}
