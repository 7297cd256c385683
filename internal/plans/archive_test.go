package plans

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

type entry struct {
	name, content string
	mode          fs.FileMode
	flags         uint16
}

func archived(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Flags: e.flags}
		if e.mode != 0 {
			header.SetMode(e.mode)
		}
		f, err := w.CreateHeader(header)
		if err == nil {
			_, err = io.WriteString(f, e.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchive(t *testing.T) {
	t.Parallel()
	limits := ArchiveLimits{Archive: 1 << 20, Entries: 5, File: 3 << 20, Total: 4 << 20, Ratio: 10}
	zeros := strings.Repeat("0", 1<<21)
	// A table of contents that says that the file is small.
	lying := archived(t, entry{name: "a.json", content: zeros})
	at := bytes.LastIndex(lying, []byte("PK\x01\x02"))
	copy(lying[at+24:], []byte{1, 0, 0, 0})
	for name, c := range map[string]struct {
		archive []byte
		want    string
	}{
		"plans and other files": {archived(t, entry{name: "infra/"}, entry{name: "infra/a.json", content: "1"}, entry{name: "B.JSON", content: "2"}, entry{name: "c.txt", content: "3"}), "infra/a.json=1 B.JSON=2"},
		"empty":                 {archived(t), ""},
		"no archive":            {[]byte("PK"), "is not a zip archive"},
		"too large":             {make([]byte, 1<<20+1), "has 1048577 bytes, more than the limit of 1048576"},
		"too many":              {archived(t, entry{name: "1"}, entry{name: "2"}, entry{name: "3"}, entry{name: "4"}, entry{name: "5"}, entry{name: "6"}), "has more than 5 entries, the limit"},
		"an archive inside":     {archived(t, entry{name: "a.zip", content: string(archived(t, entry{name: "b.json", content: zeros}))}, entry{name: "c.json", content: "1"}), "c.json=1"},
		"out of it":             {archived(t, entry{name: "../a.json"}), `holds "../a.json", a path that leads out of it`},
		"out of it, later":      {archived(t, entry{name: "a/../../b.json"}), `holds "a/../../b.json", a path that leads out of it`},
		"absolute":              {archived(t, entry{name: "/etc/a.json"}), `holds "/etc/a.json", a path that leads out of it`},
		"backslash":             {archived(t, entry{name: `..\a.json`}), `holds "..\\a.json", a path that leads out of it`},
		"a link":                {archived(t, entry{name: "a.json", content: "/etc/passwd", mode: fs.ModeSymlink | 0o777}), `holds "a.json", a symbolic link`},
		"a link elsewhere":      {archived(t, entry{name: "a.json", content: "1"}, entry{name: "x", content: "/", mode: fs.ModeSymlink | 0o777}), `holds "x", a symbolic link`},
		"a device":              {archived(t, entry{name: "a.json", mode: fs.ModeDevice | 0o666}), `holds "a.json", which is not a regular file`},
		"encrypted":             {archived(t, entry{name: "a.json", flags: 1}), `holds "a.json", which is encrypted`},
		"twice":                 {archived(t, entry{name: "a.json"}, entry{name: "a.json"}), `holds "a.json" twice`},
		"a bomb":                {archived(t, entry{name: "a.json", content: zeros}), `holds "a.json", which becomes more than 10 times larger when it is unpacked`},
		"a lying table":         {lying, `holds "a.json", which is damaged`},
		"cut off":               {lying[:len(lying)/2], "is not a zip archive"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			err := Archive(c.archive, limits, func(file string, plan []byte) error {
				got = append(got, fmt.Sprintf("%s=%s", file, plan))
				return nil
			})
			if err != nil {
				got = append(got, err.Error())
			}
			if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestArchiveSizes(t *testing.T) {
	t.Parallel()
	limits := ArchiveLimits{Archive: 1 << 20, Entries: 5, File: 1000, Total: 1500, Ratio: 10}
	long, short := strings.Repeat("a", 1001), strings.Repeat("b", 900)
	for want, archive := range map[string][]byte{
		`holds "a.json", which has more than 1000 bytes, the limit`: archived(t, entry{name: "a.json", content: long}),
		"holds more than 1500 bytes of plans, the limit":            archived(t, entry{name: "a.json", content: short}, entry{name: "b.json", content: short}),
	} {
		if err := Archive(archive, limits, func(string, []byte) error { return nil }); text(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestArchiveOfManyEntries: an archive of a hundred thousand entries, which says at its end that it has a few, is refused before anything is
// made of its table of contents.
func TestArchiveOfManyEntries(t *testing.T) { //nolint:paralleltest // it looks at what the process allocates
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range 100_000 {
		if _, err := w.CreateRaw(&zip.FileHeader{Name: strconv.Itoa(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	end := bytes.LastIndex(data, []byte("PK\x05\x06"))
	copy(data[end+8:], []byte{3, 0, 3, 0})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := Archive(data, Limits(64<<20), func(string, []byte) error { return nil })
	runtime.ReadMemStats(&after)
	if want := "has more than 1000 entries, the limit"; text(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if cost := after.TotalAlloc - before.TotalAlloc; cost > 1<<20 {
		t.Errorf("it cost %d bytes of memory", cost)
	}
}
