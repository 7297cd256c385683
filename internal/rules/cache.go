package rules

import (
	"container/list"
	"crypto/sha256"
	"encoding/json"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/version"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Cache keeps what rules said about documents, by content: the key is the SHA-256 of everything that the answer depends on (rules,
// parameters, engine, document, companions), so an entry never goes stale and may be dropped at any time. Methods are called by
// several goroutines at once. Whoever keeps entries outside the process must make sure that they come back as they were put:
// a false entry is a false verdict.
type Cache interface {
	// Get gives the value last put under key; false: there is none. The caller does not change it.
	Get(key [32]byte) ([]byte, bool)

	// Put keeps value, or not. The caller does not change it afterwards.
	Put(key [32]byte, value []byte)
}

// NewMemoryCache keeps entries in memory, the least recently used leaving when they would take more than limit bytes.
func NewMemoryCache(limit int) Cache {
	return &memoryCache{limit: limit, entries: map[[32]byte]*list.Element{}, order: list.New()}
}

type memoryCache struct {
	limit int

	mu      sync.Mutex
	size    int
	entries map[[32]byte]*list.Element
	order   *list.List // of *entry, the most recently used first
}

type entry struct {
	key   [32]byte
	value []byte
}

// entryOverhead is about what an entry takes besides its value.
const entryOverhead = 250

func (c *memoryCache) Get(key [32]byte) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.entries[key]
	if element == nil {
		return nil, false
	}
	c.order.MoveToFront(element)
	return element.Value.(*entry).value, true
}

func (c *memoryCache) Put(key [32]byte, value []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element := c.entries[key]; element != nil {
		e := element.Value.(*entry)
		c.size += len(value) - len(e.value)
		e.value = value
		c.order.MoveToFront(element)
	} else {
		c.entries[key] = c.order.PushFront(&entry{key, value})
		c.size += len(value) + entryOverhead
	}
	for c.size > c.limit && c.order.Len() > 0 {
		last := c.order.Back()
		e := c.order.Remove(last).(*entry)
		delete(c.entries, e.key)
		c.size -= len(e.value) + entryOverhead
	}
}

// none is the encoding of no findings, which is what most documents have.
const none = "[]"

func encodeRaws(raws []raw) []byte {
	if len(raws) == 0 {
		return []byte(none)
	}
	value, err := json.Marshal(raws)
	if err != nil { // plain fields: cannot fail
		return nil
	}
	return value
}

func decodeRaws(value []byte) (raws []raw, ok bool) {
	if string(value) == none {
		return nil, true
	}
	return raws, json.Unmarshal(value, &raws) == nil
}

// hasher writes values so that no two different lists of values give one digest.
type hasher struct{ hash.Hash }

func newHasher() hasher { return hasher{sha256.New()} }

func (h hasher) text(parts ...string) {
	for _, part := range parts {
		h.write(strconv.Itoa(len(part)) + ":" + part)
	}
}

func (h hasher) bytes(b []byte) {
	if b == nil {
		h.write("-")
		return
	}
	h.write(strconv.Itoa(len(b)) + ":")
	_, _ = h.Write(b) // a hash never fails
}

func (h hasher) write(s string) { _, _ = io.WriteString(h, s) }

func (h hasher) sum() (digest [32]byte) {
	h.Sum(digest[:0])
	return digest
}

// document digests what a rule sees of a document by itself.
func (h hasher) document(d *gate.Document) {
	h.text(d.Kind, d.Type, d.Group, d.Name, d.Namespace, d.Resource, d.File, d.Environment, strings.Join(d.Actions, " "))
	if d.PodPath != nil {
		h.text("pod", strings.Join(d.PodPath, "."))
	}
	h.bytes(d.After)
	h.bytes(d.Before)
	h.bytes(d.Change)
}

// closureKey digests a rule with its settings and with everything that it refers to, directly or not.
func closureKey(s *source, known map[string][]*source) string {
	seen := map[*source]bool{s: true}
	all := []*source{s}
	for i := 0; i < len(all); i++ {
		if all[i].parsed == nil {
			continue
		}
		for _, name := range all[i].parsed.needs {
			for _, other := range known[name] {
				if !seen[other] {
					seen[other] = true
					all = append(all, other)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b *source) int { return strings.Compare(a.file, b.file) })
	h := newHasher()
	h.text("gatehouse results 1", version.Version, s.rule.ID)
	for _, each := range all {
		if each.rule != nil {
			digestRule(h, each)
			continue
		}
		h.text(each.file)
		h.bytes(each.text)
	}
	digest := h.sum()
	return string(digest[:])
}
