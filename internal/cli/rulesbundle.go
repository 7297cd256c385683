package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/bundle"
	"github.com/gatehouse-dev/gatehouse/internal/config"
	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

func (w *world) rulesPush() *cobra.Command {
	var keyFile, keyID, algorithm string
	cmd := &cobra.Command{
		Use:   "push REF [DIR]",
		Short: "Put a folder of rules into a registry, as an OPA bundle",
		Long: `Put a folder of rules (default: the present one) into a registry as an OPA bundle, under the tag of REF, and print what to write
into policies.bundles. The rules are linted first. With --signing-key the bundle is signed as "opa sign" does it.
Logins are those of docker; GATEHOUSE_REGISTRY_CONFIG names another file.`,
		Example: `  gatehouse rules push oci://ghcr.io/acme/policies:v3 policies/
  gatehouse rules push oci://ghcr.io/acme/policies:stable policies/ --signing-key acme.pem --key-id acme-2026`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 2 {
				dir = args[1]
			}
			options, err := ruleOptions([]string{dir})
			if err != nil {
				return err
			}
			if problems := rules.Lint(options); len(problems) > 0 {
				w.printProblems(problems)
				return exitError{status: exitFail}
			}
			files, err := bundleFiles(os.DirFS(dir))
			if err != nil {
				return fmt.Errorf("read the rules in %s: %w", dir, err)
			}
			if keyFile != "" {
				key, err := w.readInput(keyFile)
				if err != nil {
					return err
				}
				files[rules.SignaturesFile], err = rules.BundleKey{PEM: string(key), Algorithm: algorithm}.Sign(files, keyID)
				if err != nil {
					return fmt.Errorf("sign with %s: %w", keyFile, err)
				}
			}
			url := ociURL(args[0])
			store, err := w.storeFor(url)
			if err != nil {
				return err
			}
			digest, err := store.Push(cmd.Context(), url, files)
			if err != nil {
				return bundleFailure(err)
			}
			fmt.Fprintf(w.err, "%d files pushed\n", len(files))
			fmt.Fprintln(w.out, bundle.Pinned(url, digest))
			return nil
		},
	}
	cmd.Flags().StringVar(&keyFile, "signing-key", "", "sign with the private key in `FILE`, PEM")
	cmd.Flags().StringVar(&keyID, "key-id", "", "the `ID` under which servers have the public key")
	cmd.Flags().StringVar(&algorithm, "algorithm", "", "of the signature (default: by the kind of the key)")
	return cmd
}

func (w *world) rulesPull() *cobra.Command {
	var keyFile string
	cmd := &cobra.Command{
		Use:   "pull REF [DIR]",
		Short: "Get a folder of rules from a registry or a web server",
		Long: `Unpack a bundle of rules, pushed by gatehouse, OPA's tools or conftest, into a folder that is new or empty (default: the last part of
its name), and print what to write into policies.bundles. With a digest in REF it must have that digest, with --key it must be signed.`,
		Example: `  gatehouse rules pull oci://ghcr.io/acme/policies:v3 /tmp/policies && gatehouse rules test /tmp/policies
  gatehouse rules pull oci://ghcr.io/acme/policies:stable --key acme.pub`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			src := bundle.Source{URL: ociURL(args[0]), Unverified: true}
			if keyFile != "" {
				key, err := w.readInput(keyFile)
				if err != nil {
					return err
				}
				src.Signature, src.Unverified = &bundle.Signature{PublicKey: string(key)}, false
			}
			store, err := w.storeFor(src.URL)
			if err != nil {
				return err
			}
			b, err := store.Open(cmd.Context(), src)
			if err == nil {
				err = b.Stale // whoever pulls wants what is there now
			}
			if err != nil {
				return bundleFailure(err)
			}
			dir := strings.TrimSuffix(strings.TrimSuffix(path.Base(b.Name), ".gz"), ".tar")
			dir, _, _ = strings.Cut(dir, ":")
			if len(args) == 2 {
				dir = args[1]
			}
			if err := writeFiles(dir, b.Files); err != nil {
				return fmt.Errorf("write the rules: %w", err)
			}
			fmt.Fprintf(w.err, "%d files written to %s\n", len(b.Files), dir)
			if strings.HasPrefix(src.URL, "oci://") {
				fmt.Fprintln(w.out, bundle.Pinned(src.URL, b.Digest))
			} else {
				fmt.Fprintln(w.out, src.URL, b.Digest)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "it must be signed with the public key in `FILE`, PEM")
	return cmd
}

// storeFor gets bundles from a place that a person has named on the command line, and that may therefore be anywhere.
func (w *world) storeFor(url string) (*bundle.Store, error) {
	settings, err := config.LoadBundles(w.environ)
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return bundleStore(settings, w.clock, true, host)
}

// ociURL takes a reference with or without its scheme, as other tools do.
func ociURL(ref string) string {
	if strings.Contains(ref, "://") {
		return ref
	}
	return "oci://" + ref
}

// bundleFailure is an outside failure when the other side is out of order, and wrong use when it refuses.
func bundleFailure(err error) error {
	var wrong *bundle.Error
	if errors.As(err, &wrong) && wrong.Temporary {
		return outside(err)
	}
	return err
}

// maxBundleFile bounds one file of a bundle.
const maxBundleFile = 16 << 20

// bundleFiles reads everything in a folder but hidden files and folders, of which only OPA's own two belong to a bundle.
func bundleFiles(dir fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case strings.HasPrefix(entry.Name(), ".") && entry.IsDir():
			return fs.SkipDir
		case entry.IsDir(), strings.HasPrefix(entry.Name(), ".") && name != ".manifest" && name != rules.SignaturesFile:
			return nil
		case !entry.Type().IsRegular():
			return fmt.Errorf("%s is no file but a link or a device", name)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Size() > maxBundleFile {
			return fmt.Errorf("%s is larger than %d bytes", name, maxBundleFile)
		}
		files[name], err = fs.ReadFile(dir, name)
		return err
	})
	return files, err
}

// writeFiles puts files into a folder that is new or empty.
func writeFiles(dir string, files map[string][]byte) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // rules are no secret
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // only a handle
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(filepath.FromSlash(name), files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// localDirs are folders of rules on disk; a single file stands for a folder with nothing else in it.
func localDirs(folders []string) ([]rules.Dir, error) {
	var out []rules.Dir
	for _, dir := range folders {
		info, err := os.Stat(dir)
		if err != nil {
			return nil, fmt.Errorf("the policy folder %s cannot be read: %w", dir, err)
		}
		if info.Mode().IsRegular() && info.Size() <= maxBundleFile {
			text, err := os.ReadFile(dir)
			if err != nil {
				return nil, fmt.Errorf("the policy %s cannot be read: %w", dir, err)
			}
			name := filepath.ToSlash(dir)
			out = append(out, rules.Dir{Name: path.Dir(name), FS: fstest.MapFS{path.Base(name): {Data: text, Mode: 0o444}}})
			continue
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("the policy folder %s cannot be read: it is neither a folder nor a file of rules", dir)
		}
		out = append(out, rules.Dir{Name: filepath.ToSlash(dir), FS: os.DirFS(dir)})
	}
	return out, nil
}

// listed adds the rules of folders, and those that a configuration names, to the built-in ones.
func (w *world) listed(ctx context.Context, folders []string, configFile string, options *rules.Options) (err error) {
	if options.Dirs, err = localDirs(folders); err != nil || configFile == "" {
		return err
	}
	data, err := w.readInput(configFile)
	if err != nil {
		return err
	}
	parsed, problems := repoconfig.Parse(configFile, data)
	if len(problems) > 0 {
		w.printProblems(problems)
		return exitError{status: exitUsage}
	}
	dirs, problems, err := w.localBundles(ctx, configFile, parsed.Policies.Bundles)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		w.printProblems(problems)
		if slices.ContainsFunc(problems, isOutage) {
			return exitError{status: exitOutside}
		}
		return exitError{status: exitUsage}
	}
	options.Rules = map[string]rules.Setting{}
	for id, r := range parsed.Policies.Rules {
		options.Rules[id] = rules.Setting(r)
	}
	own, err := localDirs(parsed.Policies.Paths)
	options.Dirs = slices.Concat(options.Dirs, own, dirs)
	return err
}
