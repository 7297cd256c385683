package gitmirror

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Want is a commit to have. Ref (refs/heads/main, refs/pull/7/head) is where it should be found on a server that gives no
// commit by its SHA; it may be empty.
type Want struct {
	SHA, Ref string
}

var shaRE = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Sync makes the mirror hold the commits wanted, with their history and trees, but not the blobs. It does not use the
// network when they are all there. Without the right refs or rights the error is a *MissingError or *AccessError.
//
// The token source is remembered: Blobs fetches with it, and every read heals a mirror that was deleted or damaged.
func (m *Mirrors) Sync(ctx context.Context, repo Repo, token TokenSource, wants []Want) error {
	mi, err := m.mirror(repo)
	if err != nil {
		return err
	}
	for _, w := range wants {
		if err := errors.Join(checkSHA(w.SHA), checkRef(w.Ref)); err != nil {
			return err
		}
	}
	mi.remember(token, wants)
	missing, err := m.missing(ctx, mi, wants)
	if err == nil && len(missing) == 0 {
		return nil
	}
	if err := mi.lock(ctx); err != nil {
		return err
	}
	defer mi.unlock()
	return m.syncLocked(ctx, mi, token, wants)
}

// syncLocked fetches what is missing; a mirror that is broken is made anew, once. The caller holds the right to fetch.
func (m *Mirrors) syncLocked(ctx context.Context, mi *mirror, token TokenSource, wants []Want) error {
	err := m.syncOnce(ctx, mi, token, wants)
	var failed *gitError
	if errors.As(err, &failed) && !failed.remote() {
		if err := mi.remove(); err != nil {
			return err
		}
		err = m.syncOnce(ctx, mi, token, wants)
	}
	return mi.explain(err)
}

// explain gives an error of the server its type. A mirror that has grown over its limit is removed, because most of what it
// holds is old: if the repository itself is not too large, the next attempt succeeds.
func (mi *mirror) explain(err error) error {
	var failed *gitError
	var limit *LimitError
	if errors.As(err, &limit) {
		err = errors.Join(err, mi.remove())
	}
	if errors.As(err, &failed) && failed.access() {
		return &AccessError{Repo: mi.repo, Detail: failed.output}
	}
	if err != nil {
		return fmt.Errorf("fetching %s: %w", mi.repo, err)
	}
	return nil
}

func (m *Mirrors) syncOnce(ctx context.Context, mi *mirror, token TokenSource, wants []Want) error {
	if err := m.create(ctx, mi); err != nil {
		return err
	}
	// Another caller may have fetched them while this one waited.
	missing, err := m.missing(ctx, mi, wants)
	if err != nil || len(missing) == 0 {
		return err
	}
	secret, err := askToken(ctx, mi, token)
	if err != nil {
		return err
	}
	if err := m.tidy(ctx, mi); err != nil {
		return err
	}
	var failed *gitError
	mode := mi.mode()
	err = m.fetch(ctx, mi, secret, mode, specs(missing, func(w Want) string { return w.SHA }))
	if err == nil {
		return m.must(ctx, mi, missing)
	}
	if !errors.As(err, &failed) || !failed.refused() && !failed.gone() {
		return err
	}
	if failed.refused() {
		mode = mi.completeFromNowOn()
	}
	for _, w := range missing {
		for _, source := range []string{w.Ref, w.SHA} {
			if source == "" || source == w.SHA && len(missing) == 1 {
				continue
			}
			err := m.fetch(ctx, mi, secret, mode, specs([]Want{w}, func(Want) string { return source }))
			if errors.As(err, &failed) && (failed.gone() || failed.refused()) {
				continue // must says what is missing in the end
			}
			if err != nil {
				return err
			}
			if left, err := m.missing(ctx, mi, []Want{w}); err != nil || len(left) == 0 {
				break
			}
		}
	}
	return m.must(ctx, mi, missing)
}

// missing returns those wants that the mirror does not have as commits. A mirror that is not there has none.
func (m *Mirrors) missing(ctx context.Context, mi *mirror, wants []Want) ([]Want, error) {
	if !mi.looksWhole() {
		return wants, nil
	}
	shas := make([]string, len(wants))
	for i, w := range wants {
		shas[i] = w.SHA
	}
	have, err := m.stat(ctx, mi, shas)
	if err != nil {
		return nil, err
	}
	var out []Want
	for _, w := range wants {
		switch kind := have[w.SHA].kind; kind {
		case "commit":
		case "":
			out = append(out, w)
		default:
			return nil, fmt.Errorf("%s in %s is a %s; wanted: a commit", w.SHA, mi.repo, kind)
		}
	}
	return out, nil
}

// must fails with a *MissingError unless all wants are there.
func (m *Mirrors) must(ctx context.Context, mi *mirror, wants []Want) error {
	left, err := m.missing(ctx, mi, wants)
	if err != nil || len(left) == 0 {
		return err
	}
	e := &MissingError{Repo: mi.repo}
	for _, w := range left {
		e.SHAs = append(e.SHAs, w.SHA)
	}
	return e
}

// object is what git knows of an object without reading it. The zero object is missing.
type object struct {
	kind string
	size int64
}

// stat looks objects up, without the network. A missing one has no key.
func (m *Mirrors) stat(ctx context.Context, mi *mirror, shas []string) (map[string]object, error) {
	out := make(map[string]object, len(shas))
	err := m.readOnce(ctx, mi, call{
		args:  []string{"cat-file", "--batch-check", "--buffer"},
		stdin: []byte(strings.Join(shas, "\n") + "\n"),
		read: func(r io.Reader) error {
			lines := bufio.NewScanner(r)
			for lines.Scan() {
				var sha, kind string
				var size int64
				if n, _ := fmt.Sscan(lines.Text(), &sha, &kind, &size); n == 3 && shaRE.MatchString(sha) {
					out[sha] = object{kind, size}
				}
			}
			return lines.Err()
		},
	})
	return out, err
}

// readOnce runs a local command on a mirror, kept from removal meanwhile.
func (m *Mirrors) readOnce(ctx context.Context, mi *mirror, c call) error {
	ctx, cancel := context.WithTimeoutCause(ctx, m.opts.ReadTimeout, fmt.Errorf("reading took longer than %s", m.opts.ReadTimeout))
	defer cancel()
	mi.files.RLock()
	defer mi.files.RUnlock()
	_, err := m.git(ctx, mi, c)
	return err
}

// read runs a read that needs some commits. When it fails because the mirror was deleted or damaged, or never had them,
// they are fetched as in the last Sync and the read is tried once more; it must start afresh each time.
func (m *Mirrors) read(ctx context.Context, mi *mirror, commits []string, do func() error) error {
	for _, sha := range commits {
		if err := checkSHA(sha); err != nil {
			return err
		}
	}
	err := errors.New("the mirror was deleted")
	if mi.looksWhole() {
		if err = do(); err == nil {
			return nil
		}
		// A git that was killed, by its own crash or by us, would fail again; so would anything that is not git's failure.
		var failed *gitError
		if !errors.As(err, &failed) || failed.code < 0 {
			return err
		}
	}
	token, wants := mi.recall(commits)
	if token == nil {
		return fmt.Errorf("reading %s, which was not synced: %w", mi.repo, err)
	}
	if err := m.heal(ctx, mi, token, wants); err != nil {
		return err
	}
	return do()
}

// heal fetches commits that are gone. When they are all there and reading still failed, the mirror is damaged and is made
// anew.
func (m *Mirrors) heal(ctx context.Context, mi *mirror, token TokenSource, wants []Want) error {
	if err := mi.lock(ctx); err != nil {
		return err
	}
	defer mi.unlock()
	missing, err := m.missing(ctx, mi, wants)
	var failed *gitError
	if err != nil && !errors.As(err, &failed) {
		return err
	}
	if err != nil || len(missing) == 0 {
		if err := mi.remove(); err != nil {
			return err
		}
	}
	return m.syncLocked(ctx, mi, token, wants)
}

func askToken(ctx context.Context, mi *mirror, source TokenSource) (string, error) {
	if source == nil {
		return "", nil
	}
	token, err := source(ctx)
	if err != nil {
		return "", fmt.Errorf("getting a token for %s: %w", mi.repo, err)
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", fmt.Errorf("the token for %s holds characters that no token has", mi.repo)
	}
	return token, nil
}

func checkSHA(sha string) error {
	if !shaRE.MatchString(sha) {
		return fmt.Errorf("%.80q is no commit; wanted: 40 lower-case hexadecimal digits", sha)
	}
	return nil
}

// checkRef holds a ref to git's own rules (git check-ref-format), so that it cannot be another refspec.
func checkRef(ref string) error {
	if ref == "" {
		return nil
	}
	bad := func(r rune) bool { return unicode.IsControl(r) || strings.ContainsRune(" ~^:?*[\\\x7f", r) }
	parts := strings.Split(ref, "/")
	badPart := func(p string) bool {
		return p == "" || strings.HasPrefix(p, ".") || strings.HasSuffix(p, ".lock") || strings.HasSuffix(p, ".")
	}
	if !strings.HasPrefix(ref, "refs/") || len(ref) > 1024 || !utf8.ValidString(ref) || strings.ContainsFunc(ref, bad) ||
		strings.Contains(ref, "..") || strings.Contains(ref, "@{") || slices.ContainsFunc(parts, badPart) {
		return fmt.Errorf("%.120q is no full ref name; wanted: for example refs/heads/main", ref)
	}
	return nil
}
