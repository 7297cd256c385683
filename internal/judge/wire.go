package judge

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/diff"
	"github.com/gatehouse-dev/gatehouse/internal/document"
	"github.com/gatehouse-dev/gatehouse/internal/ledger"
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

// encode writes a result down: the head, and what is kept as it is.
func (r *Result) encode() ([]byte, error) {
	if r.Kept == nil {
		return pack(r)
	}
	parts := [][]byte{r.Kept.Manifest, r.Kept.Changes}
	for _, digest := range slices.Sorted(maps.Keys(r.Kept.Parts)) {
		parts = append(parts, r.Kept.Parts[digest])
	}
	return pack(r, parts...)
}

// decodeResult reads a result. What is kept gets its names here, for whoever wrote the message could have given it those of something
// else, and what will be shown to people is read, so that nobody comes upon something unreadable later.
func decodeResult(message []byte) (*Result, error) {
	var r Result
	parts, err := unpack(message, &r)
	switch {
	case err != nil:
		return nil, err
	case r.Kept == nil && len(parts) == 0:
		return &r, nil
	case r.Kept == nil || len(parts) < 2:
		return nil, errBroken
	}
	r.Kept.Manifest, r.Kept.Changes, r.Kept.Parts = parts[0], parts[1], map[string][]byte{}
	for _, part := range parts[2:] {
		r.Kept.Parts[ledger.Digest(part)] = part
	}
	if r.Kept.Failed == "" {
		if r.Kept.Differences, err = diff.Decode(r.Kept.Changes); err != nil {
			return nil, err
		}
	}
	return &r, nil
}
