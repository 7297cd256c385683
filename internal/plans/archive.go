package plans

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// ArchiveLimits end the reading of an archive that would cost too much. All are checked on what is really unpacked: an
// archive's own table of contents can say anything.
type ArchiveLimits struct {
	Archive int64 // bytes of the archive
	Entries int   // files and folders in it
	File    int64 // bytes of one file, unpacked
	Total   int64 // bytes of all plans, unpacked
	Ratio   int64 // how many times larger than packed a file of over 1 MiB may become
}

// Limits of the archives that workflows upload, given the limit of one plan.
func Limits(plan int64) ArchiveLimits {
	return ArchiveLimits{Archive: plan, Entries: 1000, File: plan, Total: 4 * plan, Ratio: 200}
}

// BadArchive says why an archive is not read. The message continues a sentence that begins with the archive's name.
type BadArchive struct{ Message string }

func (e BadArchive) Error() string { return e.Message }

func bad(format string, args ...any) error { return BadArchive{fmt.Sprintf(format, args...)} }

// Archive reads the plans in a zip archive, every file named *.json, and hands each to use with its path, in the archive's
// order. What use gets is valid only until it returns. An archive with anything that steps out of it, a link, or a file that
// is no regular one is not read at all.
func Archive(data []byte, limits ArchiveLimits, use func(file string, plan []byte) error) error {
	if int64(len(data)) > limits.Archive {
		return bad("has %d bytes, more than the limit of %d", len(data), limits.Archive)
	}
	// Counted before the table of contents is read, which in 64 MiB has room for more than a million entries, each of which costs several
	// times its own size. What the archive's end says of their number is not to be trusted.
	if bytes.Count(data, []byte("PK\x01\x02")) > limits.Entries {
		return bad("has more than %d entries, the limit", limits.Entries)
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return bad("is not a zip archive")
	}
	seen := map[string]bool{}
	for _, f := range archive.File {
		if err := checkEntry(f, seen); err != nil {
			return err
		}
	}
	left := limits.Total
	for _, f := range archive.File {
		if f.Mode().IsDir() || !strings.HasSuffix(strings.ToLower(f.Name), ".json") {
			continue
		}
		plan, err := unpack(f, limits, left)
		if err != nil {
			return err
		}
		left -= int64(len(plan))
		if err := use(f.Name, plan); err != nil {
			return err
		}
	}
	return nil
}

// checkEntry refuses what an honest workflow never uploads.
func checkEntry(f *zip.File, seen map[string]bool) error {
	name := gate.Shorten(gate.Printable(f.Name), 200)
	clean := strings.TrimSuffix(f.Name, "/")
	switch {
	case !fs.ValidPath(clean) || clean == "." || strings.ContainsAny(f.Name, "\\\x00") || path.IsAbs(f.Name) || len(f.Name) > 1000:
		return bad("holds %q, a path that leads out of it", name)
	case f.Mode()&fs.ModeSymlink != 0:
		return bad("holds %q, a symbolic link", name)
	case !f.Mode().IsDir() && !f.Mode().IsRegular():
		return bad("holds %q, which is not a regular file", name)
	case seen[clean]:
		return bad("holds %q twice", name)
	case f.Flags&1 != 0:
		return bad("holds %q, which is encrypted", name)
	}
	seen[clean] = true
	return nil
}

// small is the size up to which the ratio does not matter: a short file of one character packs very well.
const small = 1 << 20

func unpack(f *zip.File, limits ArchiveLimits, left int64) ([]byte, error) {
	name := gate.Shorten(gate.Printable(f.Name), 200)
	most := min(limits.File, left)
	most = min(most, max(small, int64(min(f.CompressedSize64, 1<<40))*limits.Ratio))
	r, err := f.Open()
	if err != nil {
		return nil, bad("holds %q, which is packed in a way that is not understood", name)
	}
	defer r.Close() //nolint:errcheck // only read
	plan, err := io.ReadAll(io.LimitReader(r, most+1))
	switch {
	case int64(len(plan)) > most && most == limits.File:
		return nil, bad("holds %q, which has more than %d bytes, the limit", name, limits.File)
	case int64(len(plan)) > most && most == left:
		return nil, bad("holds more than %d bytes of plans, the limit", limits.Total)
	case int64(len(plan)) > most:
		return nil, bad("holds %q, which becomes more than %d times larger when it is unpacked", name, limits.Ratio)
	case err != nil:
		return nil, bad("holds %q, which is damaged", name)
	}
	return plan, nil
}
