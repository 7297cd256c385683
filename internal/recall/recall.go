// Package recall keeps, between runs of one user's "gatehouse check", what rules said about the changes of a plan, so that the next
// run on nearly the same plan judges only what is different.
//
// What is kept are digests, lengths, addresses, actions and findings; no value of a plan but what a finding quotes, in which secrets
// are tokens already. A file counts only when its authentication code under the user's own key is right: what is broken, cut off,
// put there by somebody else or made under another key is as good as not there. Nothing here is ever needed, and the folder may be
// deleted at any time.
package recall

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Bounds on what the folder holds.
const (
	maxFile  = 32 << 20  // bytes of one plan's memory; larger ones are not kept
	maxTotal = 128 << 20 // bytes of all; the longest unused leave
	maxFiles = 64
)

const keySize = 32

// Folder is where memories are. Methods may be called by several processes at once: the last one to save is the one that counts.
type Folder struct {
	dir       string
	code, key []byte // of authentication codes; of tokens
}

// Open makes the folder and its key where they are missing. A folder or key that others may write or read is an error, because they
// could make the next run say what they like.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(filepath.Join(dir, "plans"), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder: %w", err)
	}
	for _, folder := range []string{dir, filepath.Join(dir, "plans")} {
		info, err := os.Lstat(folder)
		if err != nil {
			return nil, fmt.Errorf("look at the folder: %w", err)
		}
		if !info.IsDir() || info.Mode().Perm()&0o022 != 0 || !owned(info) {
			return nil, fmt.Errorf("%s is not a folder that only you may write", folder)
		}
	}
	secret, err := secretOf(filepath.Join(dir, "key"))
	if err != nil {
		return nil, fmt.Errorf("the key: %w", err)
	}
	return &Folder{dir: dir, code: derive(secret, "authentication"), key: derive(secret, "tokens")}, nil
}

// TokenKey is the user's key for the tokens that stand for secret values. They must be the same in each run: they are part of what
// rules see.
func (f *Folder) TokenKey() []byte { return slices.Clone(f.key) }

func derive(secret []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte("gatehouse check: " + purpose))
	return mac.Sum(nil)
}

// secretOf reads the key of a file, which it makes when it is not there.
func secretOf(file string) ([]byte, error) {
	info, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeSecret(file); err != nil {
			return nil, err
		}
		info, err = os.Lstat(file)
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 || !owned(info) {
		return nil, fmt.Errorf("%s is not a file that only you may read", file)
	}
	secret, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if len(secret) != keySize {
		return nil, fmt.Errorf("%s has %d bytes; wanted: %d; delete it", file, len(secret), keySize)
	}
	return secret, nil
}

// makeSecret makes a key. When another process does so at the same time, one of the two keys is there afterwards.
func makeSecret(file string) error {
	secret := make([]byte, keySize)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	name, err := write(filepath.Dir(file), secret)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(name) }()
	if err := os.Link(name, file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// write puts data into a new file of its own, which only the user may read.
func write(dir string, data []byte) (name string, err error) {
	file, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}

func (f *Folder) file(scope [32]byte) string {
	return filepath.Join(f.dir, "plans", hex.EncodeToString(scope[:]))
}

// Load gives the memory of a scope; nil: there is none that counts.
func (f *Folder) Load(scope [32]byte, now time.Time) *Memory {
	name := f.file(scope)
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil
	}
	data, err := os.ReadFile(name)
	if err != nil || len(data) < sha256.Size {
		return nil
	}
	text, code := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if !hmac.Equal(code, f.sign(scope, text)) {
		return nil
	}
	memory := decode(text)
	if memory != nil {
		_ = os.Chtimes(name, now, now) // it was used; should that fail, it only leaves earlier
	}
	return memory
}

// Save keeps the memory of a scope, or not.
func (f *Folder) Save(scope [32]byte, m *Memory) error {
	text := m.encode()
	if len(text) > maxFile-sha256.Size {
		return nil
	}
	name, err := write(filepath.Join(f.dir, "plans"), append(text, f.sign(scope, text)...))
	if err != nil {
		return fmt.Errorf("keep what was found: %w", err)
	}
	if err := os.Rename(name, f.file(scope)); err != nil {
		_ = os.Remove(name)
		return fmt.Errorf("keep what was found: %w", err)
	}
	return f.evict(filepath.Base(f.file(scope)))
}

func (f *Folder) sign(scope [32]byte, text []byte) []byte {
	mac := hmac.New(sha256.New, f.code)
	_, _ = mac.Write(scope[:])
	_, _ = mac.Write(text)
	return mac.Sum(nil)
}

// evict deletes the longest unused files, but not the one just written, until the folder is within its bounds.
func (f *Folder) evict(keep string) error {
	dir := filepath.Join(f.dir, "plans")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look through the folder: %w", err)
	}
	var files []fs.FileInfo
	total := int64(0)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil { // else another process has deleted it
			files = append(files, info)
			total += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	left := len(files)
	for _, info := range files {
		if total <= maxTotal && left <= maxFiles {
			return nil
		}
		if info.Name() == keep {
			continue
		}
		if err := os.Remove(filepath.Join(dir, info.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete what is old: %w", err)
		}
		total, left = total-info.Size(), left-1
	}
	return nil
}
