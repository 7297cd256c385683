package gitmirror

import (
	"container/list"
	"sync"
)

// cache keeps results that can never change, because they are named by SHAs, within a bound of bytes. What was not used
// for longest goes first. Values are shared between callers, who must not change them.
type cache struct {
	mu    sync.Mutex
	limit int64
	used  int64
	order *list.List // of *cached, most recently used first
	items map[cacheKey]*list.Element
}

// cacheKey names a result: of which mirror, what, and of which objects.
type cacheKey struct {
	dir, kind, of string
}

type cached struct {
	key   cacheKey
	value any
	bytes int64
}

func newCache(limit int64) *cache {
	return &cache{limit: limit, order: list.New(), items: map[cacheKey]*list.Element{}}
}

func (c *cache) get(key cacheKey) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[key]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).value, true
}

// put keeps a value of about so many bytes, unless it alone would fill a quarter of the cache.
func (c *cache) put(key cacheKey, value any, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[key]; ok || bytes > c.limit/4 {
		return
	}
	c.items[key] = c.order.PushFront(&cached{key, value, bytes})
	c.used += bytes
	for c.used > c.limit {
		last := c.order.Back()
		old := c.order.Remove(last).(*cached)
		delete(c.items, old.key)
		c.used -= old.bytes
	}
}
