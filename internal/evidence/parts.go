package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// Sizes of a part, in bytes of JSON. It ends at the first name above minPart that says so, which one in sixteen does, and in any case
// above maxPart.
const (
	minPart = 32 << 10
	maxPart = 1 << 20
)

var errLimit = errors.New("the limit is reached")

// kept is a document in a part. It differs from gate.Document where that cannot tell nothing from an empty list, and says what is
// the same on both sides once.
type kept struct {
	gate.Document
	Pod  *[]string `json:"pod_path,omitempty"`
	Same bool      `json:"same,omitempty"` // it is before as it is after
}

type keptFile struct {
	Path   string            `json:"path"`
	After  []json.RawMessage `json:"after"`
	Before []json.RawMessage `json:"before"`
	Same   bool              `json:"same,omitempty"`
}

// packer cuts what it is given into parts.
type packer struct {
	limit int64
	total int64
	out   map[string][]byte
	order []string
	part  bytes.Buffer
}

func (p *packer) documents(list []gate.Document) error {
	for i := range list {
		k := kept{Document: list[i]}
		if list[i].PodPath != nil {
			k.Pod = &list[i].PodPath
		}
		if k.After != nil && bytes.Equal(k.After, k.Before) {
			k.Same, k.Before = true, nil
		}
		if err := p.add(k, list[i].File+"\x00"+list[i].Resource); err != nil {
			return fmt.Errorf("%s: %w", list[i].Resource, err)
		}
	}
	p.end()
	return nil
}

func (p *packer) files(list []File) error {
	for _, f := range list {
		k := keptFile{Path: f.Path, After: f.After, Before: f.Before}
		if k.After != nil && equalTexts(k.After, k.Before) {
			k.Same, k.Before = true, nil
		}
		if err := p.add(k, f.Path); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	p.end()
	return nil
}

func equalTexts(a, b []json.RawMessage) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

// add writes one thing, a line of its own, and ends the part if its name says so.
func (p *packer) add(v any, name string) error {
	before := p.part.Len()
	enc := json.NewEncoder(&p.part)
	enc.SetEscapeHTML(false) // a document's text stays as the rules read it
	if err := enc.Encode(v); err != nil {
		return err
	}
	if p.total += int64(p.part.Len() - before); p.total > p.limit {
		return errLimit
	}
	if n := p.part.Len(); n > maxPart || n > minPart && ends(name) {
		p.end()
	}
	return nil
}

func ends(name string) bool {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash never fails
	// Its upper bits, mixed once more: the lower ones of names that are numbered hardly differ.
	return (h.Sum64()*0x9E3779B97F4A7C15)>>60 == 0
}

func (p *packer) end() {
	if p.part.Len() == 0 {
		return
	}
	content := bytes.Clone(p.part.Bytes())
	p.part.Reset()
	digest := ledger.Digest(content)
	p.out[digest] = content
	p.order = append(p.order, digest)
}

// readDocuments adds the documents of a part to a list.
func readDocuments(data []byte, into *[]gate.Document) error {
	return eachValue(data, func(k *kept) {
		d := k.Document
		d.PodPath = nil
		if k.Pod != nil {
			d.PodPath = append([]string{}, *k.Pod...)
		}
		if k.Same {
			d.Before = d.After
		}
		*into = append(*into, d)
	})
}

func readFiles(data []byte, into *[]File) error {
	return eachValue(data, func(k *keptFile) {
		f := File{Path: k.Path, After: k.After, Before: k.Before}
		if k.Same {
			f.Before = f.After
		}
		*into = append(*into, f)
	})
}

// eachValue reads the values of a part one after the other.
func eachValue[T any](data []byte, use func(*T)) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	for {
		var v T
		switch err := dec.Decode(&v); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		use(&v)
	}
}

// strict decodes one JSON value that this program wrote. Numbers stay as they are written.
func strict(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	dec.UseNumber()
	return dec.Decode(into)
}
