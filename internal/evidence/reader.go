package evidence

import (
	"fmt"
	"sync"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// Reader remembers parts: decisions share most of theirs. It is safe for concurrent use; a nil Reader remembers nothing.
type Reader struct {
	limit int

	mu    sync.Mutex
	size  int
	parts map[partKey]part
}

type partKey struct {
	digest string
	files  bool
}

type part struct {
	documents []gate.Document
	files     []File
}

// NewReader makes a reader that remembers parts of about so many bytes of JSON.
func NewReader(limit int) *Reader { return &Reader{limit: limit, parts: map[partKey]part{}} }

// part reads one part, or gives it as it was read before.
func (r *Reader) part(digest string, files bool, read func(digest string) ([]byte, error)) (part, error) {
	key := partKey{digest, files}
	if r != nil {
		r.mu.Lock()
		known, ok := r.parts[key]
		r.mu.Unlock()
		if ok {
			return known, nil
		}
	}
	data, err := read(digest)
	if err != nil {
		return part{}, err
	}
	var p part
	if files {
		err = readFiles(data, &p.files)
	} else {
		err = readDocuments(data, &p.documents)
	}
	if err != nil {
		return part{}, fmt.Errorf("read the documents in %s: %w", digest, err)
	}
	if r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.size += len(data); r.size > r.limit { // begin anew: what is shared comes back at once
			r.parts, r.size = map[partKey]part{}, len(data)
		}
		r.parts[key] = p
	}
	return p, nil
}
