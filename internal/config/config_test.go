package config_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-dev/gatehouse/internal/config"
)

func key(t *testing.T) string {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}))
}

func TestLoad(t *testing.T) {
	t.Parallel()
	pemKey := key(t)
	good := map[string]string{
		"GITHUB_APP_ID": "1234", "GITHUB_APP_PRIVATE_KEY": pemKey, "GITHUB_WEBHOOK_SECRET": "new, old", "HOME": t.TempDir(),
	}
	load := func(changes map[string]string, overrides map[string]string) (*config.Server, []string) {
		vars := map[string]string{}
		for _, m := range []map[string]string{good, changes} {
			for k, v := range m {
				vars[k] = v
			}
		}
		var environ []string
		for k, v := range vars {
			if v != "-" {
				environ = append(environ, k+"="+v)
			}
		}
		s, err := config.Load(environ, overrides)
		var wrong *config.Error
		if errors.As(err, &wrong) {
			return nil, wrong.Problems
		}
		if err != nil {
			t.Fatal(err)
		}
		return s, nil
	}

	s, problems := load(map[string]string{"GATEHOUSE_DATA_DIR": "/data", "GITHUB_API_URL": "https://ghe.example/api/v3/"},
		map[string]string{"GATEHOUSE_ADDR": ":9090"})
	if problems != nil {
		t.Fatalf("good settings refused: %q", problems)
	}
	type picked struct {
		AppID                                                              int64
		API, Server, Addr, Public, Database, Data, Signing, Issuer, Secret string
	}
	got := picked{
		s.AppID, s.APIURL, s.ServerURL, s.Addr, s.PublicURL, s.DatabaseURL, s.DataDir, s.SigningKeyFile, s.OIDCIssuer,
		strings.Join(s.WebhookSecrets, "|"),
	}
	want := picked{
		1234, "https://ghe.example/api/v3", "https://github.com", ":9090", "http://localhost:9090", "sqlite:gatehouse.db", "/data",
		"gatehouse-signing.key", "https://token.actions.githubusercontent.com", "new|old",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings differ (-want +got):\n%s", diff)
	}

	oneLine, problems := load(map[string]string{"GITHUB_APP_PRIVATE_KEY": strings.ReplaceAll(pemKey, "\n", `\n`)}, nil)
	if problems != nil || oneLine.Key == nil {
		t.Errorf("a key on one line was refused: %q", problems)
	}
	file := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(file, []byte(pemKey), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, problems := load(map[string]string{"GITHUB_APP_PRIVATE_KEY": "-", "GITHUB_APP_PRIVATE_KEY_FILE": file}, nil); problems != nil {
		t.Errorf("a key in a file was refused: %q", problems)
	}

	for name, c := range map[string]struct {
		changes map[string]string
		want    string // the one problem
	}{
		"no id":          {map[string]string{"GITHUB_APP_ID": "-"}, "GITHUB_APP_ID is missing; it is the number on the App's settings page"},
		"id no number":   {map[string]string{"GITHUB_APP_ID": "gatehouse"}, "GITHUB_APP_ID must be a number, the App's id from its settings page"},
		"negative id":    {map[string]string{"GITHUB_APP_ID": "-5"}, "GITHUB_APP_ID is -5; the App's id is a positive number"},
		"no key":         {map[string]string{"GITHUB_APP_PRIVATE_KEY": "-"}, "GITHUB_APP_PRIVATE_KEY or GITHUB_APP_PRIVATE_KEY_FILE is missing; generate a key on the App's settings page"},
		"two keys":       {map[string]string{"GITHUB_APP_PRIVATE_KEY_FILE": file}, "GITHUB_APP_PRIVATE_KEY and GITHUB_APP_PRIVATE_KEY_FILE are both set; set one"},
		"no PEM":         {map[string]string{"GITHUB_APP_PRIVATE_KEY": "hello"}, "GITHUB_APP_PRIVATE_KEY is not an RSA private key in PEM form; download it from the App's settings page"},
		"no secret":      {map[string]string{"GITHUB_WEBHOOK_SECRET": "-"}, "GITHUB_WEBHOOK_SECRET is missing; without it anybody could send events"},
		"empty secret":   {map[string]string{"GITHUB_WEBHOOK_SECRET": " "}, "GITHUB_WEBHOOK_SECRET is missing; without it anybody could send events"},
		"empty rotation": {map[string]string{"GITHUB_WEBHOOK_SECRET": "a,"}, "GITHUB_WEBHOOK_SECRET holds an empty secret between its commas; remove the comma"},
		"not a URL":      {map[string]string{"GITHUB_API_URL": "api.github.com"}, `GITHUB_API_URL is "api.github.com"; an https:// URL is wanted`},
		"plain http":     {map[string]string{"GITHUB_SERVER_URL": "http://ghe.example"}, `GITHUB_SERVER_URL is "http://ghe.example": tokens would travel unencrypted; use https://`},
		"address":        {map[string]string{"GATEHOUSE_ADDR": "8080", "GATEHOUSE_PUBLIC_URL": "https://gate.example"}, `GATEHOUSE_ADDR is "8080"; HOST:PORT is wanted, such as 127.0.0.1:8080 or :8080`},
		"half a login":   {map[string]string{"GITHUB_CLIENT_ID": "x"}, "GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET belong together; one of them is missing"},
		"database":       {map[string]string{"GATEHOUSE_DATABASE_URL": "mysql://root:secret@db"}, `GATEHOUSE_DATABASE_URL begins with "mysql"; wanted: sqlite:PATH or postgres://USER@HOST/NAME`},
		"key folder":     {map[string]string{"GATEHOUSE_SIGNING_KEY_FILE": "/no/such/dir/key"}, "GATEHOUSE_SIGNING_KEY_FILE is in /no/such/dir, which is not a folder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := load(c.changes, nil)
			if diff := cmp.Diff([]string{c.want}, problems); diff != "" {
				t.Errorf("problems differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environ  []string
		override string
		want     string
	}{
		"default":     {nil, "", "sqlite:gatehouse.db"},
		"environment": {[]string{"GATEHOUSE_DATABASE_URL=postgres://db/gate"}, "", "postgres://db/gate"},
		"flag":        {[]string{"GATEHOUSE_DATABASE_URL=postgres://db/gate"}, "sqlite:/x.db", "sqlite:/x.db"},
	} {
		got, err := config.Database(c.environ, c.override)
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, c.want)
		}
	}
	if _, err := config.Database(nil, "sqlite:"); err == nil {
		t.Error("a database without a path was accepted")
	}
}
