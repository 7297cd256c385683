package forge

import (
	"bytes"
	"container/list"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Bounds of the cache of all installations together.
const (
	maxCached      = 10000    // answers
	maxCachedBytes = 64 << 20 // of all bodies
	maxCachedBody  = 1 << 20
)

// cache remembers answers with their ETag. Its bounds hold for the whole process, however many installations there are; an
// answer is only ever given back to the installation that got it.
type cache struct {
	mu      sync.Mutex
	entries map[string]*list.Element
	order   *list.List // of *entry, the last used first
	bytes   int
}

type entry struct {
	key, etag string
	status    int
	header    http.Header
	body      []byte
}

func newCache() *cache {
	return &cache{entries: map[string]*list.Element{}, order: list.New()}
}

// cached sends one installation's requests, and asks GitHub whether a remembered answer still holds: a 304 costs nothing of
// the rate limit. Nothing is ever answered without asking.
type cached struct {
	*cache
	next  http.RoundTripper
	owner string // whose answers: in every key
}

// RoundTrip sends the request; a GET whose answer is remembered is sent with If-None-Match.
func (c *cached) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet || req.Header.Get("If-None-Match") != "" {
		return c.next.RoundTrip(req)
	}
	key := c.owner + "\x00" + req.URL.String() + "\x00" + req.Header.Get("Accept")
	known := c.get(key)
	if known != nil {
		req = req.Clone(req.Context())
		req.Header.Set("If-None-Match", known.etag)
	}
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusNotModified && known != nil {
		return known.answer(resp)
	}
	if etag := resp.Header.Get("ETag"); resp.StatusCode == http.StatusOK && etag != "" {
		return c.keep(key, etag, resp)
	}
	return resp, nil
}

// answer is the remembered answer with the fresh answer's rate limit.
func (e *entry) answer(fresh *http.Response) (*http.Response, error) {
	if err := fresh.Body.Close(); err != nil {
		return nil, err
	}
	header := e.header.Clone()
	for name, values := range fresh.Header {
		if strings.HasPrefix(name, "X-Ratelimit-") || name == "Date" {
			header[name] = values
		}
	}
	out := *fresh
	out.StatusCode, out.Status, out.Header = e.status, http.StatusText(e.status), header
	out.Body, out.ContentLength = replay(e.body), int64(len(e.body))
	return &out, nil
}

// keep reads the body, as far as it may be remembered, and hands on an answer that is whole either way.
func (c *cache) keep(key, etag string, resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxCachedBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxCachedBody {
		resp.Body = &joined{Reader: io.MultiReader(bytes.NewReader(body), resp.Body), Closer: resp.Body}
		return resp, nil
	}
	if err := resp.Body.Close(); err != nil {
		return nil, err
	}
	c.put(&entry{key: key, etag: etag, status: resp.StatusCode, header: resp.Header.Clone(), body: body})
	resp.Body = replay(body)
	return resp, nil
}

func (c *cache) get(key string) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	el := c.entries[key]
	if el == nil {
		return nil
	}
	c.order.MoveToFront(el)
	return el.Value.(*entry)
}

func (c *cache) put(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el := c.entries[e.key]; el != nil {
		c.drop(el)
	}
	c.entries[e.key] = c.order.PushFront(e)
	c.bytes += len(e.body)
	for len(c.entries) > maxCached || c.bytes > maxCachedBytes {
		c.drop(c.order.Back())
	}
}

func (c *cache) drop(el *list.Element) {
	e := c.order.Remove(el).(*entry)
	delete(c.entries, e.key)
	c.bytes -= len(e.body)
}

type joined struct {
	io.Reader
	io.Closer
}

func replay(body []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(body)) }
