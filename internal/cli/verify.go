package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-dev/gatehouse/internal/attest"
	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// verifyFlags are what `gatehouse verify` is told.
type verifyFlags struct {
	key, attestation, server, plan, manifests string
	want                                      attest.Want
}

func (w *world) verifyCommand() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify COMMIT --key KEY-or-FILE",
		Short: "For deployers: did this commit land with a passing decision?",
		Long: `Check, before anything is deployed, that a commit landed on a protected branch with a passing decision, and that a plan or
rendered manifests are the ones that were judged with it or that it makes.

The attestation is a file, or comes from the server; the public key (gatehouse audit key) is all that the check needs besides,
and it must come from elsewhere than the attestation. Name the repository as well: a fork has the same commits, and a gate of its
own. A server with a login wants a GitHub token of somebody who may read the repository, in GATEHOUSE_TOKEN.

Exit status: 0 all of it holds; 1 something does not, or there is no attestation; 2 wrong use, or a file that is not what it
should be; 3 the server could not be asked.`,
		Example: `  gatehouse verify "$GIT_COMMIT" --key gatehouse.pub --repository acme/infra --server https://gatehouse.example.com
  terraform show -json tfplan > tfplan.json
  gatehouse verify "$GIT_COMMIT" --key gatehouse.pub --attestation attestation.json --plan tfplan.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.want.Commit = strings.ToLower(args[0])
			return w.verify(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.key, "key", "", "the log's public key, or a file that holds it; after a rotation several, a line each")
	flags.StringVar(&f.attestation, "attestation", "", "`FILE` with the attestation; - for standard input")
	flags.StringVar(&f.server, "server", "", "the server's URL (default: GATEHOUSE_PUBLIC_URL, without --attestation)")
	flags.StringVar(&f.plan, "plan", "", "`FILE` with the output of terraform show -json")
	flags.StringVar(&f.manifests, "manifests", "", "`DIR` (or file) with the rendered manifests")
	flags.StringVar(&f.want.Repository, "repository", "", "`OWNER/NAME` where the commit must have passed")
	flags.StringVar(&f.want.Branch, "branch", "", "the branch that the commit must have landed on")
	return cmd
}

var fullCommit = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// verify says in one sentence what holds, or what does not.
func (w *world) verify(ctx context.Context, f verifyFlags) error {
	if f.attestation == "" {
		f.server = cmp.Or(f.server, w.environment("GATEHOUSE_PUBLIC_URL"))
	}
	switch {
	case !fullCommit.MatchString(f.want.Commit):
		return fmt.Errorf("%q is not a full commit id; git rev-parse gives it", f.want.Commit)
	case f.key == "":
		return errors.New("give the log's public key: --key KEY-or-FILE, as `gatehouse audit key` prints it")
	case f.attestation != "" && f.server != "":
		return errors.New("give either --attestation or --server")
	case f.attestation == "" && f.server == "":
		return errors.New("give the attestation: --attestation FILE, or the server to ask: --server URL")
	}
	keys, err := verifyKeys(f.key)
	if err != nil {
		return err
	}
	// What is to be deployed is read first: broken input is told as such, whatever the attestation says.
	if f.want.Plan, err = planDigest(f.plan); err != nil {
		return err
	}
	if f.want.Objects, err = manifestsDigest(ctx, f.manifests); err != nil {
		return err
	}
	envelope, from, err := w.envelope(ctx, f)
	if err != nil {
		return err
	}
	attested, err := attest.Open(ctx, envelope, keys...)
	if err == nil {
		err = attested.Covers(f.want)
	}
	switch {
	case errors.As(err, new(attest.Refused)):
		return exitError{exitFail, err}
	case err != nil && f.server != "":
		return outside(fmt.Errorf("what %s answers is no attestation: %w", from, err))
	case err != nil:
		return fmt.Errorf("%s is no attestation: %w", from, err)
	}
	fmt.Fprintf(w.out, "%s of %s landed with a passing decision: %s\n", attested.Commit(), attested.Repository(), attested.Decision())
	fmt.Fprintf(w.out, "verified: %s\n", strings.Join(attested.Levels(), ", "))
	return nil
}

// verifyKeys reads public keys: one as it stands, or a file with one a line.
func verifyKeys(value string) ([]ledger.Verifier, error) {
	if v, err := ledger.ParseVerifier(value); err == nil {
		return []ledger.Verifier{v}, nil
	}
	data, err := os.ReadFile(value)
	if err != nil {
		return nil, errors.New("--key is neither a public key, as `gatehouse audit key` prints it, nor a file that holds one")
	}
	var out []ledger.Verifier
	for i, line := range strings.Fields(string(data)) {
		v, err := ledger.ParseVerifier(line)
		if err != nil {
			return nil, fmt.Errorf("line %d of %s: %w", i+1, value, err)
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no public key", value)
	}
	return out, nil
}

// planDigest is the digest of a plan as the gate names it: of the bytes of terraform show -json.
func planDigest(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--plan: %w", err)
	}
	if len(data) == 0 || data[0] != '{' {
		return "", fmt.Errorf("--plan: %s is not the output of terraform show -json", file)
	}
	return ledger.Digest(data), nil
}

// manifestsDigest is the digest of the objects in a folder or file.
func manifestsDigest(ctx context.Context, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("--manifests: %w", err)
	}
	dir, only := path, []string(nil)
	if !info.IsDir() {
		dir, only = filepath.Dir(path), []string{filepath.Base(path)}
	}
	tree, err := document.Dir(dir, only...)
	if err != nil {
		return "", fmt.Errorf("--manifests: %w", err)
	}
	digest, err := attest.Objects(ctx, tree)
	if err != nil {
		return "", fmt.Errorf("--manifests %s: %w", path, err)
	}
	return digest, nil
}

// envelope reads the attestation, and says where it is from.
func (w *world) envelope(ctx context.Context, f verifyFlags) (data []byte, from string, err error) {
	switch f.attestation {
	case "":
		data, err = w.fetchEnvelope(ctx, f)
		return data, f.server, err
	case "-":
		data, err = io.ReadAll(io.LimitReader(w.in, attest.MaxEnvelope+1))
		return data, "standard input", err
	}
	file, err := os.Open(f.attestation)
	if err != nil {
		return nil, f.attestation, fmt.Errorf("--attestation: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	if data, err = io.ReadAll(io.LimitReader(file, attest.MaxEnvelope+1)); err != nil {
		return nil, f.attestation, fmt.Errorf("--attestation: %w", err)
	}
	return data, f.attestation, nil
}

// fetchEnvelope asks the server. The token goes to this one address and to none that it redirects to.
func (w *world) fetchEnvelope(ctx context.Context, f verifyFlags) ([]byte, error) {
	if !strings.HasPrefix(f.server, "http://") && !strings.HasPrefix(f.server, "https://") {
		return nil, fmt.Errorf("--server %q is not a URL; wanted: https://HOST", f.server)
	}
	address := strings.TrimSuffix(f.server, "/") + "/api/v1/attestations/" + f.want.Commit
	if f.want.Repository != "" {
		address += "?repository=" + url.QueryEscape(f.want.Repository)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("--server %q is not a URL; wanted: https://HOST", f.server)
	}
	if token := w.environment("GATEHOUSE_TOKEN"); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return nil, outside(fmt.Errorf("ask for the attestation: %w", err))
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, attest.MaxEnvelope+1))
	switch {
	case err != nil:
		return nil, outside(fmt.Errorf("ask for the attestation: %w", err))
	case resp.StatusCode == http.StatusNotFound:
		return nil, exitError{exitFail, unattested(f, body)}
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, outside(fmt.Errorf("%s wants a login: set GATEHOUSE_TOKEN to a GitHub token of somebody who may read the repository", f.server))
	case resp.StatusCode != http.StatusOK:
		return nil, outside(fmt.Errorf("ask %s for the attestation: it answers %s", f.server, resp.Status))
	}
	return body, nil
}

// unattested is why there is no attestation, as the server says it.
func unattested(f verifyFlags, body []byte) error {
	var told struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &told) != nil || told.Error == "" {
		told.Error = "it is not known to have landed with a passing decision"
	}
	return fmt.Errorf("%s has no attestation of %s: %s", f.server, f.want.Commit, gate.Shorten(gate.Printable(told.Error), 1000))
}
