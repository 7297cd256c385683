package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/repoconfig"
)

// location is a source taken apart.
type location struct {
	url, name string // as configured; for people
	host      string // of a registry: HOST:PORT
	repo, tag string // in a registry
	digest    string // "" when it is not pinned
}

func (l location) registry() bool { return l.host != "" }

func locate(src Source) (location, error) {
	l := location{url: src.URL, name: shownName(src.URL), digest: src.Digest}
	if parts := repoconfig.OCIReference().FindStringSubmatch(src.URL); parts != nil {
		l.host, l.repo, l.tag = parts[1], parts[2], parts[3]
		switch {
		case l.digest != "" && parts[4] != "" && l.digest != parts[4]:
			return l, l.explain(wrong("two digests are given for it"))
		case l.digest == "":
			l.digest = parts[4]
		}
		if l.tag == "" && l.digest == "" {
			l.tag = "latest"
		}
	} else if u, err := url.Parse(src.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return l, l.explain(wrong("it is neither an oci:// reference nor an https:// URL"))
	} else if u.User != nil {
		l.url, l.name = u.Redacted(), shownName(u.Redacted())
		return l, l.explain(wrong("its URL must not hold a user"))
	}
	if l.digest != "" && !validDigest(l.digest) {
		return l, l.explain(wrong("its digest is %q; wanted: sha256: and 64 hexadecimal digits", l.digest))
	}
	return l, nil
}

// sourceKey names a source and how it is verified.
func sourceKey(src Source) string {
	text, err := json.Marshal(src)
	if err != nil { // texts and booleans: cannot fail
		text = []byte(src.URL)
	}
	return strings.TrimPrefix(digestOf(text), "sha256:")
}

// ask finds out what a source is now, and keeps what comes with the answer. It gives the digest, and the server's mark for it.
func (s *Store) ask(ctx context.Context, at location, known remembered) (digest, etag string, err error) {
	if at.registry() {
		digest, err = s.resolve(ctx, at)
		return digest, "", err
	}
	data, etag, err := s.download(ctx, at, known.ETag)
	if errors.Is(err, errUnchanged) {
		return known.Digest, known.ETag, nil
	}
	if err != nil {
		return "", "", err
	}
	digest = digestOf(data)
	return digest, etag, s.disk.keep(digest, data)
}

var errUnchanged = errors.New("it is as it was")

// download reads a file from a web server. etag is the server's mark of the one that is known, "" for none: [errUnchanged] says that
// it is still that.
func (s *Store) download(ctx context.Context, at location, etag string) (data []byte, newTag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.url, nil)
	if err != nil {
		return nil, "", wrong("its URL cannot be used: %s", err)
	}
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	client := http.Client{Transport: s.client}
	resp, err := client.Do(req)
	if err != nil {
		return nil, "", networkError(ctx, err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	switch {
	case resp.StatusCode == http.StatusNotModified && etag != "":
		return nil, "", errUnchanged
	case resp.StatusCode != http.StatusOK:
		return nil, "", statusError(resp.StatusCode, "the server")
	}
	data, err = io.ReadAll(io.LimitReader(resp.Body, s.opts.Limits.Packed+1))
	switch {
	case err != nil:
		return nil, "", networkError(ctx, err)
	case int64(len(data)) > s.opts.Limits.Packed:
		return nil, "", wrong("it is larger than %d bytes", s.opts.Limits.Packed)
	}
	if tag := resp.Header.Get("ETag"); len(tag) < 1000 {
		newTag = tag
	}
	return data, newTag, nil
}

// networkError tells an outage from what no other attempt mends: a refusal of our own, an answer that makes no sense.
func networkError(ctx context.Context, err error) error {
	var refused *refusedError
	var web *url.Error
	var network net.Error
	switch {
	case errors.As(err, &refused):
		return lastingError{refused}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &web):
		return web.Err
	case errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return lastingError{err}
}

// statusError says what an HTTP status means. who is the registry or the server.
func statusError(status int, who string) error {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return wrong("%s refuses access (%d); see whether it is there and whether GATEHOUSE_REGISTRY_CONFIG has a login for it", who, status)
	case http.StatusNotFound, http.StatusGone:
		return wrong("%s has none of that name or digest (%d)", who, status)
	case http.StatusTooManyRequests, http.StatusRequestTimeout, http.StatusTooEarly:
		return fmt.Errorf("%s is busy (%d)", who, status)
	}
	if status >= 500 {
		return fmt.Errorf("%s is out of order (%d)", who, status)
	}
	return wrong("%s answers %d", who, status)
}
