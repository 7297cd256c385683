package gitmirror

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Limits bound what Blobs reads, in bytes. Both must be set.
type Limits struct {
	PerBlob, Total int64
}

// Blobs returns the contents of blobs by their SHAs. Those the mirror lacks are fetched together, in one request, with the
// token source of the last Sync. Blobs over the limit are a *BlobLimitError that names all of them, and then nothing is
// read; a *MissingError names what the server does not give. Contents are shared: do not change them.
func (m *Mirrors) Blobs(ctx context.Context, repo Repo, shas []string, limits Limits) (map[string][]byte, error) {
	mi, err := m.mirror(repo)
	if err != nil {
		return nil, err
	}
	if limits.PerBlob <= 0 || limits.Total <= 0 {
		return nil, errors.New("reading files without a limit on their size")
	}
	shas = slices.Compact(slices.Sorted(slices.Values(shas)))
	out := make(map[string][]byte, len(shas))
	sizes := make(map[string]int64, len(shas))
	var ask []string
	for _, sha := range shas {
		if err := checkSHA(sha); err != nil {
			return nil, err
		}
		if v, ok := m.cache.get(cacheKey{mi.dir, "blob", sha}); ok {
			out[sha] = v.([]byte)
			sizes[sha] = int64(len(out[sha]))
			continue
		}
		ask = append(ask, sha)
	}
	for try := 0; ; try++ {
		err := m.readBlobs(ctx, mi, shas, ask, sizes, limits, out)
		var failed *gitError
		if errors.As(err, &failed) && !failed.remote() && try == 0 {
			continue // the mirror was deleted after the files had been fetched
		}
		if err != nil {
			return nil, fmt.Errorf("reading %d files of %s: %w", len(ask), repo, err)
		}
		break
	}
	for _, sha := range ask {
		m.cache.put(cacheKey{mi.dir, "blob", sha}, out[sha], int64(len(out[sha]))+300)
	}
	return out, nil
}

// readBlobs reads the blobs of ask into out, all or none, after checking the sizes of all that are wanted.
func (m *Mirrors) readBlobs(ctx context.Context, mi *mirror, shas, ask []string, sizes map[string]int64, limits Limits, out map[string][]byte) error {
	if len(ask) > 0 {
		found, err := m.prefetch(ctx, mi, ask)
		if err != nil {
			return err
		}
		maps.Copy(sizes, found)
	}
	if err := limits.check(shas, sizes); err != nil {
		return err
	}
	return m.contents(ctx, mi, ask, "blob", limits.PerBlob, func(sha string, data []byte) error {
		out[sha] = data
		return nil
	})
}

func (l Limits) check(shas []string, sizes map[string]int64) error {
	e := &BlobLimitError{Limits: l}
	for _, sha := range shas {
		e.Total += sizes[sha]
		if sizes[sha] > l.PerBlob {
			e.Blobs = append(e.Blobs, BlobSize{sha, sizes[sha]})
		}
	}
	if len(e.Blobs) > 0 || e.Total > l.Total {
		return e
	}
	return nil
}

// prefetch makes the mirror hold some blobs and returns their sizes.
func (m *Mirrors) prefetch(ctx context.Context, mi *mirror, shas []string) (map[string]int64, error) {
	sizes, missing, err := m.blobSizes(ctx, mi, shas)
	if err == nil && len(missing) == 0 {
		return sizes, nil
	}
	if err := mi.lock(ctx); err != nil {
		return nil, err
	}
	defer mi.unlock()
	token, _ := mi.recall(nil)
	if token == nil {
		return nil, fmt.Errorf("%s was not synced: %w", mi.repo, &MissingError{Repo: mi.repo, SHAs: missing})
	}
	err = m.fetchBlobs(ctx, mi, token, shas)
	var failed *gitError
	if errors.As(err, &failed) && !failed.remote() {
		if err := mi.remove(); err != nil {
			return nil, err
		}
		err = m.fetchBlobs(ctx, mi, token, shas)
	}
	if errors.As(err, &failed) && failed.gone() {
		return nil, &MissingError{Repo: mi.repo, SHAs: missing}
	}
	if err != nil {
		return nil, mi.explain(err)
	}
	sizes, missing, err = m.blobSizes(ctx, mi, shas)
	if err == nil && len(missing) > 0 {
		err = &MissingError{Repo: mi.repo, SHAs: missing}
	}
	return sizes, err
}

// fetchBlobs fetches those blobs that the mirror lacks. The filter keeps blobs from coming along unasked; those named in
// the request are sent in spite of it. From a server that gives nothing by its SHA everything is fetched once more, with
// all blobs.
func (m *Mirrors) fetchBlobs(ctx context.Context, mi *mirror, token TokenSource, shas []string) error {
	if err := m.create(ctx, mi); err != nil {
		return err
	}
	_, missing, err := m.blobSizes(ctx, mi, shas)
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
	err = m.fetch(ctx, mi, secret, byNeed, []byte(strings.Join(missing, "\n")+"\n"))
	if !errors.As(err, &failed) || !failed.refused() {
		return err
	}
	mi.completeFromNowOn()
	for _, want := range mi.remembered() {
		err := m.fetch(ctx, mi, secret, again, specs([]Want{want}, func(w Want) string { return w.Ref }))
		if errors.As(err, &failed) && failed.gone() {
			continue // a branch that was deleted; what is missing shows in the end
		}
		if err != nil {
			return err
		}
		if _, left, err := m.blobSizes(ctx, mi, missing); err != nil || len(left) == 0 {
			return err
		}
	}
	return nil
}

// blobSizes looks blobs up without the network and returns the sizes of those that are there, and the others.
func (m *Mirrors) blobSizes(ctx context.Context, mi *mirror, shas []string) (map[string]int64, []string, error) {
	if !mi.looksWhole() {
		return nil, shas, nil
	}
	have, err := m.stat(ctx, mi, shas)
	if err != nil {
		return nil, shas, err
	}
	sizes := make(map[string]int64, len(shas))
	var missing []string
	for _, sha := range shas {
		switch o := have[sha]; o.kind {
		case "blob":
			sizes[sha] = o.size
		case "":
			missing = append(missing, sha)
		default:
			return nil, nil, fmt.Errorf("%s in %s is a %s; wanted: a file's content", sha, mi.repo, o.kind)
		}
	}
	return sizes, missing, nil
}

// contents streams objects of one kind to use, in the order asked. Each is checked against the limit before it is read.
func (m *Mirrors) contents(ctx context.Context, mi *mirror, shas []string, kind string, limit int64, use func(sha string, data []byte) error) error {
	if len(shas) == 0 {
		return nil
	}
	return m.readOnce(ctx, mi, call{
		args:  []string{"cat-file", "--batch", "--buffer"},
		stdin: []byte(strings.Join(shas, "\n") + "\n"),
		read: func(r io.Reader) error {
			in := bufio.NewReader(r)
			for _, want := range shas {
				header, err := in.ReadString('\n')
				if err != nil {
					return fmt.Errorf("reading %s: %w", want, err)
				}
				var sha, what string
				var size int64
				if strings.HasSuffix(header, " missing\n") {
					// A failure of git like any other, so that a damaged mirror is made anew.
					return &gitError{command: "cat-file", code: 1, output: strings.TrimSpace(header)}
				}
				if n, _ := fmt.Sscan(header, &sha, &what, &size); n != 3 || sha != want || what != kind || size < 0 {
					return fmt.Errorf("reading %s: git answered %.100q; wanted: a %s", want, strings.TrimSpace(header), kind)
				}
				if size > limit {
					return &LimitError{What: fmt.Sprintf("%s %s of %s has more bytes (%d)", kind, sha, mi.repo, size), Limit: limit}
				}
				data := make([]byte, size+1) // and the newline that ends it
				if _, err := io.ReadFull(in, data); err != nil {
					return fmt.Errorf("reading %s: %w", want, err)
				}
				if err := use(sha, data[:size:size]); err != nil {
					return err
				}
			}
			return nil
		},
	})
}
