package forge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	errElsewhere = errors.New("GitHub pointed to another host, which must not get the App's token")
	errTooLarge  = errors.New("GitHub's answer is larger than 32 MB")
)

// maxAnswer is the largest answer that is read, in bytes. The largest that GitHub gives to what is asked here is far below.
const maxAnswer = 32 << 20

// guard is the last one before the network: it keeps requests on GitHub's host, stops asking while GitHub wants to be left
// alone, and caps what is read.
type guard struct {
	next  http.RoundTripper
	host  string
	clock func() time.Time
	keeps bool // a reserve, see maxReserve

	mu    sync.Mutex
	until time.Time // nothing is asked before
	spare time.Time // only what may use the reserve is asked before
}

// maxReserve is how many of an hour's requests are kept for check runs, at most; less than one in fifty. What has spent the others may have
// taken away what a success rests on, and the check must be able to say so.
const maxReserve = 100

type reserveKey struct{}

// withReserve lets the requests of ctx use the reserve.
func withReserve(ctx context.Context) context.Context {
	return context.WithValue(ctx, reserveKey{}, true)
}

func mayUseReserve(req *http.Request) bool {
	return req.Context().Value(reserveKey{}) != nil || isTokenRequest(req)
}

// isTokenRequest reports whether it asks for a token of an installation, which is not counted among the installation's requests.
func isTokenRequest(req *http.Request) bool { return strings.HasSuffix(req.URL.Path, "/access_tokens") }

func newGuard(next http.RoundTripper, host string, clock func() time.Time) *guard {
	return &guard{next: next, host: host, clock: clock}
}

func (g *guard) mine(req *http.Request) bool { return req.URL.Host == g.host }

// RoundTrip sends the request, or returns RateLimited without sending it.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if !g.mine(req) {
		return nil, errElsewhere
	}
	g.mu.Lock()
	until := g.until
	if g.spare.After(until) && !mayUseReserve(req) {
		until = g.spare
	}
	g.mu.Unlock()
	if g.clock().Before(until) {
		return nil, RateLimited{Until: until}
	}
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &capped{ReadCloser: resp.Body, left: maxAnswer}
	g.count(req, resp)
	if err := g.learn(resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// count keeps the rest of the hour's requests for the check runs when few are left.
func (g *guard) count(req *http.Request, resp *http.Response) {
	if r := resp.Header.Get("X-RateLimit-Resource"); !g.keeps || isTokenRequest(req) || r != "" && r != "core" {
		return
	}
	number := func(name string) (int64, bool) {
		n, err := strconv.ParseInt(resp.Header.Get(name), 10, 64)
		return n, err == nil
	}
	limit, ok1 := number("X-RateLimit-Limit")
	left, ok2 := number("X-RateLimit-Remaining")
	reset, ok3 := number("X-RateLimit-Reset")
	if !ok1 || !ok2 || !ok3 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	at := time.Unix(reset, 0).Add(time.Second).UTC()
	if most := g.clock().Add(maxPause); at.After(most) {
		at = most
	}
	if left < min(maxReserve, limit/50) && at.After(g.spare) {
		g.spare = at
	}
}

// learn remembers how long GitHub wants to be left alone, and makes that the answer.
func (g *guard) learn(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable:
	default:
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	closeErr := resp.Body.Close()
	if err != nil {
		return err
	}
	if closeErr != nil {
		return closeErr
	}
	resp.Body = replay(body)
	until, ok := limitedUntil(resp, apiMessage(resp), g.clock())
	resp.Body = replay(body)
	if !ok {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until = until
	}
	return RateLimited{Until: until}
}

// capped fails, rather than ends, where the answer is too large: a cut answer must not be taken for a whole one.
type capped struct {
	io.ReadCloser
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
