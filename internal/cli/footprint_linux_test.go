package cli

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyPagesThatTheFileHasAreLetGo(t *testing.T) {
	t.Parallel()
	const smaps = `00400000-00500000 r-xp 00000000 fe:00 42                         /opt/my tools/gatehouse
Size:               1024 kB
Rss:                1000 kB
Anonymous:             0 kB
THPeligible:           0
00500000-00510000 r-xp 00100000 fe:00 42                         /opt/my tools/gatehouse
Rss:                  64 kB
Anonymous:             4 kB
00600000-00700000 r--p 00200000 fe:00 42                         /opt/my tools/gatehouse
Rss:                1000 kB
Anonymous:             0 kB
00700000-00701000 r--p 00300000 fe:00 42                         /opt/my tools/gatehouse
Rss:                   4 kB
Anonymous:             4 kB
00701000-00800000 rw-p 00301000 fe:00 42                         /opt/my tools/gatehouse
Rss:                  40 kB
Anonymous:             0 kB
00800000-00900000 r-xp 00000000 fe:00 43                         /usr/lib/libc.so.6
Rss:                  40 kB
Anonymous:             0 kB
c000000000-c004000000 rw-p 00000000 00:00 0
Rss:                9000 kB
Anonymous:             0 kB
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          [vsyscall]
`
	got := unwritten(smaps, "/opt/my tools/gatehouse")
	if diff := cmp.Diff([]span{{0x400000, 0x100000}, {0x600000, 0x100000}}, got, cmp.AllowUnexported(span{})); diff != "" {
		t.Error(diff)
	}
}

// Less of the file is in memory afterwards, and the program goes on.
func TestPagesOfTheProgramAreLetGo(t *testing.T) { //nolint:paralleltest // it looks at the memory of the whole process
	pages := programPages()
	if len(pages) == 0 {
		t.Fatal("nothing of the program's file was found")
	}
	before := fileMemory(t)
	letGo(pages)
	if after := fileMemory(t); after >= before {
		t.Errorf("%d kB of files are in memory; before: %d", after, before)
	}
}

// fileMemory is how much of files the process has mapped in memory, in kilobytes.
func fileMemory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "RssFile:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
