package site

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/cli"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// Verified runs `gatehouse verify` as a deployer would, and returns its exit status and what it said.
func (s *Site) Verified(args ...string) (int, string) {
	s.T.Helper()
	var out bytes.Buffer
	status := cli.Run(s.T.Context(), cli.Surroundings{Out: &out, Err: &out, Environ: []string{"HOME=" + s.Dir}}, append([]string{"verify"}, args...)...)
	return status, out.String()
}

// Signer is the log's key.
func (s *Site) Signer() *ledger.Signer {
	s.T.Helper()
	text, err := os.ReadFile(filepath.Join(s.Dir, "signing.key"))
	if err != nil {
		s.T.Fatal(err)
	}
	signer, err := ledger.ParseSigner(strings.Fields(string(text))[0]) // others that signed before it follow
	if err != nil {
		s.T.Fatal(err)
	}
	return signer
}

// PublicKey leaves the log's public key in a file.
func (s *Site) PublicKey() string {
	s.T.Helper()
	return s.File("gatehouse.pub", s.Signer().Verifier().String()+"\n")
}

// File leaves a file in the site's folder, and returns its path.
func (s *Site) File(name, content string) string {
	s.T.Helper()
	path := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.T.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.T.Fatal(err)
	}
	return path
}

// Attestation is what the server serves about a commit.
func (s *Site) Attestation(commit string) (int, []byte) {
	s.T.Helper()
	resp, err := http.Get(s.URL + "/api/v1/attestations/" + commit)
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.T.Fatal(err)
	}
	return resp.StatusCode, body
}
