package gitmirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// specs are refspecs, one a line. Fetched commits are kept under refs of the mirror's own, one for each ref wanted, so that
// the next fetch can tell the server what is here already. The names are hashes: a branch a may follow a branch a/b.
func specs(wants []Want, source func(Want) string) []byte {
	var b strings.Builder
	taken := map[string]bool{}
	for _, w := range wants {
		name := w.Ref
		if name == "" || taken[name] {
			name = w.SHA
		}
		if taken[name] {
			continue
		}
		taken[name] = true
		sum := sha256.Sum256([]byte(name))
		fmt.Fprintf(&b, "+%s:refs/gatehouse/%s\n", source(w), hex.EncodeToString(sum[:16]))
	}
	return []byte(b.String())
}

// fetchMode is how much a fetch brings along.
type fetchMode int

const (
	byNeed   fetchMode = iota // no blobs but those named
	complete                  // all blobs of what is new
	again                     // everything, also what is there already
)

// fetch runs one git fetch. refspecs go through standard input, so there may be any number of them.
func (m *Mirrors) fetch(ctx context.Context, mi *mirror, token string, mode fetchMode, refspecs []byte) error {
	ctx, cancel := context.WithTimeoutCause(ctx, m.opts.FetchTimeout,
		fmt.Errorf("the fetch took longer than %s", m.opts.FetchTimeout))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	mi.files.RLock()
	defer mi.files.RUnlock()
	args := []string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
		"--no-recurse-submodules", "--no-show-forced-updates", "--no-progress"}
	switch mode {
	case byNeed:
		args = append(args, "--filter=blob:none")
	case complete:
		args = append(args, "--no-filter")
	case again:
		args = append(args, "--no-filter", "--refetch")
	}
	args = append(args, "--stdin", "origin")

	watched := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(watched)
		m.watchSize(mi, stop, done)
	}()
	_, err := m.git(ctx, mi, call{args: args, stdin: refspecs, network: true, token: token})
	close(done)
	<-watched
	if tooLarge := m.checkSize(mi); err == nil && tooLarge != nil {
		err = tooLarge
	}
	return err
}

// watchSize stops a fetch that fills the disk.
func (m *Mirrors) watchSize(mi *mirror, stop context.CancelCauseFunc, done <-chan struct{}) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			if err := m.checkSize(mi); err != nil {
				stop(err)
				return
			}
		}
	}
}

func (m *Mirrors) checkSize(mi *mirror) error {
	if _, bytes := mi.packs(); bytes > m.opts.MaxMirrorBytes {
		return &LimitError{What: fmt.Sprintf("the git objects of %s take more bytes", mi.repo), Limit: m.opts.MaxMirrorBytes}
	}
	return nil
}

// tidy joins packs when there are many, and starts anew when the mirror has grown to its limit: what it holds is mostly old.
func (m *Mirrors) tidy(ctx context.Context, mi *mirror) error {
	count, bytes := mi.packs()
	if bytes > m.opts.MaxMirrorBytes {
		if err := mi.remove(); err != nil {
			return err
		}
		return m.create(ctx, mi)
	}
	if count <= m.opts.MaxPacks {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.opts.FetchTimeout)
	defer cancel()
	mi.files.Lock()
	defer mi.files.Unlock()
	// As a network call for its configuration only: to git, blobs may be missing only in a clone that knows a promisor.
	_, err := m.git(ctx, mi, call{args: []string{"repack", "-a", "-d", "-q", "--no-write-bitmap-index"}, network: true})
	if err != nil {
		return fmt.Errorf("joining the packs of %s: %w", mi.repo, err)
	}
	return nil
}
