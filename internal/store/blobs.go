package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/gatehouse-dev/gatehouse/internal/ledger"
)

// SaveBlob keeps content under its digest, which it returns.
func (s *Store) SaveBlob(ctx context.Context, content []byte) (string, error) {
	digest := ledger.Digest(content)
	packed, err := packAll(map[string][]byte{digest: content})
	if err == nil {
		err = s.write(ctx, func(c conn) error { return s.putBlobs(ctx, c, packed) })
	}
	if err != nil {
		return "", fmt.Errorf("storing %s: %w", digest, err)
	}
	return digest, nil
}

type packedBlob struct {
	digest string
	size   int
	data   []byte
}

// packAll compresses before the transaction begins, which others wait for.
func packAll(blobs map[string][]byte) ([]packedBlob, error) {
	var list []packedBlob
	for _, digest := range slices.Sorted(maps.Keys(blobs)) {
		if got := ledger.Digest(blobs[digest]); got != digest {
			return nil, fmt.Errorf("a blob's digest is %s, not %s", got, digest)
		}
		data, err := pack(blobs[digest])
		if err != nil {
			return nil, err
		}
		list = append(list, packedBlob{digest, len(blobs[digest]), data})
	}
	return list, nil
}

func (s *Store) putBlobs(ctx context.Context, c conn, blobs []packedBlob) error {
	for _, b := range blobs {
		if _, err := c.exec(ctx, s.sql.putBlob, b.digest, b.size, b.data); err != nil {
			return fmt.Errorf("storing %s: %w", b.digest, err)
		}
	}
	return nil
}

func pack(content []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("compressing: %w", err)
	}
	return b.Bytes(), nil
}

// unpack reads at most most bytes, so that a damaged or forged row cannot fill the memory.
func unpack(data []byte, most int64) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decompressing: %w", err)
	}
	content, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("decompressing: %w", err)
	}
	if int64(len(content)) > most {
		return nil, fmt.Errorf("decompressing: it has more than %d bytes", most)
	}
	return content, nil
}
