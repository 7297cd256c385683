package cli

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// span is a piece of the address space.
type span struct{ start, length uintptr }

// programPages finds the pages of the program's own file that nothing has written to: its code and its constants. Where the system
// does not tell, there are none.
//
// The libraries that are linked in look through most of the file while they start, tens of megabytes, of which a short command needs
// few again. These pages belong to the system's file cache and cost nobody anything, but they count as memory in use by the process,
// whose limit (of a container, of a CI job) may be close.
func programPages() []span {
	file, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return nil
	}
	return unwritten(string(text), file)
}

// unwritten reads from the text of smaps where a file is mapped, for reading only and without a single page of the process's own. Such
// a page (of constants that the linker finished at the start, or with a debugger's break point) would be lost; of the others the file
// has the same text.
func unwritten(smaps, file string) (pages []span) {
	var at span
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if first, last, ok := strings.Cut(fields[0], "-"); ok {
			start, err := strconv.ParseUint(first, 16, 64)
			end, errEnd := strconv.ParseUint(last, 16, 64)
			at = span{}
			if err == nil && errEnd == nil && end > start && (fields[1] == "r-xp" || fields[1] == "r--p") && strings.HasSuffix(line, " "+file+"\n") {
				at = span{uintptr(start), uintptr(end - start)}
			}
		} else if fields[0] == "Anonymous:" && fields[1] == "0" && at.length > 0 {
			pages = append(pages, at)
		}
	}
	return pages
}

// letGo takes pages out of the process's memory. What is needed again comes back, from the file cache, when it is touched.
func letGo(pages []span) {
	const dontNeed = 4 // MADV_DONTNEED
	for _, p := range pages {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, p.start, p.length, dontNeed) // advice: should it not be taken, nothing is lost
	}
}
