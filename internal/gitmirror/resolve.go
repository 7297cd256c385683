package gitmirror

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// resolveTimeout bounds the question which commit a ref names.
const resolveTimeout = time.Minute

// Resolve asks the server which commit a ref (refs/heads/main) names now. A ref that does not exist is a *MissingError. It
// needs no mirror, so neither a damaged one nor a long fetch stands in its way.
func (m *Mirrors) Resolve(ctx context.Context, repo Repo, token TokenSource, ref string) (string, error) {
	mi, err := m.mirror(repo)
	if err != nil {
		return "", err
	}
	if err := checkRef(ref); err != nil || ref == "" {
		return "", fmt.Errorf("asking for a ref of %s: %q: wanted: for example refs/heads/main", repo, ref)
	}
	if err := os.MkdirAll(filepath.Join(m.opts.Dir, "home"), 0o700); err != nil {
		return "", fmt.Errorf("making the directory of the git mirrors: %w", err)
	}
	secret, err := askToken(ctx, mi, token)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, resolveTimeout, fmt.Errorf("the server took longer than %s", resolveTimeout))
	defer cancel()
	out, err := m.git(ctx, mi, call{args: []string{"ls-remote", "--quiet", "origin", ref}, network: true, token: secret, outside: true})
	if err != nil {
		return "", mi.explain(err)
	}
	// The pattern matches the ends of names, so refs/x/refs/heads/main may be listed, too.
	for line := range strings.SplitSeq(out, "\n") {
		sha, name, _ := strings.Cut(line, "\t")
		if name == ref {
			return sha, checkSHA(sha)
		}
	}
	return "", fmt.Errorf("looking for %s: %w", ref, &MissingError{Repo: repo, SHAs: []string{ref}})
}
