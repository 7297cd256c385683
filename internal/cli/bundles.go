package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gatehouse-dev/gatehouse/internal/bundle"
	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/gitmirror"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// bundleStore gets bundles with some settings. A command may reach what whoever runs it reaches: private is true for it. hosts are allowed
// besides those of the settings.
func bundleStore(s config.Bundles, clock func() time.Time, private bool, hosts ...string) (*bundle.Store, error) {
	keys := map[string]rules.BundleKey{}
	for id, key := range s.Keys {
		keys[id] = rules.BundleKey{PEM: key.Key, Algorithm: key.Algorithm, Scope: key.Scope}
	}
	store, err := bundle.New(bundle.Options{
		Dir: filepath.Join(s.DataDir, "bundles"), Hosts: append(hosts, s.Hosts...), Private: private, RegistryConfig: s.RegistryConfig, Keys: keys, Clock: clock,
	})
	if err != nil {
		return nil, fmt.Errorf("GATEHOUSE_DATA_DIR %s: %w", s.DataDir, err)
	}
	return store, nil
}

// problemOutage is the code of a problem whose cause is another system.
const problemOutage = "outside"

func isOutage(p gate.Problem) bool { return p.Code == problemOutage }

// localBundles gets the bundles that the configuration in file names, for a command. Those that are not to be had are problems.
func (w *world) localBundles(ctx context.Context, file string, list []repoconfig.Bundle) (dirs []rules.Dir, problems []gate.Problem, err error) {
	if len(list) == 0 {
		return nil, nil, nil
	}
	settings, err := config.LoadBundles(w.environ)
	if err != nil {
		return nil, nil, err
	}
	store, err := bundleStore(settings, w.clock, true)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range list {
		b, err := w.localBundle(ctx, store, settings, entry)
		var wrong *bundle.Error
		switch {
		case errors.As(err, &wrong):
			code := "rules"
			if wrong.Temporary {
				code = problemOutage
			}
			problems = append(problems, gate.Problem{Code: code, File: file, Message: wrong.Error(), Remedy: wrong.Remedy()})
			continue
		case err != nil:
			return nil, nil, err
		}
		if b.Stale != nil {
			fmt.Fprintf(w.err, "gatehouse: %s; the copy of %s is used\n", gate.Printable(b.Stale.Error()), b.Since.Format(time.RFC3339))
		}
		dirs = append(dirs, b.Dir())
	}
	return dirs, problems, nil
}

func (w *world) localBundle(ctx context.Context, store *bundle.Store, s config.Bundles, entry repoconfig.Bundle) (*bundle.Bundle, error) {
	repository, ok := bundle.RepositoryFromConfig(entry)
	if !ok {
		return store.Open(ctx, bundle.FromConfig(entry))
	}
	mirrors, err := gitmirror.New(gitmirror.Options{Dir: filepath.Join(s.DataDir, "mirrors"), ServerURL: s.ServerURL})
	if err != nil {
		return nil, fmt.Errorf("GATEHOUSE_DATA_DIR %s: %w", s.DataDir, err)
	}
	token := func(context.Context) (string, error) { return s.Token, nil }
	return bundle.OpenRepository(ctx, mirrors, token, repository, bundle.Limits{})
}
