package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-dev/gatehouse/internal/rules"
)

// unpacker collects the files of one bundle, whatever it comes in.
type unpacker struct {
	limits Limits
	files  map[string][]byte
	loose  []string // data files of an artifact of conftest's, which may have any name
	total  int64
}

// tarGz takes the files out of an OPA bundle.
func (u *unpacker) tarGz(packed []byte) error {
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return wrong("it is no bundle: %s; wanted: a .tar.gz, as \"opa build\" makes it", err)
	}
	most := min(u.limits.Unpacked, max(1<<20, int64(len(packed))*u.limits.Ratio))
	counted := &io.LimitedReader{R: zip, N: most + 1}
	archive := tar.NewReader(counted)
	for {
		header, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case counted.N <= 0:
			return wrong("it unpacks to more than %d bytes", most)
		case err != nil:
			return wrong("it is no bundle: %s; wanted: a .tar.gz, as \"opa build\" makes it", err)
		case header.Typeflag == tar.TypeDir || header.Typeflag == tar.TypeXGlobalHeader:
			continue
		case header.Typeflag != tar.TypeReg:
			return wrong("%q in it is no file but a link or a device", header.Name)
		}
		// A sparse file has more bytes than stand in the archive.
		content, err := io.ReadAll(io.LimitReader(archive, most-u.total+1))
		if counted.N <= 0 || int64(len(content)) > most-u.total {
			return wrong("it unpacks to more than %d bytes", most)
		}
		if err != nil {
			return wrong("%q in it cannot be read: %s", header.Name, err)
		}
		// OPA writes absolute names, and means the root of the bundle.
		if err := u.add(strings.TrimPrefix(strings.TrimPrefix(header.Name, "./"), "/"), content); err != nil {
			return err
		}
	}
}

// add keeps one file.
func (u *unpacker) add(name string, content []byte) error {
	u.total += int64(len(content))
	switch {
	case !fs.ValidPath(name) || name == "." || strings.Contains(name, "\\") || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || len(name) > 1024:
		return wrong("the name %q in it leads elsewhere or is odd", name)
	case u.files[name] != nil:
		return wrong("%q is in it twice", name)
	case len(u.files) >= u.limits.Files:
		return wrong("it holds more than %d files", u.limits.Files)
	case u.total > u.limits.Unpacked:
		return wrong("it unpacks to more than %d bytes", u.limits.Unpacked)
	case path.Base(name) == rules.SignaturesFile && name != rules.SignaturesFile:
		return wrong("%q is not where a signature belongs", name)
	}
	if content == nil {
		content = []byte{}
	}
	u.files[name] = content
	return nil
}

// layer keeps one file of an artifact of conftest's, which is a layer of its own.
func (u *unpacker) layer(title string, content []byte, isData bool) error {
	name := path.Clean(title)
	if path.IsAbs(name) {
		name = name[1:]
	}
	if title == "" {
		return wrong("a file in it has no name (no annotation org.opencontainers.image.title)")
	}
	if err := u.add(name, content); err != nil {
		return err
	}
	if isData {
		u.loose = append(u.loose, name)
	}
	return nil
}

// pack makes an OPA bundle of files: the same files make the same bytes.
func pack(files map[string][]byte, names []string) ([]byte, error) {
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	archive := tar.NewWriter(zip)
	for _, name := range names {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(files[name])), Mode: 0o644, Format: tar.FormatPAX}
		if err := archive.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
		if _, err := archive.Write(files[name]); err != nil {
			return nil, fmt.Errorf("pack %s: %w", name, err)
		}
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		return nil, fmt.Errorf("pack the bundle: %w", err)
	}
	return out.Bytes(), nil
}
