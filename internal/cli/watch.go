package cli

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"reflect"

	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/forge"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
	"github.com/gatehouse-dev/gatehouse/internal/metrics"
	"github.com/gatehouse-dev/gatehouse/internal/pipeline"
	"github.com/gatehouse-dev/gatehouse/internal/posture"
	"github.com/gatehouse-dev/gatehouse/internal/store"
	"github.com/gatehouse-dev/gatehouse/policies"
)

// watch gives the pipeline what it needs to look after branches, deployments and its own settings, and records the settings that
// are others than at the last start. A log that takes no entries keeps nobody from reading it, so that is no reason not to start.
func (w *world) watch(ctx context.Context, line *pipeline.Pipeline, s *config.Server, db *store.Store, github *forge.App, counters *metrics.Metrics,
	key ledger.Verifier, secret []byte) {
	line.AppID, line.Hooks, line.Postures, line.Trail = s.AppID, github, db, db
	counters.Registry().MustRegister(metrics.Postures(func(ctx context.Context) (metrics.PostureCount, error) { return countPostures(ctx, db) }))
	counters.Registry().MustRegister(metrics.Unposted(func(ctx context.Context) (map[string]int, error) { return countUnposted(ctx, db) }))
	settings, err := settingsRecord(s, key, secret)
	if err == nil {
		err = line.RecordSettings(ctx, db, settings)
	}
	if err != nil {
		line.Log.WithError(err).Error("recording the server's settings")
	}
}

func countUnposted(ctx context.Context, db *store.Store) (map[string]int, error) {
	list, err := db.Unposted(ctx, nil)
	counts := map[string]int{string(gate.Error): 0, string(gate.Fail): 0, string(gate.Wait): 0, string(gate.Pass): 0}
	for _, d := range list {
		counts[d.Verdict]++
	}
	return counts, err
}

func countPostures(ctx context.Context, db *store.Store) (metrics.PostureCount, error) {
	list, err := db.Postures(ctx, store.PostureFilter{})
	count := metrics.PostureCount{States: map[string]int{string(posture.OK): 0, string(posture.Unknown): 0, string(posture.Problem): 0}}
	for _, p := range list {
		count.States[p.State]++
		if count.Oldest.IsZero() || p.Checked.Before(count.Oldest) {
			count.Oldest = p.Checked
		}
	}
	return count, err
}

// plainSetting says of a setting that it may stand in the log as it is. All others are named by a keyed fingerprint, so that a
// new setting is not put on record by mistake.
func plainSetting(name string) bool {
	switch name {
	case "GITHUB_APP_ID", "GITHUB_API_URL", "GITHUB_SERVER_URL", "GITHUB_CLIENT_ID", "GITHUB_OIDC_ISSUER", "GATEHOUSE_PUBLIC_URL",
		"GATEHOUSE_READERS", "GATEHOUSE_PLAN_LIMIT", "GATEHOUSE_RETENTION", "GATEHOUSE_WORKER_MEMORY", "GATEHOUSE_WORKER_TIME":
		return true
	}
	return false
}

// ownSetting says of a setting that it is each process's own, and says nothing about what is decided. (The App's key is named by
// the fingerprint that GitHub shows, wherever it is read from.)
func ownSetting(name string) bool {
	switch name {
	case "", "-", "GATEHOUSE_ADDR", "GATEHOUSE_DATA_DIR", "GATEHOUSE_SIGNING_KEY_FILE", "GITHUB_APP_PRIVATE_KEY_FILE", "GITHUB_APP_PRIVATE_KEY":
		return true
	}
	return false
}

// settingsRecord is the server's settings as they may be recorded, with what is built into the program.
func settingsRecord(s *config.Server, key ledger.Verifier, secret []byte) (map[string]string, error) {
	out := map[string]string{"version": Version, "log key": key.String()}
	t, v := reflect.TypeFor[config.Server](), reflect.ValueOf(*s)
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("env")
		value := fmt.Sprint(v.Field(i).Interface())
		switch {
		case ownSetting(name) || v.Field(i).IsZero():
		case plainSetting(name):
			out[name] = value
		default:
			mac := hmac.New(sha256.New, secret)
			fmt.Fprintf(mac, "setting\x00%s\x00%s", name, value)
			out[name] = "fingerprint " + hex.EncodeToString(mac.Sum(nil)[:8])
		}
	}
	if s.Key != nil {
		public, err := x509.MarshalPKIXPublicKey(&s.Key.PublicKey)
		if err != nil {
			return nil, fmt.Errorf("name the App's key: %w", err)
		}
		sum := sha256.Sum256(public)
		out["App key"] = "SHA256:" + base64.StdEncoding.EncodeToString(sum[:]) // as the App's settings page shows it
	}
	digest, err := builtinDigest()
	out["built-in rules"] = digest
	return out, err
}

// builtinDigest names the rules that are built into the program, with their examples.
func builtinDigest() (string, error) {
	files := map[string]string{}
	err := fs.WalkDir(policies.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(policies.FS, path)
		files[path] = ledger.Digest(data)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the built-in rules: %w", err)
	}
	text, err := ledger.Canonical(files)
	if err != nil {
		return "", fmt.Errorf("name the built-in rules: %w", err)
	}
	return ledger.Digest(text), nil
}
