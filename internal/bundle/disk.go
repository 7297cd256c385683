package bundle

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// disk keeps contents by their digest, and what sources that are not pinned last were. Nothing in it is trusted: contents are held
// against their digest when they are read, and what a source last was is only a digest, whose content a signature must vouch for.
type disk struct {
	dir   string
	limit int64
	clock func() time.Time
	mu    sync.Mutex // held while something is made room for
}

// remembered is what a source last was.
type remembered struct {
	Digest  string    `json:"digest"`
	ETag    string    `json:"etag,omitempty"`
	Checked time.Time `json:"checked"`
}

// maxRemembered bounds what is read as one.
const maxRemembered = 4096

func newDisk(dir string, limit int64, clock func() time.Time) (*disk, error) {
	if dir == "" {
		return nil, errors.New("no folder for bundles is set")
	}
	d := &disk{dir: dir, limit: limit, clock: clock}
	return d, d.make()
}

func (d *disk) make() error {
	for _, sub := range []string{"blobs", "sources"} {
		if err := os.MkdirAll(filepath.Join(d.dir, sub), 0o700); err != nil {
			return fmt.Errorf("making the folder for bundles: %w", err)
		}
	}
	return nil
}

// get reads a content by its digest from disk, or else fetches and keeps it. Whatever is not what the digest names is an error when it
// was fetched, and as good as not there when it stands on disk.
func (d *disk) get(digest string, limit int64, fetch func() ([]byte, error)) ([]byte, error) {
	if data, ok := d.read(digest, limit); ok {
		return data, nil
	}
	data, err := fetch()
	if err != nil {
		return nil, err
	}
	if sum := digestOf(data); sum != digest {
		return nil, wrong("what is kept there has the digest %s; wanted: %s", sum, digest)
	}
	return data, d.keep(digest, data)
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (d *disk) blob(digest string) string {
	return filepath.Join(d.dir, "blobs", strings.TrimPrefix(digest, "sha256:"))
}

func (d *disk) read(digest string, limit int64) ([]byte, bool) {
	name := d.blob(digest)
	data, err := readLimited(name, limit)
	if err != nil {
		return nil, false
	}
	if digestOf(data) != digest {
		_ = os.Remove(name) // if it stays, it is not used either
		return nil, false
	}
	d.touch(name)
	return data, true
}

// touch notes that a file was used, for the order in which room is made.
func (d *disk) touch(name string) {
	now := d.clock()
	_ = os.Chtimes(name, now, now) // an order that is a little wrong does no harm
}

func readLimited(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err = errors.Join(err, file.Close()); err == nil && int64(len(data)) > limit {
		err = fs.ErrInvalid
	}
	return data, err
}

// keep writes a content under its digest.
func (d *disk) keep(digest string, data []byte) error {
	if err := d.write(d.blob(digest), data); err != nil {
		return fmt.Errorf("keeping a copy of it: %w", err)
	}
	d.touch(d.blob(digest))
	return d.makeRoom(digest)
}

// write makes a file whole or not at all.
func (d *disk) write(name string, data []byte) error {
	if err := d.make(); err != nil { // somebody may have deleted it
		return err
	}
	temp, err := os.CreateTemp(d.dir, "new-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// makeRoom removes the copies that were not used for longest, but never the one just made.
func (d *disk) makeRoom(except string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	entries, err := os.ReadDir(filepath.Join(d.dir, "blobs"))
	if err != nil {
		return fmt.Errorf("looking for old bundles: %w", err)
	}
	var infos []fs.FileInfo
	total := int64(0)
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			total += info.Size()
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), strings.Compare(a.Name(), b.Name()))
	})
	for _, info := range infos {
		if total <= d.limit {
			break
		}
		if info.Name() == strings.TrimPrefix(except, "sha256:") {
			continue
		}
		if err := os.Remove(filepath.Join(d.dir, "blobs", info.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing an old bundle: %w", err)
		}
		total -= info.Size()
	}
	return nil
}

// remembered is empty when nothing is, or nothing that makes sense.
func (d *disk) remembered(key string) remembered {
	var r remembered
	data, err := readLimited(filepath.Join(d.dir, "sources", key+".json"), maxRemembered)
	if err != nil || json.Unmarshal(data, &r) != nil || !validDigest(r.Digest) {
		return remembered{}
	}
	return r
}

func (d *disk) remember(key string, r remembered) error {
	data, err := json.Marshal(r)
	if err == nil {
		err = d.write(filepath.Join(d.dir, "sources", key+".json"), data)
	}
	if err != nil {
		return fmt.Errorf("noting what it is now: %w", err)
	}
	return nil
}

func validDigest(digest string) bool {
	hexed, ok := strings.CutPrefix(digest, "sha256:")
	raw, err := hex.DecodeString(hexed)
	return ok && err == nil && len(raw) == sha256.Size
}
