package judge

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/gate"
	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// magic begins every request of this package.
const magic = "gatehouse judge 1\n"

var errBroken = errors.New("the message is not whole")

// pack makes one message of a head, as JSON, and parts, as they are: each after its length.
func pack(head any, parts ...[]byte) ([]byte, error) {
	text, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	size := 4 + len(text)
	for _, part := range parts {
		size += 4 + len(part)
	}
	out := make([]byte, 0, size)
	for _, part := range append([][]byte{text}, parts...) {
		if len(part) > 1<<31-1 {
			return nil, fmt.Errorf("a message part of %d bytes is too long", len(part))
		}
		out = binary.BigEndian.AppendUint32(out, uint32(len(part))) //nolint:gosec // checked above
		out = append(out, part...)
	}
	return out, nil
}

// unpack takes a message apart. A head with anything in it that is not known is refused.
func unpack(message []byte, head any) (parts [][]byte, err error) {
	for len(message) > 0 {
		if len(message) < 4 {
			return nil, errBroken
		}
		size := int64(binary.BigEndian.Uint32(message))
		if message = message[4:]; size > int64(len(message)) {
			return nil, errBroken
		}
		parts = append(parts, message[:size:size])
		message = message[size:]
	}
	if len(parts) == 0 {
		return nil, errBroken
	}
	return parts[1:], strict(parts[0], head)
}

// strict decodes one JSON value without anything unknown in it, and nothing after it. Numbers stay as they are written.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errBroken
	}
	return nil
}

// listing writes down which files a tree has. No path has a zero byte in it.
func listing(t document.Tree) []byte {
	var out []byte
	for _, path := range t.Paths() {
		out = append(append(append(append(out, path...), 0), t.Blob(path)...), 0)
	}
	return out
}

// listed reads a listing.
func listed(text []byte) (paths []string, blobs map[string]string, err error) {
	rest := string(text)
	n := strings.Count(rest, "\x00") / 2
	paths, blobs = make([]string, 0, n), make(map[string]string, n)
	for rest != "" {
		path, after, ok := strings.Cut(rest, "\x00")
		blob, after, more := strings.Cut(after, "\x00")
		if !ok || !more {
			return nil, nil, errBroken
		}
		paths, rest = append(paths, path), after
		blobs[path] = blob
	}
	if !slices.IsSorted(paths) {
		return nil, nil, errBroken
	}
	return paths, blobs, nil
}

// wireResult is a [Result] as it travels: the values of documents and files stand one after the other in a part of their own, which costs
// neither side the reading of them.
type wireResult struct {
	Result
	Documents []wireDocument
	Files     []wireFile
}

type wireDocument struct {
	gate.Document
	Pod    bool   // PodPath is not nil
	Values [3]int // lengths of After, Before and Change; -1: nil
}

type wireFile struct {
	Path          string
	After, Before []int
}

// encode writes a result down.
func (r *Result) encode() ([]byte, error) {
	var values []byte
	put := func(value []byte) int {
		if value == nil {
			return -1
		}
		values = append(values, value...)
		return len(value)
	}
	wire := wireResult{Result: *r}
	for i := range r.Documents {
		d := wireDocument{Document: r.Documents[i], Pod: r.Documents[i].PodPath != nil}
		d.Values = [3]int{put(d.After), put(d.Before), put(d.Change)}
		d.After, d.Before, d.Change = nil, nil, nil
		wire.Documents = append(wire.Documents, d)
	}
	for _, f := range r.Files {
		w := wireFile{Path: f.Path, After: []int{}, Before: []int{}}
		for _, side := range []struct {
			from []json.RawMessage
			to   *[]int
		}{{f.After, &w.After}, {f.Before, &w.Before}} {
			if side.from == nil {
				*side.to = nil
			}
			for _, value := range side.from {
				*side.to = append(*side.to, put(value))
			}
		}
		wire.Files = append(wire.Files, w)
	}
	return pack(wire, values)
}

// decodeResult reads a result.
func decodeResult(message []byte) (*Result, error) {
	var wire wireResult
	parts, err := unpack(message, &wire)
	if err != nil {
		return nil, err
	}
	if len(parts) != 1 {
		return nil, errBroken
	}
	values, broken := parts[0], false
	take := func(size int) json.RawMessage {
		if size < 0 {
			return nil
		}
		if size > len(values) {
			broken = true
			return nil
		}
		value := values[:size:size]
		values = values[size:]
		return value
	}
	r := wire.Result
	for i := range wire.Documents {
		d := wire.Documents[i]
		d.After, d.Before, d.Change = take(d.Values[0]), take(d.Values[1]), take(d.Values[2])
		if d.Pod && d.PodPath == nil {
			d.PodPath = []string{}
		}
		r.Documents = append(r.Documents, d.Document)
	}
	for _, f := range wire.Files {
		file := rules.File{Path: f.Path}
		for _, side := range []struct {
			from []int
			to   *[]json.RawMessage
		}{{f.After, &file.After}, {f.Before, &file.Before}} {
			if side.from != nil {
				*side.to = []json.RawMessage{}
			}
			for _, size := range side.from {
				*side.to = append(*side.to, take(size))
			}
		}
		r.Files = append(r.Files, file)
	}
	if broken || len(values) > 0 {
		return nil, errBroken
	}
	return &r, nil
}
