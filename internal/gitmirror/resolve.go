package gitmirror

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// resolveTimeout bounds the question which commit a ref names.
const resolveTimeout = time.Minute

// Resolve asks the server which commit a ref (refs/heads/main) names now. A ref that does not exist is a *MissingError.
func (m *Mirrors) Resolve(ctx context.Context, repo Repo, token TokenSource, ref string) (string, error) {
	mi, err := m.mirror(repo)
	if err != nil {
		return "", err
	}
	if err := checkRef(ref); err != nil {
		return "", err
	}
	if err := mi.lock(ctx); err != nil {
		return "", err
	}
	defer mi.unlock()
	if err := m.create(ctx, mi); err != nil {
		return "", err
	}
	secret, err := askToken(ctx, mi, token)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, resolveTimeout, fmt.Errorf("the server took longer than %s", resolveTimeout))
	defer cancel()
	out, err := m.git(ctx, mi, call{args: []string{"ls-remote", "--quiet", "origin", ref}, network: true, token: secret})
	if err != nil {
		return "", mi.explain(err)
	}
	// The pattern matches the ends of names, so refs/x/refs/heads/main may be listed, too.
	for _, line := range strings.Split(out, "\n") {
		sha, name, _ := strings.Cut(line, "\t")
		if name == ref {
			return sha, checkSHA(sha)
		}
	}
	return "", fmt.Errorf("looking for %s: %w", ref, &MissingError{Repo: repo, SHAs: []string{ref}})
}
